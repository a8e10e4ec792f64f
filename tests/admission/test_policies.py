"""The NetworkPolicy guard: whom it lets, and what it asks of the cluster."""

import pytest

from tests.admission.conftest import OURS
from tests.reviews import network_policy
from webhook.errors import UnavailableError

LABELS = {"app.kubernetes.io/managed-by": "portcullis", "portcullis.dev/profile": "deny-all"}
INJECTED = network_policy("portcullis-deny-all", labels=LABELS)
OPENED = network_policy(
    "portcullis-deny-all", labels=LABELS, spec={"podSelector": {}, "policyTypes": ["Egress"]}
)
NAMESPACE_CONTROLLER = "system:serviceaccount:kube-system:namespace-controller"


@pytest.mark.parametrize(
    ("operation", "new", "user", "allowed"),
    [
        pytest.param("DELETE", None, "jane", False, id="deleted"),
        pytest.param("UPDATE", OPENED, "jane", False, id="edited"),
        pytest.param("DELETE", None, OURS, True, id="deleted-by-us"),
        pytest.param("UPDATE", OPENED, OURS, True, id="edited-by-us"),
        pytest.param("DELETE", None, NAMESPACE_CONTROLLER, True, id="namespace-controller"),
        pytest.param("DELETE", None, "system:kube-controller-manager", True, id="one-account"),
        pytest.param("UPDATE", OPENED, NAMESPACE_CONTROLLER, False, id="controller-never-edits"),
    ],
)
def test_in_a_living_namespace(validate, cluster, operation, new, user, allowed) -> None:
    """Only we change what we injected; only the namespace controller may take it away."""
    cluster.add_namespace("dev", seal="sealed")

    assert validate(operation, new, INJECTED, user=user).allowed is allowed


@pytest.mark.parametrize(("operation", "new"), [("DELETE", None), ("UPDATE", OPENED)])
def test_in_a_terminating_namespace(validate, cluster, operation, new) -> None:
    """A Namespace's deletion is never held up, whoever does it."""
    cluster.add_namespace("dev", seal="sealed", terminating=True)

    assert validate(operation, new, INJECTED).allowed


def test_in_a_namespace_that_is_gone(validate) -> None:
    """What is left of a Namespace may go too."""
    assert validate("DELETE", None, INJECTED).allowed


def test_a_deletion_timestamp_on_the_policy_decides_nothing(validate, cluster) -> None:
    """CVE-2023-34091: a finalizer and a deletion must not open a way to edit."""
    cluster.add_namespace("dev", seal="sealed")
    dying = OPENED | {
        "metadata": OPENED["metadata"] | {"deletionTimestamp": "2026-11-01T00:00:00Z"}
    }

    assert not validate("UPDATE", dying, INJECTED).allowed


def test_deletecollection(validate, cluster) -> None:
    """Each object comes with an empty request.name, and is judged by its own."""
    cluster.add_namespace("dev", seal="sealed")
    response = validate("DELETE", None, INJECTED, name="")

    assert not response.allowed
    assert '"portcullis-deny-all" is one of the policies' in response.message


def test_policy_types_that_cannot_be_read_are_told_by_their_check(validate, cluster) -> None:
    """What was meant is told, where no other check can read such a policy; it is no bad request."""
    cluster.add_namespace("dev", seal="sealed")
    slip = network_policy("web", spec={"podSelector": {}, "policyTypes": ["Ingress # all"]})
    response = validate("CREATE", slip)

    assert (response.code, response.reason) == (422, "Invalid")
    assert response.audit_annotations["refused-by"] == "networkpolicy-policytypes-valid"
    assert 'probably meant is "Ingress"' in response.message


def test_no_override_leads_round_what_cannot_be_read(validate, cluster) -> None:
    """Whoever may override that check alone would free a sealed namespace by a type of his own."""
    cluster.add_namespace("dev", seal="sealed")
    cluster.overriders.add(("root", "networkpolicy-policytypes-valid"))
    spec = {"podSelector": {}, "policyTypes": ["Ingress", "Quic"], "ingress": [{}]}
    policy = network_policy("web", spec=spec)
    policy["metadata"]["annotations"] = {"portcullis.dev/override": "CHG-1"}
    response = validate("CREATE", policy, user="root")

    assert not response.allowed
    assert "to override" not in response.message


def test_wrong_policy_types_are_told_as_far_as_anybody_reads(validate, cluster) -> None:
    """A review of 100,000 of them takes no longer than one of a few."""
    cluster.add_namespace("dev")
    spec = {"podSelector": {}, "policyTypes": [f"t{n}" for n in range(1000)]}
    response = validate("CREATE", network_policy("web", spec=spec))

    assert "spec.policyTypes[15]" in response.message
    assert "spec.policyTypes[16]" not in response.message


def test_other_policies_cost_no_call(validate, cluster) -> None:
    """A team's own policies are judged from the request alone."""
    own = network_policy("web")

    assert validate("UPDATE", own, own).allowed
    assert sum(cluster.calls.values()) == cluster.calls["installed_at"]


def test_a_cluster_that_does_not_answer_refuses(validate, cluster) -> None:
    """Whether the Namespace ends could not be told, so the deletion waits."""
    cluster.fail("namespace", UnavailableError("the API server is away"))
    response = validate("DELETE", None, INJECTED)

    assert (response.allowed, response.code) == (False, 503)
