"""Labels and names that YAML did not read as text, and what kinds of objects have them."""

from collections.abc import Iterator, Mapping
from typing import Any

from webhook.netpol.errors import Path

_MAPS = ("labels", "matchLabels")
_SCALARS = ("name", "namespace", "key", "operator")
KINDS = frozenset(
    {
        *("NetworkPolicy", "Namespace", "Pod", "Service", "Deployment", "StatefulSet"),
        *("DaemonSet", "ReplicaSet", "ReplicationController", "Job", "CronJob"),
    }
)
_SKIPPED = ("status", "containers", "initContainers", "ephemeralContainers", "volumes", "ports")
"""Fields that hold no labels, and other fields called ``name``."""


def not_text(value: Mapping[str, Any]) -> Iterator[tuple[Path, Any]]:
    """Yield every label, selector value and name of an object that is no text, with its path."""
    if str(value.get("kind")) not in KINDS:
        return
    pending: list[tuple[Path, Any]] = [((), value)]
    while pending:
        path, at = pending.pop()
        if isinstance(at, list):
            pending.extend(((*path, index), item) for index, item in enumerate(at))
            continue
        if not isinstance(at, dict):
            continue
        for key, item in at.items():
            here = (*path, key)
            if _is_map(path, key, item):
                yield from (((*here, k), v) for k, v in item.items() if _trapped(v))
            elif key == "values" and isinstance(item, list):
                yield from (((*here, n), v) for n, v in enumerate(item) if _trapped(v))
            elif key in _SCALARS and _trapped(item):
                yield here, item
            elif key not in _SKIPPED:
                pending.append((here, item))


def _is_map(path: Path, key: str, item: Any) -> bool:
    if not isinstance(item, dict):
        return False
    # A Service's selector is a plain map; all others are LabelSelectors.
    return key in _MAPS or (key == "selector" and path == ("spec",) and not _is_selector(item))


def _is_selector(item: Mapping[str, Any]) -> bool:
    return any(
        isinstance(item.get(key), dict | list) for key in ("matchLabels", "matchExpressions")
    )


def _trapped(value: Any) -> bool:
    return isinstance(value, bool | int | float)


def text_of(value: Any) -> str:
    """Return the text that was probably meant."""
    return ("false", "true")[value] if isinstance(value, bool) else str(value)


def untrapped(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return the object with text where `not_text` found none; shared where nothing changes."""
    result = dict(value)
    for path, item in not_text(value):
        at: Any = result
        for step in path[:-1]:
            at[step] = at[step].copy()
            at = at[step]
        at[path[-1]] = text_of(item)
    return result
