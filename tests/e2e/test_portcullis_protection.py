"""What keeps a sealed namespace closed, by its effect: through kubectl, on a real API server."""

import io
import json
from contextlib import redirect_stdout
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.controlplane.installation import Installation
from tests.controlplane.plane import ControlPlane
from tests.e2e import world
from webhook import cli

pytestmark = pytest.mark.controlplane

DENIED = 'admission webhook "networkpolicies-sealed.portcullis.dev" denied the request: '
REOPENED = (
    "spec.ingress: Forbidden: {pods} of namespace guarded would be open from {peers} on all "
    "ports, together with what other policies allow: that undoes the default deny; select single "
    "apps by label, or name ports or peers"
)
LOST = (
    "{field}: Forbidden: every pod of namespace half would be isolated for egress by no "
    "NetworkPolicy any more, so open to everything; first create a policy with policyTypes "
    "[Egress] that selects them"
)
OVERRIDE = (
    '\nto override, annotate the object with portcullis.dev/override: "<reason>"; this needs the '
    'verb "override" on guards.portcullis.dev/{check}'
)
EVERYBODY = (
    "all IPv4 addresses (SCTP, TCP, UDP) and all IPv6 addresses (SCTP, TCP, UDP) and pods of all "
    "namespaces (SCTP, TCP, UDP)"
)
IPV4 = "all IPv4 addresses (SCTP, TCP, UDP)"
PEER = "pods of all namespaces (SCTP, TCP, UDP)"
WEB = {"matchLabels": {"app": "web"}}
NARROW = {
    "podSelector": WEB,
    "policyTypes": ["Ingress"],
    "ingress": [{"ports": [{"protocol": "TCP", "port": 443}]}],
}
OPEN = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]}


def network_policy(where: str, name: str, spec: world.Manifest, **more: object) -> world.Manifest:
    return {**world.policy(where, name, **more), "spec": spec}


def opened_by(*rules: world.Manifest) -> world.Manifest:
    return {**OPEN, "ingress": list(rules)}


def block(cidr: str) -> world.Manifest:
    return {"from": [{"ipBlock": {"cidr": cidr}}]}


@pytest.fixture(scope="module")
def plane(portcullis: Installation) -> ControlPlane:
    """With `guarded`, which denies both ways, and `half`, which denies ingress alone."""
    plane = portcullis.plane
    world.seal(plane, "guarded")
    world.create(plane, world.new_namespace("half", profile="deny-ingress"))
    world.eventually(lambda: world.marks(plane, "half").get(world.SEAL) == "sealed")
    for where in ("guarded", "half"):
        world.create(plane, world.account(where), labelled(where, "web-1", app="web"))
    return plane


@pytest.fixture
def alone(plane: ControlPlane) -> ControlPlane:
    """Nothing but ours stands in `guarded`."""
    ours = "app.kubernetes.io/managed-by!=portcullis"
    plane.kubectl("delete", "networkpolicy", "-l", ours, "-n", "guarded")
    return plane


def labelled(where: str, name: str, **labels: str) -> world.Manifest:
    """A pod with labels."""
    made = world.pod(where, name)
    return {**made, "metadata": {**made["metadata"], "labels": labels}}


def attempt(
    plane: ControlPlane, verb: str, spec: world.Manifest, name: str = "team"
) -> CompletedProcess[str]:
    """Write a spec in one of kubectl's ways."""
    manifest = network_policy("guarded", name, spec)
    patches = {
        "merge patch": {"spec": {**spec, "podSelector": {"matchLabels": None}}},
        "json patch": [{"op": "replace", "path": "/spec", "value": spec}],
    }
    if verb in patches:
        flags = [f"--type={verb.removesuffix(' patch')}", "-p", json.dumps(patches[verb])]
        command = ("patch", "networkpolicy", name, "-n", "guarded", *flags)
        return plane.kubectl(*command, check=False)
    flags = ["--server-side", "--force-conflicts"] if verb == "server-side apply" else []
    verb = verb.removeprefix("server-side ")
    return plane.kubectl(verb, *flags, "-f", "-", stdin=manifest, check=False)


