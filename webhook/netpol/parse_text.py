"""Read the spec of a NetworkPolicy from its JSON text, each part of it once.

An admission path sees the same texts again and again: the old object of a review is what a watch
told, most edits change one peer of one rule, and most namespaces have the same default deny. What
is read of equal texts is one and the same value, so that comparing it costs nothing.
"""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, TypeVar

import msgspec

from webhook.netpol.errors import FieldError
from webhook.netpol.fields import Field
from webhook.netpol.labels import Selector
from webhook.netpol.model import Direction, Peer, Policy, PortRule, Rule, SelectorPeer
from webhook.netpol.parse_policy import parse_peer, parse_policy, parse_port, parse_types
from webhook.netpol.parse_selector import by_labels, parse_selector

MAX_KEPT, MAX_KEPT_BYTES = 1024, 4096
"""Specs, and parts of them, kept as they were read, and how long the text of one may be."""
MAX_NAMED = 128
"""Policies, likewise: no more than a moment's, for each holds its own copy of a text whose reading
is kept anyhow, and a thousand policies with a new name took 1.7 MiB in each worker."""

Read = TypeVar("Read")


def _text(read: Callable[[bytes], Read]) -> Callable[[bytes], Read]:
    """As `webhook.netpol.kept.kept`, for one text: called so often that generality tells."""
    small = lru_cache(maxsize=MAX_KEPT)(read)

    @wraps(read)
    def call(text: bytes) -> Read:
        return small(text) if len(text) <= MAX_KEPT_BYTES else read(text)

    return call


_NULL = msgspec.Raw(b"null")
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class _Ingress(msgspec.Struct, forbid_unknown_fields=True):
    """An item of ``ingress``."""

    peers: list[msgspec.Raw] | None = msgspec.field(default=None, name="from")
    ports: list[msgspec.Raw] | None = None


class _Egress(msgspec.Struct, forbid_unknown_fields=True):
    """An item of ``egress``."""

    peers: list[msgspec.Raw] | None = msgspec.field(default=None, name="to")
    ports: list[msgspec.Raw] | None = None


class _Spec(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """A spec whose parts are still text."""

    pod_selector: msgspec.Raw = _NULL
    policy_types: tuple[str, ...] | None = None
    ingress: list[msgspec.Raw] | None = None
    egress: list[msgspec.Raw] | None = None


class _Peer(msgspec.Struct, forbid_unknown_fields=True):
    """An item of ``from`` or ``to``."""

    pods: msgspec.Raw = msgspec.field(default=_NULL, name="podSelector")
    namespaces: msgspec.Raw = msgspec.field(default=_NULL, name="namespaceSelector")
    block: msgspec.Raw = msgspec.field(default=_NULL, name="ipBlock")


class _Labels(msgspec.Struct, forbid_unknown_fields=True):
    """A selector by nothing but ``matchLabels``, as nearly all are."""

    labels: dict[str, str] | None = msgspec.field(default=None, name="matchLabels")


_spec = msgspec.json.Decoder(_Spec)
_labels = msgspec.json.Decoder(_Labels)
_selectors = msgspec.json.Decoder(_Peer)
_ingress = msgspec.json.Decoder(_Ingress)
_egress = msgspec.json.Decoder(_Egress)


def parse_spec(namespace: str, name: str, spec: bytes) -> Policy:
    """Read a policy.

    Args:
        namespace: of its metadata.
        name: of its metadata.
        spec: JSON text.

    Raises:
        FieldError: the API server would refuse it, or it is no JSON.
    """
    if len(namespace) + len(name) + len(spec) > MAX_KEPT_BYTES:
        return _named(namespace, name, spec)
    return _named_once(namespace, name, spec)


def _named(namespace: str, name: str, spec: bytes) -> Policy:
    read = _read(spec)
    return Policy(namespace or "default", name, read.pods, read.types, read.ingress, read.egress)


_named_once = lru_cache(maxsize=MAX_NAMED)(_named)


@_text
def _read(spec: bytes) -> Policy:
    """Read a spec by parts; one with an error again, whole, so that the error names its place."""
    try:
        parts = _spec.decode(spec)
        egress = tuple([_egress_rule(bytes(rule)) for rule in parts.egress or ()])
        return Policy(
            namespace="",
            name="",
            pods=_selector(bytes(parts.pod_selector)),
            types=_types(parts.policy_types or (), bool(egress)),
            ingress=tuple([_ingress_rule(bytes(rule)) for rule in parts.ingress or ()]),
            egress=egress,
        )
    except (*_UNREADABLE, FieldError):
        return parse_policy(Field({"spec": _decoded(spec)}))


def _decoded(spec: bytes) -> Any:
    try:
        return msgspec.json.decode(spec)
    except _UNREADABLE as error:
        raise FieldError(("spec",), f"cannot be read: {error}") from error


@_text
def _ingress_rule(text: bytes) -> Rule:
    return _rule(_ingress.decode(text))


@_text
def _egress_rule(text: bytes) -> Rule:
    return _rule(_egress.decode(text))


def _rule(parts: _Ingress | _Egress) -> Rule:
    return Rule(
        tuple([_peer(bytes(peer)) for peer in parts.peers or ()]),
        tuple([_port(bytes(port)) for port in parts.ports or ()]),
    )


@_text
def _peer(text: bytes) -> Peer:
    parts = _selectors.decode(text)
    if parts.block != _NULL or parts.pods == parts.namespaces == _NULL:
        return parse_peer(Field(msgspec.json.decode(text)))
    namespaces = None if parts.namespaces == _NULL else _selector(bytes(parts.namespaces))
    return SelectorPeer(namespaces, _selector(bytes(parts.pods)))


@_text
def _port(text: bytes) -> PortRule:
    return parse_port(Field(msgspec.json.decode(text)))


@_text
def _selector(text: bytes) -> Selector:
    try:
        found = by_labels(_labels.decode(text).labels or {})
    except _UNREADABLE:
        found = None
    # Whatever is not so plain is read exactly, which tells what is wrong with it too.
    return parse_selector(Field(msgspec.json.decode(text))) if found is None else found


@lru_cache(maxsize=MAX_KEPT)
def _types(types: tuple[str, ...], has_egress: bool) -> frozenset[Direction]:  # noqa: FBT001
    """Read the types; errors are not kept, and what is none of these is one."""
    return parse_types(Field(list(types)), has_egress=has_egress)
