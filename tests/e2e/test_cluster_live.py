"""`webhook.cluster` on a real API server, with no more rights than the chart gives."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from chart_rights import (
    CLUSTER_RULES,
    HOME,
    IDENTITY,
    NAME,
    RULES,
    USER,
    Lead,
    apply,
    candidate,
    eventually,
    role,
    soon,
    webhook_configuration,
)

from certs.rotation import Rotation
from certs.store import AlreadyExistsError as SecretExistsError
from certs.store import ConflictError as SecretConflictError
from tests.controlplane.plane import ControlPlane
from webhook.cluster.bundles import INJECTOR, WebhookBundles
from webhook.cluster.client import Api
from webhook.cluster.events import EventWriter
from webhook.cluster.informer import Informer
from webhook.cluster.live import LiveCluster
from webhook.cluster.secrets import SecretStore
from webhook.errors import ConflictError, NotFoundError, RefusedError
from webhook.interfaces import Event, ObjectReference
from webhook.model.namespace import Marks, Namespace, Seal
from webhook.model.objects import ObjectMeta
from webhook.model.policies import digest_of
from webhook.model.profiles import Profile, policies
from webhook.model.review import UserInfo
from webhook.stop import Stop

pytestmark = pytest.mark.controlplane

OTHER_UID = "11111111-1111-1111-1111-111111111111"


@pytest.fixture(scope="module")
def api(control_plane: ControlPlane) -> Iterator[Api]:
    """Us, with the rights of the chart."""
    home = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": HOME}}
    installation = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": NAME, "namespace": HOME},
    }
    apply(control_plane, home)
    apply(control_plane, installation, *role("ClusterRole", CLUSTER_RULES), *role("Role", RULES))
    kubeconfig = str(control_plane.kubeconfig(USER))
    api = Api.connect(kubeconfig, connections=8, version="test")
    yield api
    api.close()


@pytest.fixture
def events(api: Api) -> Iterator[EventWriter]:
    writer = EventWriter(api, interval=0.0)
    yield writer
    writer.close()


@pytest.fixture
def cluster(api: Api, events: EventWriter) -> LiveCluster:
    return LiveCluster(api, events, IDENTITY)


@pytest.fixture
def born(cluster: LiveCluster, namespace: str) -> Namespace:
    """A new Namespace as it is read."""
    found = cluster.namespace(namespace, soon())
    assert found is not None
    return found


def test_nodes_are_read_page_by_page(control_plane: ControlPlane, cluster: LiveCluster) -> None:
    """Every Node comes, over more than one page, with annotations and podCIDR."""
    control_plane_nodes = [
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": f"live-{n}", "annotations": {"flannel/x": str(n)}},
            "spec": {"podCIDR": f"10.244.{n}.0/24", "podCIDRs": [f"10.244.{n}.0/24"]},
        }
        for n in range(5)
    ]
    apply(control_plane, *control_plane_nodes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("webhook.cluster.pages.PAGE", 2)
        nodes = {node.metadata.name: node for node in cluster.nodes(soon())}

    assert {f"live-{n}" for n in range(5)} <= nodes.keys()
    assert nodes["live-3"].metadata.annotation_map["flannel/x"] == "3"
    assert nodes["live-3"].spec.pod_cidr == "10.244.3.0/24"


def test_what_was_taken_away_is_remembered_key_by_key(cluster: LiveCluster) -> None:
    """One key leaves the other as it was; nothing is known of a third."""
    for key, text in (("a.one", "earlier"), ("b.two", "other"), ("a.one", "later")):
        cluster.remember(key, text, soon())
    recalled = [cluster.recall(key, soon()) for key in ("a.one", "b.two", "c.three")]

    assert recalled == ["later", "other", None]


def test_a_namespace_is_read_or_absent(cluster: LiveCluster, born: Namespace) -> None:
    """A Namespace comes with uid and time of creation; an unknown name is None."""
    assert born.uid
    assert born.created is not None
    assert datetime.now(UTC) > born.created
    assert cluster.namespace("no-such-namespace", soon()) is None


def test_a_mark_is_bound_to_the_uid(cluster: LiveCluster, born: Namespace) -> None:
    """The mark is written on that Namespace only; another, or none, of the name is told apart."""
    cluster.mark(born, Marks(Seal.SEALED, Profile.DENY_ALL), soon())
    marked = cluster.namespace(born.name, soon())

    assert marked is not None
    assert marked.seal == "sealed"
    with pytest.raises(ConflictError, match="made anew"):
        cluster.mark(replace(born, uid=OTHER_UID), Marks(Seal.EXEMPT), soon())
    with pytest.raises(NotFoundError):
        cluster.mark(replace(born, name="no-such-namespace"), Marks(Seal.EXEMPT), soon())


def test_a_mark_is_bound_to_the_version(
    control_plane: ControlPlane, cluster: LiveCluster, born: Namespace
) -> None:
    """What somebody wished for since the Namespace was read is not written over."""
    control_plane.kubectl("label", "namespace", born.name, "portcullis.dev/profile=deny-ingress")

    with pytest.raises(ConflictError):
        cluster.mark(born, Marks(Seal.SEALED, Profile.DENY_ALL), soon())
    labels = control_plane.get("namespace", born.name)["metadata"]["labels"]
    assert labels["portcullis.dev/profile"] == "deny-ingress"


def test_a_mark_takes_over_what_the_mutation_wrote(
    control_plane: ControlPlane, cluster: LiveCluster, born: Namespace
) -> None:
    """`pending`, which stands there under the creator's manager, becomes `sealed`."""
    control_plane.kubectl("label", "namespace", born.name, "portcullis.dev/seal=pending")
    for marks in (Marks(Seal.SEALED, Profile.DENY_ALL), Marks(Seal.EXEMPT)):
        read = cluster.namespace(born.name, soon())
        assert read is not None
        cluster.mark(read, marks, soon())
    labels = control_plane.get("namespace", born.name)["metadata"]["labels"]

    assert labels["portcullis.dev/seal"] == "exempt"
    assert "portcullis.dev/profile" not in labels


