"""Seeded random small clusters, and changes to them, as plain Kubernetes objects."""

import copy

NAMESPACES = ("x", "y", "z")
LABELS = {"app": ("a", "b", ""), "tier": ("front", "back"), "env": ("prod",)}
NAMESPACE_LABELS = {
    "team": ("red", "blue"),
    "env": ("prod", "dev"),
    "kubernetes.io/metadata.name": NAMESPACES,
}
NAMES = ("http", "dns", "web")
NUMBERS = (53, 80, 81, 8080)
PROTOCOLS = ("TCP", "UDP", "SCTP")
CIDRS = (
    ("10.0.0.0/8", ("10.0.0.0/30", "10.0.0.2/32", "10.128.0.0/9")),
    ("0.0.0.0/0", ("10.0.0.0/8", "0.0.0.0/1", "128.0.0.0/1")),
    ("0.0.0.0/1", ()),
    ("10.0.0.1/32", ()),
    ("255.255.255.255/32", ()),
    ("192.168.0.0/16", ("192.168.1.0/24",)),
    ("::/0", ("fd00::/8", "::/1")),
    ("fd00::/64", ("fd00::2/128",)),
)


def cluster(rng):
    """Make up to three namespaces (one perhaps undeclared), their pods and policies."""
    objects = [namespace(rng, name) for name in NAMESPACES if rng.random() < 0.9]
    objects += [pod(rng, number) for number in range(1, rng.randint(3, 6))]
    objects += [each for number in range(rng.randint(0, 1)) for each in workload(rng, number)]
    objects += [policy(rng, f"p{number}") for number in range(rng.randint(0, 5))]
    return objects


def changed(rng, objects):
    """Change a cluster in one to three places: policies, pods and namespaces."""
    objects = copy.deepcopy(objects)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(objects)) if objects else 0
        what = rng.random()
        if what < 0.3 or not objects:
            objects.append(policy(rng, f"q{rng.randrange(9)}"))
        elif what < 0.6:
            del objects[at]
        else:
            objects[at] = remade(rng, objects[at])
    unique = {
        (o["kind"], o["metadata"].get("namespace"), o["metadata"]["name"]): o for o in objects
    }
    return list(unique.values())


def remade(rng, old):
    name = old["metadata"]["name"]
    if old["kind"] == "Namespace":
        return namespace(rng, name)
    if old["kind"] == "NetworkPolicy":
        new = policy(rng, name)
    elif old["kind"] == "Pod":
        new = pod(rng, int(name.lstrip("pod-")))
        new["metadata"] |= {"name": name, **owners_of(old)}
    else:
        new = {**copy.deepcopy(old), "spec": template_of(rng, old["kind"])}
    new["metadata"]["namespace"] = old["metadata"]["namespace"]
    return new


def labels(rng, known=LABELS):
    return {key: rng.choice(values) for key, values in known.items() if rng.random() < 0.6}


def namespace(rng, name):
    found = labels(rng, {"team": ("red", "blue"), "env": ("prod", "dev")})
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": found}}


def pod_spec(rng):
    containers = [
        {
            "name": f"c{number}",
            "ports": [
                {
                    "name": rng.choice(NAMES),
                    "containerPort": rng.choice(NUMBERS),
                    **rng.choice(({}, {"protocol": rng.choice(PROTOCOLS)})),
                }
                for _ in range(rng.randint(0, 2))
            ],
        }
        for number in range(rng.randint(1, 3))
    ]
    init = [{**c, **rng.choice(({}, {"restartPolicy": "Always"}))} for c in containers[1:]]
    return {"containers": containers[:1], "initContainers": init, "hostNetwork": rng.random() < 0.1}


def singular(addresses):
    """Addresses as an old kubelet reports them; several need the plural."""
    if len(addresses) > 1:
        return {"podIPs": [{"ip": each} for each in addresses], "podIP": addresses[0]}
    return {"podIP": addresses[0] if addresses else "", "podIPs": None}


def pod(rng, number):
    addresses = rng.choice(
        (
            [f"10.0.0.{number}"],
            [f"10.0.0.{number}", f"fd00::{number}"],
            [f"fd00::{number}"],
            [f"192.168.1.{number}"],
            [],
        )
    )
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"pod{number}",
            "namespace": rng.choice(NAMESPACES),
            "labels": labels(rng),
        },
        "spec": pod_spec(rng),
        "status": {
            "phase": rng.choice(("Running",) * 5 + ("Pending", "Succeeded", "Failed")),
            **rng.choice(({"podIPs": [{"ip": each} for each in addresses]}, singular(addresses))),
        },
    }