def refusal(done: CompletedProcess[str]) -> str:
    """What kubectl prints of a refusal, from the webhook's name on."""
    told = world.refused(done)
    assert "Error from server (Forbidden): " in told
    return told[told.index("admission webhook ") :]


def reopens(pods: str, peers: str) -> str:
    """The refusal of what reopens a namespace."""
    check = OVERRIDE.format(check="networkpolicy-default-deny-reopened")
    return f"{DENIED}{REOPENED.format(pods=pods, peers=peers)}{check}"


@pytest.mark.parametrize("verb", ["create", "apply", "server-side apply"])
@pytest.mark.parametrize(
    ("spec", "peers"),
    [
        pytest.param(OPEN, EVERYBODY, id="everybody"),
        pytest.param(opened_by(block("0.0.0.0/1"), block("128.0.0.0/1")), IPV4, id="halves"),
        pytest.param(opened_by({"from": [{"namespaceSelector": {}}]}), PEER, id="namespaces"),
    ],
)
def test_a_new_policy_may_not_reopen(
    plane: ControlPlane, verb: str, spec: world.Manifest, peers: str
) -> None:
    """However it is written and sent; nothing is stored."""
    done = attempt(plane, verb, spec, "new")

    assert refusal(done) == reopens("every pod", peers)
    assert "new" not in world.policies(plane, "guarded")


@pytest.mark.parametrize(
    "verb", ["apply", "server-side apply", "replace", "merge patch", "json patch"]
)
def test_a_narrow_policy_may_not_be_turned_into_an_open_one(plane: ControlPlane, verb: str) -> None:
    """Every way of an update; the narrow one stays as it was."""
    plane.kubectl("apply", "-f", "-", stdin=network_policy("guarded", "team", NARROW))
    done = attempt(plane, verb, OPEN)

    assert refusal(done) == reopens("pods not app=web", EVERYBODY)
    assert world.specs(plane, "guarded")["team"] == NARROW


def test_halves_in_two_policies(alone: ControlPlane) -> None:
    """The first half is a narrow allow; the second makes it everything."""
    halves = [opened_by(block(cidr)) for cidr in ("0.0.0.0/1", "128.0.0.0/1")]
    world.create(alone, network_policy("guarded", "low", halves[0]))
    done = attempt(alone, "create", halves[1], "high")
    alone.kubectl("delete", "networkpolicy", "low", "-n", "guarded")

    assert refusal(done) == reopens("every pod", IPV4)
    assert attempt(alone, "create", halves[1], "high").returncode == 0
    alone.kubectl("delete", "networkpolicy", "high", "-n", "guarded")


@pytest.mark.parametrize("verb", ["create", "apply", "server-side apply", "replace", "merge patch"])
def test_narrow_allows_pass_and_are_told(plane: ControlPlane, verb: str) -> None:
    """What a team needs: named pods, single ports; the answer says what it opens."""
    plane.kubectl("delete", "networkpolicy", "team", "-n", "guarded", "--ignore-not-found")
    if verb in {"replace", "merge patch"}:
        deny = {"podSelector": {}, "policyTypes": ["Ingress"]}
        world.create(plane, network_policy("guarded", "team", deny))
    done = attempt(plane, verb, {**NARROW, "podSelector": {}})

    assert done.returncode == 0, done.stderr
    assert "Warning: opens: TCP 443 to guarded/web-1 from " in done.stderr


LAST = {"podSelector": {}, "policyTypes": ["Egress"]}
HALF = ("-n", "half")
TO_INGRESS = '{"spec": {"policyTypes": ["Ingress"]}}'


@pytest.fixture
def last(plane: ControlPlane) -> ControlPlane:
    """The only policy for egress in `half` is the team's own."""
    plane.kubectl("apply", "-f", "-", stdin=network_policy("half", "egress", LAST))
    return plane


@pytest.mark.parametrize(
    ("command", "field"),
    [
        pytest.param(["delete", "networkpolicy", "egress", *HALF], "metadata.name", id="delete"),
        pytest.param(
            ["patch", "networkpolicy", "egress", *HALF, "-p", TO_INGRESS],
            "spec.policyTypes",
            id="types",
        ),
    ],
)
def test_the_last_isolating_policy_stays(
    last: ControlPlane, command: list[str], field: str
) -> None:
    """Neither deleted nor pointed elsewhere while nothing else isolates its pods."""
    done = last.kubectl(*command, check=False)

    hint = OVERRIDE.format(check="networkpolicy-isolation-lost")
    assert refusal(done) == f"{DENIED}{LOST.format(field=field)}{hint}"
    assert world.specs(last, "half")["egress"] == LAST