def test_a_reason_goes_though_nobody_owns_it(
    control_plane: ControlPlane, cluster: LiveCluster, born: Namespace
) -> None:
    """Who clears managedFields takes no annotation of ours out of our hands."""
    pending = Marks(Seal.PENDING, Profile.DENY_ALL, Profile.DENY_ALL, reason="no quota")
    cluster.mark(born, pending, soon())
    cleared = json.dumps({"metadata": {"managedFields": [{}], "annotations": {"team": "web"}}})
    control_plane.kubectl("patch", "namespace", born.name, "--type=merge", "-p", cleared)
    read = cluster.namespace(born.name, soon())
    assert read is not None
    assert read.reason == "no quota"
    cluster.mark(read, Marks(Seal.SEALED, Profile.DENY_ALL, Profile.DENY_ALL), soon())
    annotations = control_plane.get("namespace", born.name)["metadata"]["annotations"]

    assert annotations == {"portcullis.dev/setting": "deny-all", "team": "web"}


@pytest.mark.parametrize("profile", list(Profile))
def test_applying_a_policy_again_writes_nothing(
    control_plane: ControlPlane, cluster: LiveCluster, namespace: str, profile: Profile
) -> None:
    """Every profile is in normal form: the second apply leaves the resourceVersion alone."""

    def versions() -> list[str]:
        found = control_plane.kubectl("get", "networkpolicies", "-n", namespace, "-o", "json")
        return [i["metadata"]["resourceVersion"] for i in json.loads(found.stdout)["items"]]

    for policy in policies(profile, dns=True):
        cluster.apply_policy(namespace, policy, soon())
    first = versions()
    time.sleep(1.1)  # managedFields carry seconds
    for policy in policies(profile, dns=True):
        cluster.apply_policy(namespace, policy, soon())

    assert first
    assert first == versions()


def test_apply_restores_our_fields_by_force(
    control_plane: ControlPlane, cluster: LiveCluster, namespace: str
) -> None:
    """A field of ours that somebody applied otherwise is ours again."""
    policy = policies(Profile.DENY_ALL, dns=False)[0]
    cluster.apply_policy(namespace, policy, soon())
    name = policy["metadata"]["name"]
    spoilt = json.dumps({"spec": {"policyTypes": ["Ingress"]}})
    control_plane.kubectl("patch", "networkpolicy", name, "-n", namespace, "-p", spoilt)
    cluster.apply_policy(namespace, policy, soon(), restore=True)
    found = control_plane.get("networkpolicy", name, namespace)

    assert found["spec"]["policyTypes"] == ["Ingress", "Egress"]


