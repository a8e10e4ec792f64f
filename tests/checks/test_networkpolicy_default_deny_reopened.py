"""A sealed namespace is not opened to everybody, by one policy or by several."""

import pytest

from tests.protection.specs import (
    ALL,
    APP,
    DENY,
    DENY_INGRESS,
    blocks,
    named,
    policy,
    spaces,
    spec,
    tcp,
)
from webhook.checks.networkpolicy_default_deny_reopened import networkpolicy_default_deny_reopened
from webhook.checks.subjects import IsolationChange

OWN = "kubernetes.io/metadata.name"
HALVES = ("0.0.0.0/1", "128.0.0.0/1")
EMPTY_EXCEPT = {"from": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["1.2.3.4/32"]}}]}
INTERNET = {"from": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}]}


def fields(new, *others, old=None) -> list[str]:
    """The fields at fault where the policy is put beside the default deny and others."""
    standing = [policy(DENY, "deny"), *(policy(s, f"o{n}") for n, s in enumerate(others))]
    before = None if old is None else policy(old)
    change = IsolationChange("dev", tuple(standing), before, new and policy(new))
    return [violation.field for violation in networkpolicy_default_deny_reopened.run(change)]


@pytest.mark.parametrize(
    ("new", "others"),
    [
        pytest.param(spec(ingress=[{}]), (), id="allow-all"),
        pytest.param(spec(named("zzz", "DoesNotExist"), ingress=[{}]), (), id="unused-key"),
        pytest.param(spec(named("app", "NotIn", "x"), ingress=[{}]), (), id="all-but-one"),
        pytest.param(spec(named("app", "Exists"), ingress=[{}]), (), id="any-app"),
        pytest.param(
            spec(named("app", "NotIn", "db"), ingress=[{}]),
            (spec(named("app", "In", "db"), ingress=[{}]),),
            id="two-policies-that-are-everybody",
        ),
        pytest.param(spec(ingress=[blocks("0.0.0.0/0")]), (), id="all-of-ipv4"),
        pytest.param(spec(ingress=[blocks("::/0")]), (), id="all-of-ipv6"),
        pytest.param(spec(ingress=[blocks(*HALVES)]), (), id="halves-in-a-rule"),
        pytest.param(
            spec(ingress=[blocks(HALVES[0]), blocks(HALVES[1])]), (), id="halves-in-rules"
        ),
        pytest.param(
            spec(ingress=[blocks(HALVES[0])]),
            (spec(ingress=[blocks(HALVES[1])]),),
            id="halves-in-policies",
        ),
        pytest.param(
            spec(ingress=[blocks("0.0.0.0/2", "192.0.0.0/2")]),
            (spec(named("x", "DoesNotExist"), ingress=[blocks("64.0.0.0/2", "128.0.0.0/2")]),),
            id="quarters-in-policies-of-two-selectors",
        ),
        pytest.param(
            spec(ingress=[blocks("::/1")]),
            (spec(ingress=[blocks("8000::/1")]),),
            id="halves-of-ipv6",
        ),
        pytest.param(
            spec(ingress=[blocks(HALVES[0]), spaces(ALL)]),
            (spec(ingress=[blocks(HALVES[1])]),),
            id="halves-and-namespaces",
        ),
        pytest.param(spec(ingress=[EMPTY_EXCEPT]), (), id="a-hole-of-one-address"),
        pytest.param(spec(ingress=[spaces(ALL)]), (), id="every-namespace"),
        pytest.param(spec(ingress=[spaces(ALL, ALL)]), (), id="every-pod-of-every-namespace"),
        pytest.param(spec(ingress=[spaces(named(OWN, "Exists"))]), (), id="whoever-has-a-name"),
        pytest.param(spec(ingress=[spaces(named(OWN, "NotIn", "x"))]), (), id="all-others"),
        pytest.param(
            spec(ingress=[spaces(ALL, named("app", "DoesNotExist"))]), (), id="unlabelled-peers"
        ),
        pytest.param(spec(ingress=[{"ports": [tcp(1, 65535)]}]), (), id="all-ports-of-tcp"),
        pytest.param(spec(ingress=[{"ports": [{"protocol": "UDP"}]}]), (), id="all-of-udp"),
        pytest.param(spec(ingress=[{"ports": [tcp(1, 65534)]}]), (), id="a-hole-of-one-port"),
        pytest.param(
            spec(ingress=[{"ports": [tcp(1, 32767)]}]),
            (spec(ingress=[{"ports": [tcp(32768, 65535)]}]),),
            id="ports-split-over-policies",
        ),
        pytest.param(
            spec(ingress=[blocks(HALVES[0], ports=[tcp(1, 30000)])]),
            (
                spec(ingress=[blocks(*HALVES, ports=[tcp(30001, 65535)])]),
                spec(ingress=[blocks(HALVES[1], ports=[tcp(1, 40000)])]),
            ),
            id="addresses-and-ports-crossed",
        ),
    ],
)
def test_refused(new, others) -> None:
    """Whatever the spelling: what counts is the union of what stands there."""
    assert fields(new, *others) == ["spec.ingress"]


