"""Which pods a profile breaks, asked tuple by tuple of the reference evaluator."""

import ipaddress

from tests.netpol.reference import Reference

OUTSIDE = {4: ipaddress.ip_address("203.0.113.7"), 6: ipaddress.ip_address("2001:db8::7")}
PROBES = frozenset({("TCP", 80), ("UDP", 53), ("UDP", 9), ("SCTP", 65535)})


def broken(objects, profile, namespace):
    """Names of the pods that speak less after the profile than before, by direction.

    Args:
        objects: the cluster, as plain Kubernetes objects.
        profile: the policies that are added, with the namespace.
        namespace: where.
    """
    stranger = {
        "kind": "Pod",
        "metadata": {"name": "stranger", "namespace": "elsewhere", "labels": {}},
        "spec": {"containers": []},
        "status": {"phase": "Running", "podIPs": [{"ip": "172.16.0.1"}, {"ip": "fd99::1"}]},
    }
    before = Reference([*objects, stranger], ipblock_matches_pods=True)
    after = Reference([*objects, stranger, *profile], ipblock_matches_pods=True)
    return {
        direction: [
            pod.partition("/")[2]
            for pod in sorted(before.pods)
            if before.pods[pod]["ns"] == namespace and _loses(before, after, direction, pod)
        ]
        for direction in ("Ingress", "Egress")
    }


def _loses(before, after, direction, pod):
    return any(
        _lets(before, direction, pod, peer, family) - _lets(after, direction, pod, peer, family)
        for family, address in OUTSIDE.items()
        for peer in ("elsewhere/stranger", address)
    )


def _lets(cluster, direction, pod, peer, family):
    target = pod if direction == "Ingress" else peer
    return cluster._lets(direction, pod, peer, target, family, PROBES)
