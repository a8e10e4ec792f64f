"""What the command line asks of a cluster, as the person who calls it."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from webhook.cluster.client import METADATA, METADATA_LIST, Api, resource_path
from webhook.cluster.decoding import decode
from webhook.cluster.pages import Page, items
from webhook.cluster.policies import GROUP, PolicyWriter
from webhook.deadline import Deadline
from webhook.errors import NotFoundError
from webhook.model.namespace import MARKS, OWN_ANNOTATIONS, PROFILE_LABEL, Namespace
from webhook.model.objects import NetworkPolicy, PartialObject
from webhook.model.policies import StandingPolicy

MANAGER = "portcullis-cli"
NAMESPACES = "/api/v1/namespaces"


_objects = msgspec.json.Decoder(Page[PartialObject])
_object = msgspec.json.Decoder(PartialObject)


class Releaser:
    """Reads the state, and takes marks and policies away.

    Args:
        api: as whom, and where.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self._policies = PolicyWriter(api)

    def namespaces(self, deadline: Deadline) -> Iterator[Namespace]:
        """Every Namespace, page by page."""
        for item in self._pages(NAMESPACES, deadline):
            yield Namespace.of(item.metadata)

    def network_policies(
        self, namespace: str | None, deadline: Deadline
    ) -> Iterator[NetworkPolicy]:
        """Every NetworkPolicy of a namespace or of all, without its spec."""
        within = () if namespace is None else ("namespaces", namespace)
        for item in self._pages(resource_path(*GROUP, *within, "networkpolicies"), deadline):
            yield NetworkPolicy(item.metadata)

    def namespace(self, name: str, deadline: Deadline) -> Namespace | None:
        """The Namespace, None where there is none."""
        try:
            raw = self._api.get(
                resource_path("api", "v1", "namespaces", name), deadline, accept=METADATA
            )
        except NotFoundError:
            return None
        return Namespace.of(decode(_object, raw).metadata)

    def ours(self, namespace: str, deadline: Deadline) -> tuple[StandingPolicy, ...]:
        """The policies of a namespace that are certainly Portcullis's."""
        return tuple(it for it in self._policies.standing(namespace, deadline) if it.ours)

    def delete(self, namespace: str, policy: StandingPolicy, deadline: Deadline) -> None:
        """Delete a policy, provided it is still the one that was read."""
        self._policies.delete(namespace, policy, deadline)

    def wish(
        self,
        namespace: str,
        profile: str,
        deadline: Deadline,
        beside: Iterable[dict[str, Any]] = (),
    ) -> None:
        """Set the profile; where it is a weak one, Portcullis asks whether the caller may.

        Args:
            namespace: its name.
            profile: that is wished for.
            deadline: for the request.
            beside: further operations of the same patch.
        """
        value = {"op": "add", "path": pointer("labels", PROFILE_LABEL), "value": profile}
        self._patch(namespace, [value, *beside], deadline)

    def unmark(self, namespace: Namespace, deadline: Deadline) -> None:
        """Take every mark away."""
        marks = namespace.marks
        present = {
            "labels": (MARKS, marks.labels),
            "annotations": (OWN_ANNOTATIONS, marks.annotations),
        }
        operations = [
            {"op": "remove", "path": pointer(kind, key)}
            for kind, (keys, values) in present.items()
            for key in keys
            if key in values
        ]
        if operations:
            self._patch(namespace.name, operations, deadline)

    def _patch(self, namespace: str, operations: list[dict[str, Any]], deadline: Deadline) -> None:
        path = resource_path("api", "v1", "namespaces", namespace)
        self._api.patch(path, operations, deadline, manager=MANAGER)

    def _pages(self, path: str, deadline: Deadline) -> Iterator[PartialObject]:
        return items(self._api, path, _objects, deadline, accept=METADATA_LIST)


def pointer(kind: str, key: str) -> str:
    """The place of a label or an annotation (RFC 6901)."""
    return f"/metadata/{kind}/{key.replace('~', '~0').replace('/', '~1')}"
