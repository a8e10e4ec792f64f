"""How the API server verifies us, as its webhook configurations tell it."""

import base64
import json
from typing import Any

import pytest

from webhook.cluster.bundles import WebhookBundles
from webhook.errors import NotFoundError
from webhook.model.trust import Anchor

VALIDATING, MUTATING = "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"
SERVICE = {"service": {"name": "portcullis", "namespace": "guards", "port": 8443, "path": "/x"}}


class Api:
    """Configurations by resource."""

    def __init__(self, **webhooks: list[dict[str, Any]]) -> None:
        self._webhooks = webhooks

    def get(self, path: str, _deadline: object) -> bytes:
        resource = path.split("/")[-2]
        if resource not in self._webhooks:
            raise NotFoundError(resource)
        return json.dumps({"metadata": {}, "webhooks": self._webhooks[resource]}).encode()


def entry(name: str, bundle: bytes | None = None, **client: Any) -> dict[str, Any]:
    given = {} if bundle is None else {"caBundle": base64.b64encode(bundle).decode()}
    return {"name": name, "clientConfig": {**client, **given}}


@pytest.mark.parametrize(
    ("client", "name"),
    [
        pytest.param(SERVICE, "portcullis.guards.svc", id="service"),
        pytest.param({"url": "https://hooks.example:8443/x"}, "hooks.example", id="url"),
        pytest.param({"url": "https://10.0.0.1/x"}, "10.0.0.1", id="address"),
        pytest.param({"url": "https://[fd00::1]:8443/x"}, "fd00::1", id="ipv6"),
        pytest.param({}, "", id="neither"),
    ],
)
def test_the_name_that_the_api_server_asks_for(client, name) -> None:
    """A Service's is made of its name and namespace, whatever its port."""
    api = Api(validatingwebhookconfigurations=[entry("a.dev", b"pem", **client)])

    assert WebhookBundles(api, "x").anchors() == (Anchor("a.dev", name, b"pem"),)


def test_every_entry_has_its_own_bundle() -> None:
    """Of both kinds; one that is unset is empty, and a configuration that is gone is left out."""
    first, second = entry("a.dev", b"one", **SERVICE), entry("b.dev", **SERVICE)
    both = Api(
        validatingwebhookconfigurations=[first, second],
        mutatingwebhookconfigurations=[entry("c.dev", b"two", **SERVICE)],
    )
    one = Api(mutatingwebhookconfigurations=[])

    assert list(WebhookBundles(both, "x").published()) == [b"one", b"", b"two"]
    assert list(WebhookBundles(both, "x").configurations()) == [VALIDATING, MUTATING]
    assert WebhookBundles(one, "x").configurations() == {MUTATING: []}
    assert WebhookBundles(Api(), "x").anchors() == ()


@pytest.mark.parametrize(
    ("annotations", "taken"),
    [
        pytest.param({}, ["cert-manager-cainjector", "portcullis-ca"], id="it writes no more"),
        pytest.param({"cert-manager.io/inject-ca-from": "a/b"}, ["portcullis-ca"], id="it writes"),
    ],
)
def test_who_gives_up_owning_the_ca_bundles(annotations, taken) -> None:
    """We do, and cainjector where nothing asks it to inject: from the end, each by its name."""
    managers = [{"manager": it} for it in ("portcullis-ca", "helm", "cert-manager-cainjector")]
    metadata = {"annotations": annotations, "managedFields": managers}
    patched = []

    class Owned:
        def get(self, path, _deadline):
            return json.dumps({"metadata": metadata, "webhooks": []}).encode()

        def patch(self, path, operations, _deadline):
            patched.append([it["value"] for it in operations if it["op"] == "test"])

    WebhookBundles(Owned(), "x").disown()

    assert patched == [taken, taken]