def test_apply_takes_owners_off(
    control_plane: ControlPlane, cluster: LiveCluster, namespace: str
) -> None:
    """The garbage collector would delete a policy that was taken over with its former owner."""
    policy = policies(Profile.DENY_ALL, dns=False)[0]
    name = policy["metadata"]["name"]
    control_plane.kubectl("create", "configmap", "owner", "-n", namespace)
    uid = control_plane.get("configmap", "owner", namespace)["metadata"]["uid"]
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid}
    owned = {**policy["metadata"], "namespace": namespace, "ownerReferences": [owner]}
    control_plane.kubectl("create", "-f", "-", stdin={**policy, "metadata": owned})
    cluster.apply_policy(namespace, policy, soon(), restore=True)
    (standing,) = cluster.standing(namespace, soon())

    assert standing.name == name
    assert standing.digest == digest_of(policy)


def test_policies_for_a_namespace_that_goes(
    control_plane: ControlPlane, cluster: LiveCluster, namespace: str
) -> None:
    """No namespace is NotFound; a Terminating one refuses, and says so."""
    policy = policies(Profile.DENY_ALL, dns=False)[0]
    with pytest.raises(NotFoundError):
        cluster.apply_policy("no-such-namespace", policy, soon())

    hold = {"metadata": {"finalizers": ["portcullis.dev/test"]}}
    made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "hold"}}
    made["metadata"] |= hold["metadata"] | {"namespace": namespace}
    apply(control_plane, made)
    control_plane.kubectl("delete", "namespace", namespace, "--wait=false")
    try:
        with pytest.raises(RefusedError, match="being terminated"):
            cluster.apply_policy(namespace, policy, soon())
        found = cluster.namespace(namespace, soon())

        assert found is not None
        assert found.terminating
    finally:
        drop = json.dumps({"metadata": {"finalizers": None}})
        control_plane.kubectl("patch", "configmap", "hold", "-n", namespace, "-p", drop)


def test_who_may_override(control_plane: ControlPlane, cluster: LiveCluster) -> None:
    """RBAC on guards.portcullis.dev decides, by user and by group, check by check."""
    group = "rbac.authorization.k8s.io"
    rule = {
        "apiGroups": ["portcullis.dev"],
        "resources": ["guards"],
        "resourceNames": ["some-check"],
        "verbs": ["override"],
    }
    meta = {"name": "live-override"}
    subjects = [{"apiGroup": group, "kind": "Group", "name": "net-admins"}]
    reference = {"apiGroup": group, "kind": "ClusterRole", "name": "live-override"}
    binding = {"metadata": meta, "roleRef": reference, "subjects": subjects}
    version = f"{group}/v1"
    apply(
        control_plane,
        {"apiVersion": version, "kind": "ClusterRole", "metadata": meta, "rules": [rule]},
        {"apiVersion": version, "kind": "ClusterRoleBinding", **binding},
    )
    admin = UserInfo("jane", "u1", ["net-admins"], {"example.org/scope": ["x"]})

    assert eventually(lambda: cluster.may_override(admin, "some-check", soon()))
    assert not cluster.may_override(admin, "other-check", soon())
    assert not cluster.may_override(UserInfo("jane"), "some-check", soon())


def test_the_installation_is_as_old_as_its_config_map(
    control_plane: ControlPlane, cluster: LiveCluster
) -> None:
    """The time is that of the ConfigMap, and an installation without one is NotFound."""
    stamp = control_plane.get("configmap", NAME, HOME)["metadata"]["creationTimestamp"]

    assert datetime.fromisoformat(stamp) == cluster.installed_at(soon())


def test_events_are_counted(
    control_plane: ControlPlane, events: EventWriter, born: Namespace
) -> None:
    """One Event stands for three equal ones, on one line, in `default` for a Namespace."""
    about = ObjectReference("v1", "Namespace", "", born.name, born.uid)
    for _ in range(3):
        events.record(Event(about, "Warning", "SealRefused", "no\nquota"))
    selector = f"--field-selector=involvedObject.name={born.name}"

    def counted() -> Any:
        found = control_plane.kubectl("get", "events", "-n", "default", selector, "-o", "json")
        items = json.loads(found.stdout)["items"]
        return items if items and items[0]["count"] == 3 else None

    (item,) = eventually(counted)

    assert item["message"] == "no quota"
    assert born.uid == item["involvedObject"]["uid"]
    assert events.dropped == 0


