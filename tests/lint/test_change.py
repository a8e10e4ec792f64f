"""A change is told what it makes wrong, and not what was so before."""

import dataclasses
import gc
import random
import time
from contextlib import suppress
from itertools import pairwise

import pytest

from tests.lint.test_fixtures import FIXTURES, cluster
from tests.netpol.clusters import cluster as random_cluster
from tests.netpol.clusters import policy as random_policy
from webhook.errors import DeadlineError
from webhook.lint.actions import JUDGED
from webhook.lint.catalogue import BY_ID
from webhook.lint.change import NOWHERE, Around, Change, cluster_of
from webhook.lint.cluster import Stored
from webhook.lint.registry import Needs
from webhook.lint.runner import run
from webhook.netpol.fields import Field
from webhook.netpol.model import Pod
from webhook.netpol.parse import parse_world
from webhook.netpol.parse_policy import parse_policy
from webhook.netpol.world import World

BY_POLICY = [check for check in JUDGED if check.needs is Needs.POLICY]
OPEN = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]}
CLOSED = {"podSelector": {}, "policyTypes": ["Ingress"]}
DEAD = CLOSED | {"egress": [{"to": [{"podSelector": {}}]}]}


def stored(spec, name="mine", namespace="shop"):
    """A policy as the API server stores it."""
    value = {"metadata": {"namespace": namespace, "name": name}, "spec": spec}
    return spec and Stored(parse_policy(Field(value)), value)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(None, OPEN, ["rule-allows-all-peers"], id="made"),
        pytest.param(CLOSED, OPEN, ["rule-allows-all-peers"], id="made-worse"),
        pytest.param(OPEN, OPEN | {"ingress": [{}, {}]}, [], id="so-before"),
        pytest.param(
            OPEN, OPEN | {"ingress": [{"ports": [{"protocol": "TCP", "port": 80}]}]},
            ["rule-allows-all-peers"], id="wrong-otherwise",
        ),
        pytest.param(OPEN, CLOSED, [], id="mended"),
        pytest.param(OPEN, None, [], id="gone"),
        pytest.param(CLOSED, DEAD, ["types-vs-rules/sticky"], id="sticky"),
        pytest.param(DEAD, DEAD | {"podSelector": {"matchLabels": {"a": "b"}}}, [], id="dead-yet"),
    ],
)  # fmt: skip
def test_only_what_a_change_brings(old, new, expected) -> None:
    """Findings of the new version that the old one does not have."""
    found = Change(stored(old), stored(new)).findings(BY_POLICY)

    assert [each.label for each in found] == expected


def world(*policies):
    """`shop` with one pod, and these policies."""
    return World.of([Pod("shop", "db")], [each.policy for each in policies if each], {"shop": {}})


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(CLOSED, None, ["no policy isolates shop/db for ingress any more"], id="gone"),
        pytest.param(
            CLOSED, CLOSED | {"podSelector": {"matchLabels": {"app": "x"}}},
            ["no policy isolates shop/db for ingress any more"], id="pointed-elsewhere",
        ),
        pytest.param(None, OPEN, ["this is the first policy on shop/db"], id="first"),
        pytest.param(OPEN, OPEN, [], id="stays"),
    ],
)  # fmt: skip
def test_with_the_cluster_around_it(old, new, expected) -> None:
    """Isolation that is lost, or comes with an allow, also where the policy goes."""
    before, after = stored(old), stored(new)
    around = Around(cluster_of(world(before), before), cluster_of(world(after), after))
    found = Change(before, after, around).findings([BY_ID["isolation-flip"]])

    assert [each.message.split(",")[0].split(":")[0] for each in found] == expected


def edited(rng, spec):
    """A spec with a rule more, a rule fewer, or a rule of another policy."""
    side = rng.choice(("ingress", "egress"))
    rules = [*(spec.get(side) or ())]
    other = (random_policy(rng, "other")["spec"].get(side) or [{}])[0]
    match rng.randrange(3):
        case 0:
            rules.append(other)
        case 1:
            rules = rules[1:]
        case 2:
            rules = [other, *rules[1:]]
    return spec | {side: rules}


