"""The engine against a naive evaluator, and the algebra of policies, on random clusters."""

import copy
import random
from functools import cache

import pytest

from tests.netpol.clusters import CIDRS, changed, cluster, policy, rule
from tests.netpol.reference import Reference
from tests.netpol.samples import PORTS, difference, edges, opened, table, truth
from webhook.netpol.engine import connectivity, declared, diff
from webhook.netpol.explain import explain
from webhook.netpol.model import Direction
from webhook.netpol.parse import parse_world
from webhook.netpol.ports import PROTOCOLS as NAMED

FEW, MANY = 500, 5_000


def some_addresses(seed, *references):
    """External addresses at the edges of blocks that are no pod's."""
    taken = {a for each in references for pod in each.pods.values() for a in pod["addresses"]}
    return random.Random(seed).sample([a for a in edges(CIDRS) if a not in taken], 6)


def check_against_reference(seeds):
    """Both sides of a random change, and the change itself, against every tuple asked."""
    for seed in seeds:
        rng = random.Random(seed)
        objects = cluster(rng)
        sides = objects, changed(rng, objects)
        for reading in (True, False) if seed % 5 == 0 else (seed % 2 == 0,):
            references = [Reference(each, reading) for each in sides]
            externals = some_addresses(seed, *references)
            before, after = (truth(each, externals) for each in references)
            worlds = [parse_world(each) for each in sides]
            rows = list(connectivity(worlds[0], ipblock_matches_pods=reading))
            change = diff(*worlds, ipblock_matches_pods=reading)

            assert before == table(rows, externals), f"seed {seed}"
            assert sorted(rows) == rows
            assert difference(after, before) == table(change.opened, externals), f"seed {seed}"
            assert difference(before, after) == table(change.closed, externals), f"seed {seed}"


def test_engine_agrees_with_the_naive_evaluator():
    """Every tuple of 500 random clusters and changes is answered as the specification says."""
    check_against_reference(range(FEW))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_engine_agrees_with_the_naive_evaluator_at_length():
    """The same on 5,000 other clusters."""
    check_against_reference(range(FEW, FEW + MANY))


def keyed(rows):
    return {(row.src, row.dst, row.family): row.conn for row in rows}


def pair(seed):
    rng = random.Random(seed)
    before = cluster(rng)
    return parse_world(before), parse_world(changed(rng, before))


def exact(rows):
    """Rows as sets of single ports, by pair; ranges are cut alike in what is compared."""
    return {(row.src, row.dst, row.family, each) for row in rows for each in expanded(row.conn)}


@cache
def expanded(conn):
    """A connection as the ports of `opened`, and its text's edges, so that nothing hides."""
    if conn == "All Connections":
        conn = ",".join(f"{protocol} 1-65535" for protocol in NAMED)
    edges = {1, 65535, *PORTS, *(p - 1 for p in PORTS[1:]), 8081, 8080, 8082, 65534, 2}
    found, protocol = set(), ""
    for item in conn.split(","):
        protocol, _, span = item.rpartition(" ") if " " in item else (protocol, "", item)
        low, _, high = span.partition("-")
        found.update((protocol, p) for p in edges if int(low) <= p <= int(high or low))
    return frozenset(found)


def with_common_edges(before, after):
    """Give each world the other's ipBlock edges by policies that select no pod."""
    nowhere = [
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": "edges", "namespace": "nowhere"},
            "spec": {"ingress": [{"from": [{"ipBlock": block} for block in all_blocks()]}]},
        }
    ]
    edges = next(iter(parse_world(nowhere).policies))
    return before.with_policy(edges), after.with_policy(edges)


def all_blocks():
    return [{"cidr": c, **({"except": list(e)} if e else {})} for c, e in CIDRS]


def test_diff_is_the_difference_of_the_connectivities():
    """What a diff opens and closes is the set difference of both whole connectivities."""
    for seed in range(FEW):
        before, after = with_common_edges(*pair(seed))
        change = diff(before, after)
        was, now = exact(connectivity(before)), exact(connectivity(after))

        assert now - was == exact(change.opened), f"seed {seed}"
        assert was - now == exact(change.closed), f"seed {seed}"


