"""A difference of two worlds in words: ends, ports, ranges, and what is merged."""

import random

import pytest

from tests.netpol.clusters import cluster, policy
from tests.protection.specs import blocks, spec
from webhook.netpol.engine import Comparison, diff
from webhook.netpol.parse import parse_world
from webhook.protection.words import MAX_LINES, Teller, counted

APP = {"matchLabels": {"app": "a0"}}
OWN = {"from": [{"podSelector": {}}]}


def pod(namespace, number, *addresses, host=False):
    """A pod with the label ``app`` of its own."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"p{number}", "namespace": namespace, "labels": {"app": f"a{number}"}},
        "spec": {"containers": [], "hostNetwork": host},
        "status": {"podIPs": [{"ip": address} for address in addresses]},
    }


def made(given, name="changed"):
    """A policy of namespace ``x``."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": "x"},
        "spec": given,
    }


def told(pods, given, *, whole=True, standing=()):
    """What a new policy opens beside a deny of both ways."""
    deny = made(spec(types=["Ingress", "Egress"]), "deny")
    objects = [*pods, deny, *(made(each, f"s{n}") for n, each in enumerate(standing))]
    after = parse_world([*objects, made(given)])
    change = diff(parse_world(objects), after)
    return list(Teller(after, "x", whole).lines("opens", change.opened))


PAIR = [pod("x", 0), pod("x", 1)]
FIVE = [pod("x", n) for n in range(5)]
MANY = [pod(f"n{n}", n) for n in range(4)]
DUAL = [pod("x", 0, "10.0.0.1", "fd00::1"), pod("x", 1, "10.0.0.2", "fd00::2")]
V4 = "every IPv4 address outside"
TCP80 = [{"protocol": "TCP", "port": 80}, {"protocol": "TCP", "port": 443}]


