"""Reading `Backend`: the type, the backend's own keys, and what flannel exits on at its start.

Sources: flannel pkg/subnet/config.go (`parseBackendType`), pkg/backend/manager.go
(`GetBackend`), pkg/backend/<type>/<type>.go (`RegisterNetwork`), wgtypes.ParseKey.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from webhook.netconf import decode
from webhook.netconf.backends import (
    BACKENDS,
    SECRETS,
    Backend,
    Extension,
    HostGw,
    Ipsec,
    Vxlan,
    Wireguard,
)
from webhook.netconf.decode import Decoded, Fault, TypeDecoder
from webhook.netconf.errors import NetConfError, Stage
from webhook.netconf.names import canonical, nearest
from webhook.netconf.scan import Kind, Member, scan
from webhook.netconf.text import decode as decode_text
from webhook.netconf.text import fold, quoted, to_lower

MIN_IPSEC_PSK: Final = 96
"""The fewest bytes of an IPsec PSK (`minPasswordLength`)."""
WIREGUARD_MODES: Final = ("separate", "auto", "ipv4", "ipv6")

_GO_BLANKS = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
_KEY_OF_32_BYTES = re.compile(r"[A-Za-z0-9+/]{43}=", re.ASCII)

# Attribute of the backend's class and decoder of each key, by its Go name.
_FIELDS: Final[Mapping[str, Mapping[str, tuple[str, TypeDecoder]]]] = {
    "vxlan": {
        "VNI": ("vni", decode.int64),
        "Port": ("port", decode.int64),
        "MTU": ("mtu", decode.int64),
        "GBP": ("gbp", decode.boolean),
        "Learning": ("learning", decode.boolean),
        "DirectRouting": ("direct_routing", decode.boolean),
    },
    "udp": {"Port": ("port", decode.int64)},
    "wireguard": {
        "ListenPort": ("listen_port", decode.int64),
        "ListenPortV6": ("listen_port_v6", decode.int64),
        "MTU": ("mtu", decode.int64),
        "PSK": ("psk", decode.text),
        "PersistentKeepaliveInterval": ("keepalive", decode.int64),
        "Mode": ("mode", decode.text),
    },
    "ipip": {"DirectRouting": ("direct_routing", decode.boolean)},
    "ipsec": {
        "UDPEncap": ("udp_encap", decode.boolean),
        "ESPProposal": ("esp_proposal", decode.text),
        "PSK": ("psk", decode.text),
    },
    "extension": {
        "PreStartupCommand": ("pre_startup_command", decode.text),
        "PostStartupCommand": ("post_startup_command", decode.text),
        "SubnetAddCommand": ("subnet_add_command", decode.text),
        "SubnetRemoveCommand": ("subnet_remove_command", decode.text),
    },
    "tencent-vpc": {
        "AccessKeyID": ("access_key_id", decode.text),
        "AccessKeySecret": ("access_key_secret", decode.text),
    },
}


@dataclass(frozen=True, slots=True)
class Section:
    """The `Backend` value of a text: where it stands and its members.

    Args:
        data: the whole text.
        at: offset of the value, or of the text's object if there is none.
        end: offset behind the value.
        members: its members in order; empty if it is null or absent.
        present: whether there is a Backend at all.
    """

    data: bytes
    at: int
    end: int
    members: tuple[Member, ...]
    present: bool


def read_section(data: bytes, span: decode.Raw | None, start: int) -> Section:
    """Return the `Backend` that stands at `span`, None being an absent one."""
    if span is None:
        return Section(data, start, start, (), present=False)
    return Section(data, span.start, span.end, scan(data, *span).members, present=True)


def read_type(section: Section) -> str:
    """Return the backend type as `parseBackendType` does: `udp` where there is no Backend.

    Raises:
        NetConfError: Backend is neither object nor null, or its Type no string (stage parse).
    """
    if not section.present:
        return "udp"
    if section.data[section.at] not in b"{n":
        raise NetConfError(
            Stage.PARSE,
            key="Backend",
            expected='must be an object such as {"Type": "vxlan"}',
            got=quoted(decode_text(section.data[section.at : section.end][:240])),
            data=section.data,
            offset=section.at,
        )
    decoded = decode.decode_struct(section.data, section.members, {"Type": decode.text})
    if decoded.fault:
        raise field_error(section.data, Stage.PARSE, decoded.fault, "Backend.")
    return str(decoded.values.get("Type", ""))


def field_error(data: bytes, stage: Stage, fault: Fault, prefix: str = "") -> NetConfError:
    """Return the error of a value that is not of its key's type."""
    member, mismatch = fault
    name = canonical(member.key)
    raw = data[member.start : min(member.end, member.start + 240)]
    shown = decode_text(raw[1:-1] if member.kind is Kind.STRING else raw)
    return NetConfError(
        stage,
        key=prefix + member.key,
        expected=mismatch.expected,
        got="" if name in SECRETS else quoted(shown),
        hint=mismatch.hint,
        data=data,
        offset=member.start,
    )


