"""Packages whose modules are imported one by one, without what `__init__` of the package imports.

`kubernetes/__init__.py` imports everything: OAuth and requests for kubeconfigs, pydantic for the
models, a dynamic client, websockets, informers. What a replica uses of it are the configuration
and the connection pool, so the rest was 17 MiB in each of its containers (docs/performance.md).
"""

import importlib.util
import sys
import threading
from collections.abc import Callable
from enum import Enum
from types import ModuleType
from typing import Any

_lock = threading.RLock()


def by_modules(*packages: str) -> None:
    """Let modules of packages be imported without the packages themselves.

    Whoever asks a package for anything but a module that was imported gets the whole of it,
    loaded on the spot, so that nobody else notices. One that is loaded already is left alone.
    While one thread does that, no other may import modules of the package: each would wait for
    the other. (A kubeconfig is read before there are threads.)

    Args:
        packages: dotted names, outer ones first.
    """
    for name in packages:
        if name not in sys.modules and (package := _unloaded(name)):
            sys.modules[name] = package
            parent, _, child = name.rpartition(".")
            if parent:
                setattr(sys.modules[parent], child, package)


def _unloaded(name: str) -> ModuleType | None:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        return None  # importing it will say so
    package = importlib.util.module_from_spec(spec)
    package.__dict__["__getattr__"] = _Missing(package, spec.loader.exec_module)
    return package


class _State(Enum):
    PARTIAL = "partial"
    LOADING = "loading"
    WHOLE = "whole"


class _Missing:
    """What Python asks for names that a package lacks (PEP 562), until the whole is loaded."""

    def __init__(self, package: ModuleType, load: Callable[[ModuleType], None]) -> None:
        self._package, self._load = package, load
        self._state = _State.PARTIAL

    def __call__(self, name: str) -> Any:
        with _lock:  # other threads wait here until it is loaded
            if self._state is _State.PARTIAL:
                self._load_all()
            if self._state is _State.WHOLE:
                return getattr(self._package, name)
        # What loads the package asks it for what it has not come to yet.
        raise AttributeError(f"module {self._package.__name__!r} has no attribute {name!r}")

    def _load_all(self) -> None:
        self._state = _State.LOADING
        try:
            self._load(self._package)
        except BaseException:
            self._state = _State.PARTIAL  # the next who asks learns why, too
            raise
        if self._package.__dict__.get("__getattr__") is self:
            del self._package.__dict__["__getattr__"]
        self._state = _State.WHOLE
