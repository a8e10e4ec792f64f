"""NetworkPolicies as the API server validates, defaults and stores them."""

import pytest

from webhook.netpol.errors import InvalidObjectError
from webhook.netpol.model import Direction, PortRule, Rule
from webhook.netpol.parse import parse_world
from webhook.netpol.ports import port_range


def parse(spec):
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "p", "namespace": "x"},
        "spec": spec,
    }
    return next(iter(parse_world([policy]).policies))


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param(None, "Ingress", id="no-spec"),
        pytest.param({}, "Ingress", id="absent"),
        pytest.param({"policyTypes": None}, "Ingress", id="null"),
        pytest.param({"policyTypes": [], "egress": [{}]}, "Egress,Ingress", id="empty-with-egress"),
        pytest.param({"egress": []}, "Ingress", id="empty-egress-is-no-egress"),
        pytest.param({"policyTypes": ["Ingress"], "egress": [{}]}, "Ingress", id="explicit"),
        pytest.param({"policyTypes": ["Ingress", "Ingress"]}, "Ingress", id="twice"),
    ],
)
def test_policy_types(spec, expected):
    """Types left out are Ingress, and Egress if there are egress rules."""
    assert expected == ",".join(sorted(parse(spec).types))


@pytest.mark.parametrize(
    ("port", "expected"),
    [
        pytest.param(None, PortRule("TCP", port_range("TCP")), id="null-item"),
        pytest.param({}, PortRule("TCP", port_range("TCP")), id="empty-item"),
        pytest.param({"port": 80}, PortRule("TCP", port_range("TCP", 80, 80)), id="number"),
        pytest.param({"protocol": "UDP"}, PortRule("UDP", port_range("UDP")), id="protocol"),
        pytest.param(
            {"port": 1, "endPort": 9}, PortRule("TCP", port_range("TCP", 1, 9)), id="range"
        ),
        pytest.param({"port": "http"}, PortRule("TCP", name="http"), id="name"),
    ],
)
def test_ports(port, expected):
    """The protocol defaults to TCP; no port means all of the protocol."""
    assert (Rule(ports=(expected,)),) == parse({"ingress": [{"ports": [port]}]}).ingress


def test_empty_lists_are_nothing():
    """Empty and null lists vanish, as the API server elides them."""
    spec = {"ingress": [{"from": [], "ports": None}], "egress": None, "podSelector": None}
    policy = parse(spec)

    assert ((Rule(),), ()) == (policy.ingress, policy.egress)
    assert frozenset({Direction.INGRESS}) == policy.types


def rule(**fields):
    return {"ingress": [fields]}


def block(cidr, *excepts):
    return rule(**{"from": [{"ipBlock": {"cidr": cidr, "except": list(excepts)}}]})


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param({"policyTypes": ["ingress"]}, "policyTypes[0]: Unsupported", id="type-case"),
        pytest.param({"policyTypes": ["Ingress"] * 3}, "policyTypes: Invalid", id="three-types"),
        pytest.param({"policyTypes": "Ingress"}, "policyTypes: Invalid", id="type-no-list"),
        pytest.param({"podselector": {}}, 'podselector: unknown field "podselector"', id="typo"),
        pytest.param(rule(to=[]), "ingress[0].to: unknown field", id="to-in-ingress"),
        pytest.param(rule(ports=[{"port": 0}]), "ports[0].port: Invalid value: 0", id="port-0"),
        pytest.param(rule(ports=[{"port": 65536}]), "ports[0].port: Invalid", id="port-high"),
        pytest.param(rule(ports=[{"port": True}]), "ports[0].port: Invalid", id="port-boolean"),
        pytest.param(rule(ports=[{"port": "80"}]), "must not be quoted", id="port-quoted"),
        pytest.param(rule(ports=[{"port": "HTTP"}]), "ports[0].port: Invalid", id="port-name-case"),
        pytest.param(rule(ports=[{"port": "a" * 16}]), "ports[0].port", id="port-name-long"),
        pytest.param(rule(ports=[{"endPort": 9}]), "ports[0].endPort", id="end-without-port"),
        pytest.param(
            rule(ports=[{"port": "a", "endPort": 9}]), "ports[0].endPort", id="end-of-name"
        ),
        pytest.param(
            rule(ports=[{"port": 9, "endPort": 8}]), "ports[0].endPort", id="end-before-port"
        ),
        pytest.param(
            rule(ports=[{"protocol": "tcp"}]), "ports[0].protocol: Unsupported", id="protocol-case"
        ),
        pytest.param(rule(ports=[{"protocol": ""}]), "ports[0].protocol", id="protocol-empty"),
        pytest.param(rule(**{"from": [{}]}), "from[0]: Required value", id="peer-empty"),
        pytest.param(
            rule(**{"from": [{"namespaceSelector": None}]}), "from[0]: Required", id="peer-null"
        ),
        pytest.param(
            rule(**{"from": [{"podSelector": {}, "ipBlock": {"cidr": "::/0"}}]}),
            "from[0].ipBlock: Forbidden",
            id="block-with-selector",
        ),
        pytest.param(block(""), "ipBlock.cidr: Required value", id="cidr-empty"),
        pytest.param(block("10.0.0.1"), "ipBlock.cidr: Invalid value", id="cidr-no-mask"),
        pytest.param(block("10.0.0.0/8", "10.0.0.0/8"), "except[0]: Invalid", id="except-equal"),
        pytest.param(block("10.0.0.0/8", "11.0.0.0/9"), "except[0]: Invalid", id="except-outside"),
        pytest.param(block("10.0.0.0/8", "fd00::/64"), "except[0]: Invalid", id="except-family"),
        pytest.param(
            {"podSelector": {"matchLabels": {"app": True}}},
            "podSelector.matchLabels.app: Invalid value: true: must be a string",
            id="label-boolean",
        ),
        pytest.param(
            {"podSelector": {"matchLabels": {"-": ""}}}, "label key", id="label-key-syntax"
        ),
        pytest.param(
            {"podSelector": {"matchLabels": {"a": "b c"}}}, "label value", id="label-value-syntax"
        ),
        pytest.param(
            {"podSelector": {"matchExpressions": [{"key": "a", "operator": "in"}]}},
            "matchExpressions[0].operator: Invalid",
            id="operator-case",
        ),
        pytest.param(
            {"podSelector": {"matchExpressions": [{"key": "a", "operator": "In"}]}},
            "matchExpressions[0].values: Required",
            id="in-without-values",
        ),
        pytest.param(
            {
                "podSelector": {
                    "matchExpressions": [{"key": "a", "operator": "Exists", "values": ["b"]}]
                }
            },
            "matchExpressions[0].values: Forbidden",
            id="exists-with-values",
        ),
    ],
)
def test_refused(spec, expected):
    """What the API server refuses names the object and the field."""
    with pytest.raises(InvalidObjectError) as error:
        parse(spec)

    assert "NetworkPolicy x/p: spec." in str(error.value)
    assert expected in str(error.value)


def test_excepts_may_cover_the_whole_block():
    """Two halves are each a strict subset; the block then matches nothing."""
    policy = parse(block("10.0.0.0/8", "10.0.0.0/9", "10.128.0.0/9"))

    assert [()] == [each.ranges for each in policy.blocks]
