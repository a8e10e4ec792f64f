"""The backstop, on the real API server: what it keeps while no replica is ready, and what passes.

Nothing of us runs, and every webhook entry is Ignore: what is refused here is refused by the
ValidatingAdmissionPolicies alone.
"""

import copy
import json
import time

import msgspec
import pytest

from tests.controlplane import readiness
from tests.controlplane.fixtures import started
from tools.chart_readme import CHART
from webhook.checks.networkpolicy_injected_protected import networkpolicy_injected_protected
from webhook.checks.subjects import PolicyChange
from webhook.model.namespace import MANAGED_BY_LABEL, OVERRIDE_ANNOTATION, PROFILE_LABEL
from webhook.model.objects import NetworkPolicy

pytestmark = pytest.mark.controlplane

OWN = "portcullis-system"
RELEASE = ("portcullis", str(CHART), "--namespace", OWN)
GUARDS = (
    "flannel",
    "calico",
    "flannelDaemonSets",
    "networkPolicies",
    "sealedNetworkPolicies",
    "marks",
    "pendingPods",
)
IGNORE = f"webhooks.failurePolicy={json.dumps(dict.fromkeys(GUARDS, 'Ignore'))}"
BACKUPS = "backups"
"""A group that the operator leaves out."""
NARROWED = "webhooks.matchConditions=" + json.dumps(
    [
        {
            "name": "example.com/not-backups",
            "expression": f'!("{BACKUPS}" in request.userInfo.?groups.orValue([]))',
        }
    ]
)
VALUES = ("--set-json", IGNORE, "--set-json", NARROWED)
OURSELVES = f"system:serviceaccount:{OWN}:portcullis"
CONTROLLER = "system:serviceaccount:kube-system:namespace-controller"
LABELS = {MANAGED_BY_LABEL: "portcullis", PROFILE_LABEL: "deny-all"}
TEAM, ON_CALL = "team", "on-call"
"""May change everything here; the second one may override too."""
POLICY = ("networkpolicy", "portcullis-deny-all", "-n", "kept")
FLANNEL = ("configmap", "kube-flannel-cfg", "-n", "kube-flannel")
WISH = {OVERRIDE_ANNOTATION: "moving house"}

ALLOWS_DNS = {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"ports": [{"port": 53}]}]}


def policy(where, name="portcullis-deny-all", labels=LABELS, **metadata):
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": where, "labels": labels, **metadata},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
    }


def config_map(where, name, key="net-conf.json", **metadata):
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": where, **metadata},
        "data": {key: "{}", "cni-conf.json": "{}"},
    }


def binding(name, role, *users):
    group = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": group, "kind": "User", "name": user} for user in users],
    }


def create(plane, *manifests):
    for manifest in manifests:
        plane.kubectl("create", "-f", "-", stdin=manifest)


@pytest.fixture(scope="module")
def plane(request):
    """The chart installed, every entry Ignore, nothing of it ready, and what it would keep."""
    with started(request) as plane:
        install(plane)
        yield plane


def install(plane):
    for name in ("kept", "ending", "kube-flannel", "overridden"):
        plane.kubectl("create", "namespace", name)
    create(plane, policy("kept"), policy("kept", "own", {}), policy("ending"))
    create(plane, policy("kept", "portcullis-allow-dns") | {"spec": ALLOWS_DNS})
    create(plane, policy("overridden", annotations=WISH))
    create(plane, config_map("kube-flannel", "kube-flannel-cfg"))
    create(plane, config_map("kube-flannel", "other"))
    create(plane, config_map("kube-system", "kube-flannel-cfg", "other.json"))
    edit = ("*.networking.k8s.io", "configmaps", "namespaces")
    resources = [f"--resource={it}" for it in edit]
    plane.kubectl("create", "clusterrole", "changes-all", "--verb=*", *resources)
    plane.helm("install", *RELEASE, "--create-namespace", *VALUES)
    create(plane, policy(OWN))
    create(plane, binding("changes-all", "changes-all", TEAM, ON_CALL, OURSELVES, CONTROLLER))
    create(plane, binding("may-override", "portcullis-override", ON_CALL))
    until(lambda: refusal(plane, "delete", *POLICY))
    until(lambda: refusal(plane, "delete", *FLANNEL))


def until(condition, seconds=15):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "does not come true"
        time.sleep(0.1)


def refusal(plane, verb, *command, user=TEAM, groups=(), stdin=None, dry=True):
    """What the backstop says of a request, empty if it lets it through."""
    flags = [
        f"--as={user}",
        *(f"--as-group={it}" for it in groups),
        *(["--dry-run=server"] if dry else []),
    ]
    done = plane.kubectl(verb, *command, *flags, stdin=stdin, check=False)
    ours = "ValidatingAdmissionPolicy 'portcullis-"
    assert done.returncode == 0 or ours in done.stderr, done.stderr
    return done.stderr.strip() if done.returncode else ""


