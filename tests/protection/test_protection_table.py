"""What a sealed namespace may lose: every way that is refused, every need that stays allowed."""

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
from webhook.model.namespace import PROFILE_LABEL, SEAL_LABEL
from webhook.protection import losses, reopenings
from webhook.protection.coverage import MARKS

OWN = "kubernetes.io/metadata.name"
HALVES = ("0.0.0.0/1", "128.0.0.0/1")
DNS = {
    "to": [{"namespaceSelector": {"matchLabels": {OWN: "kube-system"}}, "podSelector": APP}],
    "ports": [{"protocol": "UDP", "port": 53}, tcp(53)],
}
SAME = {"podSelector": ALL}
THIRDS = [tcp(1, 20000), tcp(20001, 40000), tcp(40001, 65535)]


def but(cidr, *excepts):
    """A rule of a CIDR with exceptions."""
    return {"from": [{"ipBlock": {"cidr": cidr, "except": list(excepts)}}]}


def judged(old, new, *others):
    """What is refused, as ``<what> <direction>: <whom>``."""
    standing = [policy(each, f"o{number}") for number, each in enumerate(others)]
    sides = standing, old and policy(old), new and policy(new)
    return [
        *(f"lost {found.direction}: {found.pods}" for found in losses(*sides)),
        *(f"reopened {found.direction}: {found.pods}" for found in reopenings(*sides)),
    ]


EVERY = "every pod"


@pytest.mark.parametrize(
    ("old", "new", "others", "expected"),
    [
        pytest.param(
            None, spec(ingress=[{}], egress=[{}]), (DENY,),
            [f"reopened Ingress: {EVERY}", f"reopened Egress: {EVERY}"],
            id="allow-all-both-ways",
        ),
        pytest.param(
            None, spec(egress=[blocks(*HALVES, direction="to")]), (DENY,),
            [f"reopened Egress: {EVERY}"],
            id="egress-to-both-halves",
        ),
        pytest.param(
            None, spec(egress=[blocks("8000::/1", direction="to")]),
            (DENY, spec(egress=[blocks("::/1", direction="to")])),
            [f"reopened Egress: {EVERY}"],
            id="egress-halves-of-ipv6-in-two-policies",
        ),
        pytest.param(
            None, spec(egress=[spaces(ALL, direction="to")]), (DENY,),
            [f"reopened Egress: {EVERY}"],
            id="egress-to-every-namespace",
        ),
        pytest.param(
            None, spec(ingress=[spaces(ALL, ports=THIRDS[:2])]),
            (DENY, spec(ingress=[spaces(ALL, ports=THIRDS[2:])])),
            [f"reopened Ingress: {EVERY}"],
            id="ports-of-every-namespace-split",
        ),
        pytest.param(
            None, spec(ingress=[spaces(named("team", "Exists"))]),
            (DENY, spec(ingress=[spaces(named("team", "DoesNotExist"))])),
            ["reopened Ingress: every pod"],
            id="with-and-without-a-label-in-two-policies",
        ),
        pytest.param(
            None, spec(ingress=[spaces(named("team", "NotIn", "a"))]),
            (DENY, spec(ingress=[spaces(named("team", "In", "a"))])),
            ["reopened Ingress: every pod"],
            id="a-team-and-all-but-it",
        ),
        pytest.param(
            None, spec(ingress=[spaces({"matchLabels": {SEAL_LABEL: "sealed"}})]), (DENY,),
            [f"reopened Ingress: {EVERY}"],
            id="every-sealed-namespace-by-our-own-mark",
        ),
        pytest.param(
            None, spec(ingress=[spaces(named(PROFILE_LABEL, "In", "deny-all", "none"))]), (DENY,),
            [f"reopened Ingress: {EVERY}"],
            id="every-namespace-of-a-profile",
        ),
        pytest.param(
            spec(APP, ingress=[{}]), spec(ingress=[{}]), (DENY,),
            ["reopened Ingress: pods not app=web"],
            id="selector-of-an-allow-emptied",
        ),
        pytest.param(
            spec(ingress=[{}], types=["Egress"]), spec(ingress=[{}]), (DENY,),
            [f"reopened Ingress: {EVERY}"],
            id="type-added-to-rules-that-waited",
        ),
        pytest.param(
            spec(ingress=[blocks(HALVES[0], ports=[tcp(443)])]), spec(ingress=[blocks(HALVES[0])]),
            (DENY, spec(ingress=[blocks(HALVES[1])])),
            [f"reopened Ingress: {EVERY}"],
            id="ports-of-a-half-dropped",
        ),
        pytest.param(
            DENY, spec(ingress=[{}], types=["Ingress", "Egress"]), (),
            [f"reopened Ingress: {EVERY}"],
            id="the-only-deny-turned-round",
        ),
        pytest.param(
            DENY, spec(egress=[{}]), (),
            [f"lost Ingress: {EVERY}", f"reopened Egress: {EVERY}"],
            id="one-direction-dropped-the-other-opened",
        ),
        pytest.param(
            DENY, spec(ingress=[{"from": [{"podSelector": {}}]}]), (),
            [f"lost Egress: {EVERY}"],
            id="types-recomputed-without-egress",
        ),
        pytest.param(
            DENY_INGRESS, spec(APP, types=["Ingress"]), (),
            ["lost Ingress: pods not app=web"],
            id="selector-narrowed",
        ),
        pytest.param(
            DENY_INGRESS, spec(named("app", "DoesNotExist"), types=["Ingress"]),
            (spec(APP, ingress=[{}]),),
            ["lost Ingress: pods with label app but not app=web"],
            id="selector-narrowed-to-the-unlabelled",
        ),
        pytest.param(
            spec(egress=[DNS], types=["Ingress", "Egress"]), spec(egress=[DNS]), (),
            [f"lost Ingress: {EVERY}"],
            id="ingress-type-dropped-beside-rules",
        ),
        pytest.param(
            spec(APP, egress=[DNS]), None, (DENY_INGRESS,),
            ["lost Egress: pods with app=web"],
            id="the-last-for-egress-of-an-app",
        ),
    ],
)  # fmt: skip
def test_refused(old, new, others, expected):
    """Told by direction, with the pods that are meant, made or not yet made."""
    assert judged(old, new, *others) == expected


