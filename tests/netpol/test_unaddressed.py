"""What the engine cannot tell of pods without addresses is found, and nothing beside it."""

import pytest
import yaml

from webhook.netpol.engine import diff
from webhook.netpol.explain import explain
from webhook.netpol.parse import parse_world
from webhook.netpol.unaddressed import untold

EVERYBODY = {"ipBlock": {"cidr": "::/0"}}
IPV4 = {"ipBlock": {"cidr": "0.0.0.0/0"}}


def deployment(name="b"):
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": []}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "b"},
        "spec": {"template": template},
    }


def pod(*addresses, host=False, name="b"):
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "b", "labels": {"app": name}},
        "spec": {"containers": [], "hostNetwork": host},
        "status": {"podIPs": [{"ip": each} for each in addresses]},
    }


def policy(*rules, app="b", direction="Ingress"):
    spec = {"podSelector": {"matchLabels": {"app": app}}, "policyTypes": [direction]}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "p", "namespace": "b"},
        "spec": {**spec, direction.lower(): list(rules)},
    }


CLOSED, OPEN = policy(), policy({"from": [EVERYBODY]})


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        pytest.param([deployment(), CLOSED], [deployment(), OPEN], ["b/b"], id="opened"),
        pytest.param([deployment(), OPEN], [deployment(), CLOSED], ["b/b"], id="closed"),
        pytest.param(
            [deployment(), policy(direction="Egress")],
            [deployment(), policy({"to": [EVERYBODY]}, direction="Egress")],
            ["b/b"],
            id="egress",
        ),
        pytest.param([deployment(), OPEN], [deployment(), OPEN], [], id="unchanged"),
        pytest.param([deployment(), CLOSED], [OPEN, deployment("c")], [], id="selects-no-pod"),
        pytest.param([CLOSED], [deployment(), OPEN], ["b/b"], id="with-its-pod"),
        pytest.param([pod(), CLOSED], [pod(), OPEN], ["b/b"], id="not-yet-scheduled"),
        pytest.param([pod(host=True), CLOSED], [pod(host=True), OPEN], [], id="of-the-node"),
        pytest.param([pod("10.0.0.1"), CLOSED], [pod("10.0.0.1"), OPEN], [], id="known-to-be-IPv4"),
        pytest.param(
            [deployment(), CLOSED], [deployment(), policy({"from": [IPV4]})], [], id="IPv4-block"
        ),
        pytest.param([deployment()], [deployment(), CLOSED], [], id="isolated-alike"),
        pytest.param(
            [deployment(), policy({})],
            [deployment(), policy({}, {"from": [EVERYBODY]})],
            [],
            id="open-to-everybody-anyhow",
        ),
    ],
)
def test_what_ipv6_blocks_change(before, after, found):
    """A pod is named where an IPv6 ipBlock may open something to it or close it."""
    worlds = parse_world(before), parse_world(after)

    change = diff(*worlds)
    told = change.opened.pods_with_outside() | change.closed.pods_with_outside()

    assert untold(*worlds, told) == found


def test_what_is_nothing_in_ipv4_may_be_something_in_ipv6():
    """All of IPv4 by an ipBlock is as good as no policy there, and closes IPv6."""
    every_pod = {"namespaceSelector": {}}
    before = parse_world([deployment(), policy({"from": [IPV4, every_pod]})])
    after = parse_world([deployment()])
    change = diff(before, after)

    assert not change.opened
    assert not change.closed
    assert untold(before, after, ()) == ["b/b"]
    assert untold(before, before, ()) == []


def test_what_is_told_of_one_pod_tells_nothing_of_another():
    """Another pod loses its IPv4; that this one loses its IPv6 is still to be said."""
    every_pod = {"namespaceSelector": {}}
    standing = [deployment(), deployment("c"), policy({"from": [IPV4, every_pod]})]
    other = policy(app="c")
    other["metadata"] = {"name": "other", "namespace": "b"}
    before, after = parse_world(standing), parse_world([*standing[:2], other])
    change = diff(before, after)
    told = change.opened.pods_with_outside() | change.closed.pods_with_outside()

    assert told == {"b/c"}
    assert untold(before, after, told) == ["b/b"]


@pytest.mark.parametrize(
    ("client", "rules", "matches", "told"),
    [
        pytest.param(deployment("a"), [{"from": [IPV4]}], True, True, id="a-template"),
        pytest.param(pod("10.0.0.9", name="a"), [{"from": [IPV4]}], True, False, id="addressed"),
        pytest.param(deployment("a"), [{"from": [IPV4]}], False, False, id="cilium"),
        pytest.param(deployment("a"), [], True, False, id="no-ipBlock"),
        pytest.param(deployment("a"), [{"from": [IPV4]}, {}], True, False, id="allowed-anyhow"),
    ],
)
def test_explain_tells_what_hangs_on_an_address(client, rules, matches, told):
    """An ipBlock of a policy that decides may or may not hold a pod that has no address."""
    world = parse_world([client, deployment(), policy(*rules)])
    answer = explain(world, "b/a", "b/b", ipblock_matches_pods=matches)
    note = "b/a has no address: the ipBlocks in the ingress of b/p could not be held against it"

    assert (note in answer.notes) is told


SERVICE = yaml.safe_load("""
apiVersion: v1
kind: Service
metadata: {name: svc, namespace: b}
spec: {selector: {app: b}, ports: [{port: 80}]}
""")


@pytest.mark.parametrize("target", ["b/b", "svc.b.svc"])
def test_explain_judges_no_ipv6_of_a_pod_without_address(target):
    """It says so, in place of a mere 'unreachable'."""
    world = parse_world([deployment(), OPEN, SERVICE])
    answer = explain(world, "2001:db8::1", target)

    assert answer.verdict == "unreachable"
    assert "b/b has no address and is taken for IPv4: IPv6 is not judged" in answer.notes
