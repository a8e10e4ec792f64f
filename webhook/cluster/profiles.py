"""The ConfigMap of the platform team's own profiles, and the API server's opinion of them."""

from collections.abc import Mapping

import msgspec

from webhook.cluster.client import Api, resource_path
from webhook.cluster.decoding import decode
from webhook.cluster.policies import PolicyWriter
from webhook.deadline import Deadline
from webhook.errors import NotFoundError
from webhook.model.objects import ConfigMap
from webhook.model.profiles import Manifest
from webhook.settings import Identity

_config_map = msgspec.json.Decoder(ConfigMap)


class ProfileSource:
    """Reads and tries profiles.

    Args:
        api: as whom, and where.
        identity: names our installation.
    """

    def __init__(self, api: Api, identity: Identity) -> None:
        self._api = api
        self._namespace = identity.namespace
        self._policies = PolicyWriter(api)
        self.name = profiles_name(identity)

    def read(self, deadline: Deadline) -> Mapping[str, str]:
        """Texts by key; none where there is no such ConfigMap."""
        path = resource_path("api", "v1", "namespaces", self._namespace, "configmaps", self.name)
        try:
            return decode(_config_map, self._api.get(path, deadline)).data or {}
        except NotFoundError:
            return {}

    def tried(self, policy: Manifest, deadline: Deadline) -> Manifest:
        """The policy as the API server would store it: a dry run in our own namespace.

        Raises:
            RefusedError: it would not.
        """
        stored = self._policies.apply(self._namespace, policy, deadline, restore=True, dry=True)
        return {**policy, "spec": stored.spec}


def profiles_name(identity: Identity) -> str:
    """The name of the ConfigMap."""
    return f"{identity.installation}-profiles"
