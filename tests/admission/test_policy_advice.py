"""The change in words: what an admitted NetworkPolicy opens and closes, within its budget."""

import json
import threading
import time

import pytest

from tests.fakes.cluster import FakeCluster
from tests.reviews import network_policy, review
from webhook.admission.picture import READ_SECONDS, Pictures
from webhook.admission.policy_advice import AUDIT_KEY, PolicyAdviser
from webhook.bootstrap import admission as compose
from webhook.deadline import Deadline
from webhook.errors import UnavailableError
from webhook.metrics import SilentRecorder
from webhook.model.objects import NetworkPolicy, ObjectMeta
from webhook.model.pods import PodAddress, PodObject, PodState
from webhook.model.review import decode_review
from webhook.model.text import MAX_WARNING_RUNES, MAX_WARNINGS
from webhook.settings import load

APP = {"matchLabels": {"app": "db"}}
BLUE = {"namespaceSelector": {"matchLabels": {"team": "blue"}}}
DENY = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def spec(pods=None, types=("Ingress",), **rules):
    """A spec."""
    return {"podSelector": pods or {}, "policyTypes": list(types), **rules}


def from_blue(*ports):
    """An ingress rule for the namespaces of a team."""
    return {"from": [BLUE], "ports": [{"protocol": "TCP", "port": port} for port in ports]}


def pod(namespace, name, number, **labels):
    """A running pod with an IPv4 address."""
    state = PodState(phase="Running", pod_ips=[PodAddress(f"10.0.0.{number}")])
    return PodObject(ObjectMeta(name=name, namespace=namespace, labels=labels), status=state)


@pytest.fixture
def cluster():
    """Two databases in `shop`, which is denied all ingress; two pods of the team `blue`."""
    fake = FakeCluster()
    for name, team in {"shop": "red", "web": "blue"}.items():
        fake.add_namespace(name, seal="sealed")
        fake.labels[name] = {"team": team}
    fake.pod_list += [pod("shop", f"db-{n}", n, app="db") for n in (1, 2)]
    fake.pod_list += [pod("web", f"front-{n}", n + 10) for n in (1, 2)]
    fake.policies["shop", "deny"] = {"metadata": {"name": "deny"}, "spec": spec()}
    return fake


def policy(given, name="mine"):
    """A NetworkPolicy of `shop`."""
    return given and NetworkPolicy.of(ObjectMeta(name=name, namespace="shop"), given)


def advise(cluster, old, new, *, budget=5.0, max_pods=100, left=10.0):
    """The advice for a change of a policy in `shop`."""
    adviser = PolicyAdviser(cluster, Pictures(cluster, max_pods), budget, max_pods)
    return adviser.advise("shop", policy(old), policy(new), Deadline.after(left))


NARROW = spec(APP, ingress=[from_blue(5432)])
EVERY_POD = "every pod in the cluster (4 pods)"
NO_EFFECT = "opens and closes nothing: "


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(None, NARROW, ["opens: TCP 5432 to shop/* from web/*"], id="opens"),
        pytest.param(NARROW, None, ["closes: TCP 5432 to shop/* from web/*"], id="closes"),
        pytest.param(
            NARROW,
            spec(APP, ingress=[from_blue(5433)]),
            [
                "opens: TCP 5433 to shop/* from web/*",
                "closes: TCP 5432 to shop/* from web/*",
            ],
            id="moves",
        ),
        pytest.param(
            None,
            spec(APP, ingress=[{}]),
            [f"opens: everything to shop/* from {EVERY_POD} and every IPv4 address outside"],
            id="opens-to-all",
        ),
        pytest.param(
            None, spec(), [NO_EFFECT + "other policies allow and deny the same already"],
            id="denied-already",
        ),
        pytest.param(
            None, spec({"matchLabels": {"app": "x"}}, ingress=[{}]),
            [NO_EFFECT + "it selects no pod that shop has now"],
            id="selects-nobody",
        ),
        pytest.param(NARROW, NARROW, [], id="spec-stays"),
    ],
)  # fmt: skip
def test_the_change_is_told(cluster, old, new, expected):
    """Who may speak to whom, on what, by the cluster as it is; or that nothing comes of it."""
    if old is not None:
        cluster.policies["shop", "mine"] = {"metadata": {"name": "mine"}, "spec": old}
    advice = advise(cluster, old, new)

    assert list(advice.warnings) == expected
    assert advice.audit == ({AUDIT_KEY: "; ".join(expected)} if expected else {})