@pytest.mark.parametrize(
    ("command", "user", "kept"),
    [
        pytest.param(["delete", *POLICY], TEAM, True, id="policy"),
        pytest.param(["delete", "netpol", "--all", "-n", "kept"], TEAM, True, id="all-policies"),
        pytest.param(["delete", *POLICY], ON_CALL, True, id="permission-without-a-wish"),
        pytest.param(["delete", *POLICY], OURSELVES, False, id="ourselves"),
        pytest.param(["delete", *POLICY], CONTROLLER, False, id="namespace-controller"),
        pytest.param(["delete", "netpol", "own", "-n", "kept"], TEAM, False, id="users-own"),
        pytest.param(["delete", "netpol", "--all", "-n", OWN], TEAM, False, id="our-own-namespace"),
        pytest.param(["delete", "ns", "kept"], TEAM, False, id="namespace-with-policies"),
        pytest.param(["delete", *FLANNEL], TEAM, True, id="config-map"),
        pytest.param(
            ["delete", "configmaps", "--all", "-n", "kube-flannel"],
            TEAM,
            True,
            id="all-config-maps",
        ),
        pytest.param(["delete", *FLANNEL], CONTROLLER, False, id="config-map-by-the-controller"),
        pytest.param(
            ["delete", "configmap", "other", "-n", "kube-flannel"], TEAM, False, id="not-listed"
        ),
        pytest.param(
            ["delete", "configmap", "kube-flannel-cfg", "-n", "kube-system"],
            TEAM,
            False,
            id="without-net-conf",
        ),
        pytest.param(
            ["delete", "ns", "kube-flannel"], TEAM, True, id="namespace-of-the-config-map"
        ),
    ],
)
def test_what_is_guarded_is_not_deleted_while_nobody_of_us_is_ready(plane, command, user, kept):
    """Whoever asks, but for us and the controllers that end a namespace."""
    assert kept is bool(refusal(plane, *command, user=user))


def test_who_the_operator_leaves_out_is_not_kept_from_it(plane):
    """`webhooks.matchConditions` narrow the backstop as they narrow the entries."""
    entries = [
        entry
        for kind in ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")
        for entry in plane.get(kind, "portcullis")["webhooks"]
        if entry.get("rules")
    ]

    assert refusal(plane, "delete", *POLICY, groups=["others"])
    assert not refusal(plane, "delete", *POLICY, groups=[BACKUPS])
    assert not refusal(plane, "delete", *FLANNEL, groups=[BACKUPS])
    assert {"example.com/not-backups"} == {it["matchConditions"][-1]["name"] for it in entries}


@pytest.mark.parametrize(
    ("data", "kept"),
    [
        pytest.param({"net-conf.json": None}, True, id="net-conf-removed"),
        pytest.param(None, True, id="emptied"),
        pytest.param({"net-conf.json": '{"Network": "10.0.0.0/8"}'}, False, id="net-conf-changed"),
        pytest.param({"cni-conf.json": None}, False, id="another-key-removed"),
    ],
)
def test_net_conf_json_is_not_taken_out(plane, data, kept):
    """What else changes is for us to judge: CEL reads no JSON."""
    patch = json.dumps({"data": data})

    assert kept is bool(refusal(plane, "patch", *FLANNEL, "--type=merge", "-p", patch))


def changed(**metadata):
    """The injected policy with other metadata."""
    manifest = copy.deepcopy(policy("kept"))
    manifest["metadata"] |= metadata
    return manifest


OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "x"}


@pytest.mark.parametrize(
    "new",
    [
        pytest.param(policy("kept"), id="nothing"),
        pytest.param(policy("kept") | {"spec": {"podSelector": {}, "egress": [{}]}}, id="spec"),
        pytest.param(
            policy("kept")
            | {"spec": {"podSelector": {"matchLabels": {"a": "b"}}, "policyTypes": ["Ingress"]}},
            id="selects-others",
        ),
        pytest.param(changed(labels={}), id="labels-removed"),
        pytest.param(changed(labels={**LABELS, PROFILE_LABEL: "none"}), id="profile"),
        pytest.param(changed(labels={**LABELS, "team": "a"}), id="label-added"),
        pytest.param(changed(annotations={"a": "b"}), id="annotated"),
        pytest.param(changed(finalizers=["example.com/f"]), id="finalizer"),
        pytest.param(changed(ownerReferences=[OWNER]), id="owned"),
    ],
)
def test_an_update_is_refused_where_our_check_refuses_it(plane, new):
    """The CEL and the check must not differ: it would refuse what is allowed while we are there."""
    decode = msgspec.json.Decoder(NetworkPolicy).decode
    old = decode(json.dumps(plane.get(*POLICY[:2], "kept")))
    change = PolicyChange(old, decode(json.dumps(new)), ending=False)

    refused = bool(refusal(plane, "replace", "-f", "-", stdin=new))
    assert any(networkpolicy_injected_protected.run(change)) is refused