@pytest.mark.parametrize(
    ("old", "new", "others"),
    [
        pytest.param(None, spec(egress=[DNS]), (DENY,), id="dns"),
        pytest.param(
            None, spec(APP, egress=[blocks("0.0.0.0/0", direction="to", ports=[tcp(443)])]),
            (DENY,),
            id="https-to-the-internet",
        ),
        pytest.param(
            None, spec(egress=[blocks("0.0.0.0/0", "::/0", direction="to", ports=[tcp(443)])]),
            (DENY,),
            id="https-to-the-internet-for-all",
        ),
        pytest.param(
            None, spec(ingress=[spaces({"matchLabels": {OWN: "monitoring"}})]), (DENY,),
            id="monitoring-on-every-port",
        ),
        pytest.param(
            None, spec(ingress=[spaces(ALL, ports=[tcp(8080)])]), (DENY,),
            id="one-port-from-every-namespace",
        ),
        pytest.param(
            None, spec(ingress=[spaces({"matchLabels": {SEAL_LABEL: "sealed", "team": "a"}})]),
            (DENY,),
            id="sealed-namespaces-of-a-team",
        ),
        pytest.param(
            None, spec(egress=[blocks("10.96.0.1/32", direction="to")]), (DENY,), id="api-server"
        ),
        pytest.param(
            None, spec(ingress=[{"from": [SAME]}], egress=[{"to": [SAME]}]), (DENY,),
            id="within-the-namespace",
        ),
        pytest.param(
            spec(APP, ingress=[{}]), spec(named("app", "In", "web", "api"), ingress=[{}]), (DENY,),
            id="one-more-app-by-name",
        ),
        pytest.param(spec(APP, ingress=[{}]), None, (DENY,), id="an-allow-deleted"),
        pytest.param(spec(ingress=[{}]), spec(APP, ingress=[{}]), (DENY,), id="an-allow-narrowed"),
        pytest.param(DENY, spec(types=["Egress"]), (DENY_INGRESS,), id="type-dropped-but-covered"),
        pytest.param(spec(APP, types=["Ingress"]), None, (DENY,), id="a-deny-beside-the-default"),
        pytest.param(None, spec(types=["Ingress", "Egress"]), (), id="a-deny-made"),
        pytest.param(
            None, spec(ingress=[{}]), (), id="an-allow-where-nothing-is-denied"
        ),
        pytest.param(
            DENY_INGRESS, spec(types=["Ingress"], egress=[{}]), (DENY,),
            id="sticky-types-leave-egress-rules-dead",
        ),
    ],
)  # fmt: skip
def test_allowed(old, new, others):
    """What teams need day by day passes, and so does every step towards less."""
    assert judged(old, new, *others) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(DENY, DENY, id="same"),
        pytest.param(DENY, DENY | {"policyTypes": ["Egress", "Ingress"]}, id="types-turned"),
        pytest.param(DENY, DENY | {"podSelector": {"matchLabels": {}}}, id="selector-spelled-out"),
        pytest.param(
            spec(ingress=[blocks("0.0.0.0/0")]), spec(ingress=[blocks(*HALVES)]), id="as-halves"
        ),
        pytest.param(
            spec(ingress=[blocks(*HALVES)]), spec(ingress=[blocks("0.0.0.0/0")]), id="as-one-again"
        ),
        pytest.param(
            spec(ingress=[{"ports": [{"protocol": "TCP"}]}]), spec(ingress=[{"ports": THIRDS}]),
            id="all-ports-as-ranges",
        ),
        pytest.param(
            spec(ingress=[spaces(ALL)]), spec(ingress=[spaces(named(OWN, "Exists"))]),
            id="every-namespace-by-the-label-that-all-have",
        ),
        pytest.param(
            spec(ingress=[{}]), spec(ingress=[{}, blocks("10.0.0.0/8")]), id="more-than-everything"
        ),
    ],
)  # fmt: skip
def test_other_spellings_are_no_change(old, new):
    """What a policy says counts, not how: neither direction of the edit is refused."""
    assert judged(old, new, DENY) == judged(new, old, DENY) == []


