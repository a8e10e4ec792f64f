"""Reports: of what is found, the worst first, bounded, and equal for equal findings."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.lint.policyreport import (
    KINDS,
    NAME,
    OMITTED_ANNOTATION,
    digest_of,
    findings,
    report,
)
from webhook.lint.registry import Finding, ObjectRef, Severity
from webhook.model.objects import NetworkPolicy, ObjectMeta

OPEN, OLDER = KINDS


def policy(name, **spec):
    spec = {"podSelector": {}, "policyTypes": ["Ingress"]} | spec
    return NetworkPolicy(ObjectMeta(name=name, namespace="shop"), msgspec.Raw(json.dumps(spec)))


WEB = {"to": [{"podSelector": {"matchLabels": {"app": "web"}}}], "ports": [{"port": 80}]}
NO_DNS = policy("lonely", policyTypes=["Egress"], egress=[WEB])
WIDE = policy("wide", ingress=[{}])


def finding(number=1, severity=Severity.ERROR, message="wrong"):
    name = ObjectRef("NetworkPolicy", "shop", f"p{number}")
    return Finding("and-or", "", severity, name, 0, ("spec", "ingress", 0), message)


def named(policies):
    return {(it.check_id, it.object.name) for it in findings("shop", policies)}


def test_a_namespace_is_judged_by_its_policies() -> None:
    """The checks of `portcullis lint`, on what a policy and its neighbours show."""
    assert named([NO_DNS, policy("calm")]) == {("egress-without-dns", "lonely")}


def test_our_own_policies_are_neighbours_and_not_judged() -> None:
    """What allows DNS may be ours; what is wrong with ours is not the team's business."""
    dns = policy(
        "portcullis-allow-dns",
        policyTypes=["Egress"],
        egress=[{"ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]}],
    )
    deny = policy("portcullis-deny-all")

    assert named([NO_DNS, dns]) == set()
    assert ("reopens-default-deny", "wide") in named([WIDE, deny])
    assert named([policy("portcullis-wide", ingress=[{}]), deny]) == set()


def test_nothing_is_said_of_namespaces_that_are_not_known() -> None:
    """kube-system itself is no sign here that all namespaces are known."""
    peer = {"namespaceSelector": {"matchLabels": {"team": "a"}}}
    found = findings("kube-system", [policy("p", ingress=[{"from": [peer]}])])

    assert "ns-selector-matches-none" not in {it.check_id for it in found}


@pytest.mark.parametrize("kind", KINDS, ids=[kind.group for kind in KINDS])
def test_a_report_names_check_object_and_field(kind) -> None:
    """In the words of both APIs."""
    made = report(kind, "shop", [finding(), finding(2, Severity.INFO)], 10)
    first, second = made["results"]

    assert made["apiVersion"] == f"{kind.group}/{kind.version}"
    assert (made["metadata"]["name"], made["metadata"]["namespace"]) == (NAME, "shop")
    assert made["summary"] == {"pass": 0, "fail": 1, "warn": 1, "error": 0, "skip": 0}
    assert (first["policy"], first["result"], first["severity"]) == ("and-or", "fail", "high")
    assert (second["result"], second["severity"]) == ("warn", "info")
    assert first["resources"][0]["name"] == "p1"
    assert first["properties"] == {"field": "spec.ingress[0]"}
    assert ("source" in made) is kind.has_source


def test_what_has_no_room_is_counted() -> None:
    """The summary counts all, and an annotation tells how many are not listed."""
    made = report(OPEN, "shop", [finding(n) for n in range(7)], 3)

    assert len(made["results"]) == 3
    assert made["summary"]["fail"] == 7
    assert made["metadata"]["annotations"][OMITTED_ANNOTATION] == "4"


@given(
    st.lists(st.builds(finding, st.integers(0, 5), st.sampled_from(Severity), st.text(max_size=5)))
)
def test_the_digest_tells_reports_apart(found) -> None:
    """Equal findings have equal digests, others do not; also where only the rest differs."""
    digest = digest_of(report(OPEN, "shop", found, 3))

    assert digest == digest_of(report(OPEN, "shop", list(found), 3))
    assert digest != digest_of(report(OPEN, "shop", [*found, finding(9)], 3))
    assert digest != digest_of(report(OPEN, "other", found, 3))
