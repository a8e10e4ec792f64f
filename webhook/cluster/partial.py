"""Packages whose modules are imported one by one, without what `__init__` of the package imports.

`kubernetes/__init__.py` imports everything: OAuth and requests for kubeconfigs, pydantic for the
models, a dynamic client, websockets, informers. What a replica uses of it are the configuration
and the connection pool, so the rest was 17 MiB in each of its containers (docs/performance.md).
"""

import importlib.util
import sys
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any

_loading = threading.RLock()


def by_modules(*packages: str) -> None:
    """Let modules of packages be imported without the packages themselves.

    Whoever asks a package for anything but a module that was imported gets the whole of it,
    loaded on the spot, so that nobody else notices. One that is loaded already is left alone.

    Args:
        packages: dotted names, outer ones first.
    """
    for name in packages:
        if name not in sys.modules and (package := _unloaded(name)):
            sys.modules[name] = package


def _unloaded(name: str) -> ModuleType | None:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        return None  # importing it will say so
    package = importlib.util.module_from_spec(spec)
    package.__dict__["__getattr__"] = _whole(package, spec.loader.exec_module)
    return package


def _whole(package: ModuleType, load: Callable[[ModuleType], None]) -> Callable[[str], Any]:
    """What Python asks for names that a module lacks (PEP 562)."""
    loading = loaded = False

    def attribute(name: str) -> Any:
        nonlocal loading, loaded
        with _loading:  # others wait until it is loaded; what loads it asks again in its own thread
            if not loading and not loaded:
                loading = True
                try:
                    load(package)
                    loaded = True
                finally:
                    loading = False
                if vars(package).get("__getattr__") is attribute:
                    del package.__dict__["__getattr__"]
                return getattr(package, name)
        if name in vars(package):
            return vars(package)[name]
        raise AttributeError(f"module {package.__name__!r} has no attribute {name!r}")

    return attribute
