"""`NetConf`: what flanneld works with, once it has started from a text.

Sources: flannel main.go, pkg/ipmatch/match.go (`GetIPFamily`), and the modules read here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from webhook.netconf.backend_reader import BackendReading, Section, find_backend, read_backend
from webhook.netconf.backends import Backend, Ipip, Vxlan
from webhook.netconf.config import Config, Reading, read
from webhook.netconf.errors import NetConfError, Stage
from webhook.netconf.scan import Member
from webhook.netconf.text import quoted


@dataclass(frozen=True, slots=True)
class Source:
    """The text behind the values, for messages about it; no part of their equality.

    Args:
        section: the Backend value.
        taken: of each top-level key that was set, the member it was set from.
        backend_taken: the same of Backend's keys.
        unknown: top-level members no key takes.
        backend_unknown: members of Backend that no key of its type takes.
    """

    section: Section
    taken: Mapping[str, Member]
    backend_taken: Mapping[str, Member]
    unknown: tuple[Member, ...]
    backend_unknown: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class NetConf:
    """The decoded values of a net-conf.json that flanneld starts with; equal by these.

    Args:
        config: the top level.
        backend: the backend and its values.
        backend_type: the type as written (`VXLAN` is vxlan too).
        source: the text behind them.
    """

    config: Config
    backend: Backend
    backend_type: str = field(compare=False)
    source: Source = field(compare=False, repr=False)


def parse(text: str | bytes) -> NetConf:
    """Read a net-conf.json as flanneld does in kube-subnet-mgr mode (v0.28.10, Linux).

    Raises:
        NetConfError: flanneld would exit; the error tells at which stage, where and why.
    """
    return start(read(text))


def start(reading: Reading) -> NetConf:
    """Go through flanneld's start-up with what `ParseConfig` returned.

    Raises:
        NetConfError: it would exit (stage family, backend-type or backend-config).
    """
    check_family(reading)
    cls = find_backend(reading.section, reading.backend_type)
    backend = read_backend(reading.section, cls, enable_ip4=reading.config.enable_ip4)
    if backend.error:
        raise backend.error
    return started(reading, backend)


def started(reading: Reading, backend: BackendReading) -> NetConf:
    """Return the values of a text whose backend starts."""
    source = Source(reading.section, reading.taken, backend.taken, reading.unknown, backend.unknown)
    return NetConf(reading.config, backend.backend, reading.backend_type, source)


def check_family(reading: Reading) -> None:
    """Check that a family is enabled, as `ipmatch.GetIPFamily` does.

    Raises:
        NetConfError: none is (stage family).
    """
    if reading.config.enable_ip4 or reading.config.enable_ip6:
        return
    member = reading.taken["EnableIPv4"]
    raise NetConfError(
        Stage.FAMILY,
        key=member.key,
        expected="IPv4 and IPv6 are both disabled, one has to be enabled",
        got=quoted("false"),
        hint='remove it, or add "EnableIPv6": true',
        data=reading.data,
        offset=member.start,
    )


def effective_direct_routing(netconf: NetConf) -> bool:
    """Whether nodes in one subnet talk without the tunnel (vxlan's and ipip's DirectRouting)."""
    backend = netconf.backend
    return isinstance(backend, (Vxlan, Ipip)) and backend.direct_routing