def test_a_pod_and_itself_are_no_change(cluster):
    """A policy that lets in its own pods, with one pod, opens nothing: a pod reaches itself."""
    cluster.pod_list = [each for each in cluster.pod_list if each.metadata.name != "db-2"]
    advice = advise(cluster, None, spec(APP, ingress=[{"from": [{"podSelector": APP}]}]))

    assert list(advice.warnings) == [
        NO_EFFECT + "a pod always reaches itself, and no other is concerned"
    ]


def test_what_the_other_side_denies_is_told(cluster):
    """A rule that opens nothing because the peer's own namespace denies egress names that."""
    item = {"metadata": {"name": "deny"}, "spec": DENY}
    cluster.policies["web", "deny"] = item
    advice = advise(cluster, None, NARROW)

    assert advice.warnings[0] == "this rule opens nothing: policies of web still deny egress"


def test_a_pod_without_an_address_is_not_said_to_be_denied(cluster):
    """A policy that comes with its pods: where they will be let in by address, nobody knows yet."""
    cluster.pod_list = [each for each in cluster.pod_list if each.metadata.namespace != "shop"]
    state = PodState(phase="Pending")
    labels = ObjectMeta(name="db-1", namespace="shop", labels={"app": "db"})
    cluster.pod_list.append(PodObject(labels, status=state))
    block = {**DENY, "egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]}
    cluster.policies["web", "deny"] = {"metadata": {"name": "deny"}, "spec": block}
    advice = advise(cluster, None, NARROW)

    assert list(advice.warnings) == [
        NO_EFFECT
        + "other policies allow and deny the same already, as far as pods have addresses yet"
    ]


def test_the_policies_of_the_namespace_are_those_of_now(cluster):
    """A picture may be seconds old; the neighbours of a change are read anew."""
    pictures = Pictures(cluster, 100)
    adviser = PolicyAdviser(cluster, pictures, 5.0, 100)
    pictures.latest(Deadline.after(5))
    del cluster.policies["shop", "deny"]
    advice = adviser.advise("shop", None, policy(spec(APP)), Deadline.after(10))

    assert [each.partition(":")[0] for each in advice.warnings] == ["closes"]


TOO_LARGE = (
    "what this opens and closes is too large to diff here ({:,} pods, {} ms): see `portcullis diff`"
)


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        pytest.param({"max_pods": 3}, TOO_LARGE.format(3, 5000), id="pods"),
        pytest.param({"budget": 0.0}, TOO_LARGE.format(100, 0), id="budget"),
        pytest.param({"left": 0.5}, TOO_LARGE.format(100, 5000), id="time-of-the-review"),
    ],
)
def test_above_a_budget_it_is_too_large(cluster, limits, told):
    """The answer comes all the same, and says where the difference is to be had."""
    advice = advise(cluster, None, NARROW, **limits)

    assert (advice.warnings, advice.audit) == ((told,), {AUDIT_KEY: "too large"})


def test_a_slow_cluster_does_not_hold_up_the_answer(cluster):
    """A picture that does not come, and a budget of a twentieth: too large, and in time."""
    answered = threading.Event()
    cluster.before("pods", lambda: answered.wait(READ_SECONDS))
    began = time.monotonic()
    advice = advise(cluster, None, NARROW, budget=0.05)
    took = time.monotonic() - began
    answered.set()

    assert advice.audit == {AUDIT_KEY: "too large"}
    assert took < 2.0


def test_thinking_ends_with_the_budget(cluster):
    """A policy of a thousand rules over 2,000 pods is given up, not waited for."""
    cluster.pod_list += [
        pod("shop", f"p{n}", n % 250, app=f"a{n % 97}", tier=f"t{n % 7}") for n in range(2_000)
    ]
    rules = [
        {"from": [{"ipBlock": {"cidr": f"10.{n % 250}.{n // 250}.0/24"}}, {"podSelector":
         {"matchLabels": {"app": f"a{n % 97}"}}}], "ports": [{"port": 1000 + n}]}
        for n in range(1_000)
    ]  # fmt: skip
    began = time.thread_time()
    advice = advise(cluster, None, spec(ingress=rules), budget=0.05, max_pods=5_000)

    assert advice.audit == {AUDIT_KEY: "too large"}
    assert time.thread_time() - began < 1.5