def test_what_a_check_need_not_look_at_has_nothing_new() -> None:
    """Rules that stay, and a direction that stays, would add no finding, were they judged."""
    looking = [dataclasses.replace(check, side=None, by_rule=False) for check in JUDGED]
    differing = 0
    for seed in range(300):
        rng = random.Random(seed)
        rest, spec = parse_world(random_cluster(rng)), random_policy(rng, "mine")["spec"]
        old, new = (stored(each, namespace="x") for each in (spec, edited(rng, spec)))
        around = Around(*(cluster_of(rest.with_policy(it.policy), it) for it in (old, new)))
        found = Change(old, new, around).findings(JUDGED)
        differing += bool(found)

        assert found == Change(old, new, around).findings(looking), f"seed {seed}"
    assert differing > 50


def many(count):
    """A policy of as many rules, each with a block and a port of its own, and names of ports."""
    numbers = range(1, count + 1)
    rules = [
        {"from": [{"ipBlock": {"cidr": f"{n % 200}.{n // 200}.0.0/16"}}, {"podSelector": {}}],
         "ports": [{"protocol": "TCP", "port": n}, {"protocol": "TCP", "port": "http"}]}
        for n in numbers
    ]  # fmt: skip
    halves = [{"from": [{"ipBlock": {"cidr": each}}]} for each in ("0.0.0.0/1", "128.0.0.0/1")]
    return stored(CLOSED | {"ingress": [*halves, *rules]})


def in_one_rule(count):
    """A policy of one rule with as many selectors, in pairs, and as many names of ports."""
    pair = [{"namespaceSelector": {"matchLabels": {"a": "b"}}}, {"podSelector": {}}]
    ports = [{"protocol": "TCP", "port": f"p{n}"} for n in range(count)]
    rule = {"from": pair * count, "ports": ports}
    return stored(CLOSED | {"ingress": [rule, rule]})


@pytest.fixture
def uncollected():
    """Without the pauses of the garbage collector, which follow from all tests before this one."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize("made", [many, in_one_rule])
@pytest.mark.parametrize("check", JUDGED, ids=lambda check: check.id)
def test_work_on_a_large_policy_ends_when_time_is_over(made, check) -> None:
    """Between two checkpoints is no more work than a few times that of reading the policy."""
    began = time.thread_time()
    new = made(400)
    most = 5 * (time.thread_time() - began)
    calls = []

    def checkpoint():
        calls.append(time.thread_time())
        if len(calls) > 1000:
            raise DeadlineError("over")

    pods = [Pod("shop", f"p{n}", labels={"n": str(n)}) for n in range(300)]
    amid = World.of(pods, [new.policy], {"shop": {}, "kube-system": {}})
    around = Around(cluster_of(World.of(pods), None), cluster_of(amid, new, checkpoint))
    began = time.thread_time()
    with suppress(DeadlineError):
        Change(None, new, around).findings([check])
    gaps = [b - a for a, b in pairwise([began, *calls, time.thread_time()])]

    assert max(gaps) < most


@pytest.mark.parametrize("check", BY_POLICY, ids=lambda check: check.id)
def test_what_needs_the_policy_alone(check) -> None:
    """Such a check says of a policy alone what it says of it amid all manifests of its fixtures."""
    for path in (each for each in FIXTURES if each.parent.name == check.id):
        before = path.with_suffix(".before.yaml")
        known = cluster(path)
        old = cluster(before).by_key if before.exists() else {}
        whole = [f for f in run(known, cluster(before) if old else None) if f.check_id == check.id]
        alone = [
            found
            for each in known.stored
            for found in Change(None, each).findings([check])
            if not old
        ]

        assert old or sorted(f.message for f in alone) == sorted(f.message for f in whole)


def test_what_needs_the_policy_alone_asks_for_nothing_else() -> None:
    """The cluster around it has nothing in it."""
    asked = (NOWHERE.complete, NOWHERE.dual_stack, [*NOWHERE.world.pods], [*NOWHERE.world.policies])

    assert asked == (False, False, [], [])
