"""What is refused, held against the definitions asked one pod, one peer and one port at a time."""

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.protection.naive import (
    is_named,
    isolates,
    lost,
    neighbours,
    open_to,
    own_pods,
    policies,
    reopened,
    whole,
)
from tests.protection.specs import DENY, policy
from webhook.netpol.model import Direction
from webhook.protection import losses, may_weaken, reopenings

DENIED = policy(DENY, "deny")
changes = st.one_of(policies, st.none())


def verdict(others, old, new):
    """The directions in which isolation is lost, and those that are reopened."""
    lost_in = {found.direction for found in losses(others, old, new)}
    return lost_in, {found.direction for found in reopenings(others, old, new)}


def standing(others, changed):
    """All policies."""
    return [*others, *([] if changed is None else [changed])]


@settings(max_examples=400, deadline=None)
@given(neighbours, changes, changes)
def test_the_verdict_is_the_definition(others, old, new):
    """Lost and reopened are what every pod, peer and port asked on its own says they are."""
    before, after = standing(others, old), standing(others, new)
    expected = tuple(
        {d for d in Direction if asked(before, after, d)} for asked in (lost, reopened)
    )

    assert verdict(others, old, new) == expected


@settings(max_examples=200, deadline=None)
@given(neighbours, changes, changes)
def test_nothing_is_judged_where_nothing_could_weaken(others, old, new):
    """The short way out, which spares the cluster a question, never hides a verdict."""
    if not may_weaken(old, new):
        assert verdict(others, old, new) == (set(), set())


@settings(max_examples=200, deadline=None)
@given(neighbours, policies, st.data())
def test_rules_in_one_policy_or_in_two(others, both, data):
    """Splitting one policy's rules over two, made one after the other, changes no verdict."""
    at = data.draw(st.integers(0, len(both.ingress)))
    first = replace(both, name="first", ingress=both.ingress[:at])
    second = replace(both, name="second", ingress=both.ingress[at:])
    beside = [DENIED, *others]
    whole = verdict(beside, None, both)
    parts = [verdict(beside, None, first), verdict([*beside, first], None, second)]

    assert whole == (set(), set().union(*(reopened_in for _, reopened_in in parts)))


@settings(max_examples=200, deadline=None)
@given(neighbours, policies, st.data())
def test_a_change_that_only_closes_is_never_refused(others, old, data):
    """Dropping rules, or denying egress as well: whoever tightens meets no refusal."""
    kept = data.draw(st.sets(st.sampled_from(old.ingress)) if old.ingress else st.just(()))
    denied = data.draw(st.sets(st.just(Direction.EGRESS)))
    new = replace(old, ingress=tuple(kept), types=old.types | denied)

    assert verdict(others, old, new) == (set(), set())


@settings(max_examples=300, deadline=None)
@given(neighbours, changes, changes)
def test_what_opens_nobody_reopens_nothing(others, old, new):
    """Whatever was edited: where no pod is open to more than before, nothing is reopened."""
    before, after = standing(others, old), standing(others, new)
    _, reopened_in = verdict(others, old, new)
    for direction in Direction:
        if all(
            open_to(after, labels, direction) <= open_to(before, labels, direction)
            for labels in own_pods()
        ):
            assert direction not in reopened_in


@settings(max_examples=100, deadline=None)
@given(neighbours, policies)
def test_a_policy_made_anew_never_loses_isolation(others, new):
    """And the pods that were isolated are isolated still."""
    lost_in, _ = verdict(others, None, new)

    assert lost_in == set()
    for labels in own_pods():
        for direction in Direction:
            assert isolates([*others, new], labels, direction) >= isolates(
                others, labels, direction
            )


@settings(max_examples=100, deadline=None)
@given(neighbours, policies)
def test_a_change_of_nothing_is_no_change(others, one):
    """The same policy again, and its rules in another order, are not refused."""
    turned = replace(one, ingress=one.ingress[::-1])

    assert verdict(others, one, one) == verdict(others, one, turned) == (set(), set())


steps = st.lists(st.tuples(st.integers(0, 3), changes), min_size=3, max_size=10)


@settings(max_examples=300, deadline=None)
@given(steps)
def test_no_sequence_of_admitted_changes_opens_a_sealed_namespace(steps):
    """However a tenant gets there, step by step: all stay isolated, nobody unnamed is wide open."""
    standing_now = {}
    for number, wanted in steps:
        new = wanted and replace(wanted, name=f"p{number}")
        others = [DENIED, *(p for at, p in standing_now.items() if at != number)]
        if verdict(others, standing_now.get(number), new) == (set(), set()):
            standing_now |= {number: new} if new else {}
            if not new:
                standing_now.pop(number, None)

    after = [DENIED, *standing_now.values()]
    for direction in Direction:
        for labels in own_pods():
            assert isolates(after, labels, direction)
            assert is_named(labels) or not whole(open_to(after, labels, direction))