def test_a_change_within_the_namespace_is_told_in_a_large_cluster(cluster):
    """Where peers are pods of the namespace alone, its own pods are enough."""
    cluster.policies["shop", "deny"] = {"metadata": {"name": "deny"}, "spec": DENY}
    local = spec(APP, ("Ingress", "Egress"), ingress=[{"from": [{"podSelector": {}}]}],
                 egress=[{"to": [{"podSelector": {}}]}])  # fmt: skip
    advice = advise(cluster, None, local, max_pods=3)

    assert advice.warnings == ("opens: everything to shop/* from shop/*",)


def test_a_cluster_that_is_away_costs_nothing(cluster):
    """It is advice: without an answer the change may happen all the same."""
    cluster.fail("network_policies", UnavailableError("away"))

    assert advise(cluster, None, NARROW).warnings == ()


@pytest.fixture
def send(cluster, tmp_path):
    """Sends a review through the whole of admission, with settings; gives the response."""

    def send(operation, new, **diff):
        given = tmp_path / "settings.json"
        unhurried = {"budgetMillis": 2000, **diff}
        given.write_text(json.dumps({"networkPolicies": {"diff": unhurried}}))
        environ = {"POD_NAMESPACE": "portcullis-system", "PORTCULLIS_SETTINGS": str(given)}
        made = compose(load(environ), SilentRecorder(), cluster)
        body = json.dumps(review(operation, new)).encode()
        return made.validate(decode_review(body), Deadline.after(10))

    return send


@pytest.mark.parametrize(
    ("diff", "audit"),
    [
        pytest.param({}, "opens: TCP 5432 to shop/* from web/*", id="default"),
        pytest.param({"maxPods": 3}, "too large", id="fewer-pods"),
        pytest.param({"enabled": False}, None, id="off"),
    ],
)
def test_the_budget_is_a_setting(send, diff, audit):
    """Pods and milliseconds are `networkPolicies.diff` of the settings; it may be turned off."""
    response = send("CREATE", network_policy("narrow", "shop", spec=NARROW), **diff)

    assert response.allowed
    assert response.audit_annotations.get(AUDIT_KEY) == audit


@pytest.mark.parametrize(
    ("matches", "opened"),
    [pytest.param(True, True, id="calico"), pytest.param(False, False, id="cilium")],
)
def test_the_reading_of_ipblock_is_a_setting(send, matches, opened):
    """Whether a block that holds pods opens anything to them is for the network plugin to say."""
    block = {"from": [{"ipBlock": {"cidr": "10.0.0.8/29"}}], "ports": [{"port": 5432}]}
    new = network_policy("block", "shop", spec=spec(APP, ingress=[block]))
    audit = send("CREATE", new, ipblockMatchesPods=matches).audit_annotations[AUDIT_KEY]

    assert ("from web/" in audit) is opened


def test_the_milliseconds_are_a_setting(cluster, send):
    """Of a cluster that takes a tenth of a second to read, 10 ms tell nothing."""
    cluster.before("pods", lambda: time.sleep(0.1))
    new = network_policy("narrow", "shop", spec=NARROW)

    assert send("CREATE", new, budgetMillis=10).audit_annotations == {AUDIT_KEY: "too large"}
    assert send("CREATE", new, budgetMillis=2000).audit_annotations != {AUDIT_KEY: "too large"}


def test_the_audit_annotation_is_short_and_the_warnings_fit(cluster, send):
    """However much a change opens: an annotation of 1,024 runes, 15 warnings of 256."""
    names = [f"{'very-long-name-' * 4}{n}" for n in range(60)]
    for number, name in enumerate(names):
        cluster.add_namespace(name)
        cluster.pod_list.append(pod(name, "p" * 60 + str(number), number + 20))
    rules = [
        {"from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}],
         "ports": [{"port": 1000 + number}]}
        for number, name in enumerate(names)
    ]  # fmt: skip
    response = send(
        "CREATE", network_policy("wide", spec=spec(APP, ingress=rules), namespace="shop")
    )

    assert response.allowed
    assert response.audit_annotations[AUDIT_KEY].startswith("opens: TCP 10")
    assert len(response.audit_annotations[AUDIT_KEY]) <= 1024
    assert 1 < len(response.warnings) <= MAX_WARNINGS
    assert all(len(each) <= MAX_WARNING_RUNES for each in response.warnings)
    assert "opens: 56 more groups of connections" in response.warnings


def test_what_is_refused_is_not_told(send):
    """No picture is read for a change that does not happen."""
    new = network_policy("open", spec=spec(ingress=[{}]), namespace="shop")
    response = send("CREATE", new)

    assert not response.allowed
    assert AUDIT_KEY not in response.audit_annotations