@pytest.mark.parametrize(
    ("pods", "given", "expected"),
    [
        pytest.param(
            [*PAIR, *MANY], spec(APP, ingress=[{}]),
            [f"opens: everything to x/p0 from 4 pods of 4 namespaces and {V4}"], id="namespaces",
        ),
        pytest.param(
            [*PAIR, *MANY[:2]], spec(ingress=[{"from": [{"namespaceSelector": {}}]}]),
            ["opens: everything to x/* from n0/p0, n1/p1"], id="names",
        ),
        pytest.param(
            FIVE, spec({"matchExpressions": [
                {"key": "app", "operator": "NotIn", "values": ["a0"]}
            ]}, ingress=[blocks("10.0.0.0/8")]),
            ["opens: everything to 4 pods of x from 10.0.0.0/8"], id="counted-pods",
        ),
        pytest.param(
            PAIR, spec(APP, ingress=[blocks("0.0.0.0/0", ports=TCP80)]),
            [f"opens: TCP 80,443 to x/p0 from {V4}"], id="ports",
        ),
        pytest.param(
            PAIR, spec(APP, egress=[blocks("10.0.0.0/8", direction="to")]),
            ["opens: everything to 10.0.0.0/8 from x/p0"], id="egress",
        ),
        pytest.param(
            PAIR, spec(APP, ingress=[{"from": [
                {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.0.0.0/32"]}}
            ]}]),
            ["opens: everything to x/p0 from 10.0.0.1-10.255.255.255"], id="no-cidr",
        ),
        pytest.param(
            PAIR, spec(APP, ingress=[blocks("1.0.0.0/8", "3.0.0.0/8", "5.0.0.0/8", "7.0.0.0/8")]),
            ["opens: everything to x/p0 from 1.0.0.0/8, 3.0.0.0/8, 5.0.0.0/8, 1 more range"],
            id="counted-ranges",
        ),
        pytest.param(
            PAIR, spec(APP, ingress=[blocks("10.0.0.0/9", "10.128.0.0/9")]),
            ["opens: everything to x/p0 from 10.0.0.0/8"], id="halves-are-one",
        ),
        pytest.param(
            DUAL, spec(APP, ingress=[blocks("::/0", "0.0.0.0/0")]),
            [f"opens: everything to x/p0 from {V4} and every IPv6 address outside"],
            id="both-families",
        ),
        pytest.param(
            DUAL, spec(APP, ingress=[blocks("2001:db8::/32")]),
            ["opens: everything to x/p0 from 2001:db8::/32"], id="ipv6",
        ),
    ],
)  # fmt: skip
def test_ends_and_ports(pods, given, expected):
    """Pods by name or number, addresses by CIDR or range, the reader's own pods first."""
    assert told(pods, given) == expected


def one_of(app, **rules):
    """What one pod allows, by its label."""
    return spec({"matchLabels": {"app": app}}, **rules)


def pods_with(*apps, **more):
    """A rule that lets in pods by their labels."""
    among = {"key": "app", "operator": "In", "values": list(apps)}
    return {"from": [{"podSelector": {"matchExpressions": [among]}, **more}]}


FREE_EGRESS = spec(egress=[{}])
EVERYWHERE = {"namespaceSelector": {}}


@pytest.mark.parametrize(
    ("pods", "given", "expected"),
    [
        pytest.param(PAIR[:1], spec(ingress=[OWN]), [], id="only-pod"),
        pytest.param(PAIR, one_of("a0", ingress=[pods_with("a0")]), [], id="only-itself"),
        pytest.param(
            PAIR, one_of("a0", ingress=[OWN]), ["opens: everything to x/p0 from x/p1"], id="pair"
        ),
        pytest.param(
            FIVE, one_of("a0", ingress=[pods_with("a0", "a1")]),
            ["opens: everything to x/p0 from x/p1"], id="named",
        ),
        pytest.param(
            FIVE, one_of("a0", ingress=[OWN]),
            ["opens: everything to x/p0 from x/*"], id="whole-namespace",
        ),
        pytest.param(
            PAIR, one_of("a0", ingress=[{"from": [EVERYWHERE]}]),
            ["opens: everything to x/p0 from every pod in the cluster (4 pods)"], id="every-pod",
        ),
        pytest.param(
            PAIR[:1], spec(ingress=[pods_with("a0", **EVERYWHERE)]),
            ["opens: everything to x/p0 from n0/p0"], id="alone-in-its-namespace",
        ),
        pytest.param(
            FIVE, spec({"matchExpressions": [
                {"key": "app", "operator": "In", "values": ["a0", "a1"]}
            ]}, ingress=[pods_with("a0")]),
            ["opens: everything to x/p1 from x/p0"], id="from-one-pod",
        ),
        pytest.param(
            PAIR, spec(ingress=[OWN]),
            ["opens: everything to x/* from x/*"], id="from-each-other",
        ),
    ],
)  # fmt: skip
def test_nothing_is_said_of_a_pod_and_itself(pods, given, expected):
    """A pod always reaches itself, so no policy gives or takes that."""
    assert told([*pods, *MANY[:2]], given, standing=[FREE_EGRESS]) == expected


def test_every_pod_leaves_out_the_hosts_own():
    """Pods of the host network are restricted by nothing; they do not spoil an "every"."""
    both = spec(ingress=[OWN], egress=[{"to": [{"podSelector": {}}]}])
    every = "every pod in the cluster (2 pods)"

    assert told([*PAIR, pod("x", 2, host=True)], both) == [
        f"opens: everything to {every} from {every}"
    ]


def test_every_pod_is_not_said_of_a_part():
    """Where only the namespace was looked at, its pods are not the cluster's."""
    both = spec(ingress=[OWN], egress=[{"to": [{"podSelector": {}}]}])

    assert told(PAIR, both, whole=False) == ["opens: everything to x/* from x/*"]


def test_the_rest_is_counted():
    """Four lines, of what weighs most; then how many more there are."""
    rules = [blocks(f"10.{n}.0.0/16", ports=[{"port": 80 + n}]) for n in range(7)]
    lines = told(PAIR, spec(APP, ingress=rules))

    assert len(lines) == MAX_LINES + 1
    assert lines[-1] == "opens: 3 more groups of connections"


def test_coarse_ranges_change_no_word():
    """Where outside addresses are cut by changed namespaces alone, the same is told."""
    for seed in range(200):
        rng = random.Random(seed)
        before = parse_world(cluster(rng)).warm()
        added = next(iter(parse_world([policy(rng, "added")]).policies))
        after = before.with_policy(added)
        teller = Teller(after, added.namespace)
        told = [
            [
                *teller.lines("opens", change.opened),
                *teller.lines("closes", change.closed),
            ]
            for coarse in (False, True)
            for change in [Comparison(before, after, coarse=coarse).change()]
        ]

        assert told[0] == told[1], f"seed {seed}"


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 ranges"), (1, "1 range"), (2, "2 ranges"), (1200, "1,200 ranges")]
)
def test_things_are_counted(count: int, said: str) -> None:
    """One of a thing has no plural."""
    assert counted(count, "range") == said
