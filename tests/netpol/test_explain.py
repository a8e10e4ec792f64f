"""Explain: the four kinds of communication, and who decides on both sides."""

import pytest
import yaml

from webhook.netpol.errors import UnknownEndpointError
from webhook.netpol.explain import explain
from webhook.netpol.parse import parse_world
from webhook.netpol.ports import conn_text
from webhook.netpol.verdict import Reason

CLUSTER = """
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: c}]}
status: {podIP: 10.0.0.1, hostIP: 192.168.0.1}
---
apiVersion: v1
kind: Pod
metadata:
  name: db
  namespace: shop
  labels: {app: db}
  annotations: {k8s.v1.cni.cncf.io/networks: 'storage@net1, shop/backup'}
spec: {containers: [{name: c, ports: [{name: sql, containerPort: 5432}]}]}
status: {podIP: 10.0.0.2, hostIP: 192.168.0.2}
---
apiVersion: k8s.cni.cncf.io/v1
kind: NetworkAttachmentDefinition
metadata: {name: storage, namespace: shop}
spec: {config: '{"cniVersion": "0.3.1", "plugins": [{"type": "sriov"}, {"type": "tuning"}]}'}
---
apiVersion: k8s.cni.cncf.io/v1
kind: NetworkAttachmentDefinition
metadata: {name: backup, namespace: shop}
spec: {config: '{"type": "macvlan", "master": "eth1"}'}
---
apiVersion: v1
kind: Pod
metadata: {name: agent, namespace: shop}
spec: {hostNetwork: true, containers: [{name: c}]}
status: {podIP: 192.168.0.2, hostIP: 192.168.0.2}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec: {clusterIP: 10.96.0.9, selector: {app: db}, ports: [{port: 15432, targetPort: sql}]}
---
apiVersion: v1
kind: Service
metadata: {name: edge, namespace: shop}
spec: {type: NodePort, selector: {app: db}, ports: [{port: 1, targetPort: 5432, nodePort: 30001}]}
---
apiVersion: v1
kind: Service
metadata: {name: direct, namespace: shop}
spec: {clusterIP: None, selector: {app: db}, ports: [{port: 1, targetPort: 5432}]}
---
apiVersion: v1
kind: Service
metadata: {name: alias, namespace: shop}
spec: {type: ExternalName, externalName: db.example.com}
---
apiVersion: v1
kind: Service
metadata: {name: manual, namespace: shop}
spec: {ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: gone, namespace: shop}
spec: {selector: {app: nobody}, ports: [{port: 80}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: shop}
spec: {podSelector: {}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress:
  - from: [{ipBlock: {cidr: 203.0.113.0/24, except: [203.0.113.128/25]}}]
    ports: [{port: 5432}]
  - from: [{podSelector: {matchLabels: {app: web}}}]
    ports: [{port: sql}]
"""


@pytest.fixture(scope="module")
def world():
    return parse_world(yaml.safe_load_all(CLUSTER))


@pytest.mark.parametrize(
    ("source", "target", "port", "expected"),
    [
        pytest.param("shop/web", "shop/db", 5432, "allowed", id="pod-to-pod"),
        pytest.param("shop/web", "shop/db", 80, "denied", id="pod-to-pod-other-port"),
        pytest.param("shop/web", "shop/db", None, "partly", id="pod-to-pod-all-tcp"),
        pytest.param("shop/db", "shop/web", 80, "denied", id="pod-to-pod-back"),
        pytest.param("shop/web", "shop/web", 80, "allowed", id="container-to-container"),
        pytest.param("shop/web", "10.0.0.2", 5432, "allowed", id="address-of-a-pod"),
        pytest.param("shop/web", "db.shop.svc", 15432, "allowed", id="service"),
        pytest.param("shop/web", "db.shop.svc.cluster.local", 15432, "allowed", id="service-dns"),
        pytest.param("shop/web", "10.96.0.9", 15432, "allowed", id="service-by-address"),
        pytest.param("shop/agent", "db.shop.svc", 15432, "denied", id="service-from-host-network"),
        pytest.param("shop/web", "shop/direct", 5432, "allowed", id="headless-is-untranslated"),
        pytest.param("shop/web", "shop/direct", 1, "denied", id="headless-ignores-its-port"),
        pytest.param("203.0.113.5", "shop/edge", 30001, "allowed", id="node-port"),
        pytest.param("203.0.113.200", "shop/edge", 30001, "denied", id="node-port-excepted"),
        pytest.param("203.0.113.5", "192.168.0.1", 30001, "allowed", id="node-port-by-address"),
        pytest.param("203.0.113.200", "192.168.0.2", 30001, "denied", id="node-port-of-a-host-pod"),
        pytest.param("203.0.113.5", "192.168.0.9", 30001, "unreachable", id="node-port-of-no-node"),
        pytest.param("shop/web", "192.168.0.1", 30001, "allowed", id="node-port-from-a-pod"),
        pytest.param("shop/web", "10.0.0.1/32", 80, "allowed", id="itself-by-address"),
        pytest.param("shop/db", "10.0.0.0/30", 80, "partly", id="cidr-of-pods"),
        pytest.param("203.0.113.0/24", "shop/db", 5432, "partly", id="cidr-is-cut-at-excepts"),
        pytest.param("203.0.113.0/25", "shop/db", 5432, "allowed", id="cidr-inside"),
        pytest.param("shop/web", "8.8.8.8", 53, "allowed", id="to-outside"),
        pytest.param("192.168.0.1", "shop/web", 80, "allowed", id="own-node"),
        pytest.param("192.168.0.9", "shop/web", 80, "denied", id="other-node"),
        pytest.param("shop/web", "shop/agent", 80, "allowed", id="to-host-network"),
        pytest.param("shop/web", "shop/alias", 80, "unreachable", id="external-name"),
        pytest.param("shop/web", "shop/manual", 80, "unreachable", id="service-by-hand"),
        pytest.param("shop/web", "shop/gone", 80, "unreachable", id="service-without-endpoints"),
        pytest.param("shop/web", "fd00::1", 80, "unreachable", id="no-common-family"),
        pytest.param("8.8.8.8", "8.8.4.4", 80, "unreachable", id="neither-is-a-pod"),
    ],
)
def test_verdict(world, source, target, port, expected):
    """The verdict is that of the endpoints behind the names, on the ports they see."""
    answer = explain(world, source, target, protocol="TCP", port=port)

    assert expected == answer.verdict


