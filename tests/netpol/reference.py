"""An evaluator as naive as the specification's text, to hold the engine against.

It reads plain Kubernetes objects, shares no code with the engine and asks every tuple
(source, destination, family, protocol, port) for itself. Answers about a single rule are kept.
"""

import ipaddress

TEMPLATES = (
    *("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController"),
    *("Job", "CronJob"),
)


class Reference:
    """Answers single tuples for a list of Kubernetes objects."""

    def __init__(self, objects, ipblock_matches_pods):
        self.ipblock_matches_pods = ipblock_matches_pods
        self.known = {}
        self.policies = [o for o in objects if o["kind"] == "NetworkPolicy"]
        self.pods = {}
        here = {identity(o): o for o in objects if not has_ended(o)}
        for key, o in here.items():
            if o["kind"] == "Pod":
                self._add_pod(o["metadata"], o, o["status"])
            elif o["kind"] in TEMPLATES and stands(key, here):
                spec = o["spec"].get("jobTemplate", o)["spec"]
                self._add_pod(o["metadata"], spec["template"], {})
        self.namespaces = {pod["ns"]: {} for pod in self.pods.values()}
        for o in objects:
            if o["kind"] == "Namespace":
                self.namespaces[o["metadata"]["name"]] = dict(o["metadata"].get("labels") or {})
        for name, labels in self.namespaces.items():
            labels["kubernetes.io/metadata.name"] = name

    def _add_pod(self, metadata, template, status):
        namespace = metadata.get("namespace", "default")
        addresses = [ipaddress.ip_address(item["ip"]) for item in status.get("podIPs") or []]
        if not addresses and status.get("podIP"):
            addresses = [ipaddress.ip_address(status["podIP"])]
        spec = template["spec"]
        self.pods[f"{namespace}/{metadata['name']}"] = {
            "ns": namespace,
            "labels": template["metadata"].get("labels") or {},
            "addresses": addresses,
            "families": {a.version for a in addresses} or {4},
            "host": spec.get("hostNetwork", False),
            "containers": spec["containers"]
            + [c for c in spec.get("initContainers", []) if c.get("restartPolicy") == "Always"],
        }

    def allowed(self, source, target, family, asked):
        """Which of the asked (protocol, port) are allowed.

        Args:
            source: the name of a pod, or an external address.
            target: the same.
            family: 4 or 6.
            asked: a frozenset; the same one in all calls.
        """
        ends = source, target
        if any(end in self.pods and family not in self.pods[end]["families"] for end in ends):
            return frozenset()
        out = self._lets("Egress", source, target, target, family, asked)
        return out and out & self._lets("Ingress", target, source, target, family, asked)

    def _lets(self, direction, subject, peer, target, family, asked):
        if subject not in self.pods or self.pods[subject]["host"] or subject == peer:
            return asked
        isolating = self._kept((direction, subject), self._isolating, direction, subject)
        if not isolating:
            return asked
        opened = set()
        for policy in isolating:
            for rule in policy["spec"].get(direction.lower()) or []:
                key = "peer", id(policy), id(rule), direction, peer, family
                if self._kept(key, self._is_peer, policy, rule, direction, peer, family):
                    key = "ports", id(rule), target
                    opened |= self._kept(key, self._opened, rule, target, asked)
        return frozenset(opened)

    def _kept(self, key, ask, *arguments):
        if key not in self.known:
            self.known[key] = ask(*arguments)
        return self.known[key]

    def _isolating(self, direction, subject):
        return [p for p in self.policies if self._isolates(p, direction, subject)]

    def _opened(self, rule, target, asked):
        return {each for each in asked if self._is_port(rule, target, *each)}

    def _isolates(self, policy, direction, subject):
        spec = policy["spec"]
        types = spec.get("policyTypes") or ["Ingress"] + ["Egress"] * bool(spec.get("egress"))
        pod = self.pods[subject]
        return (
            direction in types
            and policy["metadata"].get("namespace", "default") == pod["ns"]
            and matches(spec.get("podSelector"), pod["labels"])
        )

    def _is_peer(self, policy, rule, direction, peer, family):
        items = (rule or {}).get("from" if direction == "Ingress" else "to")
        return not items or any(self._is_item(policy, item, peer, family) for item in items)

    def _is_item(self, policy, item, peer, family):
        pod = self.pods.get(peer)
        if "ipBlock" in item:
            if pod is None:
                addresses = [peer]
            else:
                addresses = pod["addresses"] if self.ipblock_matches_pods else []
            return any(a.version == family and in_block(item["ipBlock"], a) for a in addresses)
        if pod is None or pod["host"]:
            return False
        namespaces = item.get("namespaceSelector")
        if namespaces is None:
            if pod["ns"] != policy["metadata"].get("namespace", "default"):
                return False
        elif not matches(namespaces, self.namespaces[pod["ns"]]):
            return False
        return matches(item.get("podSelector"), pod["labels"])

    def _is_port(self, rule, target, protocol, port):
        items = (rule or {}).get("ports")
        return not items or any(self._is_port_item(i or {}, target, protocol, port) for i in items)

    def _is_port_item(self, item, target, protocol, port):
        if item.get("protocol", "TCP") != protocol:
            return False
        wanted = item.get("port")
        if wanted is None:
            return True
        if isinstance(wanted, int):
            return wanted <= port <= item.get("endPort", wanted)
        return target in self.pods and any(
            p.get("name") == wanted
            and p.get("protocol", "TCP") == protocol
            and p["containerPort"] == port
            for c in self.pods[target]["containers"]
            for p in c.get("ports") or []
        )


def identity(o):
    return o["kind"], o["metadata"].get("namespace"), o["metadata"]["name"]


def has_ended(o):
    done = o.get("status", {}).get("conditions", [])
    return o.get("status", {}).get("phase") in ("Succeeded", "Failed") or bool(done)


def owner(o):
    for reference in o["metadata"].get("ownerReferences", []):
        return reference["kind"], o["metadata"]["namespace"], reference["name"]
    return None


def stands(key, here):
    """A template counts unless what controls it is there, or a pod that comes of it."""
    if owner(here[key]) in here:
        return False
    for each in here.values():
        above = owner(each) if each["kind"] == "Pod" else None
        while above is not None:
            if above == key:
                return False
            above = owner(here[above]) if above in here else None
    return True


def in_block(block, address):
    if address not in ipaddress.ip_network(block["cidr"]):
        return False
    return not any(address in ipaddress.ip_network(e) for e in block.get("except") or [])


def matches(selector, labels):
    selector = selector or {}
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    for expression in selector.get("matchExpressions") or []:
        key, operator = expression["key"], expression["operator"]
        meets = {
            "In": lambda k, e: k in labels and labels[k] in e["values"],
            "NotIn": lambda k, e: k not in labels or labels[k] not in e["values"],
            "Exists": lambda k, _: k in labels,
            "DoesNotExist": lambda k, _: k not in labels,
        }[operator]
        if not meets(key, expression):
            return False
    return True
