"""A cluster that was there before: what adopting it would break, and adopting it."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from tests.adoption.reference import PROBES, broken
from tests.controlplane.fixtures import isolated
from tests.controlplane.installation import NAMESPACE, Installation, Replica
from tests.controlplane.plane import ControlPlane
from tests.e2e import older_cluster, world
from tests.netpol.reference import Reference
from webhook.cli import main
from webhook.model.profiles import policies

pytestmark = pytest.mark.controlplane

NAMES, EXEMPT = older_cluster.NAMES, older_cluster.EXEMPT
REPORT = "portcullis.dev/report"
DENY = "portcullis-deny-all"
GOING, TAKEN, OWN = "old-0", "old-1", "old-2"
CONTROLLER = {**world.VALUES["controller"], "changesPerSecond": 200, "adoptionsPerSecond": 100}


def values(backfill: str) -> world.Manifest:
    deny = {**world.VALUES["defaultDeny"], "backfill": backfill}
    return {**world.VALUES, "controller": CONTROLLER, "defaultDeny": deny}


@pytest.fixture(scope="module")
def installation(request: pytest.FixtureRequest) -> Iterator[Installation]:
    """Portcullis, come to a cluster with 300 namespaces; one of them is going."""
    with isolated(request) as plane:
        older_cluster.build(plane)
        foreign = world.policy(TAKEN, DENY)
        held = world.config_map(GOING, "held", None, finalizers=["example.com/held"])
        world.create(plane, foreign, held)
        plane.kubectl("delete", "namespace", GOING, "--wait=false")
        time.sleep(1.1)  # the age of a namespace is known to the second
        with Installation(plane, values=values("report")) as installed:
            yield installed


@pytest.fixture(scope="module")
def plane(installation: Installation) -> ControlPlane:
    return installation.plane


@pytest.fixture
def run(plane: ControlPlane, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a command; its exit status and what it prints."""

    def command(*arguments: str, user: str | None = None) -> tuple[int, str]:
        capsys.readouterr()
        kubeconfig = plane.kubeconfig(user) if user else plane.admin_kubeconfig
        code = main([*arguments, "--kubeconfig", str(kubeconfig)])
        return code, capsys.readouterr().out

    return command


def everything(plane: ControlPlane, *kinds: str) -> list[dict[str, Any]]:
    """All objects of these kinds, of all namespaces."""
    found = plane.kubectl("get", ",".join(kinds), "-A", "-o", "json").stdout
    items: list[dict[str, Any]] = json.loads(found)["items"]
    return items


def objects(plane: ControlPlane) -> dict[str, list[dict[str, Any]]]:
    """Pods and policies by namespace."""
    by_name: dict[str, list[dict[str, Any]]] = {}
    for item in everything(plane, "pods", "networkpolicies"):
        by_name.setdefault(item["metadata"]["namespace"], []).append(item)
    return by_name


def profile_in(namespace: str) -> list[dict[str, Any]]:
    """What is added to a namespace, as plain objects."""
    made = [json.loads(json.dumps(it)) for it in policies("deny-all", dns=True)]
    for manifest in made:
        manifest["metadata"]["namespace"] = namespace
    return made


def expected(found: Sequence[dict[str, Any]], name: str) -> dict[str, list[str]]:
    """What the reference evaluator says that is lost."""
    return broken(found, profile_in(name), name)


def patiently(condition: Callable[[], bool]) -> float:
    """Wait for what many namespaces have to come to, without taking their processors away."""

    def later() -> bool:
        time.sleep(0.5)
        return condition()

    return world.eventually(later, 60)


def marked(plane: ControlPlane) -> Counter[str]:
    """How many namespaces bear each seal."""
    items = everything(plane, "namespaces")
    labels = (item["metadata"].get("labels", {}) for item in items)
    return Counter(it[world.SEAL] for it in labels if world.SEAL in it)


def annotations(plane: ControlPlane) -> dict[str, dict[str, str]]:
    items = everything(plane, "namespaces")
    return {it["metadata"]["name"]: it["metadata"].get("annotations", {}) for it in items}


def versions(plane: ControlPlane) -> dict[str, str]:
    """The resourceVersion of all that could be changed."""
    items = everything(plane, "namespaces", "networkpolicies")
    return {it["metadata"]["uid"]: it["metadata"]["resourceVersion"] for it in items}


def leader(installation: Installation) -> Replica:
    lease = installation.plane.get("lease", "portcullis", NAMESPACE)
    assert lease is not None
    holder = lease["spec"].get("holderIdentity")
    return next(replica for replica in installation.replicas if replica.name == holder)


