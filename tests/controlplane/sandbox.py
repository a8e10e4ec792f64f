"""Runs a command in a root of its own, as a container runtime would, from the host's files.

Runs as a process of its own (`python sandbox.py SPEC.json`), standard library only, as root. The
new root mirrors the host's by bind mounts, with an empty /tmp and with the volumes at their mount
paths: a mount path that the host does not have appears here and leaves no trace there.
"""

import ctypes
import json
import os
import sys
from pathlib import Path
from typing import Any

_MS_BIND, _MS_REC, _MS_PRIVATE = 4096, 16384, 1 << 18
_CLONE_NEWNS = 0x20000
_AT_FDCWD, _AT_RECURSIVE, _SYS_MOUNT_SETATTR, _ATTR_RDONLY = -100, 0x8000, 442, 1
_KERNEL = ("/dev", "/proc", "/sys")
"""Mounted as the host has them, also where the root is read-only; /dev/shm is the container's."""

_libc = ctypes.CDLL(None, use_errno=True)


def enter(spec: dict[str, Any]) -> None:
    """Replace this process by `spec`'s argv in the new root.

    Args:
        spec: `root` (an empty folder), `mounts` (source, target, read_only), `read_only` (the
            root file system), `cwd`, `argv`, `env`.
    """
    _check(_libc.unshare(_CLONE_NEWNS), "unshare")
    _mount("none", "/", None, _MS_REC | _MS_PRIVATE)
    root = spec["root"]
    _mount("tmpfs", root, "tmpfs", 0)
    targets = {os.path.realpath(mount["target"]): mount for mount in spec["mounts"]}
    _mirror(Path("/"), root, covered={*targets, *_KERNEL, "/tmp"})
    for target, mount in targets.items():
        _placeholder(Path(mount["source"]), Path(root + target))
    Path(root + "/tmp").chmod(0o1777)
    if spec["read_only"]:
        _read_only_below(root)
    for path in _KERNEL:
        _mount(path, root + path, None, _MS_BIND | _MS_REC)
    _mount("tmpfs", root + "/dev/shm", "tmpfs", 0)
    for target, mount in sorted(targets.items()):
        if not Path(root + target).exists():
            # A volume that is mounted by now hides the placeholder: a checkout below /tmp.
            _placeholder(Path(mount["source"]), Path(root + target))
        _mount(mount["source"], root + target, None, _MS_BIND | _MS_REC)
        if mount["read_only"]:
            _read_only_below(root + target)
    os.chroot(root)
    os.chdir(spec["cwd"])
    os.execvpe(spec["argv"][0], spec["argv"], spec["env"])


def _mirror(folder: Path, root: str, covered: set[str]) -> None:
    """Bind every entry of `folder` below `root`; go inside where a mount point is to be made."""
    for entry in os.scandir(folder):
        new = Path(root + entry.path)
        if entry.path in covered:
            _placeholder(Path(entry.path), new)
        elif entry.is_symlink():
            new.symlink_to(Path(entry.path).readlink())
        elif any(path.startswith(entry.path + "/") for path in covered):
            new.mkdir()
            _mirror(Path(entry.path), root, covered)
        else:
            _placeholder(Path(entry.path), new)
            _mount(entry.path, str(new), None, _MS_BIND | _MS_REC)


def _placeholder(like: Path, new: Path) -> None:
    """Something to mount on: a folder for a folder, an empty file for anything else."""
    if like.is_dir():
        new.mkdir(parents=True, exist_ok=True)
    else:
        new.parent.mkdir(parents=True, exist_ok=True)
        new.touch()


def _read_only_below(root: str) -> None:
    # Not a remount, which would have to name every flag that a user namespace locks.
    attributes = (ctypes.c_uint64 * 4)(_ATTR_RDONLY, 0, 0, 0)
    size = ctypes.c_size_t(ctypes.sizeof(attributes))
    path = ctypes.c_char_p(root.encode())
    flags = (_AT_FDCWD, path, _AT_RECURSIVE, ctypes.byref(attributes), size)
    _check(_libc.syscall(ctypes.c_long(_SYS_MOUNT_SETATTR), *flags), f"read-only {root}")


def _mount(source: str, target: str, kind: str | None, flags: int) -> None:
    kind_bytes = None if kind is None else kind.encode()
    done = _libc.mount(
        source.encode(), target.encode(), kind_bytes, ctypes.c_ulong(flags), ctypes.c_char_p(None)
    )
    _check(done, f"mount {source} on {target}")


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


if __name__ == "__main__":
    enter(json.loads(Path(sys.argv[1]).read_text()))
