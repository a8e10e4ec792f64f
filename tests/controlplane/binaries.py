"""The programs of the control plane: found where they are, built once where they are not."""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .errors import ControlPlaneError, UnavailableError, tail_of
from .toolchain import Toolchain, find_toolchain, numbers, say

HERE = Path(__file__).parent
_STAMP = "k8s.io/component-base/version."
_KUBERNETES_FLAGS = (
    f"-s -w -X {_STAMP}gitVersion=v1.37.2 -X {_STAMP}gitMajor=1 -X {_STAMP}gitMinor=37"
    f" -X {_STAMP}gitTreeState=clean"
)
"""kube-apiserver refuses to start with the version of an unstamped build, v0.0.0-master."""


@dataclass(frozen=True)
class Program:
    """One program: its Go module and package, and how to tell whether one on PATH serves."""

    name: str
    module: Path
    package: str
    usual: str
    """How long a build from nothing takes on two cores, for the progress line."""
    ask_version: tuple[str, ...]
    at_least: tuple[int, int]
    """The oldest version that is taken from PATH (1.30: matchConditions are stable)."""
    linker_flags: str = "-s -w"


def _kubernetes(name: str, usual: str, ask_version: tuple[str, ...] = ("--version",)) -> Program:
    package = f"k8s.io/kubernetes/cmd/{name}"
    return Program(
        name, HERE / "kubernetes", package, usual, ask_version, (1, 30), _KUBERNETES_FLAGS
    )


PROGRAMS = {
    program.name: program
    for program in (
        Program(
            "etcd",
            HERE / "etcd",
            "go.etcd.io/etcd/server/v3",
            "1 minute",
            ("--version",),
            (3, 5),
        ),
        _kubernetes("kube-apiserver", "6 to 7 minutes"),
        _kubernetes("kube-controller-manager", "2 minutes"),
        _kubernetes("kubectl", "1 minute", ("version", "--client")),
        Program(
            "helm",
            HERE / "helm",
            "helm.sh/helm/v4/cmd/helm",
            "2 minutes",
            ("version", "--short"),
            (3, 14),
        ),
    )
}


def cache_folder() -> Path:
    """Where builds are kept: PORTCULLIS_CACHE, or `~/.cache/portcullis`."""
    chosen = os.environ.get("PORTCULLIS_CACHE")
    return Path(chosen) if chosen else Path.home() / ".cache" / "portcullis"


def find(names: Iterable[str] = PROGRAMS) -> Mapping[str, Path]:
    """The path of each program: KUBEBUILDER_ASSETS, PATH, the cache, or a build into the cache.

    Raises:
        ControlPlaneError: a build failed; the message ends with what the compiler said.
    """
    return {name: provide(PROGRAMS[name]) for name in names}


def provide(program: Program) -> Path:
    """The path of one program, which need not be of the control plane's own.

    Raises:
        UnavailableError: there is no Go, or the program's sources cannot be fetched.
        ControlPlaneError: its build failed; the message ends with what the compiler said.
    """
    return _present(program) or _build(program)


def _present(program: Program) -> Path | None:
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if assets and os.access(Path(assets) / program.name, os.X_OK):
        return Path(assets).resolve() / program.name
    on_path = shutil.which(program.name)
    if on_path is not None and _version(Path(on_path), program) >= program.at_least:
        return Path(on_path)
    cached = _cached(program)
    return cached if cached.exists() else None


def _version(path: Path, program: Program) -> tuple[int, ...]:
    asked = subprocess.run(
        [path, *program.ask_version], capture_output=True, text=True, check=False, timeout=30
    )
    return numbers(asked.stdout)


def _cached(program: Program) -> Path:
    """The file that a build of these go files, with these flags, on this machine, is kept as."""
    seed = hashlib.sha256()
    sources = sorted(program.module.rglob("*.go"))  # of our own, where a module has any
    for part in (program.module / "go.mod", program.module / "go.sum", *sources):
        seed.update(part.read_bytes())
    seed.update(f"{program.linker_flags} {platform.system()} {platform.machine()}".encode())
    return cache_folder() / "controlplane" / seed.hexdigest()[:16] / program.name


def _build(program: Program) -> Path:
    target = _cached(program)
    target.parent.mkdir(parents=True, exist_ok=True)
    with _only_one_builds():
        if target.exists():
            return target
        toolchain = find_toolchain(program.module, cache_folder())
        version = ".".join(map(str, toolchain.version))
        say(f"building {program.name} with go {version} (once; usually {program.usual} on 2 cores)")
        started = time.monotonic()
        unfinished = target.with_suffix(f".{os.getpid()}.tmp")
        try:
            _compile(program, toolchain, unfinished)
            unfinished.replace(target)
        finally:
            unfinished.unlink(missing_ok=True)
        say(f"built {program.name} in {time.monotonic() - started:.0f} s")
    return target


def _compile(program: Program, toolchain: Toolchain, target: Path) -> None:
    flags = ["-trimpath", "-ldflags", program.linker_flags]
    done = _go(program, toolchain, "build", *flags, "-o", str(target), program.package)
    if done.returncode == 0:
        return
    # Fetching is a part of building; asked alone, it tells which of the two failed.
    listed = _go(program, toolchain, "list", "-deps", program.package)
    if listed.returncode != 0:
        text = f"the sources of {program.name} cannot be fetched:\n{tail_of(listed.stderr)}"
        raise UnavailableError(text)
    raise ControlPlaneError(f"building {program.name} failed:\n{tail_of(done.stderr)}")


def _go(
    program: Program, toolchain: Toolchain, *arguments: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [toolchain.go, *arguments],
        cwd=program.module,
        env=toolchain.environment(),
        capture_output=True,
        text=True,
        check=False,
    )


@contextmanager
def _only_one_builds() -> Iterator[None]:
    """Hold the cache's lock: pytest-xdist and two makes must not compile the same thing twice."""
    with (cache_folder() / "controlplane" / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another process is building; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