def test_a_narrowed_selector_names_the_pods_that_lose(last: ControlPlane) -> None:
    """By label, for pods that do not exist yet as well."""
    patch = json.dumps({"spec": {"podSelector": WEB}})
    done = last.kubectl("patch", "networkpolicy", "egress", *HALF, "-p", patch, check=False)

    assert "spec.podSelector: Forbidden: pods not app=web of namespace half" in world.refused(done)


@pytest.mark.parametrize(
    "command",
    [
        ["delete", "networkpolicy", "--all", *HALF],
        ["delete", "--raw", "/apis/networking.k8s.io/v1/namespaces/half/networkpolicies"],
    ],
    ids=["all", "collection"],
)
def test_deleting_all_leaves_what_isolates(last: ControlPlane, command: list[str]) -> None:
    """One by one, and as deletecollection, whose reviews bear no name."""
    told = world.refused(last.kubectl(*command, check=False))

    assert "Error from server (Forbidden): " in told
    assert world.specs(last, "half")["egress"] == LAST


def test_with_another_one_standing_it_may_go(last: ControlPlane) -> None:
    """As the refusal advises: first create, then delete."""
    world.create(last, network_policy("half", "successor", LAST))
    last.kubectl("delete", "networkpolicy", "egress", *HALF)

    assert "egress" not in world.policies(last, "half")
    last.kubectl("apply", "-f", "-", stdin=network_policy("half", "egress", LAST))
    last.kubectl("delete", "networkpolicy", "successor", *HALF)


def test_break_glass_deletes_the_last_one(last: ControlPlane) -> None:
    """The annotation on the object and the permission together; an admin has it."""
    last.kubectl("annotate", "networkpolicy", "egress", *HALF, f"{world.OVERRIDE}=CHG-7")
    done = last.kubectl("delete", "networkpolicy", "egress", *HALF)

    said = "Warning: overridden networkpolicy-isolation-lost at metadata.name: CHG-7"
    assert said in done.stderr
    assert "egress" not in world.policies(last, "half")


def test_a_namespace_goes_with_the_last_isolating_policy(plane: ControlPlane) -> None:
    """Its deletion is never held up by what protects it."""
    world.create(plane, world.new_namespace("parting", profile="deny-ingress"))
    world.eventually(lambda: world.marks(plane, "parting").get(world.SEAL) == "sealed")
    world.create(plane, network_policy("parting", "egress", LAST))
    plane.kubectl("delete", "namespace", "parting", "--wait=false")

    world.eventually(lambda: plane.get("namespace", "parting") is None, 60)


def test_the_audit_log_has_the_difference(alone: ControlPlane) -> None:
    """The compact diff of an admitted change, and the check of one that was refused."""
    alone.kubectl("apply", "-f", "-", stdin=network_policy("guarded", "audited", NARROW))
    attempt(alone, "apply", OPEN, "audited")
    alone.kubectl("delete", "networkpolicy", "audited", "-n", "guarded")

    def annotations() -> list[dict[str, str]]:
        return [
            {key.partition("/")[2]: value for key, value in event["annotations"].items()}
            for event in alone.audit_events()
            if event.get("objectRef", {}).get("name") == "audited" and event["verb"] != "get"
        ]

    world.eventually(lambda: len(annotations()) == 3)  # which are written after the answers
    told = annotations()
    assert told[0]["diff"].startswith("opens: TCP 443 to guarded/web-1 from ")
    assert told[1]["refused-by"] == "networkpolicy-default-deny-reopened"
    assert told[2]["diff"].startswith("closes: TCP 443 to guarded/web-1 from ")


