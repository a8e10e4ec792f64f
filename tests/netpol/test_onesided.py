"""The short ways to a difference, by direction, against the long way and the specification."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.netpol.clusters import CIDRS, NAMESPACES, cluster, policy
from tests.netpol.reference import Reference
from tests.netpol.samples import difference, edges, table, truth
from webhook.netpol.bothsides import BothSides
from webhook.netpol.engine import Comparison, declared, diff
from webhook.netpol.model import DIRECTIONS
from webhook.netpol.onesided import OneSided
from webhook.netpol.parse import parse_world
from webhook.netpol.reach import Groups
from webhook.netpol.scope import revision

SIDES = (("ingress", "Ingress"), ("egress", "Egress"))


def dual_stack(objects):
    """Give every pod addresses of both families."""
    pods = [each for each in objects if each["kind"] == "Pod"]
    for number, each in enumerate(pods, start=1):
        each["status"] |= {"podIPs": [{"ip": f"10.0.0.{number}"}, {"ip": f"fd00::{number}"}]}
    return objects


def edited(rng, objects):
    """Change the rules, and the type, of one direction of one policy, or make or delete one."""
    policies = [each for each in objects if each["kind"] == "NetworkPolicy"]
    rest = [each for each in objects if each["kind"] != "NetworkPolicy"]
    if not policies or rng.random() < 0.1:
        made = policy(rng, "made")
        made["metadata"]["namespace"] = rng.choice(NAMESPACES)
        return [*objects, made]
    chosen = rng.choice(policies)
    others = [each for each in policies if each is not chosen]
    if rng.random() < 0.1:
        return [*rest, *others]
    (side, kind), other = rng.choice(SIDES), policy(rng, "other")["spec"]
    spec = {key: each for key, each in chosen["spec"].items() if key != side}
    types = set(spec.get("policyTypes") or ["Ingress", "Egress"]) ^ (
        {kind} if rng.random() < 0.3 else set()
    )
    spec |= {side: other[side]} if side in other else {}
    spec["policyTypes"] = sorted(types) or ["Ingress"]
    return [*rest, *others, {**chosen, "spec": spec}]


def change(seed, edits=1):
    """A random cluster, and changes of its policies, as objects and as worlds."""
    rng = random.Random(seed)
    objects = cluster(rng)
    objects += [policy(rng, f"more{number}") for number in range(rng.randint(0, 3))]
    objects = dual_stack(objects) if rng.random() < 0.3 else objects
    latter = objects
    for _ in range(edits):
        latter = edited(rng, latter)
    before, after = parse_world(objects), parse_world(latter)
    changed = before
    # Mostly what stays is the very same, as a watch has it; at times it was read anew.
    known = {each: each for each in before.policies} if rng.random() < 0.8 else {}
    for name in NAMESPACES:
        policies = [known.get(each, each) for each in after.policies_of(name)]
        changed = changed.with_policies(name, policies)
    return (objects, latter), (before, changed)


def found_by(compared):
    """How a comparison finds what differs."""
    return {type(each) for _, each in compared._found}


def blocks(rows):
    """Rows as they are held, in their order."""
    return [(b.family, b.sources, b.targets, b.ports) for b in rows.blocks]


def the_long_way(compared):
    """The same comparison by groups of both directions."""
    lenses = [(family, each._lenses) for family, each in compared._found]
    compared._found = [(family, Groups(pair, altered=0)) for family, pair in lenses]
    return compared


@settings(max_examples=500, deadline=None)
@given(st.integers(0, 1 << 32), st.integers(1, 4), st.booleans(), st.booleans())
def test_the_short_way_is_the_long_way(seed, edits, reading, coarse):
    """Sets, ports and their order are the same, so that what is told is the same to the byte."""
    _, (before, after) = change(seed, edits)
    choice = {"ipblock_matches_pods": reading, "coarse": coarse}
    short = Comparison(before, after, **choice)
    long = the_long_way(Comparison(before, after, **choice))
    pairs = [(short.change(), long.change())]
    pairs += [(short.declared(side), long.declared(side)) for side in DIRECTIONS]

    for side, (one, _) in zip(DIRECTIONS, pairs[1:], strict=True):
        assert short.may_open(side) is long.may_open(side) is bool(one.opened.blocks)
    for one, other in pairs:
        assert blocks(one.opened) == blocks(other.opened)
        assert blocks(one.closed) == blocks(other.closed)


@pytest.mark.parametrize("reading", [True, False])
@pytest.mark.parametrize(("edits", "way"), [(1, OneSided), (3, BothSides)])
def test_the_short_way_is_what_the_specification_says(reading, edits, way):
    """Every tuple of 200 changes is answered as by the naive evaluator."""
    short = 0
    for seed in range(200):
        sides, (before, after) = change(seed, edits)
        references = [Reference(each, reading) for each in sides]
        taken = {a for each in references for pod in each.pods.values() for a in pod["addresses"]}
        outside = [address for address in edges(CIDRS) if address not in taken]
        externals = random.Random(seed).sample(outside, 6)
        was, now = (truth(each, externals) for each in references)
        short += found_by(Comparison(before, after)) == {way}
        found = diff(before, after, ipblock_matches_pods=reading)

        assert difference(now, was) == table(found.opened, externals), f"seed {seed}"
        assert difference(was, now) == table(found.closed, externals), f"seed {seed}"
    assert short > 60, "few of the changes go the short way"


def test_most_changes_of_rules_are_seen_as_such():
    """A policy with other rules for the same pods parts no groups; the property above has many."""
    seen = 0
    for seed in range(200):
        _, worlds = change(seed)
        for name in NAMESPACES:
            for side in DIRECTIONS:
                one, other = (each.side(name, side) for each in worlds)
                seen += bool(one and other and one is not other and revision(one, other))

    assert seen > 20


def test_the_other_direction_stays():
    """What is declared of a direction in which nothing changed is nothing."""
    for seed in range(100):
        _, (before, after) = change(seed)
        compared = Comparison(before, after)
        if found_by(compared) == {OneSided}:
            (turned,) = {each._direction for _, each in compared._found}
            (other,) = set(DIRECTIONS) - {turned}
            assert not declared(before, after, other).opened.blocks


def test_worlds_made_of_one_know_where_they_differ():
    """Namespaces whose policies are one and the same are not walked, and none is missed."""
    for seed in range(100):
        _, (before, after) = change(seed)
        further = after.with_policies("y", ()).with_policies("x", before.policies_of("x"))
        for one in (before, after, further):
            for other in (before, after, further):
                names = {*one.scopes, *other.scopes}
                expected = {n for n in names if one.scopes.get(n) is not other.scopes.get(n)}

                assert one.differing(other) == expected


def test_what_is_isolated_follows_a_change():
    """A world made of another knows of its own namespace what one read anew knows."""
    for seed in range(100):
        (_, latter), (before, after) = change(seed)
        before.warm()
        for side in DIRECTIONS:
            anew = parse_world(latter)
            assert after.isolated(side) == anew.isolated(side), f"seed {seed}"