KINDS = {
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "ReplicaSet": "apps/v1",
    "ReplicationController": "v1",
    "Job": "batch/v1",
    "CronJob": "batch/v1",
}
CONTROLLED = {"Deployment": "ReplicaSet", "CronJob": "Job"}


def workload(rng, number):
    """A workload, at times with what it controls, down to a pod, as a live cluster lists them."""
    kind = rng.choice(sorted(KINDS))
    where = rng.choice(NAMESPACES)
    found = [controlled(rng, kind, where, f"set{number}", None)]
    if kind in CONTROLLED and rng.random() < 0.5:
        found.append(controlled(rng, CONTROLLED[kind], where, f"of{number}", found[-1]))
    if rng.random() < 0.4:
        made = pod(rng, 8)
        made["metadata"] |= {"name": "pod-8", "namespace": where, **owned_by(found[-1])}
        found.append(made)
    return found


def controlled(rng, kind, where, name, owner):
    metadata = {"name": name, "namespace": where, **(owned_by(owner) if owner else {})}
    made = {"apiVersion": KINDS[kind], "kind": kind, "metadata": metadata}
    ended = kind == "Job" and rng.random() < 0.2
    status = {"status": {"conditions": [{"type": "Complete", "status": "True"}]}} if ended else {}
    return {**made, "spec": template_of(rng, kind), **status}


def template_of(rng, kind):
    spec = {"template": {"metadata": {"labels": labels(rng)}, "spec": pod_spec(rng)}}
    return {"jobTemplate": {"spec": spec}} if kind == "CronJob" else spec


def owned_by(owner):
    reference = {"kind": owner["kind"], "name": owner["metadata"]["name"], "controller": True}
    return {"ownerReferences": [reference]}


def owners_of(made):
    return {k: v for k, v in made["metadata"].items() if k == "ownerReferences"}


def policy(rng, name):
    spec = rng.choice(({"podSelector": selector(rng)},) * 9 + ({"podSelector": None}, {}))
    types = rng.choice((None, [], ["Ingress"], ["Egress"], ["Ingress", "Egress"], ["Ingress"] * 2))
    if types is not None or rng.random() < 0.5:
        spec["policyTypes"] = types
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        if rng.random() < 0.7:
            spec[direction] = [rule(rng, peers) for _ in range(rng.randint(0, 2))] or rng.choice(
                ([], None)
            )
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": rng.choice(NAMESPACES)},
        "spec": spec,
    }


def selector(rng, known=LABELS):
    found = {"matchLabels": None, "matchExpressions": []} if rng.random() < 0.1 else {}
    if rng.random() < 0.4:
        found["matchLabels"] = {
            key: rng.choice(values) for key, values in known.items() if rng.random() < 0.4
        }
    if rng.random() < 0.4:
        found["matchExpressions"] = [expression(rng, known) for _ in range(rng.randint(1, 2))]
    return found


def expression(rng, known):
    key = rng.choice(sorted(known))
    operator = rng.choice(("In", "NotIn", "Exists", "DoesNotExist"))
    found = {"key": key, "operator": operator}
    if operator in ("In", "NotIn"):
        found["values"] = [rng.choice(known[key]) for _ in range(rng.randint(1, 2))]
    return found


def rule(rng, peers):
    found = {}
    if rng.random() < 0.8:
        found[peers] = rng.choice((None, [])) if rng.random() < 0.1 else some(rng, peer)
    if rng.random() < 0.7:
        found["ports"] = rng.choice((None, [])) if rng.random() < 0.1 else some(rng, port)
    return found


def some(rng, make):
    return [make(rng) for _ in range(rng.randint(1, 2))]


def peer(rng):
    kind = rng.random()
    if kind < 0.4:
        cidr, excepts = rng.choice(CIDRS)
        chosen = rng.sample(excepts, rng.randint(0, len(excepts)))
        return {"ipBlock": {"cidr": cidr, **({"except": chosen} if chosen else {})}}
    if kind < 0.6:
        null = {"namespaceSelector": None} if rng.random() < 0.2 else {}
        return {"podSelector": selector(rng), **null}
    if kind < 0.8:
        return {"namespaceSelector": selector(rng, NAMESPACE_LABELS)}
    return {
        "namespaceSelector": selector(rng, NAMESPACE_LABELS),
        "podSelector": selector(rng),
    }


def port(rng):
    found = {} if rng.random() < 0.3 else {"protocol": rng.choice(PROTOCOLS)}
    kind = rng.random()
    if kind < 0.3:
        found["port"] = rng.choice(NAMES)
    elif kind < 0.8:
        found["port"] = rng.choice((1, *NUMBERS))
        if rng.random() < 0.4:
            found["endPort"] = rng.choice((found["port"], 8081, 65535))
    return found