def test_the_secret_is_written_once_and_replaced_by_version(
    control_plane: ControlPlane, api: Api
) -> None:
    """Created once; replaced only if unchanged; labels of others stay; old keys go."""
    store = SecretStore(api, HOME, f"{NAME}-ca")
    assert store.load() is None
    store.create({"a": b"\x00\xff", "b": b"old"})
    first = store.load()
    assert first is not None
    control_plane.kubectl("label", "secret", f"{NAME}-ca", "-n", HOME, "team=net")
    with pytest.raises(SecretConflictError):
        store.replace({"a": b"lost"}, first.version)
    with pytest.raises(SecretExistsError):
        store.create({})
    second = store.load()
    assert second is not None
    store.replace({"a": b"new"}, second.version)
    third = store.load()
    labels = control_plane.get("secret", f"{NAME}-ca", HOME)["metadata"]["labels"]
    control_plane.kubectl("delete", "secret", f"{NAME}-ca", "-n", HOME)

    assert first.data == {"a": b"\x00\xff", "b": b"old"}
    assert first.owned
    assert third is not None
    assert third.data == {"a": b"new"}
    assert labels["team"] == "net"
    with pytest.raises(SecretConflictError):
        store.replace({}, third.version)


def test_a_rotation_fills_the_ca_bundles(control_plane: ControlPlane, api: Api) -> None:
    """Every entry gets the bundle; once it stands nothing is written; upgrades leave it alone."""
    kinds = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")
    bundles = WebhookBundles(api, NAME)
    assert bundles.published() == ()
    apply(
        control_plane,
        webhook_configuration(kinds[0], "a.portcullis.dev", "b.portcullis.dev"),
        webhook_configuration(kinds[1], "c.portcullis.dev"),
    )
    rotation = Rotation(SecretStore(api, HOME, f"{NAME}-ca"), bundles, lambda: datetime.now(UTC))
    try:
        rotation.step()
        (bundle,) = set(bundles.published())
        before = control_plane.get(kinds[0], NAME)["metadata"]["resourceVersion"]
        bundles.publish(bundle)
        rotation.step()
        after = control_plane.get(kinds[0], NAME)["metadata"]["resourceVersion"]
        apply(control_plane, webhook_configuration(kinds[0], "a.portcullis.dev"))

        assert bundle.startswith(b"-----BEGIN CERTIFICATE-----")
        assert before == after
        assert (bundle, bundle) == bundles.published()
    finally:
        control_plane.kubectl("delete", ",".join(kinds), NAME)
        control_plane.kubectl("delete", "secret", f"{NAME}-ca", "-n", HOME)


def test_an_entry_with_a_ca_bundle_can_be_dropped(control_plane: ControlPlane, api: Api) -> None:
    """By Helm's server-side apply, as a rollback does: we own nothing that would be left of it."""
    kind = "ValidatingWebhookConfiguration"
    helm = ("apply", "--server-side", "--field-manager=helm", "-f", "-")
    bundles = WebhookBundles(api, NAME)
    control_plane.kubectl(
        *helm, stdin=webhook_configuration(kind, "a.portcullis.dev", "b.portcullis.dev")
    )
    try:
        bundles.publish(b"bundle")
        bundles.disown()
        bundles.disown()
        managers = control_plane.kubectl("get", kind, NAME, "-o", "json", "--show-managed-fields")
        control_plane.kubectl(*helm, stdin=webhook_configuration(kind, "a.portcullis.dev"))

        assert "portcullis-ca" not in managers.stdout
        assert (b"bundle",) == bundles.published()
    finally:
        control_plane.kubectl("delete", kind, NAME)


