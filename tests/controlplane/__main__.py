"""`python -m tests.controlplane build | up | env`: build the programs, run a plane, join one."""

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from .binaries import find
from .errors import ControlPlaneError
from .plane import FOLDER_PREFIX, ControlPlane
from .toolchain import say


def build() -> None:
    """Find or build every program, and print where each is."""
    for name, path in find().items():
        print(f"{name}: {path}")


def up() -> None:
    """Run a control plane until Ctrl-C."""
    with ControlPlane() as plane:
        say(f"{plane.server} is up; Ctrl-C ends it. In another shell:")
        say(f". {plane.folder}/env")
        signal.pause()


def env(plane: str | None = None) -> None:
    """Print export lines for a control plane.

    Args:
        plane: its folder or that folder's name; the one that runs, without it.

    Raises:
        ControlPlaneError: none runs, or not that one, or more than one to choose from.
    """
    print(joined(Path(tempfile.gettempdir()), plane).read_text(), end="")


def joined(folder: Path, plane: str | None) -> Path:
    """The file of export lines of the plane in `folder` that is meant.

    Raises:
        ControlPlaneError: as `env` has it. Of several none is guessed: it may be another's.
    """
    if plane is not None:
        chosen = folder / plane / "env"  # an absolute path takes the place of `folder`
        if not chosen.is_file():
            raise ControlPlaneError(f"no control plane has the folder {chosen.parent}")
        return chosen
    running = sorted(folder.glob(f"{FOLDER_PREFIX}*/env"))
    if not running:
        raise ControlPlaneError("none runs; start one with `python -m tests.controlplane up`")
    if len(running) > 1:
        listed = "".join(f"\n  {each.parent}" for each in running)
        raise ControlPlaneError(f"{len(running)} run; name one of them:{listed}")
    return running[0]


def main() -> int:
    """Run one command; its failure is one message on stderr."""
    parser = argparse.ArgumentParser(prog="python -m tests.controlplane", description=__doc__)
    commands = parser.add_subparsers(required=True)
    for command in (build, up, env):
        line = str(command.__doc__).partition("\n")[0]
        commands.add_parser(command.__name__, help=line).set_defaults(run=command)
    commands.choices["env"].add_argument(
        "plane", nargs="?", help="its folder or that folder's name; the only one without it"
    )
    arguments = vars(parser.parse_args())
    try:
        arguments.pop("run")(**arguments)
    except ControlPlaneError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