STICKY = "spec: {podSelector: {}, ingress: [{from: [{podSelector: {}}]}]"
HEAD = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: sticky, namespace: ci-sticky}
"""
DNS = "egress: [{ports: [{protocol: UDP, port: 53}]}]"


@pytest.fixture
def unsealed(plane: ControlPlane) -> ControlPlane:
    """`ci-sticky`, which is exempt; the policy `sticky` is made anew."""
    if plane.get("namespace", "ci-sticky") is None:
        plane.kubectl("create", "namespace", "ci-sticky")
    plane.kubectl("delete", "networkpolicy", "--all", "-n", "ci-sticky")
    return plane


@pytest.mark.parametrize("flags", [[], ["--server-side"]], ids=["client-side", "server-side"])
@pytest.mark.parametrize(
    ("first", "second", "stored", "told"),
    [
        pytest.param(
            f"{STICKY}}}", f"{STICKY}, {DNS}}}", ["Ingress"],
            "egress rules are not enforced: policyTypes, once left out, stays [Ingress]; add "
            "Egress to it",
            id="egress-added",
        ),
        pytest.param(
            f"{STICKY}, {DNS}}}", f"{STICKY}}}", ["Ingress", "Egress"],
            "all egress is denied: policyTypes, once left out, keeps Egress of removed rules; set "
            "[Ingress]",
            id="egress-removed",
        ),
    ],
)  # fmt: skip
def test_policy_types_are_sticky(
    unsealed: ControlPlane,
    tmp_path: Path,
    flags: list[str],
    first: str,
    second: str,
    stored: list[str],
    told: str,
) -> None:
    """Without policyTypes the API server keeps those of the first apply, and lint tells it."""
    where = ("networkpolicy", "sticky", "-n", "ci-sticky", "-o", "json")
    for number, text in enumerate((first, second)):
        unsealed.kubectl("apply", *flags, "-f", "-", stdin=f"{HEAD}{text}\n")
        stands = unsealed.kubectl("get", *where, "--show-managed-fields").stdout
        (tmp_path / f"{number}.json").write_text(stands)
    found = lint(str(tmp_path / "1.json"), "--before", str(tmp_path / "0.json"))

    assert json.loads((tmp_path / "1.json").read_text())["spec"]["policyTypes"] == stored
    assert told in [each["message"] for each in found if each["check"] == "types-vs-rules"]


def test_replace_recomputes_them(unsealed: ControlPlane) -> None:
    """What is not sticky: a replace, so that the same manifest means another thing."""
    for verb, text in (("create", f"{STICKY}}}"), ("replace", f"{STICKY}, {DNS}}}")):
        unsealed.kubectl(verb, "-f", "-", stdin=f"{HEAD}{text}\n")

    assert world.specs(unsealed, "ci-sticky")["sticky"]["policyTypes"] == ["Ingress", "Egress"]


IN_GUARDED = HEAD.replace("ci-sticky", "guarded")
IN_HALF = HEAD.replace("ci-sticky", "half")


def test_sticky_types_are_told_at_once(alone: ControlPlane) -> None:
    """The apply that adds dead rules is answered with why they are dead."""
    alone.kubectl("apply", "-f", "-", stdin=f"{IN_GUARDED}{STICKY}}}\n")
    done = alone.kubectl("apply", "-f", "-", stdin=f"{IN_GUARDED}{STICKY}, {DNS}}}\n")

    assert "Warning: spec.policyTypes: egress rules are not enforced: policyTypes" in done.stderr


def test_a_replace_that_recomputes_them_may_not_lose_isolation(plane: ControlPlane) -> None:
    """The same manifest is harmless applied, and opens all egress when replaced."""
    plane.kubectl("apply", "-f", "-", stdin=f"{IN_HALF}{STICKY}, {DNS}}}\n")
    applied = plane.kubectl("apply", "-f", "-", stdin=f"{IN_HALF}{STICKY}}}\n")
    replaced = plane.kubectl("replace", "-f", "-", stdin=f"{IN_HALF}{STICKY}}}\n", check=False)

    assert "Warning: spec.policyTypes: all egress is denied: policyTypes, once" in applied.stderr
    assert LOST.format(field="spec.policyTypes") in world.refused(replaced)


def lint(*arguments: str) -> list[world.Manifest]:
    """What `portcullis lint` finds."""
    out = io.StringIO()
    with redirect_stdout(out):
        cli.main(["lint", "--output", "json", *arguments])
    found: list[world.Manifest] = json.loads(out.getvalue())["findings"]
    return found
