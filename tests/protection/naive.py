"""The definitions of protection, asked one pod, one peer and one port at a time.

Shares with the engine only the values that were read (`Policy`, `Selector.matches`); addresses,
ports and unions are asked by samples, of which each piece of what `rules` draws has one.
"""

from itertools import product

from hypothesis import strategies as st

from tests.protection.boxes import OTHER, VALUES
from tests.protection.specs import blocks, named, policy, spec, tcp
from webhook.netpol.model import METADATA_NAME, Direction, IPBlock

KEYS = ("app", "env")
CIDRS = {
    "0.0.0.0/1": 4, "128.0.0.0/1": 4, "0.0.0.0/0": 4, "10.0.0.0/8": 4,
    "::/1": 6, "8000::/1": 6, "2000::/3": 6, "fc00::/7": 6,
}  # fmt: skip
ADDRESSES = {
    4: [1 << 24, 10 << 24, 77 << 24, 130 << 24, 223 << 24],
    6: [0x2001 << 112, 0x3FFF << 112, 0xFC << 120, 0xFD << 120],
}
PORTS = {"TCP": [1, 443, 32767, 32768, 65535], "UDP": [1, 65535], "SCTP": [1, 65535]}
SPANS = ([tcp(1, 32767)], [tcp(32768, 65535)], [tcp(443)], [{"protocol": "UDP"}])


def own_pods():
    """Label sets of the namespace's pods, made or not yet made."""
    for values in product((*VALUES, OTHER, None), repeat=len(KEYS)):
        yield {key: value for key, value in zip(KEYS, values, strict=True) if value is not None}


def is_named(labels):
    """Whether a value of theirs is one that some selector names."""
    return any(value in VALUES for value in labels.values())


def peers():
    """Samples of every universe: its name and the peer."""
    for own, team in product((OTHER, None), repeat=2):
        pod = {} if own is None else {"app": own}
        of = {METADATA_NAME: OTHER} | ({} if team is None else {"team": team})
        yield f"pods {own} {team}", (pod, of)
    for family, addresses in ADDRESSES.items():
        yield from ((f"IPv{family}", (family, address)) for address in addresses)


PEERS = list(peers())


def matches(peer, sample):
    """Whether an item of ``from`` or ``to`` matches a sample."""
    first, second = sample
    if isinstance(peer, IPBlock):
        inside = first == peer.family and peer.cidr[0] <= second <= peer.cidr[1]
        return inside and not any(low <= second <= high for low, high in peer.excepts)
    if not isinstance(first, dict) or peer.namespaces is None:
        return False
    return peer.pods.matches(first) and peer.namespaces.matches(second)


def lets(rule, sample, protocol, port):
    """Whether a rule opens a port of a sample."""
    if rule.peers and not any(matches(peer, sample) for peer in rule.peers):
        return False
    return not rule.ports or any(
        item.protocol == protocol
        and any(low & 0xFFFF <= port <= high & 0xFFFF for low, high in item.ports)
        for item in rule.ports
    )


def open_to(policies, labels, direction):
    """All (universe, sample, protocol, port) that a pod with the labels is open to."""
    isolating = [p for p in policies if direction in p.types and p.pods.matches(labels)]
    return {
        (universe, number, protocol, port)
        for number, (universe, sample) in enumerate(PEERS)
        for protocol, ports in PORTS.items()
        for port in ports
        if not isolating
        or any(lets(r, sample, protocol, port) for p in isolating for r in p.rules(direction))
    }


EVERYTHING = open_to([], {}, Direction.INGRESS)


def whole(opened):
    """The universes that are open with all samples and all ports of a protocol."""
    wanted = {}
    for each in EVERYTHING:
        wanted.setdefault((each[0], each[2]), set()).add(each)
    return {key for key, all_of_it in wanted.items() if all_of_it <= opened}


def isolates(policies, labels, direction):
    """Whether a pod with the labels is isolated."""
    return any(direction in p.types and p.pods.matches(labels) for p in policies)


def lost(before, after, direction):
    """Whether pods that no rule opened to everything are isolated by nothing any more."""
    return any(
        isolates(before, labels, direction)
        and not isolates(after, labels, direction)
        and not any(
            not (rule.peers or rule.ports)
            for each in before
            if isolates([each], labels, direction)
            for rule in each.rules(direction)
        )
        for labels in own_pods()
    )


def reopened(before, after, direction):
    """Whether pods that no value names are isolated, and wholly open to somebody since."""
    return any(
        whole(open_to(after, labels, direction)) - whole(open_to(before, labels, direction))
        for labels in own_pods()
        if not is_named(labels)
        and isolates(before, labels, direction)
        and isolates(after, labels, direction)
    )


_pods = st.sampled_from(
    [{}, *(named(key, op) for key in KEYS for op in ("Exists", "DoesNotExist"))]
    + [named(key, op, *VALUES[:2]) for key in KEYS for op in ("In", "NotIn")]
    + [named(key, op, VALUES[0]) for key in KEYS for op in ("In", "NotIn")]
)
_spaces = st.sampled_from(
    [
        {},
        *(named("team", op) for op in ("Exists", "DoesNotExist")),
        *(named("team", op, "a") for op in ("In", "NotIn")),
        *(named(METADATA_NAME, op, "x") for op in ("In", "NotIn")),
        named(METADATA_NAME, "Exists"),
    ]
)
_apps = st.sampled_from(
    [None, {}, named("app", "Exists"), named("app", "DoesNotExist"), named("app", "In", "a")]
)


def _peer(spaces, apps):
    return {"namespaceSelector": spaces} | ({} if apps is None else {"podSelector": apps})


_peers = st.one_of(
    st.sampled_from(sorted(CIDRS)).map(lambda cidr: blocks(cidr)["from"][0]),
    st.builds(_peer, _spaces, _apps),
    st.just({"podSelector": {}}),
)
rules = st.builds(
    lambda peers, ports: ({"from": peers} if peers else {}) | ({"ports": ports} if ports else {}),
    st.lists(_peers, max_size=3),
    st.one_of(st.none(), st.lists(st.sampled_from(SPANS), min_size=1, max_size=2).map(
        lambda found: [item for span in found for item in span]
    )),
)  # fmt: skip
types = st.sampled_from([["Ingress"], ["Egress"], ["Ingress", "Egress"]])


def made(pods, types, ingress, name="changed"):
    """A policy; its egress rules are none, so that ``Egress`` denies."""
    return policy(spec(pods, ingress=ingress, types=types), name)


policies = st.builds(made, _pods, types, st.lists(rules, max_size=3))
neighbours = st.lists(st.builds(made, _pods, types, st.lists(rules, max_size=2)), max_size=3)