def test_the_message_tells_what_why_and_how_to_override(plane):
    """In the words of the check, for who has no replica to ask."""
    told = refusal(plane, "delete", *POLICY)

    assert told.startswith("Error from server (Forbidden): ")
    assert told.partition("is forbidden: ")[2] == (
        "ValidatingAdmissionPolicy 'portcullis-networkpolicies' with binding "
        "'portcullis-networkpolicies' denied request: metadata.name: Forbidden: "
        '"portcullis-deny-all" is one of the policies that Portcullis keeps in namespace "kept"; '
        "without it every pod there is open; add a NetworkPolicy that allows what you need "
        "instead; no replica of Portcullis is ready to say more; to override, annotate the object "
        "with portcullis.dev/override: "
        '"<reason>"; this needs the verb "override" on '
        "guards.portcullis.dev/networkpolicy-injected-protected"
    )
    assert (
        '"portcullis-allow-dns" is one of the policies that Portcullis keeps in namespace "kept"; '
        "what these allow is chosen in the settings, under defaultDeny; no replica"
    ) in refusal(plane, "delete", "networkpolicy", "portcullis-allow-dns", "-n", "kept")
    assert "guards.portcullis.dev/netconf-removed-live" in refusal(plane, "delete", *FLANNEL)
    assert "guards.portcullis.dev/flannel-namespace-live" in refusal(
        plane, "delete", "ns", "kube-flannel"
    )


@pytest.mark.parametrize(("user", "kept"), [(TEAM, True), (ON_CALL, False)])
def test_the_override_takes_the_permission(plane, user, kept):
    """The annotation asks, RBAC decides; as with us."""
    told = refusal(plane, "delete", POLICY[0], POLICY[1], "-n", "overridden", user=user)

    assert kept is bool(told)


def test_who_asks_to_override_is_in_the_audit_log(plane):
    """Break-glass leaves a trace also where we are not there to leave one."""
    create(plane, policy("overridden", "portcullis-other", annotations=WISH))
    where = ("networkpolicy", "portcullis-other", "-n", "overridden")
    told = refusal(plane, "delete", *where, user=ON_CALL, dry=False)
    key = "portcullis-networkpolicies/override-asked"

    assert told == ""

    def asked():
        found = [it for it in plane.audit_events() if key in it.get("annotations", {})]
        return [it for it in found if it["objectRef"]["name"] == "portcullis-other"]

    until(asked)
    (event,) = asked()
    assert event["annotations"][key] == "networkpolicy-injected-protected: moving house"
    assert event["impersonatedUser"]["username"] == ON_CALL


def test_a_namespace_ends_with_its_policies(plane):
    """Nothing that is in it is waited for."""
    plane.kubectl("delete", "namespace", "ending", "--wait=false")

    until(lambda: plane.get("namespace", "ending") is None, 30)


@pytest.mark.parametrize("ready", [1, 0])
def test_while_a_replica_is_ready_it_is_left_to_us(plane, ready):
    """The message that the user sees is ours then, and so are verdict, metric and Event."""
    labels = {"app.kubernetes.io/instance": "portcullis"}
    with plane.client() as api:
        readiness.tell(api, OWN, labels, ready=ready, budget="portcullis")

    until(lambda: bool(refusal(plane, "delete", *POLICY)) is not bool(ready))
    until(lambda: bool(refusal(plane, "delete", *FLANNEL)) is not bool(ready))


def test_without_a_budget_nothing_is_refused(plane):
    """What `helm uninstall` leaves for a moment, or somebody deleted, must block nothing."""
    budget = plane.get("poddisruptionbudget", "portcullis", OWN)
    for key in ("uid", "resourceVersion", "creationTimestamp", "generation"):
        del budget["metadata"][key]
    plane.kubectl("delete", "poddisruptionbudget", "portcullis", "-n", OWN)
    until(lambda: not refusal(plane, "delete", *POLICY))
    plane.kubectl("create", "-f", "-", stdin=budget)

    until(lambda: refusal(plane, "delete", *POLICY))


def test_the_type_checker_finds_nothing(plane):
    """The API server checks the expressions against the types of what they are for."""

    def warnings():
        names = ("portcullis-networkpolicies", "portcullis-flannel")
        statuses = [plane.get("validatingadmissionpolicy", name)["status"] for name in names]
        return [it.get("typeChecking") for it in statuses]

    until(lambda: None not in warnings())
    assert [{}, {}] == warnings()


def test_uninstalling_leaves_nothing_that_refuses(plane):
    """The last test here: all of it is gone, and what it kept may go."""
    plane.helm("uninstall", "portcullis", "--namespace", OWN)
    for kind in ("validatingadmissionpolicy", "validatingadmissionpolicybinding"):
        found = json.loads(plane.kubectl("get", kind, "-o", "json").stdout)["items"]

        assert not [it for it in found if it["metadata"]["name"].startswith("portcullis")]
    until(lambda: not refusal(plane, "delete", *POLICY))
    until(lambda: not refusal(plane, "delete", *FLANNEL))