def test_what_cainjector_leaves_behind_holds_no_entry(
    control_plane: ControlPlane, api: Api
) -> None:
    """After certificates.mode cert-manager; while it is asked to inject, its part is its own."""
    kind = "ValidatingWebhookConfiguration"
    command = ("apply", "--server-side", "-f", "-", "--field-manager")
    bundles = WebhookBundles(api, NAME)
    both = webhook_configuration(kind, "a.portcullis.dev", "b.portcullis.dev")
    control_plane.kubectl(*command, "helm", stdin=both)
    halves = [
        {"name": entry["name"], "clientConfig": {"caBundle": "Ynl0ZXM="}}
        for entry in both["webhooks"]
    ]
    control_plane.kubectl(*command, INJECTOR, stdin={**both, "webhooks": halves})
    annotate = ("annotate", kind, NAME)

    def managers() -> str:
        shown = control_plane.kubectl("get", kind, NAME, "-o", "json", "--show-managed-fields")
        return shown.stdout

    try:
        control_plane.kubectl(*annotate, "cert-manager.io/inject-ca-from=x/y")
        bundles.disown()
        kept = INJECTOR in managers()
        control_plane.kubectl(*annotate, "cert-manager.io/inject-ca-from-")
        bundles.disown()
        left = INJECTOR in managers()
        control_plane.kubectl(
            *command, "helm", stdin=webhook_configuration(kind, "a.portcullis.dev")
        )

        assert kept
        assert not left
        assert (b"bytes",) == bundles.published()
    finally:
        control_plane.kubectl("delete", kind, NAME)


def test_one_candidate_leads_and_hands_over_on_stop(control_plane: ControlPlane, api: Api) -> None:
    """One leads; when it stops, the other leads long before the lease would have run out."""
    first, stop_first, thread_first = candidate(api, "one")
    assert first.leading.wait(10)
    second, stop_second, thread_second = candidate(api, "two")
    assert not second.leading.wait(1.0)
    stopped = time.monotonic()
    stop_first.set()
    assert second.leading.wait(10)
    taken = time.monotonic() - stopped
    thread_first.join(5)
    spec = control_plane.get("lease", NAME, HOME)["spec"]
    stop_second.set()
    thread_second.join(5)

    assert spec["holderIdentity"] == "two"
    assert taken < 7
    assert Lead.together == 1
    assert not control_plane.get("lease", NAME, HOME)["spec"].get("holderIdentity")


def test_the_informer_tells_what_happens(control_plane: ControlPlane, api: Api) -> None:
    """Objects of the list, then additions, changes and deletions; it stops at once."""
    seen: list[tuple[str, str]] = []

    def note(kind: str, metadata: ObjectMeta) -> None:
        seen.append((kind, metadata.name))

    stop = Stop()
    informer = Informer(api, "/api/v1/namespaces", note)
    thread = threading.Thread(target=informer.run, args=(stop,), daemon=True)
    thread.start()
    eventually(lambda: ("ADDED", "kube-system") in seen)
    control_plane.kubectl("create", "namespace", "live-informer")
    control_plane.kubectl("label", "namespace", "live-informer", "a=b")
    control_plane.kubectl("delete", "namespace", "live-informer")
    eventually(lambda: ("DELETED", "live-informer") in seen)
    began = time.monotonic()
    stop.set()
    thread.join(5)

    assert not thread.is_alive()
    assert time.monotonic() - began < 4  # a silent peer is believed for minutes
    assert {("ADDED", "live-informer"), ("MODIFIED", "live-informer")} <= set(seen)


def test_a_single_object_may_be_watched_by_name(control_plane: ControlPlane, api: Api) -> None:
    """RBAC that names one object lets it be listed and watched by a field selector."""
    seen: list[str] = []
    stop = Stop()
    informer = Informer(
        api,
        f"/api/v1/namespaces/{HOME}/secrets",
        lambda kind, metadata: seen.append(f"{kind} {metadata.name}"),
        selector={"fieldSelector": f"metadata.name={NAME}-ca"},
    )
    thread = threading.Thread(target=informer.run, args=(stop,), daemon=True)
    thread.start()
    store = SecretStore(api, HOME, f"{NAME}-ca")
    store.create({})
    eventually(lambda: f"ADDED {NAME}-ca" in seen)
    control_plane.kubectl("delete", "secret", f"{NAME}-ca", "-n", HOME)
    eventually(lambda: f"DELETED {NAME}-ca" in seen)
    stop.set()
    thread.join(5)

    assert not thread.is_alive()