def test_the_report_is_what_a_recomputation_finds(
    plane: ControlPlane, run: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """300 namespaces: each pod and direction, by the leader and by `portcullis adopt --all`."""
    living = [name for name in NAMES if name != GOING]

    def reported() -> int:
        return sum(REPORT in found for found in annotations(plane).values())

    took = patiently(lambda: reported() == len(living) + 1)  # `default` too
    noted = annotations(plane)
    present = objects(plane)
    lost = {name: expected(present.get(name, []), name) for name in living}
    code, text = run("adopt", "--all", "-o", "json")
    rows = {row["namespace"]: row for row in json.loads(text)}
    told = {
        name: {side.title(): [it["pod"] for it in rows[name]["cutOff"][side]] for side in row}
        for name in living
        for row in [rows[name]["cutOff"]]
    }
    total = Counter(side for sides in lost.values() for side, pods in sides.items() for _ in pods)
    with capsys.disabled():
        print(f"\nreport on {len(living)} namespaces {took:.1f} s after installing: {dict(total)}")

    assert code == 1
    assert told == lost
    assert {*rows} == {*living, "default"}
    for name in living:
        counts = [len(lost[name][side]) for side in ("Ingress", "Egress")]
        pods = rows[name]["pods"]
        sides = [
            f"{side} {n}/{pods}" for side, n in zip(("ingress", "egress"), counts, strict=True)
        ]
        assert all(side in noted[name][REPORT] for side in sides), noted[name][REPORT]
    assert "in the way: portcullis-deny-all" in noted[TAKEN][REPORT]
    assert not any(REPORT in noted[name] for name in (*EXEMPT, GOING, "kube-system"))
    assert not marked(plane)


def test_status_shows_it(run: Any) -> None:
    """In place of a reason, and as JSON."""
    _, table = run("status")
    _, text = run("status", "-o", "json")
    rows = {row["namespace"]: row for row in json.loads(text)}

    assert rows[OWN]["state"] == "unmarked"
    assert rows[OWN]["report"].startswith("deny-all: ingress ")
    assert f"would cut off by {rows[OWN]['report']}" in table


def test_a_dry_run_changes_nothing_and_tells_each_connection(plane: ControlPlane, run: Any) -> None:
    """No object has another resourceVersion; what it closes is what the reference says."""
    name = next(n for n in NAMES[3:] if len(objects(plane).get(n, [])) >= 4)
    before = versions(plane)
    code, text = run("adopt", "--namespace", name, "--dry-run", "-o", "json")
    _, words = run("adopt", "--namespace", name, "--dry-run")
    found = json.loads(text)
    closed = {(row["src"], row["dst"]) for row in found["diff"]["closed"]}

    assert versions(plane) == before
    assert (code, found["state"], found["diff"]["opened"]) == (0, "dry run", [])
    assert found["policies"]["created"] == ["portcullis-deny-all", "portcullis-allow-dns"]
    assert closed >= lost_pairs(plane, name)
    assert f"NetworkPolicy {name}/{DENY}: created" in words
    assert "nothing was changed: dry run" in words


def lost_pairs(plane: ControlPlane, name: str) -> set[tuple[str, str]]:
    """Pairs of a pod of the namespace and one elsewhere that could speak, and cannot any more."""
    present = [*everything(plane, "pods", "networkpolicies", "namespaces")]
    before = Reference(present, ipblock_matches_pods=True)
    after = Reference([*present, *profile_in(name)], ipblock_matches_pods=True)
    own = [pod for pod in before.pods if pod.startswith(f"{name}/")]
    others = [pod for pod in before.pods if not pod.startswith(f"{name}/")][::40]
    pairs = {(one, other) for one in own for other in others}
    return {
        pair
        for pair in pairs | {(other, one) for one, other in pairs}
        if before.allowed(*pair, 4, PROBES) - after.allowed(*pair, 4, PROBES)
    }


def adopter(plane: ControlPlane) -> str:
    """A user with the rights that docs/adoption.md names, and no others."""
    rights = {
        "namespaces": ["get", "list", "patch"],
        "pods": ["list"],
        "networkpolicies": ["list"],
        "configmaps": ["get"],
    }
    groups = {"networkpolicies": "networking.k8s.io"}
    rules = [
        {"apiGroups": [groups.get(resource, "")], "resources": [resource], "verbs": verbs}
        for resource, verbs in rights.items()
    ]
    rules[-1]["resourceNames"] = ["portcullis"]
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "rules": rules}
    world.create(plane, {**role, "metadata": {"name": "adopter"}})
    plane.kubectl("create", "clusterrolebinding", "a", "--clusterrole=adopter", "--user=ada")
    return "ada"


