"""Injected NetworkPolicies are changed by Portcullis alone."""

import msgspec
import pytest

from tests.reviews import network_policy
from webhook.checks.networkpolicy_injected_protected import networkpolicy_injected_protected
from webhook.checks.subjects import PolicyChange
from webhook.model.objects import NetworkPolicy

LABELS = {"app.kubernetes.io/managed-by": "portcullis", "portcullis.dev/profile": "deny-all"}


def policy(name: str = "portcullis-deny-all", **fields) -> NetworkPolicy:
    return msgspec.json.decode(
        msgspec.json.encode(network_policy(name, **fields)), type=NetworkPolicy
    )


OURS = policy(labels=LABELS)
OWNED = NetworkPolicy(
    msgspec.structs.replace(OURS.metadata, owner_references=[{"kind": "ConfigMap", "name": "x"}]),
    OURS.text,
)
OPEN = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]}


def fields(old, new, *, ending: bool = False) -> list[str]:
    change = PolicyChange(old, new, ending)
    return [violation.field for violation in networkpolicy_injected_protected.run(change)]


MANAGED_BY = "metadata.labels[app.kubernetes.io/managed-by]"
PROFILE = "metadata.labels[portcullis.dev/profile]"


@pytest.mark.parametrize(
    ("old", "new", "refused"),
    [
        pytest.param(OURS, None, ["metadata.name"], id="deleted"),
        pytest.param(OURS, policy(labels=LABELS, spec=OPEN), ["spec"], id="opened"),
        pytest.param(OURS, policy(labels={}), [MANAGED_BY, PROFILE], id="labels-stripped"),
        pytest.param(
            OURS,
            policy(labels=LABELS | {"portcullis.dev/profile": "x"}),
            [PROFILE],
            id="relabelled",
        ),
        pytest.param(
            OURS, policy(spec=OPEN), ["spec", MANAGED_BY, PROFILE], id="opened-and-stripped"
        ),
        pytest.param(OURS, OWNED, ["metadata.ownerReferences"], id="owned"),
        pytest.param(OURS, OURS, [], id="unchanged"),
        pytest.param(OURS, policy(labels=LABELS, annotations={"note": "x"}), [], id="annotated"),
        pytest.param(OURS, policy(labels=LABELS | {"team": "a"}), [], id="foreign-label"),
        pytest.param(None, policy(labels=LABELS), [MANAGED_BY], id="forged"),
        pytest.param(None, policy(), ["metadata.name"], id="reserved-name"),
        pytest.param(policy("web"), policy("web", labels=LABELS), [MANAGED_BY], id="claimed-later"),
        pytest.param(None, policy("web"), [], id="somebody's-own"),
        pytest.param(policy("web"), policy("web", spec=OPEN), [], id="somebody's-own-changed"),
        pytest.param(policy("web"), None, [], id="somebody's-own-deleted"),
        pytest.param(policy(), policy(spec=OPEN), [], id="older-than-the-reserved-name"),
    ],
)
def test_while_the_namespace_lives(old, new, refused) -> None:
    """What denies by default stays; what is somebody's own is free."""
    assert fields(old, new) == refused


OF_DNS = {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"ports": [{"port": 53}]}]}
SOME = {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Ingress"]}


@pytest.mark.parametrize(
    ("name", "spec", "opens"),
    [
        pytest.param("portcullis-deny-all", None, True, id="deny-all"),
        pytest.param(
            "portcullis-deny-ingress",
            {"podSelector": {}, "policyTypes": ["Ingress"]},
            True,
            id="deny-ingress",
        ),
        pytest.param("portcullis-allow-dns", OF_DNS, False, id="allow-dns"),
        pytest.param("portcullis-allow-x", OPEN, False, id="allow-ingress"),
        pytest.param("portcullis-some", SOME, False, id="denies-some-pods"),
    ],
)
def test_what_a_deletion_would_do(name, spec, opens) -> None:
    """Only without what denies is every pod open; told by what the policy says, not its name."""
    old = policy(name, labels=LABELS, spec=spec)
    (told,) = networkpolicy_injected_protected.run(PolicyChange(old, None, ending=False))

    assert f'"{name}" is one of the policies that Portcullis keeps in namespace' in told.message
    assert ("without it every pod there is open" in told.message) is opens


@pytest.mark.parametrize("new", [None, policy(spec=OPEN)])
def test_while_the_namespace_ends(new) -> None:
    """A Namespace's deletion is never held up by its contents."""
    assert fields(OURS, new, ending=True) == []
