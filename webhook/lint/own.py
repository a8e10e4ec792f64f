"""Which NetworkPolicies of a cluster are our own installation's, and what they mean to do. PURE."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from webhook.lint.dig import dig, entries, texts
from webhook.model.trust import CONFIGURATIONS

MEANT = frozenset({"broad-ns", "rule-allows-all-peers"})
"""Checks whose findings are meant there: API servers have no label, nor an address that is known
before, and any namespace may be where metrics are read from."""

_PART_OF, _PORTCULLIS = "app.kubernetes.io/part-of", "portcullis"


def own_policies(objects: Sequence[Mapping[str, Any]]) -> frozenset[int]:
    """Find the policies that the chart made for our own Pods, by their positions.

    A label alone is anybody's to write, so they count only in the namespace that our webhook
    configurations call; those are the cluster admin's.
    """
    ours = [(at, value) for at, value in enumerate(objects) if _is_labelled(value)]
    namespaces = frozenset(_called(value for _, value in ours))
    return frozenset(
        at
        for at, value in ours
        if value.get("kind") == "NetworkPolicy"
        and dig(value, "metadata", "namespace") in namespaces
    )


def _is_labelled(value: Mapping[str, Any]) -> bool:
    return bool(dig(value, "metadata", "labels", _PART_OF) == _PORTCULLIS)


def _called(objects: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The namespaces of the Services that webhook configurations call."""
    for value in objects:
        if value.get("kind") in CONFIGURATIONS:
            yield from texts(entries(value, "webhooks"), "clientConfig", "service", "namespace")
