"""Reads and writes our NetworkPolicies: `webhook.interfaces.Policies`."""

from typing import Any

import msgspec

from webhook.cluster.client import JSON, Api, resource_path
from webhook.cluster.decoding import decode
from webhook.cluster.pages import Page, items
from webhook.deadline import Deadline
from webhook.errors import ConflictError, NotFoundError, RefusedError
from webhook.model.policies import FIELD_MANAGER, StandingPolicy, digest_of
from webhook.model.profiles import Manifest

GROUP = ("apis", "networking.k8s.io", "v1")


_list = msgspec.json.Decoder(Page[StandingPolicy])
_policy = msgspec.json.Decoder(StandingPolicy)


class PolicyWriter:
    """Through an API server; thread-safe.

    Args:
        api: as whom, and where.
    """

    def __init__(self, api: Api) -> None:
        self._api = api

    def standing(self, namespace: str, deadline: Deadline) -> tuple[StandingPolicy, ...]:
        """All pages of a namespace; consistent, for it decides what is written."""
        return tuple(items(self._api, _path(namespace), _list, deadline))

    def apply(
        self, namespace: str, policy: Manifest, deadline: Deadline, *, restore: bool, dry: bool
    ) -> StandingPolicy:
        """Apply a policy and give it as it is then; forced only where it is ours.

        Raises:
            RefusedError: as the API server says, or somebody else's policy has that name.
        """
        name = policy["metadata"]["name"]
        path = _path(namespace, name)
        try:
            raw = self._api.apply(
                path,
                policy,
                deadline,
                manager=FIELD_MANAGER,
                force=restore,
                accept=JSON,
                dry=dry,
            )
        except ConflictError as error:
            if restore:
                raise
            raise RefusedError(foreign(name, str(error))) from error
        standing = decode(_policy, raw)
        if restore and not dry and standing.digest != digest_of(policy):
            self._replace(path, policy, standing, deadline)
        return standing

    def delete(self, namespace: str, policy: StandingPolicy, deadline: Deadline) -> None:
        """Delete it as it was read; that it is gone already is as good."""
        read = policy.metadata
        preconditions = {"uid": read.uid, "resourceVersion": read.resource_version}
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions}
        try:
            self._api.delete(_path(namespace, policy.name), body, deadline)
        except NotFoundError:
            return

    def _replace(
        self, path: str, policy: Manifest, standing: StandingPolicy, deadline: Deadline
    ) -> None:
        """Take out what an apply leaves there, because another manager added it: owners too."""
        version = standing.metadata.resource_version
        operations: list[dict[str, Any]] = [
            # Not a test: a version that is not the stored one is a Conflict, a failed test Invalid.
            {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
            {"op": "replace", "path": "/spec", "value": policy["spec"]},
        ]
        if standing.metadata.owner_references:
            operations.append({"op": "remove", "path": "/metadata/ownerReferences"})
        self._api.patch(path, operations, deadline, manager=FIELD_MANAGER)


def foreign(name: str, detail: str = "") -> str:
    """Why a policy is not applied."""
    said = f": {detail}" if detail else ""
    return (
        f'a NetworkPolicy named "{name}" stands there that Portcullis did not write; it is left '
        f"as it is; rename it{said}"
    )


def _path(namespace: str, *name: str) -> str:
    return resource_path(*GROUP, "namespaces", namespace, "networkpolicies", *name)