def test_our_marks_are_those_of_the_model():
    """Written out once more where nothing of the model is known."""
    assert {SEAL_LABEL, PROFILE_LABEL} == MARKS


@pytest.mark.parametrize("types", [["Ingress"], ["Egress"], ["Ingress", "Egress"]])
def test_deleting_what_opens_everything_loses_nothing(types):
    """Pods that are isolated by the letter, and open to everything by the same policy.

    Found by Hypothesis: the deletion of an allow-all that stood alone was refused.
    """
    rules = {each.lower(): [{"ports": [tcp(443)]}, {}] for each in types}
    allow_all = spec(**rules)

    assert judged(allow_all, None) == judged(allow_all, spec(APP, **rules)) == []


def test_both_directions_are_lost_each_on_its_own():
    """With a policy for one direction standing by, the other alone is lost."""
    assert judged(DENY, None) == [f"lost Ingress: {EVERY}", f"lost Egress: {EVERY}"]
    assert judged(DENY, None, DENY_INGRESS) == [f"lost Egress: {EVERY}"]


def test_who_is_opened_is_told_with_the_peers_and_protocols():
    """One reopening names all that is wholly open now and was not."""
    new = policy(spec(ingress=[blocks("0.0.0.0/0"), spaces(ALL, ports=[{"protocol": "UDP"}])]))
    (found,) = reopenings([policy(DENY, "deny")], None, new)

    assert found.openings == (
        "all IPv4 addresses (SCTP, TCP, UDP)",
        "pods of all namespaces (UDP)",
    )


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        pytest.param([{"ports": [tcp(1, 65535 - 1024)]}], False, id="1024-ports-left-out"),
        pytest.param([{"ports": [tcp(1, 65535 - 1023)]}], True, id="1023-ports-left-out"),
        pytest.param([blocks("0.0.0.0/0") | {"ports": THIRDS[:2]}], False, id="a-third-left-out"),
        pytest.param(
            [but("0.0.0.0/0", "10.1.0.0/16")], False,
            id="a-slash-16-left-out",
        ),
        pytest.param(
            [but("0.0.0.0/0", "10.1.0.0/17")], True,
            id="a-slash-17-left-out",
        ),
        pytest.param(
            [but("0.0.0.0/0", "127.0.0.0/8", "224.0.0.0/3")], True,
            id="what-no-host-has-left-out",
        ),
        pytest.param(
            [but("::/0", "fd00::/48")], False,
            id="a-slash-48-left-out",
        ),
        pytest.param(
            [but("::/0", "fd00::/49")], True,
            id="a-slash-49-left-out",
        ),
        pytest.param([blocks("2000::/3", "fc00::/7")], True, id="all-that-ipv6-hosts-have"),
    ],
)  # fmt: skip
def test_what_counts_as_everything(rules, expected):
    """A hole that no connection would miss does not make a rule narrow."""
    assert bool(judged(None, spec(ingress=rules), DENY)) is expected
