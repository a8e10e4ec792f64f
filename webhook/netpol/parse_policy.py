"""Read a NetworkPolicy as the API server validates, defaults and stores it.

Validation: pkg/apis/networking/validation/validation.go. Defaults:
pkg/apis/networking/v1/defaults.go (``SetDefaults_NetworkPolicy``): without
``policyTypes``, Ingress always, Egress if there are egress rules; protocol TCP.
"""

import re

from webhook.netpol.addresses import Family, parse_cidr
from webhook.netpol.fields import Field
from webhook.netpol.intervals import Interval
from webhook.netpol.model import Direction, IPBlock, Peer, Policy, PortRule, Rule, SelectorPeer
from webhook.netpol.parse_port import read_number, read_protocol
from webhook.netpol.parse_selector import parse_selector
from webhook.netpol.ports import port_range

_PORT_NAME = re.compile(r"(?=.*[a-z])(?!.*--)[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?")
_MAX_TYPES = 2


def parse_policy(document: Field) -> Policy:
    """Read a NetworkPolicy.

    Raises:
        FieldError: the API server would refuse the object.
    """
    metadata = document.get("metadata")
    spec = document.get("spec").only("podSelector", "ingress", "egress", "policyTypes")
    ingress = tuple(parse_rule(rule, "from") for rule in spec.get("ingress").items())
    egress = tuple(parse_rule(rule, "to") for rule in spec.get("egress").items())
    return Policy(
        namespace=metadata.get("namespace").text() or "default",
        name=metadata.get("name").text(),
        pods=parse_selector(spec.get("podSelector")),
        types=parse_types(spec.get("policyTypes"), has_egress=bool(egress)),
        ingress=ingress,
        egress=egress,
    )


def parse_types(at: Field, *, has_egress: bool) -> frozenset[Direction]:
    """Read ``policyTypes``; where there are none, what the API server makes of that.

    Raises:
        FieldError: the API server would refuse them.
    """
    items = list(at.items())
    if len(items) > _MAX_TYPES:
        raise at.invalid(f"may not specify more than {_MAX_TYPES} policyTypes")
    if not items:
        return frozenset(Direction) if has_egress else frozenset({Direction.INGRESS})
    return frozenset(map(_parse_type, items))


def _parse_type(at: Field) -> Direction:
    text = at.text()
    for direction in Direction:
        if text == direction:
            return direction
    meant = next((d for d in Direction if text.casefold().startswith(d.casefold())), None)
    hint = f"; did you mean {meant}? remarks begin with a space and #" if meant else ""
    raise at.error(f'Unsupported value: "{text}": supported values: "Ingress", "Egress"{hint}')


def parse_rule(at: Field, peers: str) -> Rule:
    """Read a rule.

    Args:
        at: the item of ``ingress`` or ``egress``.
        peers: the field that lists its peers, ``from`` or ``to``.

    Raises:
        FieldError: the API server would refuse it.
    """
    at.only(peers, "ports")
    return Rule(
        peers=tuple(map(parse_peer, at.get(peers).items())),
        ports=tuple(map(parse_port, at.get("ports").items())),
    )


def parse_peer(at: Field) -> Peer:
    """Read an item of ``from`` or ``to``.

    Raises:
        FieldError: the API server would refuse it.
    """
    at.only("podSelector", "namespaceSelector", "ipBlock")
    pods, namespaces, block = (
        at.get(key) for key in ("podSelector", "namespaceSelector", "ipBlock")
    )
    if block:
        if pods or namespaces:
            raise block.error("Forbidden: may not specify both ipBlock and another peer")
        return _parse_block(block)
    if not (pods or namespaces):
        raise at.error("Required value: must specify a peer")
    return SelectorPeer(
        namespaces=parse_selector(namespaces) if namespaces else None,
        pods=parse_selector(pods),
    )


def _parse_block(at: Field) -> IPBlock:
    at.only("cidr", "except")
    family, cidr = _parse_cidr(at.get("cidr"))
    excepts = tuple(_parse_except(item, family, cidr) for item in at.get("except").items())
    return IPBlock(family, cidr, tuple(sorted(set(excepts))))


def _parse_except(at: Field, family: Family, cidr: Interval) -> Interval:
    other, span = _parse_cidr(at)
    if other != family or span == cidr or not (cidr[0] <= span[0] and span[1] <= cidr[1]):
        raise at.invalid("must be a strict subset of `cidr`")
    return span


def _parse_cidr(at: Field) -> tuple[Family, Interval]:
    if not at.text():
        raise at.error("Required value")
    try:
        return parse_cidr(at.text())
    except ValueError as error:
        raise at.invalid(f"must be a valid CIDR value (e.g. 10.9.8.0/24): {error}") from None


def parse_port(at: Field) -> PortRule:
    """Read an item of ``ports``.

    Raises:
        FieldError: the API server would refuse it.
    """
    at.only("protocol", "port", "endPort")
    protocol, port, end = (at.get(key) for key in ("protocol", "port", "endPort"))
    name = read_protocol(protocol, default="")
    if isinstance(port.value, str):
        return _parse_named(port, end, name)
    if not port:
        if end:
            raise end.invalid("may not be specified when `port` is not specified")
        return PortRule(name, port_range(name))
    low = read_number(port)
    high = read_number(end) if end else low
    if high < low:
        raise end.invalid("must be greater than or equal to `port`")
    return PortRule(name, port_range(name, low, high))


def _parse_named(port: Field, end: Field, protocol: str) -> PortRule:
    if end:
        raise end.invalid("may not be specified when `port` is non-numeric")
    if not _PORT_NAME.fullmatch(port.text()):
        digits = "; a port number must not be quoted" if port.text().isdigit() else ""
        raise port.invalid(
            "must be at most 15 lower-case letters, digits and single hyphens, "
            f"with at least one letter{digits}"
        )
    return PortRule(protocol, name=port.text())
