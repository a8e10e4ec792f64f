"""A namespaceSelector is held against those Namespaces alone that it may match."""

import random

from tests.lint.test_change import CLOSED, stored
from webhook.lint.catalogue import BY_ID
from webhook.lint.change import Around, Change, cluster_of
from webhook.netpol.model import METADATA_NAME
from webhook.netpol.world import World

NAMES = ("shop", "dev", "kube-system")
KEYS = (METADATA_NAME, "team")
CHECK = BY_ID["ns-selector-matches-none"]


def requirement(rng):
    """A requirement on a Namespace's name or team, now and then of a name that there is not."""
    operator = rng.choice(("In", "NotIn", "Exists", "DoesNotExist"))
    values = rng.sample(("shop", "dev", "gone", "red"), rng.randint(1, 3))
    some = {"values": values} if operator in ("In", "NotIn") else {}
    return {"key": rng.choice(KEYS), "operator": operator, **some}


def test_it_is_told_exactly_where_no_namespace_matches() -> None:
    """Whatever it requires, of the name and of other labels."""
    world = World.of(namespaces={name: {"team": "red"} if name == "dev" else {} for name in NAMES})
    labels, told = world.table.namespaces.values(), set()
    for seed in range(300):
        rng = random.Random(seed)
        asked = [requirement(rng) for _ in range(rng.randint(1, 2))]
        peer = {"namespaceSelector": {"matchExpressions": asked}}
        new = stored(CLOSED | {"ingress": [{"from": [peer]}]})
        selector = new.policy.ingress[0].peers[0].namespaces
        change = Change(None, new, Around(cluster_of(world, None), cluster_of(world, new)))
        matched = any(selector.matches(each) for each in labels)
        found = change.findings([CHECK])
        told.add(matched)

        assert bool(found) is not (matched or _contradicts(selector)), f"seed {seed}: {selector}"
    assert told == {True, False}


def _contradicts(selector) -> bool:
    """Told by another check."""
    values = [{key: value} for key in KEYS for value in ("shop", "dev", "gone", "red", "else")]
    both = [{**one, **other} for one in values for other in values]
    return not any(selector.matches(each) for each in ({}, *values, *both))