def test_adopting_one_applies_and_marks(plane: ControlPlane, run: Any) -> None:
    """By a wish of the caller's; from then on its pods are not sent to the webhook any more."""
    code, text = run("adopt", "--namespace", OWN, user=adopter(plane))
    sent = world.reviews_sent(plane, "pods-unmarked")
    world.create(plane, world.pod(OWN, "later"))
    again, unchanged = run("adopt", "--namespace", OWN)

    assert (code, text.splitlines()[-1]) == (0, "adopted")
    assert (again, unchanged.splitlines()[-1]) == (0, "it is so already")
    assert world.marks(plane, OWN) == world.SEALED
    assert world.specs(plane, OWN).items() >= world.INJECTED.items()
    assert REPORT not in annotations(plane)[OWN]
    assert world.reviews_sent(plane, "pods-unmarked") == sent


def test_a_manifest_that_replaces_the_namespace_is_refused(plane: ControlPlane) -> None:
    """As Argo CD's Replace=true does: it would drop the marks. An apply leaves them."""
    manifest = world.new_namespace(OWN)
    replaced = plane.kubectl("replace", "-f", "-", stdin=manifest, check=False)
    flags = ("--server-side", "--force-conflicts", "--field-manager=kustomize-controller")
    plane.kubectl("apply", *flags, "-f", "-", stdin=manifest)

    assert "portcullis.dev/seal]: Forbidden" in world.refused(replaced)
    assert world.marks(plane, OWN) == world.SEALED


def test_somebody_elses_policy_is_taken_over_on_request_alone(
    plane: ControlPlane, run: Any
) -> None:
    """Without the request it is a conflict, and nothing is changed."""
    before = versions(plane)
    code, text = run("adopt", "--namespace", TAKEN)
    assert (code, versions(plane)) == (1, before)
    assert f"NetworkPolicy {TAKEN}/{DENY}: in the way" in text
    code, text = run("adopt", "--namespace", TAKEN, "--take-over")

    assert (code, text.splitlines()[-1]) == (0, "adopted")
    assert world.specs(plane, TAKEN)[DENY] == world.DENY_ALL


def test_another_profile_leaves_no_policy_of_the_former_one(plane: ControlPlane, run: Any) -> None:
    """What the new profile does not have goes; a policy of the namespace's own stays."""
    name = NAMES[5]
    world.create(plane, world.policy(name, "mine"))
    first, _ = run("adopt", "--namespace", name, "--profile", "same-namespace")
    had = {*world.policies(plane, name)}
    second, text = run("adopt", "--namespace", name, "--profile", "deny-all")
    world.eventually(
        lambda: not {*world.policies(plane, name)} & {"portcullis-allow-same-namespace"}
    )

    assert (first, second) == (0, 0)
    assert "portcullis-allow-same-namespace" in had
    assert f"NetworkPolicy {name}/portcullis-allow-same-namespace: deleted" in text
    assert {*world.policies(plane, name)} == had - {"portcullis-allow-same-namespace"}


def test_enforcing_goes_on_after_a_lost_leader(
    installation: Installation, plane: ControlPlane, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each is adopted once, at the rate that is set; exempt and going ones are left alone."""
    already = {name: {*world.policies(plane, name)} for name in (OWN, TAKEN)}
    installation.upgrade(values("enforce"))
    installation.lose()
    began = time.monotonic()
    installation.recover()
    patiently(lambda: marked(plane)["sealed"] > 60)
    lost = leader(installation)
    lost.controller.kill()
    killed = marked(plane)["sealed"]
    patiently(lambda: marked(plane)["sealed"] == len(NAMES))  # `default`, for GOING
    seconds = time.monotonic() - began
    lost.start("controller")
    everywhere = objects(plane)
    with capsys.disabled():
        print(f"\nadopted {len(NAMES)} namespaces in {seconds:.1f} s, leader killed at {killed}")

    assert killed < len(NAMES) - 20
    for name in NAMES:
        found = {it["metadata"]["name"]: it for it in everywhere.get(name, [])}
        ours = {it: found[it]["spec"] for it in world.INJECTED if it in found}
        assert ours == ({} if name == GOING else world.INJECTED), name
    assert all({*world.policies(plane, name)} == had for name, had in already.items())
    assert not marked(plane).keys() - {"sealed"}
    assert not any(world.policies(plane, name).keys() & world.INJECTED for name in EXEMPT)
    events = plane.kubectl("get", "events", "-A", "--field-selector=reason=Adopted", "-o", "name")
    assert len(events.stdout.split()) > 1
    assert not any(REPORT in found for found in annotations(plane).values())
