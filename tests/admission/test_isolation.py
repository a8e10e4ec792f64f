"""What keeps a sealed namespace closed, asked through the whole of admission."""

import json
from dataclasses import replace

import pytest

from tests import reviews
from tests.protection.specs import APP, DENY, DENY_INGRESS, blocks, spec, tcp
from tests.reviews import network_policy
from webhook.bootstrap import admission as compose
from webhook.deadline import Deadline
from webhook.errors import UnavailableError
from webhook.metrics import SilentRecorder
from webhook.model.review import decode_review
from webhook.settings import load

CONTROLLER = "system:serviceaccount:kube-system:namespace-controller"
DYING = {"deletionTimestamp": "2026-11-01T00:00:00Z", "finalizers": ["example.com/hold"]}

ALLOW_ALL = network_policy("mine", spec=spec(ingress=[{}]))
NARROW = network_policy("mine", spec=spec(APP, ingress=[{"ports": [tcp(443)]}]))
LAST = network_policy("mine", spec=DENY_INGRESS)
WEB = network_policy("mine", spec=spec(APP, types=["Ingress"]))
HALVES = [blocks("0.0.0.0/1"), blocks("128.0.0.0/1")]


@pytest.fixture
def sealed(cluster):
    """The namespace `dev`, sealed, with the deny that was injected; what to put beside it."""
    cluster.add_namespace("dev", seal="sealed")
    stand(cluster, "portcullis-deny-all", DENY)
    return cluster


def stand(cluster, name, given):
    """Put a policy into `dev`."""
    cluster.policies["dev", name] = {"metadata": {"name": name}, "spec": given}


def dying(manifest):
    """The same with a deletionTimestamp that a finalizer holds."""
    return manifest | {"metadata": manifest["metadata"] | DYING}


@pytest.mark.parametrize(
    ("operation", "new", "old", "allowed"),
    [
        pytest.param("CREATE", ALLOW_ALL, None, False, id="reopened"),
        pytest.param("UPDATE", ALLOW_ALL, NARROW, False, id="reopened-by-edit"),
        pytest.param("CREATE", NARROW, None, True, id="a-narrow-allow"),
        pytest.param("UPDATE", NARROW, ALLOW_ALL, True, id="closed-by-edit"),
        pytest.param("DELETE", None, ALLOW_ALL, True, id="an-allow-deleted"),
        pytest.param("DELETE", None, LAST, True, id="a-deny-beside-ours-deleted"),
    ],
)
def test_beside_the_injected_deny(sealed, validate, operation, new, old, allowed):
    """Opening everybody is refused; narrow allows, and whatever closes, pass."""
    assert validate(operation, new, old).allowed is allowed


@pytest.mark.parametrize(
    ("operation", "new", "old", "allowed"),
    [
        pytest.param("DELETE", None, LAST, False, id="deleted"),
        pytest.param("UPDATE", WEB, LAST, False, id="narrowed"),
        pytest.param(
            "UPDATE", network_policy("mine", spec=spec(types=["Egress"])), LAST, False,
            id="type-dropped",
        ),
        pytest.param("UPDATE", LAST, WEB, True, id="widened"),
        pytest.param("CREATE", LAST, None, True, id="created"),
    ],
)  # fmt: skip
def test_the_last_isolating_policy(cluster, validate, operation, new, old, allowed):
    """Where ours does not stand for a direction, a team's own may be the last."""
    cluster.add_namespace("dev", seal="sealed")

    assert validate(operation, new, old).allowed is allowed


@pytest.mark.parametrize(
    ("seal", "allowed"),
    [("sealed", False), ("pending", False), ("exempt", True), (None, True)],
)
def test_only_namespaces_that_are_to_stay_closed(cluster, validate, seal, allowed):
    """A pending one is judged as if its policies stood already, or it could be opened before."""
    cluster.add_namespace("dev", seal=seal, profile="deny-all")
    if seal == "sealed":
        stand(cluster, "portcullis-deny-all", DENY)

    assert validate("CREATE", ALLOW_ALL).allowed is allowed


