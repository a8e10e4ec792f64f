"""Decoding a JSON object into a struct, by the rules of Go's encoding/json v1.

Names match exactly or case-insensitively, every occurrence is checked against its type, the last
one wins, null leaves a value as it was (but not where the type has an UnmarshalJSON of its own).
A wrong type does not stop the decoder: the other values are taken, the first error is told at the
end. An error of an UnmarshalJSON stops it at once and is the one told.

Source: Go's encoding/json/decode.go (`object`, `literalStore`, `saveError`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from webhook.netconf import grammar
from webhook.netconf.netip import parse_addr, parse_prefix
from webhook.netconf.nets import IP4Net, IP6Net
from webhook.netconf.scan import Kind, Member
from webhook.netconf.text import fold, unquote


class Mismatch(Exception):  # noqa: N818 - told to users as NetConfError
    """A value is not of its key's type.

    Args:
        expected: what had to stand there.
        stops: whether the decoder stops here (an UnmarshalJSON's error).
        hint: how to write it, empty where it cannot be told.
    """

    def __init__(self, expected: str, *, stops: bool = False, hint: str = "") -> None:
        super().__init__(expected)
        self.expected = expected
        self.stops = stops
        self.hint = hint


class Fault(NamedTuple):
    """A member whose value does not fit, and why."""

    member: Member
    mismatch: Mismatch


class Raw(NamedTuple):
    """A value as it stands: json.RawMessage."""

    start: int
    end: int


_MOST_DIGITS = 20


class _Keep:
    """The type of `KEEP`."""


KEEP: Final = _Keep()
"""What a decoder returns for a null that leaves the value as it was."""

TypeDecoder = Callable[[bytes, Member], object]


def _unfit(expected: str, kind: Kind, hint: str = "") -> Mismatch:
    return Mismatch(f"must be {expected}, not {_ARTICLES[kind]}", hint=hint)


_ARTICLES = {
    Kind.OBJECT: "an object",
    Kind.ARRAY: "an array",
    Kind.STRING: "a string",
    Kind.NUMBER: "a number",
    Kind.BOOL: "a bool",
    Kind.NULL: "null",
}


def boolean(data: bytes, member: Member) -> object:
    """Decode a Go bool: true or false."""
    if member.kind is Kind.NULL:
        return KEEP
    if member.kind is Kind.BOOL:
        return data[member.start] == ord("t")
    raw = data[member.start : member.end].strip(b'"').lower()
    hint = f"write {raw.decode()} without quotes" if raw in {b"true", b"false"} else ""
    raise _unfit("true or false", member.kind, hint)


def text(data: bytes, member: Member) -> object:
    """Decode a Go string."""
    if member.kind is Kind.NULL:
        return KEEP
    if member.kind is not Kind.STRING:
        raise _unfit("a string", member.kind, "write it in double quotes")
    return unquote(data[member.start : member.end])


def _integer(data: bytes, member: Member, low: int, high: int) -> object:
    if member.kind is Kind.NULL:
        return KEEP
    raw = data[member.start : member.end]
    if member.kind is not Kind.NUMBER:
        bare = raw.strip(b'"')
        hint = f"write {bare.decode()} without quotes" if grammar.DIGITS.fullmatch(bare) else ""
        raise _unfit("a whole number", member.kind, hint)
    pattern = grammar.INTEGER if low < 0 else grammar.DIGITS
    # `_MOST_DIGITS` hold every 64-bit number; int() of more could be slow, or refused.
    if pattern.fullmatch(raw) and len(raw) <= _MOST_DIGITS and low <= int(raw) <= high:
        return int(raw)
    raise Mismatch(f"must be a whole number from {low} to {high}, without point or exponent")


def int64(data: bytes, member: Member) -> object:
    """Decode a Go int (64 bits): strconv.ParseInt."""
    return _integer(data, member, -(2**63), 2**63 - 1)


def uint64(data: bytes, member: Member) -> object:
    """Decode a Go uint (64 bits): strconv.ParseUint, which takes no sign."""
    return _integer(data, member, 0, 2**64 - 1)


def raw_message(_data: bytes, member: Member) -> object:
    """Decode a json.RawMessage: any value, null included, as it stands."""
    return Raw(member.start, member.end)


def _bare(data: bytes, member: Member) -> str:
    """The bytes an UnmarshalJSON of pkg/ip looks at: the value as written, quotes trimmed."""
    return data[member.start : member.end].strip(b'"').decode("utf-8", "surrogateescape")


def _address_hint(bare: str) -> str:
    if "\\" in bare:
        return "flannel takes addresses as they are written: no escapes"
    if bare.strip() != bare:
        return "no blanks inside the quotes"
    return ""


def ip4_net(data: bytes, member: Member) -> object:
    """Decode an ip.IP4Net (pkg/ip/ipnet.go): host bits are masked away, null is an error."""
    bare = _bare(data, member)
    prefix = parse_prefix(bare)
    network = None if prefix is None else IP4Net.from_prefix(prefix)
    if network is None:
        hint = _address_hint(bare)
        raise Mismatch('must be an IPv4 CIDR such as "10.244.0.0/16"', stops=True, hint=hint)
    return network


def ip6_net(data: bytes, member: Member) -> object:
    """Decode an ip.IP6Net (pkg/ip/ip6net.go), which takes an IPv4 CIDR too."""
    bare = _bare(data, member)
    prefix = parse_prefix(bare)
    if prefix is None:
        hint = _address_hint(bare)
        raise Mismatch('must be an IPv6 CIDR such as "fd00:10:244::/48"', stops=True, hint=hint)
    return IP6Net.from_prefix(prefix)


def ip4(data: bytes, member: Member) -> object:
    """Decode an ip.IP4 (pkg/ip/ipnet.go): null is an error."""
    bare = _bare(data, member)
    address = parse_addr(bare)
    value = None if address is None else address.ip4()
    if value is None:
        hint = _address_hint(bare)
        raise Mismatch('must be an IPv4 address such as "10.244.1.0"', stops=True, hint=hint)
    return value


def ip6_pointer(data: bytes, member: Member) -> object:
    """Decode an *ip.IP6 (pkg/ip/ip6net.go): null unsets it."""
    if member.kind is Kind.NULL:
        return None
    bare = _bare(data, member)
    address = parse_addr(bare)
    if address is None:
        hint = _address_hint(bare)
        raise Mismatch('must be an IPv6 address such as "fd00:10:244:1::"', stops=True, hint=hint)
    return address.ip16()


@dataclass(slots=True)
class Decoded:
    """What a struct holds after decoding.

    Args:
        values: the fields that were set, by name.
        taken: of each set field, the member it was set from.
        unknown: members no field takes.
        fault: the error Go would return, None if there is none.
    """

    values: dict[str, object] = field(default_factory=dict)
    taken: dict[str, Member] = field(default_factory=dict)
    unknown: list[Member] = field(default_factory=list)
    fault: Fault | None = None


def decode_struct(
    data: bytes, members: tuple[Member, ...], fields: Mapping[str, TypeDecoder]
) -> Decoded:
    """Decode the members of an object into the fields of a struct.

    Args:
        data: the text.
        members: the object's members in order, duplicates included.
        fields: decoder of each field by its Go name.
    """
    names = {fold(name): name for name in fields}
    decoded = Decoded()
    for member in members:
        name = names.get(fold(member.key))
        if name is None:
            decoded.unknown.append(member)
        elif not _store(data, member, name, fields[name], decoded):
            break
    return decoded


def _store(data: bytes, member: Member, name: str, decoder: TypeDecoder, into: Decoded) -> bool:
    """Decode one member into its field; return False where the decoder stops."""
    try:
        value = decoder(data, member)
    except Mismatch as mismatch:
        if into.fault is None or mismatch.stops:
            into.fault = Fault(member, mismatch)
        return not mismatch.stops
    if value is not KEEP:
        into.values[name] = value
        into.taken[name] = member
    return True