@pytest.mark.parametrize(
    ("new", "others"),
    [
        pytest.param(spec(APP, ingress=[{}]), (), id="one-app"),
        pytest.param(spec(named("app", "In", "a", "b"), ingress=[{}]), (), id="two-apps"),
        pytest.param(spec(ingress=[{"ports": [tcp(443)]}]), (), id="one-port-to-everybody"),
        pytest.param(
            spec(APP, ingress=[blocks("0.0.0.0/0", ports=[tcp(443)])]), (), id="web-to-the-world"
        ),
        pytest.param(spec(ingress=[{"ports": [{"port": "http"}]}]), (), id="a-named-port"),
        pytest.param(spec(ingress=[{"ports": [tcp(30000, 32767)]}]), (), id="some-ports"),
        pytest.param(spec(ingress=[{"from": [{"podSelector": {}}]}]), (), id="same-namespace"),
        pytest.param(spec(ingress=[spaces(APP)]), (), id="labelled-namespaces"),
        pytest.param(spec(ingress=[spaces(ALL, APP)]), (), id="an-app-of-every-namespace"),
        pytest.param(spec(ingress=[spaces(named(OWN, "In", "a"))]), (), id="one-namespace"),
        pytest.param(spec(ingress=[blocks("10.0.0.0/8")]), (), id="a-cidr"),
        pytest.param(spec(ingress=[INTERNET]), (), id="the-internet-without-private"),
        pytest.param(spec(ingress=[blocks(HALVES[0])]), (), id="half-of-ipv4"),
        pytest.param(spec(ingress=[blocks("2000::/3")]), (), id="the-internet-of-ipv6"),
        pytest.param(
            spec(ingress=[blocks(HALVES[0])]),
            (spec(egress=[blocks(HALVES[1], direction="to")]),),
            id="halves-of-two-directions",
        ),
        pytest.param(
            spec(ingress=[blocks(HALVES[0])]),
            (spec(APP, ingress=[blocks(HALVES[1])]),),
            id="the-other-half-for-one-app",
        ),
        pytest.param(spec(ingress=[{}]), (spec(ingress=[{}]),), id="open-already"),
        pytest.param(spec(ingress=[{}], types=["Egress"]), (), id="rules-without-their-type"),
        pytest.param(spec(named("a", "In", "x"), ingress=[{}]), (), id="a-value-is-a-name"),
        pytest.param(None, (), id="deleted"),
        pytest.param(
            spec(
                {"matchExpressions": [
                    {"key": "a", "operator": "Exists"},
                    {"key": "a", "operator": "DoesNotExist"},
                ]},
                ingress=[{}],
            ),
            (),
            id="selects-nobody",
        ),
    ],
)  # fmt: skip
def test_allowed(new, others) -> None:
    """Who names the pods, the ports or the peers may allow what he needs."""
    assert fields(new, *others) == []


def test_both_directions_are_judged() -> None:
    """Each with its own field."""
    new = spec(ingress=[{}], egress=[{}])

    assert fields(new) == ["spec.ingress", "spec.egress"]


def test_egress_that_no_policy_denies_is_open_already() -> None:
    """Under deny-ingress nothing is lost by allowing what was allowed."""
    change = IsolationChange(
        "dev", (policy(DENY_INGRESS, "deny"),), None, policy(spec(egress=[{}]))
    )

    assert list(networkpolicy_default_deny_reopened.run(change)) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param([{}], [{}, blocks("10.0.0.0/8")], [], id="open-before"),
        pytest.param([blocks("0.0.0.0/0")], [blocks("0.0.0.0/1")], [], id="made-narrower"),
        pytest.param([blocks("0.0.0.0/0")], [{}], ["spec.ingress"], id="made-wider"),
        pytest.param([blocks("0.0.0.0/1")], [blocks("0.0.0.0/0")], ["spec.ingress"], id="opened"),
    ],
)
def test_updates_are_compared(old, new, expected) -> None:
    """Only what makes it worse is refused."""
    assert fields(spec(ingress=new), old=spec(ingress=old)) == expected


def test_the_message_tells_who_what_and_how() -> None:
    """As apimachinery prints field errors."""
    change = IsolationChange(
        "dev", (policy(DENY, "deny"),), None, policy(spec(ingress=[blocks("0.0.0.0/0")]))
    )
    (violation,) = networkpolicy_default_deny_reopened.run(change)

    assert str(violation) == (
        "spec.ingress: Forbidden: every pod of namespace dev would be open from all IPv4 "
        "addresses (SCTP, TCP, UDP) on all ports, together with what other policies allow: that "
        "undoes the default deny; select single apps by label, or name ports or peers"
    )
