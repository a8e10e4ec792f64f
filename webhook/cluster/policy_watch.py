"""The NetworkPolicies of the cluster as a watch tells them: what advice is made from.

Kept as JSON, equal texts once: most namespaces have the same default deny, and 15,000 policies are
then 3 MB to a worker. No decision is made from it, for a watch may lag.
"""

import threading
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TypeVar

import msgspec

from webhook.cluster.client import Api
from webhook.cluster.informer import Form, ObjectInformer, Subscription
from webhook.cluster.pages import Page
from webhook.model.objects import NetworkPolicy, ObjectMeta
from webhook.stop import Stop

Text = TypeVar("Text", str, bytes)

SMALL = 2048
"""Characters of a text that is kept for a next one that is equal: large ones hardly ever are."""

PATH = "/apis/networking.k8s.io/v1/networkpolicies"


class _Meta(msgspec.Struct, frozen=True, rename="camel"):
    name: str = ""
    namespace: str = ""
    resource_version: str = ""


class _Policy(msgspec.Struct, frozen=True):
    metadata: _Meta = _Meta()
    spec: msgspec.Raw = msgspec.Raw(b"{}")


_FORM: Form[_Policy] = Form(msgspec.json.Decoder(Page[_Policy]), msgspec.json.Decoder(_Policy))


class PolicyWatch:
    """Keeps the NetworkPolicies of all namespaces; thread-safe.

    Args:
        api: may list and watch them.
        ended: told why each watch ended.
        changed: told of each namespace whose policies are not what they were.
    """

    def __init__(
        self,
        api: Api,
        ended: Callable[[str], None] = lambda _cause: None,
        changed: Callable[[str], None] = lambda _namespace: None,
    ) -> None:
        self._changed = changed
        self._lock = threading.Lock()
        self._kept: dict[str, dict[str, bytes]] | None = None
        self._listing: dict[str, dict[str, bytes]] = {}
        subscription = Subscription(PATH, _FORM, self._told, self._began, self._listed)
        self._informer = ObjectInformer(api, subscription, ended=ended)

    def run(self, stop: Stop) -> None:
        """Watch until told to stop."""
        self._informer.run(stop)

    @property
    def synced(self) -> bool:
        """Whether the first list has come."""
        return self._kept is not None

    def recent(self, namespace: str | None) -> Iterator[NetworkPolicy] | None:
        """Return those of a namespace, or of all; None before the first list.

        Args:
            namespace: None for all.
        """
        with self._lock:
            if self._kept is None:
                return None
            names = [*self._kept] if namespace is None else [namespace]
            found = [(space, *item) for space in names for item in self._of(space)]
        return (
            NetworkPolicy(ObjectMeta(name=name, namespace=space), msgspec.Raw(spec))
            for space, name, spec in found
        )

    def _of(self, namespace: str) -> list[tuple[str, bytes]]:
        assert self._kept is not None
        return list(self._kept.get(namespace, {}).items())

    def _began(self) -> None:
        self._listing = {}

    def _listed(self) -> None:
        with self._lock:
            # From now on events change what is kept.
            before, self._kept = self._kept or {}, self._listing
            names = before.keys() | self._listing.keys()
            changed = [it for it in names if before.get(it) != self._listing.get(it)]
        for name in changed:
            self._changed(name)

    def _told(self, kind: str, item: _Policy) -> None:
        metadata = item.metadata
        with self._lock:
            of_namespace = self._listing.setdefault(metadata.namespace, {})
            before = of_namespace.get(metadata.name)
            if kind != "DELETED":
                of_namespace[_once(metadata.name)] = _once(bytes(item.spec))
            else:
                of_namespace.pop(metadata.name, None)
            changed = before != of_namespace.get(metadata.name)
            if not of_namespace:
                del self._listing[metadata.namespace]
            listing = self._listing is not self._kept
        if changed and not listing:
            self._changed(metadata.namespace)


def _once(text: Text) -> Text:
    """Return an equal text that was seen before, so that it is kept only once."""
    if len(text) > SMALL:
        return text
    return _seen(text)  # type: ignore[return-value] # of the argument's own type


@lru_cache(maxsize=1024)
def _seen(text: str | bytes) -> str | bytes:
    return text
