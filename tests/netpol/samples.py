"""Single ports and addresses to compare by: the engine's rows, the naive evaluator's answers."""

import ipaddress
from functools import cache

from tests.netpol.clusters import NUMBERS, PROTOCOLS

PORTS = sorted({1, 65535, 8082, *NUMBERS, *(n + 1 for n in NUMBERS), 8079})
ASKED = frozenset((protocol, port) for protocol in PROTOCOLS for port in PORTS)
NOTHING = frozenset()


@cache
def opened(conn):
    """The asked ports that the text of a connection opens."""
    if conn == "All Connections":
        return ASKED
    found, protocol = set(), ""
    for item in conn.split(","):
        protocol, _, span = item.rpartition(" ") if " " in item else (protocol, "", item)
        low, _, high = span.partition("-")
        inside = (port for port in PORTS if int(low) <= port <= int(high or low))
        found.update((protocol, port) for port in inside)
    return frozenset(found)


@cache
def edges(blocks):
    """Addresses at both sides of every edge of CIDRs and their exceptions."""
    found = set()
    for cidr, excepts in blocks:
        for text in (cidr, *excepts):
            network = ipaddress.ip_network(text)
            low, high = network[0], network[-1]
            found |= {low, high}
            found |= {low - 1} if int(low) else set()
            found |= {high + 1} if int(high) + 1 < 1 << high.max_prefixlen else set()
    return sorted(found, key=lambda address: (address.version, int(address)))


@cache
def _bounds(name):
    low, high = map(ipaddress.ip_address, name[5:].split("-"))
    return low.version, int(low), int(high)


def ends(name, externals):
    """What a name in a row stands for: the pod, or those of the external addresses."""
    if not name.startswith("ext"):
        return [name]
    version, low, high = _bounds(name)
    return [each for each in externals if each.version == version and low <= int(each) <= high]


def table(rows, externals):
    """Rows as asked ports by (source, target, family)."""
    known = {}

    def of(name):
        if name not in known:
            known[name] = ends(name, externals)
        return known[name]

    return {
        (source, target, row.family): ports
        for row in rows
        if (ports := opened(row.conn))
        for source in of(row.src)
        for target in of(row.dst)
    }


def truth(reference, externals):
    """What the naive evaluator allows, every tuple asked, in the same form."""
    points = [(pod, None) for pod in reference.pods] + [(a, a.version) for a in externals]
    found = {}
    for source, source_version in points:
        for target, target_version in points:
            if source == target or (source_version and target_version):
                continue
            for family in (4, 6):
                if {source_version, target_version} <= {None, family}:
                    allowed = reference.allowed(source, target, family, ASKED)
                    if allowed:
                        found[source, target, family] = allowed
    return found


def difference(after, before):
    """What one table has that the other has not."""
    left = ((key, ports - before.get(key, NOTHING)) for key, ports in after.items())
    return {key: ports for key, ports in left if ports}