def test_halves_in_two_policies(sealed, validate):
    """The second half is refused for the first that stands, whoever made it and when."""
    first, second = (network_policy(f"h{n}", spec=spec(ingress=[h])) for n, h in enumerate(HALVES))

    assert validate("CREATE", second).allowed
    stand(sealed, "h0", first["spec"])
    assert not validate("CREATE", second).allowed


def test_the_policy_itself_is_no_neighbour(sealed, validate):
    """What stands under the changed policy's own name does not count beside it."""
    stand(sealed, "mine", spec(ingress=HALVES[:1]))
    old = network_policy("mine", spec=spec(ingress=HALVES[:1]))
    new = network_policy("mine", spec=spec(ingress=HALVES[1:]))

    assert validate("UPDATE", new, old).allowed


def test_deletecollection_is_judged_object_by_object(cluster, validate):
    """Its reviews bear no name; the policy's own metadata do."""
    cluster.add_namespace("dev", seal="sealed")
    stand(cluster, "mine", DENY_INGRESS)

    assert not validate("DELETE", None, LAST, name="").allowed


@pytest.mark.parametrize(
    ("operation", "new", "old"),
    [
        pytest.param("UPDATE", dying(ALLOW_ALL), dying(NARROW), id="edited-while-it-is-deleted"),
        pytest.param("UPDATE", dying(ALLOW_ALL), NARROW, id="timestamp-claimed"),
        pytest.param("CREATE", dying(ALLOW_ALL), None, id="created-with-a-timestamp"),
    ],
)
def test_a_deletion_timestamp_opens_no_way(sealed, validate, operation, new, old):
    """CVE-2023-34091: a policy that is being deleted isolates until it is gone, so it is judged."""
    assert not validate(operation, new, old).allowed


@pytest.mark.parametrize(
    ("user", "operation", "new", "old", "allowed"),
    [
        pytest.param(CONTROLLER, "DELETE", None, LAST, True, id="controller-deletes"),
        pytest.param(CONTROLLER, "CREATE", ALLOW_ALL, None, False, id="controller-creates"),
        pytest.param(CONTROLLER, "UPDATE", ALLOW_ALL, LAST, False, id="controller-edits"),
        pytest.param("jane", "DELETE", None, LAST, False, id="jane"),
    ],
)
def test_the_namespace_controller_may_only_delete(
    cluster, validate, user, operation, new, old, allowed
):
    """Its name is no way round for anything else."""
    cluster.add_namespace("dev", seal="sealed")
    if operation != "DELETE":
        stand(cluster, "portcullis-deny-all", DENY)

    assert validate(operation, new, old, user=user).allowed is allowed


@pytest.mark.parametrize(
    ("operation", "new", "old"), [("DELETE", None, LAST), ("CREATE", ALLOW_ALL, None)]
)
def test_a_namespace_that_ends_is_left_alone(cluster, validate, operation, new, old):
    """Terminating or gone: nothing there is worth a refusal that would hold it up."""
    assert validate(operation, new, old).allowed
    cluster.add_namespace("dev", seal="sealed", terminating=True)

    assert validate(operation, new, old).allowed


def test_an_api_server_that_does_not_answer_refuses(sealed, validate):
    """What else stands there could not be read, so the change waits."""
    sealed.fail("network_policies", UnavailableError("the API server is away"))
    response = validate("CREATE", ALLOW_ALL)

    assert (response.allowed, response.code) == (False, 503)


def test_what_cannot_weaken_costs_no_question(sealed, validate):
    """A narrow allow by name is judged from the request alone, cluster away or not."""
    sealed.fail("network_policies", UnavailableError("the API server is away"))

    assert validate("CREATE", NARROW).allowed


