"""What a check looks for: without it the check would find nothing."""

import dataclasses
import json
import random

import pytest

from tests.lint.test_change import edited, stored
from tests.lint.test_fixtures import FIXTURES, cluster
from tests.netpol.clusters import cluster as random_cluster
from tests.netpol.clusters import policy as random_policy
from webhook.lint.actions import JUDGED
from webhook.lint.change import Around, Change, cluster_of
from webhook.lint.cluster import Stored
from webhook.lint.evidence import LAST_APPLIED
from webhook.lint.runner import judge
from webhook.lint.subject import Subject
from webhook.lint.traits import Trait
from webhook.netpol.parse import parse_world

LOOKING = [dataclasses.replace(check, all_of=frozenset()) for check in JUDGED]


def test_a_check_that_is_not_run_would_find_nothing() -> None:
    """On random policies, made and edited: the findings of all checks, run whatever there is."""
    told = set()
    for seed in range(400):
        rng = random.Random(f"traits {seed}")
        rest, spec = parse_world(random_cluster(rng)), random_policy(rng, "mine")["spec"]
        old = stored(spec, namespace="x") if seed % 2 else None
        new = stored(edited(rng, spec), namespace="x")
        around = Around(
            cluster_of(rest.with_policy(old.policy) if old else rest, old),
            cluster_of(rest.with_policy(new.policy), new),
        )
        found = Change(old, new, around).findings(JUDGED)
        told |= {each.check_id for each in found}

        assert found == Change(old, new, around).findings(LOOKING), f"seed {seed}"
    assert len(told & {check.id for check in JUDGED if check.all_of}) > 5


@pytest.mark.parametrize("check", [c for c in JUDGED if c.all_of], ids=lambda check: check.id)
def test_what_a_check_finds_has_its_traits(check) -> None:
    """On the check's own fixtures, some of which it finds fault with."""
    looking, faults = dataclasses.replace(check, all_of=frozenset()), 0
    for path in (each for each in FIXTURES if each.parent.name == check.id):
        known = cluster(path)
        for subject in (Subject(each, known) for each in known.stored):
            found = list(judge([looking], subject))
            faults += len(found)

            assert list(judge([check], subject)) == found
    assert faults


def test_every_trait_is_looked_for() -> None:
    """A trait that no check names is told for nothing."""
    assert {trait for check in JUDGED for trait in check.all_of} == set(Trait)


@pytest.mark.parametrize("check", [c for c in JUDGED if c.word], ids=lambda check: check.id)
def test_what_a_check_finds_in_a_manifest_has_its_word(check) -> None:
    """On the check's own fixtures, as `kubectl apply` keeps them beside what is stored."""
    looking, faults = dataclasses.replace(check, word=""), 0
    for path in (each for each in FIXTURES if each.parent.name == check.id):
        for each in cluster(path).stored:
            kept = {"annotations": {LAST_APPLIED: json.dumps(each.value)}}
            change = Change(None, Stored(each.policy, {"metadata": kept}))
            found = change.findings([looking])
            faults += len(found)

            assert change.findings([check]) == found
    assert faults
