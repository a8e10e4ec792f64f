"""The bench's clusters are reproducible and readable."""

import importlib.util
from pathlib import Path

from webhook.netpol.engine import connectivity
from webhook.netpol.parse import parse_world

BENCH = Path(__file__).resolve().parents[2] / "bench" / "netpol.py"


def load():
    spec = importlib.util.spec_from_file_location("bench_netpol", BENCH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_seed_makes_one_cluster():
    """The same seed gives the same manifests, of the size asked for."""
    bench = load()
    first, again = bench.cluster(120, 24, seed=7), bench.cluster(120, 24, seed=7)
    world = parse_world(each for objects in first.values() for each in objects)

    assert first == again
    assert (120, 24) == (len(list(world.pods)), len(list(world.policies)))
    assert 0 < len(connectivity(world)) < 120 * 120 * 2


def test_rules_decide_something():
    """Default deny closes most of the cluster, and rules open some of it again."""
    bench = load()
    objects = [each for made in bench.cluster(120, 24, seed=7).values() for each in made]
    world = parse_world(objects)
    denying = [policy for policy in world.policies if not (policy.ingress or policy.egress)]
    conns = {row.conn for row in connectivity(world)}

    assert 3 == len(denying)
    assert len(conns) > 3