@pytest.mark.parametrize(
    "spoiled",
    [
        pytest.param({"podSelector": {}, "ingress": [{"from": [{"newKind": {}}]}]}, id="peer"),
        pytest.param({"podSelector": {}, "ingress": [{"icmp": []}]}, id="field-of-a-rule"),
        pytest.param({"podSelector": {}, "tier": "admin"}, id="field-of-the-spec"),
    ],
)
def test_what_we_do_not_understand_is_refused(sealed, validate, spoiled):
    """A field that a later Kubernetes adds could open anything."""
    response = validate("CREATE", network_policy("mine", spec=spoiled))

    assert (response.allowed, response.code) == (False, 400)


def test_a_stored_policy_that_we_do_not_understand_isolates_all_the_same(cluster, validate):
    """Its selector and types are read; its rules count for nothing."""
    cluster.add_namespace("dev", seal="sealed")
    strange = spec() | {"policyTypes": ["Ingress"], "ingress": [{"from": [{"newKind": {}}]}]}
    stand(cluster, "strange", strange)

    assert validate("DELETE", None, LAST).allowed
    assert not validate("CREATE", ALLOW_ALL).allowed


@pytest.mark.parametrize(("mode", "allowed"), [("deny", False), ("warn", True), ("off", True)])
def test_strictness_is_a_setting(sealed, tmp_path, mode, allowed):
    """Refused, warned of in the same words, or not looked at."""
    given = tmp_path / "settings.json"
    given.write_text(
        json.dumps({"networkPolicies": {"reopened": mode, "diff": {"enabled": False}}})
    )
    environ = {"POD_NAMESPACE": "portcullis-system", "PORTCULLIS_SETTINGS": str(given)}
    made = compose(load(environ), SilentRecorder(), sealed)
    body = json.dumps(reviews.review("CREATE", ALLOW_ALL)).encode()
    response = made.validate(decode_review(body), Deadline.after(5))
    told = [each for each in response.warnings if each.startswith("spec.ingress: Forbidden: ")]

    assert response.allowed is allowed
    assert len(told) == (mode == "warn")


PROD = {"matchLabels": {"env": "prod"}}
NAMED = {
    "matchExpressions": [
        {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["dev", "shop"]}
    ]
}


@pytest.mark.parametrize(
    ("selector", "labels", "allowed"),
    [
        pytest.param(PROD, {"env": "prod"}, False, id="selected"),
        pytest.param(PROD, {"env": "lab"}, True, id="not-selected"),
        pytest.param(NAMED, {"kubernetes.io/metadata.name": "dev"}, False, id="by-name"),
        pytest.param(None, {"env": "prod"}, True, id="no-setting"),
    ],
)
@pytest.mark.parametrize("default_deny", [True, False])
def test_a_setting_protects_namespaces(cluster, tmp_path, selector, labels, allowed, default_deny):
    """Whatever their marks, and whether or not new namespaces get a default deny."""
    namespace = cluster.add_namespace("dev", seal="exempt")
    cluster.namespaces["dev"] = replace(namespace, labels=labels)
    stand(cluster, "deny", DENY)
    chosen = {"protectedNamespaces": selector, "diff": {"enabled": False}}
    given = tmp_path / "settings.json"
    given.write_text(
        json.dumps({"networkPolicies": chosen, "defaultDeny": {"enabled": default_deny}})
    )
    environ = {"POD_NAMESPACE": "portcullis-system", "PORTCULLIS_SETTINGS": str(given)}
    made = compose(load(environ), SilentRecorder(), cluster)
    last = network_policy("deny", spec=DENY)
    opened, gone = (
        made.validate(decode_review(json.dumps(body).encode()), Deadline.after(5))
        for body in (reviews.review("CREATE", ALLOW_ALL), reviews.review("DELETE", None, last))
    )

    assert (opened.allowed, gone.allowed) == (allowed, allowed)