def test_both_sides_are_told(world):
    """A way names the policies that isolate and the rules that match, on either side."""
    (hop,) = explain(world, "shop/web", "shop/db", protocol="TCP", port=5432).hops

    assert (Reason.NOT_ISOLATED, ()) == (hop.egress.reason, hop.egress.policies)
    assert (Reason.RULES, ("shop/db", "shop/deny")) == (hop.ingress.reason, hop.ingress.policies)
    assert [("shop/db", "spec.ingress[1]", "TCP 5432")] == [
        (rule.policy, rule.path, conn_text(rule.ports)) for rule in hop.ingress.rules
    ]


def test_isolation_without_a_rule_is_told(world):
    """Where no rule matches, the isolating policies are the answer."""
    (hop,) = explain(world, "shop/db", "shop/web").hops

    assert Reason.ISOLATED == hop.ingress.reason
    assert (("shop/deny",), ()) == (hop.ingress.policies, hop.ingress.rules)


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        pytest.param(
            "shop/web", "shop/db", "(storage@net1: sriov, shop/backup: macvlan)", id="multus"
        ),
        pytest.param("shop/web", "shop/db", "also a Service; ask for it as", id="shared-name"),
        pytest.param("shop/web", "shop/web", "share localhost", id="loopback"),
        pytest.param("shop/web", "db.shop.svc", "after translation", id="dnat"),
        pytest.param("shop/web", "shop/direct", "is headless", id="headless"),
        pytest.param("8.8.8.8", "shop/edge", "externalTrafficPolicy Cluster", id="snat"),
        pytest.param("8.8.8.8", "db.shop.svc", "from outside the cluster nothing", id="cluster-ip"),
        pytest.param("shop/web", "shop/alias", "alias of db.example.com", id="external-name"),
        pytest.param("shop/web", "shop/manual", "written by hand", id="no-selector"),
        pytest.param("shop/web", "shop/gone", "no endpoint", id="no-endpoint"),
        pytest.param("shop/agent", "shop/db", "are on one node", id="own-node"),
    ],
)
def test_notes(world, source, target, expected):
    """What policies cannot tell is said beside the answer."""
    answer = explain(world, source, target)

    assert any(expected in note for note in answer.notes), answer.notes


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        pytest.param(
            "192.168.0.1", "192.168.0.1 is a node: port 30001 there leads to Service shop/edge",
            id="node",
        ),
        pytest.param(
            "192.168.0.9", "30001 is the node port of Service shop/edge: where that is a node's "
            "address, ask for edge.shop.svc", id="perhaps-a-node",
        ),
    ],
)  # fmt: skip
def test_node_ports_are_told(world, target, expected):
    """An address and a node port are a Service, where the address is known as a node's."""
    answer = explain(world, "203.0.113.5", target, protocol="TCP", port=30001)

    assert expected in answer.notes


def test_a_range_leaves_the_pod_itself_out(world):
    """That a pod reaches itself says nothing of a range that it is in."""
    answer = explain(world, "shop/db", "10.0.0.0/24", protocol="TCP", port=80)

    assert {hop.source.name for hop in answer.hops} == {"shop/db"}
    assert "shop/db" not in {hop.target.name for hop in answer.hops}


def test_the_reading_of_ipblock_is_told_where_it_matters():
    """Where CNIs differ about ipBlock and pods, the answer says so."""
    policy = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: blocks, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}]
"""
    world = parse_world(yaml.safe_load_all(f"{CLUSTER}---{policy}"))
    matching = explain(world, "shop/db", "shop/web")
    never = explain(world, "shop/db", "shop/web", ipblock_matches_pods=False)

    assert ("allowed", "denied") == (matching.verdict, never.verdict)
    assert "here yes, with no it differs" in matching.notes[-1]
    assert "here no, with yes it differs" in never.notes[-1]


@pytest.mark.parametrize(
    ("target", "port", "expected"),
    [
        pytest.param("shop/bd", 1, "did you mean shop/db", id="near-miss"),
        pytest.param("db", 1, "no pod, workload or Service 'db'", id="no-namespace"),
        pytest.param("db.shop.svc", 5432, "has no port TCP/5432; it has TCP/15432", id="port"),
    ],
)
def test_unknown(world, target, port, expected):
    """A name or port that is not there is an error that helps."""
    with pytest.raises(UnknownEndpointError) as error:
        explain(world, "shop/web", target, protocol="TCP", port=port)

    assert expected in str(error.value)
