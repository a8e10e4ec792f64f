"""The top level of net-conf.json: flannel's `Config`, and the reading of a text into it.

Source: flannel pkg/subnet/config.go (`Config`, `ParseConfig`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from webhook.netconf import decode
from webhook.netconf.backend_reader import Section, field_error, read_section, read_type
from webhook.netconf.decode import TypeDecoder
from webhook.netconf.errors import NetConfError, Stage
from webhook.netconf.nets import NO_IP4, NO_IP6, IP4Net, IP6Net
from webhook.netconf.scan import Document, Kind, Member
from webhook.netconf.syntax import read_document
from webhook.netconf.text import decode as decode_text
from webhook.netconf.text import encode, quoted

# Attribute of `Config` and decoder of each key, by its Go name.
_FIELDS: Final[Mapping[str, tuple[str, TypeDecoder]]] = {
    "EnableIPv4": ("enable_ip4", decode.boolean),
    "EnableIPv6": ("enable_ip6", decode.boolean),
    "EnableNFTables": ("enable_nftables", decode.boolean),
    "Network": ("network", decode.ip4_net),
    "IPv6Network": ("ip6_network", decode.ip6_net),
    "SubnetMin": ("subnet_min", decode.ip4),
    "SubnetMax": ("subnet_max", decode.ip4),
    "IPv6SubnetMin": ("ip6_subnet_min", decode.ip6_pointer),
    "IPv6SubnetMax": ("ip6_subnet_max", decode.ip6_pointer),
    "SubnetLen": ("subnet_len", decode.uint64),
    "IPv6SubnetLen": ("ip6_subnet_len", decode.uint64),
    "Backend": ("backend", decode.raw_message),
}


@dataclass(frozen=True, slots=True)
class Config:
    """The decoded top level; addresses are numbers, 0 or None where unset.

    Args:
        network: the IPv4 pod network; empty where unset.
        ip6_network: the IPv6 pod network; empty where unset.
        subnet_len: prefix length of a node's subnet, 0 for flannel's choice (etcd mode only).
    """

    enable_ip4: bool = True
    enable_ip6: bool = False
    enable_nftables: bool = False
    network: IP4Net = NO_IP4
    ip6_network: IP6Net = NO_IP6
    subnet_min: int = 0
    subnet_max: int = 0
    ip6_subnet_min: int | None = None
    ip6_subnet_max: int | None = None
    subnet_len: int = 0
    ip6_subnet_len: int = 0


@dataclass(frozen=True, slots=True)
class Reading:
    """A text that `ParseConfig` accepts.

    Args:
        config: the decoded top level.
        section: the Backend value.
        backend_type: as written; `udp` where there is no Backend.
        taken: of each key that was set, the member it was set from.
        unknown: top-level members no key takes.
    """

    config: Config
    section: Section
    backend_type: str
    taken: Mapping[str, Member]
    unknown: tuple[Member, ...]

    @property
    def data(self) -> bytes:
        """The text."""
        return self.section.data


def read(text: str | bytes, ignored: frozenset[str] = frozenset()) -> Reading:
    """Read a text as `subnet.ParseConfig` does.

    Args:
        text: the value of net-conf.json.
        ignored: keys that the flannel in question does not know yet.

    Raises:
        NetConfError: it is no JSON, or a value is not of its key's type (stage parse).
    """
    data = encode(text)
    document = read_document(data)
    if document.kind not in {Kind.OBJECT, Kind.NULL}:
        raise _no_object(data, document)
    decoders = {name: entry[1] for name, entry in _FIELDS.items() if name not in ignored}
    decoded = decode.decode_struct(data, document.members, decoders)
    if decoded.fault:
        raise field_error(data, Stage.PARSE, decoded.fault)
    values: dict[str, Any] = {_FIELDS[name][0]: value for name, value in decoded.values.items()}
    section = read_section(data, values.pop("backend", None), document.start)
    backend_type = read_type(section)
    unknown = tuple(decoded.unknown)
    return Reading(Config(**values), section, backend_type, decoded.taken, unknown)


def _no_object(data: bytes, document: Document) -> NetConfError:
    start = document.start
    return NetConfError(
        Stage.PARSE,
        key="",
        expected=f"must be a JSON object, not {'an' if document.kind is Kind.ARRAY else 'a'} "
        f"{document.kind}",
        got=quoted(decode_text(data[start : start + 240]).rstrip()),
        hint='write {"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan"}}',
        data=data,
        offset=start,
    )