def find_backend(
    section: Section, name: str, missing: frozenset[str] = frozenset()
) -> type[Backend]:
    """Return the class of a backend type, looked up as `GetBackend` does.

    Args:
        section: the Backend value.
        name: the type as written.
        missing: types that the flannel in question does not know yet.

    Raises:
        NetConfError: flannel registers no such backend (stage backend-type).
    """
    backend = BACKENDS.get(to_lower(name))
    if backend is None or backend.type in missing:
        raise _unknown_type(section, name)
    return backend


def _unknown_type(section: Section, name: str) -> NetConfError:
    decoded = decode.decode_struct(section.data, section.members, {"Type": decode.text})
    member = decoded.taken.get("Type")
    meant = nearest(name, tuple(BACKENDS))
    hint = f'probably meant is "{meant}"' if meant else ""
    if name == "":
        hint = "flannel has no default here: an empty Backend or Type makes every node exit"
    return NetConfError(
        Stage.BACKEND_TYPE,
        key="Backend.Type",
        expected=f"unknown backend type, must be one of {', '.join(BACKENDS)}",
        got=quoted(name),
        hint=hint,
        data=section.data,
        offset=member.start if member else section.at,
    )


@dataclass(frozen=True, slots=True)
class BackendReading:
    """A backend decoded as far as Go decodes it, and what its start-up refuses.

    Args:
        backend: the values; with an error, those Go leaves behind.
        unknown: members no key of this backend takes.
        error: why flanneld exits, None if it starts.
    """

    backend: Backend
    unknown: tuple[Member, ...]
    error: NetConfError | None
    taken: Mapping[str, Member]


def read_backend(
    section: Section,
    cls: type[Backend],
    *,
    enable_ip4: bool,
    ignored: frozenset[str] = frozenset(),
) -> BackendReading:
    """Decode the backend's keys and check them as `RegisterNetwork` does.

    Args:
        section: the Backend value.
        cls: the backend's class.
        enable_ip4: the top level's EnableIPv4.
        ignored: keys that the flannel in question does not know yet.
    """
    fields = _FIELDS.get(cls.type, {})
    decoders = {name: entry[1] for name, entry in fields.items() if name not in ignored}
    decoded = decode.decode_struct(section.data, section.members, decoders)
    backend = cls(**{fields[name][0]: value for name, value in decoded.values.items()})
    error = _start_error(section, decoded, backend, enable_ip4=enable_ip4)
    unknown = tuple(member for member in decoded.unknown if fold(member.key) != "TYPE")
    return BackendReading(backend, unknown, error, decoded.taken)


def _start_error(
    section: Section, decoded: Decoded, backend: Backend, *, enable_ip4: bool
) -> NetConfError | None:
    if decoded.fault:
        return field_error(section.data, Stage.BACKEND_CONFIG, decoded.fault, "Backend.")
    problem = _refusal(backend, enable_ip4=enable_ip4)
    if problem is None:
        return None
    name, got, expected, hint = problem
    member = decoded.taken.get(name.removeprefix("Backend."))
    return NetConfError(
        Stage.BACKEND_CONFIG,
        key=name,
        expected=expected,
        got=got,
        hint=hint,
        data=section.data,
        offset=member.start if member else section.at,
    )


def _refusal(backend: Backend, *, enable_ip4: bool) -> tuple[str, str, str, str] | None:
    """Return key, found, expected and hint of what the backend exits on or panics over."""
    if isinstance(backend, Wireguard):
        return _wireguard_refusal(backend)
    if isinstance(backend, Ipsec) and len(backend.psk.encode()) < MIN_IPSEC_PSK:
        expected = f"must have at least {MIN_IPSEC_PSK} bytes, has {len(backend.psk.encode())}"
        return "Backend.PSK", "", expected, "head -c 48 /dev/urandom | xxd -p -c 96"
    if isinstance(backend, Extension) and _blank(backend.pre_startup_command):
        expected = "must not be blanks only: flannel panics over it"
        return "Backend.PreStartupCommand", quoted(backend.pre_startup_command), expected, ""
    if not enable_ip4 and not isinstance(backend, (Vxlan, HostGw, Wireguard, Extension)):
        expected = f"must be true: backend {backend.type} knows IPv4 only and panics without"
        return "EnableIPv4", quoted("false"), expected, "IPv6 works with vxlan, host-gw, wireguard"
    return None


def _wireguard_refusal(backend: Wireguard) -> tuple[str, str, str, str] | None:
    if backend.mode not in WIREGUARD_MODES:
        expected = f"no valid Mode, must be one of {', '.join(WIREGUARD_MODES)}"
        lower = backend.mode.strip().lower()
        hint = f'write "{lower}"' if lower in WIREGUARD_MODES else ""
        return "Backend.Mode", quoted(backend.mode), expected, hint
    psk = backend.psk.replace("\r", "").replace("\n", "")
    if backend.psk and not _KEY_OF_32_BYTES.fullmatch(psk):
        return "Backend.PSK", "", "must be base64 of 32 bytes, or empty", "wg genpsk makes one"
    return None


def _blank(command: str) -> bool:
    """Whether strings.Fields finds nothing in a command that is not empty."""
    return command != "" and command.strip(_GO_BLANKS) == ""


def blank_command(command: str) -> bool:
    """Whether flannel would panic over a command of blanks."""
    return _blank(command)