@pytest.mark.slow
def test_diff_reversed_swaps_opened_and_closed():
    """A change undone closes what it opened and opens what it closed."""
    for seed in range(MANY):
        before, after = pair(seed)
        there, back = diff(before, after), diff(after, before)

        assert list(there.opened) == list(back.closed), f"seed {seed}"
        assert list(there.closed) == list(back.opened), f"seed {seed}"


def test_diff_of_a_world_with_itself_is_empty():
    """Reading the same objects twice is no change."""
    for seed in range(50):
        objects = cluster(random.Random(seed))
        change = diff(parse_world(objects), parse_world(copy.deepcopy(objects)))

        assert (0, 0) == (len(change.opened), len(change.closed))


def test_lengths_count_the_rows():
    """The number of rows is known without expanding them."""
    for seed in range(100):
        before, after = pair(seed)
        for rows in (connectivity(before), diff(before, after).opened):
            assert len(list(rows)) == len(rows)


def test_changed_worlds_equal_worlds_read_anew():
    """A warm world, changed step by step, answers as one built from the objects."""
    for seed in range(200):
        before, after = pair(seed)
        stepped = before.warm()
        kept = {(policy.namespace, policy.name) for policy in after.policies}
        for old in list(before.policies):
            if (old.namespace, old.name) not in kept:
                stepped = stepped.without_policy(old.namespace, old.name)
        for new in after.policies:
            stepped = stepped.with_policy(new)
        for pod in list(before.pods):
            if pod.key not in after.table.slot_of:
                stepped = stepped.without_pod(pod.namespace, pod.name)
        for pod in after.pods:
            stepped = stepped.with_pod(pod)
        for name, labels in after.table.namespaces.items():
            stepped = stepped.with_namespace(name, labels)

        assert list(connectivity(after)) == list(connectivity(stepped)), f"seed {seed}"
        assert not diff(after, stepped).opened


@pytest.mark.slow
def test_adding_a_policy_never_isolates_fewer_pods():
    """Isolation grows with policies, in each direction."""
    for seed in range(MANY):
        rng = random.Random(seed)
        objects = cluster(rng)
        before = parse_world(objects)
        after = parse_world([*objects, policy(rng, "added")])
        for direction in Direction:
            lost = before.isolated(direction) & ~after.isolated(direction)

            assert 0 == lost, f"seed {seed}"


@pytest.mark.slow
def test_adding_a_rule_under_explicit_types_never_closes():
    """With policyTypes written out, one more rule only ever opens."""
    for seed in range(MANY):
        rng = random.Random(seed)
        objects = cluster(rng)
        before = copy.deepcopy(objects)
        policies = [o for o in objects if o["kind"] == "NetworkPolicy"]
        if not policies:
            continue
        index = objects.index(rng.choice(policies))
        for each in (before, objects):
            each[index]["spec"]["policyTypes"] = ["Ingress", "Egress"]
        side, peers = rng.choice((("ingress", "from"), ("egress", "to")))
        spec = objects[index]["spec"]
        spec[side] = [*(spec.get(side) or []), rule(rng, peers)]

        assert [] == list(diff(parse_world(before), parse_world(objects)).closed), f"seed {seed}"


def test_explain_agrees_with_connectivity():
    """What explain says of a pair is the pair's row."""
    for seed in range(100):
        world = parse_world(cluster(random.Random(seed)))
        reading = seed % 2 == 0
        rows = keyed(connectivity(world, ipblock_matches_pods=reading))
        names = sorted({name for row in rows for name in row[:2] if not name.startswith("ext")})
        for source in names:
            for target in names:
                if source != target:
                    answer = explain(world, source, target, ipblock_matches_pods=reading)
                    for hop in answer.hops:
                        key = source, target, hop.source.family
                        assert opened(rows[key]) if key in rows else not hop.allowed


def test_a_diff_is_never_more_than_what_both_sides_declare():
    """Without altered pods, what opens was opened by the source's or the target's policies."""
    for seed in range(200):
        rng = random.Random(seed)
        objects = cluster(rng)
        before = parse_world(objects)
        after = parse_world([*objects, policy(rng, "added")])
        sides = [declared(before, after, direction) for direction in Direction]
        change = diff(before, after)
        opened_by = set().union(*(exact(side.opened) for side in sides))
        closed_by = set().union(*(exact(side.closed) for side in sides))

        assert exact(change.opened) <= opened_by, f"seed {seed}"
        assert exact(change.closed) <= closed_by, f"seed {seed}"
