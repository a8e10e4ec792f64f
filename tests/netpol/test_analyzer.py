"""The engine against IBM's network-config-analyzer, run live on random clusters."""

import random

from tests.netpol import analyzer
from tests.netpol.clusters import CIDRS, cluster, policy
from tests.netpol.samples import ASKED, PORTS, edges, table
from webhook.netpol.engine import connectivity
from webhook.netpol.parse import parse_world

CLUSTERS = 400


def made(seed):
    """A random cluster with some policies more, so that most pods are restricted."""
    rng = random.Random(seed)
    objects = cluster(rng) + [policy(rng, f"more-{number}") for number in range(4)]
    return analyzer.without_faults(objects)


def theirs(lines, externals):
    """What the analyzer allows, as asked ports by (source, target, family)."""
    found = {}
    for source, target, conn in lines:
        ports = {(p, n) for p, low, high in analyzer.spans(conn) for n in PORTS if low <= n <= high}
        for start in analyzer.stands_for(source, externals):
            for end in analyzer.stands_for(target, externals):
                found[start, end, 4] = found.get((start, end, 4), frozenset()) | ports
    return {key: ports for key, ports in found.items() if ports}


def test_engine_agrees_with_the_analyzer(tmp_path):
    """Where none of its known faults applies, every pair of 400 clusters has the same ports."""
    analyzer.installed()
    clusters = [made(seed) for seed in range(CLUSTERS)]
    restricted = 0
    for seed, lines in enumerate(analyzer.connections(clusters, tmp_path)):
        world = parse_world(clusters[seed])
        pods = {int(number) for pod in world.pods for _, number in pod.addresses}
        externals = [a for a in edges(CIDRS) if a.version == 4 and int(a) not in pods]
        ours = table(connectivity(world, ipblock_matches_pods=False), externals)

        assert ours == theirs(lines, externals), f"seed {seed}"
        restricted += sum(ports != ASKED for ports in ours.values())
    assert restricted > 5 * CLUSTERS
