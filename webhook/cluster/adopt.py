"""What ``portcullis adopt`` asks of a cluster, as the person who calls it."""

from collections.abc import Mapping
from typing import Any

import msgspec

from webhook.cluster.client import METADATA, Api, resource_path
from webhook.cluster.decoding import decode
from webhook.cluster.live import LiveCluster
from webhook.cluster.policies import GROUP
from webhook.cluster.release import MANAGER, Releaser, pointer
from webhook.deadline import Deadline
from webhook.errors import ConflictError, SettingsError
from webhook.interfaces import Event
from webhook.model.namespace import RETRY_ANNOTATION
from webhook.model.objects import ConfigMap, ObjectMeta, PartialObject
from webhook.model.policies import TAKE_OVER_ANNOTATION, StandingPolicy
from webhook.settings import Identity, Settings, decode_settings

KEY = "settings.yaml"
"""Of the ConfigMap that the chart writes."""

ATTEMPTS = 5
"""Of a change that the controller's own may come in between."""

_config_map = msgspec.json.Decoder(ConfigMap)
_object = msgspec.json.Decoder(PartialObject)


class Adopter(Releaser):
    """Reads what adopting would do, and asks for it.

    Nothing here needs rights of Portcullis's: the wish is a label of the Namespace, what is in the
    way is given by who may edit it, and the controller does the rest.

    Args:
        api: as whom, and where.
        identity: names the installation.

    Attributes:
        live: the cluster as decisions read it.
    """

    def __init__(self, api: Api, identity: Identity) -> None:
        super().__init__(api)
        self._identity = identity
        self.live = LiveCluster(api, _Silent(), identity)

    def settings(self, deadline: Deadline) -> Settings:
        """The settings of the installation.

        Raises:
            NotFoundError: there is none.
            SettingsError: they cannot be read.
        """
        where, name = self._identity.namespace, self._identity.installation
        path = resource_path("api", "v1", "namespaces", where, "configmaps", name)
        data = decode(_config_map, self._api.get(path, deadline)).data or {}
        if KEY not in data:
            raise SettingsError(f"configmaps {where}/{name} has no {KEY}")
        return decode_settings(data[KEY])

    def give(self, namespace: str, policy: StandingPolicy, deadline: Deadline) -> None:
        """Have Portcullis take a policy over, provided it is still the one that was read."""
        read = policy.metadata
        given = _annotated(read.annotation_map, TAKE_OVER_ANNOTATION, "true")
        path = resource_path(*GROUP, "namespaces", namespace, "networkpolicies", policy.name)
        self._api.patch(path, [_unchanged(read), given], deadline, manager=MANAGER)

    def wish_again(self, namespace: str, profile: str, token: str, deadline: Deadline) -> None:
        """Set the profile, and have what was refused before tried at once.

        Args:
            namespace: its name.
            profile: that is wished for.
            token: differs from the last one.
            deadline: for both requests.
        """
        for left in reversed(range(ATTEMPTS)):
            try:
                self._wish_again(namespace, profile, token, deadline)
            except ConflictError:
                if not left:
                    raise
            else:
                return

    def _wish_again(self, namespace: str, profile: str, token: str, deadline: Deadline) -> None:
        path = resource_path("api", "v1", "namespaces", namespace)
        read = decode(_object, self._api.get(path, deadline, accept=METADATA)).metadata
        noted = _annotated(read.annotation_map, RETRY_ANNOTATION, token)
        self.wish(namespace, profile, deadline, beside=[_unchanged(read), noted])


def _unchanged(read: ObjectMeta) -> dict[str, Any]:
    """The operation that makes a patch a Conflict unless the object is still the one read."""
    return {"op": "replace", "path": "/metadata/resourceVersion", "value": read.resource_version}


def _annotated(present: Mapping[str, str], key: str, value: str) -> dict[str, Any]:
    """The operation that sets an annotation; where there is none, the map is missing too."""
    if present:
        return {"op": "add", "path": pointer("annotations", key), "value": value}
    return {"op": "add", "path": "/metadata/annotations", "value": {key: value}}


class _Silent:
    """A command records no Events."""

    def record(self, event: Event) -> None:
        """Pass over it."""
