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
    objects += [deployment(rng, number) for number in range(rng.randint(0, 1))]
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
        new = pod(rng, int(name.removeprefix("pod")))
    else:
        new = deployment(rng, int(name.removeprefix("dep")))
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
            "phase": rng.choice(("Running", "Running", "Running", "Pending", "Succeeded")),
            "podIPs": [{"ip": address} for address in addresses],
        },
    }


def deployment(rng, number):
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": f"dep{number}", "namespace": rng.choice(NAMESPACES)},
        "spec": {"template": {"metadata": {"labels": labels(rng)}, "spec": pod_spec(rng)}},
    }


def policy(rng, name):
    spec = {"podSelector": selector(rng)}
    types = rng.choice((None, [], ["Ingress"], ["Egress"], ["Ingress", "Egress"], ["Ingress"] * 2))
    if types is not None or rng.random() < 0.5:
        spec["policyTypes"] = types
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        if rng.random() < 0.7:
            spec[direction] = [rule(rng, peers) for _ in range(rng.randint(0, 2))]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": rng.choice(NAMESPACES)},
        "spec": spec,
    }


def selector(rng, known=LABELS):
    found = {}
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
        return {"podSelector": selector(rng)}
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
