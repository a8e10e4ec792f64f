"""Admission says of a change what the command line says of the manifests before and after it."""

import random

import pytest
from msgspec.structs import replace

from tests.netpol.clusters import NAMESPACES, cluster, policy
from webhook.admission.surroundings import versions
from webhook.lint.actions import JUDGED
from webhook.lint.change import Around, Change, cluster_of
from webhook.lint.cluster import build
from webhook.lint.registry import Needs
from webhook.lint.runner import run
from webhook.netpol.parse import parse_world

CHECKS = [check for check in JUDGED if check.needs is not Needs.AUTHOR]
IDS = {check.id for check in CHECKS}


def whole(rng):
    """A cluster whose namespaces are all declared, kube-system too, one policy a name."""
    objects = [each for each in cluster(rng) if each["kind"] != "Namespace"]
    names = (*NAMESPACES, "kube-system")
    return [
        {"apiVersion": "v1", "kind": "Namespace",
         "metadata": {"name": name, "labels": {"team": rng.choice(("red", "blue"))}}}
        for name in names
    ] + objects  # fmt: skip


def key(each):
    """Namespace and name of an object."""
    return each["metadata"].get("namespace"), each["metadata"]["name"]


def offline(objects, before, where):
    """What `portcullis lint --before` finds at one policy, as (id, variant, message).

    But for what the templates tell beside the pods: admission reads pods alone.
    """
    known = [replace(build(it), templates=()) for it in (objects, before) if it is not None]
    found = run(*known)
    mine = [f for f in found if f.check_id in IDS and (f.object.namespace, f.object.name) == where]
    return {(f.check_id, f.sub, f.message) for f in mine if f.object.kind == "NetworkPolicy"}


def in_admission(before, old, new):
    """What admission finds, from a picture of the cluster before."""
    picture = parse_world(before)
    policies = build([each for each in (old, new) if each]).stored
    stored = iter(policies)
    was, will_be = (next(stored) if each else None for each in (old, new))
    namespace = key(old or new)[0]
    name = key(old or new)[1]
    others = tuple(p for p in picture.policies_of(namespace) if p.name != name)
    worlds = versions(picture, namespace, others, was and was.policy, will_be and will_be.policy)
    around = Around(cluster_of(worlds[0], was), cluster_of(worlds[1], will_be))
    found = Change(was, will_be, around).findings(CHECKS)
    return {(each.check_id, each.sub, each.message) for each in found}


@pytest.mark.parametrize("kind", ["made", "changed", "removed"])
def test_admission_and_command_line_agree(kind) -> None:
    """On random clusters: the findings of the new version, without those of the old one."""
    seen = set()
    for seed in range(150):
        rng = random.Random(f"{kind} {seed}")
        objects = whole(rng)
        others = [each for each in objects if each["kind"] != "NetworkPolicy"]
        named = {key(e): e for e in objects if e["kind"] == "NetworkPolicy"}
        changed = policy(rng, "changed")
        old = None
        if kind != "made":
            old = policy(rng, "changed")
            old["metadata"]["namespace"] = changed["metadata"]["namespace"]
        new = None if kind == "removed" else changed
        standing = [*others, *named.values()]
        before = [*standing, *([old] if old else [])]
        after = [*standing, *([new] if new else [])]
        told = offline(after, before, key(changed))
        known = offline(before, None, key(changed)) if old and new else set()

        seen |= {check_id for check_id, _, _ in told - known}
        assert in_admission(before, old, new) == told - known, f"{kind} {seed}"
    assert len(seen) > (0 if kind == "removed" else 10)
