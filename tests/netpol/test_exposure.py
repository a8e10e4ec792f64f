"""Exposure says exactly what a pod that is made later meets."""

import copy
import random

import pytest

from tests.netpol.clusters import LABELS, NAMESPACE_LABELS, cluster, labels
from webhook.netpol.exposure import MAX_CELLS, Opening, exposure
from webhook.netpol.intervals import EMPTY, intersection, union
from webhook.netpol.model import Direction, Pod
from webhook.netpol.parse import parse_world
from webhook.netpol.ports import conn_text
from webhook.netpol.verdict import Endpoint, Judge

MORE = {key: (*values, "unheard-of") for key, values in LABELS.items()}
MORE_OF_NAMESPACES = {
    key: (*values, "unheard-of")
    for key, values in NAMESPACE_LABELS.items()
    if key != "kubernetes.io/metadata.name"
}


def test_a_later_pod_meets_what_was_foretold():
    """Add a random pod without ports or addresses: its side of every pair is the exposure."""
    for seed in range(200):
        rng = random.Random(seed)
        objects = cluster(rng)
        world = parse_world(objects)
        foretold = list(exposure(world))
        namespace = rng.choice(("x", "y", "later"))
        pod = Pod(namespace, "later", labels=labels(rng, MORE))
        after = world.with_pod(pod)
        if namespace == "later":
            after = after.with_namespace("later", labels(rng, MORE_OF_NAMESPACES))
        later, judge = Endpoint(4, pod), Judge(after, ipblock_matches_pods=False)
        for subject in world.pods:
            if subject.host_network:
                continue
            for direction in Direction:
                ends = (Endpoint(4, subject), later)
                source, target = ends if direction is Direction.EGRESS else reversed(ends)
                expected = judge.decide(direction, source, target).ports
                matching = [
                    each.opening.ports
                    for each in foretold
                    if each.direction is direction
                    and subject.key in each.subjects
                    and each.namespaces.matches(after.table.namespaces[namespace])
                    and each.pods.matches(pod.labels)
                ]
                found = EMPTY
                for ports in matching:
                    assert EMPTY == intersection(found, ports) or found == ports
                    found = union(found, ports)

                assert expected == found, f"seed {seed}"


def policy(*peers, **port):
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "p", "namespace": "x"},
        "spec": {"ingress": [{"from": list(peers), **({"ports": [port]} if port else {})}]},
    }


POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "a", "namespace": "x"},
    "spec": {"containers": []},
}


def told(*objects):
    """Ingress exposures as (namespaces, pods, ports)."""
    return [
        (str(each.namespaces), str(each.pods), conn_text(each.opening.ports))
        for each in exposure(parse_world(copy.deepcopy([POD, *objects])))
        if each.direction is Direction.INGRESS
    ]


def expression(operator, *values):
    found = {"key": "app", "operator": operator, **({"values": list(values)} if values else {})}
    return {"matchExpressions": [found]}


OWN = "kubernetes.io/metadata.name=x"
ALL = "All Connections"


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        pytest.param([], [("", "", ALL)], id="not-isolated"),
        pytest.param([policy({"namespaceSelector": {}})], [("", "", ALL)], id="every-namespace"),
        pytest.param([policy({"podSelector": {}}, port=80)], [(OWN, "", "TCP 80")], id="own"),
        pytest.param([policy({"ipBlock": {"cidr": "10.0.0.0/8"}})], [], id="only-addresses"),
        *(
            pytest.param(
                [policy({"namespaceSelector": {}, "podSelector": expression(*of)})],
                [("", text, ALL)],
                id=of[0],
            )
            for of, text in (
                (("In", "a", "b"), "app in (a,b)"),
                (("NotIn", "a", "b"), "app notin (a,b)"),
                (("Exists",), "app"),
                (("DoesNotExist",), "!app"),
            )
        ),
        pytest.param(
            [
                policy(
                    {"namespaceSelector": {}, "podSelector": expression("In", "a")},
                    {"namespaceSelector": {}, "podSelector": expression("NotIn", "a")},
                )
            ],
            [("", "", ALL)],
            id="union-is-everything",
        ),
    ],
)
def test_selectors_come_back(objects, expected):
    """Merged cells read as the selectors that a person would write."""
    assert expected == told(*objects)


def test_too_many_cells_are_told_rule_by_rule():
    """Above the limit each rule's own selectors are told, marked as overlapping."""
    keys = [f"k{n}" for n in range(MAX_CELLS.bit_length())]
    selector = {"matchLabels": dict.fromkeys(keys, "v")}
    world = parse_world([POD, policy({"podSelector": selector})])
    (found,) = (e for e in exposure(world) if e.direction is Direction.INGRESS)

    assert (False, len(keys)) == (found.exact, len(found.pods.requirements))
    assert Opening() != found.opening
