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
        say('eval "$(python -m tests.controlplane env)"')
        signal.pause()


def env() -> None:
    """Print export lines for the control plane started last.

    Raises:
        ControlPlaneError: none runs.
    """
    files = Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*/env")
    running = sorted(files, key=lambda path: path.stat().st_mtime)
    if not running:
        raise ControlPlaneError("none runs; start one with `python -m tests.controlplane up`")
    print(running[-1].read_text(), end="")


def main() -> int:
    """Run one command; its failure is one message on stderr."""
    commands = {"build": build, "up": up, "env": env}
    parser = argparse.ArgumentParser(prog="python -m tests.controlplane", description=__doc__)
    parser.add_argument("command", choices=commands)
    try:
        commands[parser.parse_args().command]()
    except ControlPlaneError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
