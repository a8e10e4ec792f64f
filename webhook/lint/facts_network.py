"""Addresses that the input tells: DNS caches, API server endpoints, ranges of pods and Services."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from webhook.lint.dig import dig, entries
from webhook.netpol.addresses import Family, parse_address, parse_cidr
from webhook.netpol.intervals import Ranges, ranges

Kinds = Mapping[str, list[Mapping[str, Any]]]
Endpoint = tuple[Family, int, int]
"""Family, address and TCP port."""
Blocks = Mapping[Family, Ranges]

NODE_LOCAL = "169.254.20.10"
"""Where NodeLocal DNSCache listens unless told otherwise (cluster/addons/dns/nodelocaldns)."""
_NODE_LOCAL_NAMES = ("node-local-dns", "nodelocaldns")


def node_local(daemon_sets: Iterable[Mapping[str, Any]]) -> tuple[tuple[Family, int], ...]:
    """Return the addresses of NodeLocal DNSCache, none where it does not run."""
    found: dict[tuple[Family, int], None] = {}
    for daemon_set in daemon_sets:
        name = str(dig(daemon_set, "metadata", "name"))
        if name.startswith(_NODE_LOCAL_NAMES):
            addresses = _local_addresses(daemon_set) or _addresses([NODE_LOCAL])
            found.update(dict.fromkeys(addresses))
    return tuple(found)


def _local_addresses(daemon_set: Mapping[str, Any]) -> list[tuple[Family, int]]:
    """Read ``-localip 169.254.20.10,10.96.0.10``; the second is kube-dns's own, bound too."""
    for container in entries(daemon_set, "spec", "template", "spec", "containers"):
        words = " ".join(map(str, entries(container, "args"))).split()
        for flag, value in zip(words, [*words[1:], ""], strict=False):
            if flag.lstrip("-").partition("=")[0] == "localip":
                value = flag.partition("=")[2] or value  # noqa: PLW2901 - -localip=… or -localip …
                return _addresses(value.split(","))
    return []


def _addresses(values: Iterable[Any]) -> list[tuple[Family, int]]:
    found = []
    for value in values:
        try:
            found.append(parse_address(str(value)))
        except ValueError:
            continue
    return found


def api_endpoints(kinds: Kinds) -> tuple[Endpoint, ...]:
    """Return where ``default/kubernetes`` leads: the API servers themselves."""
    return tuple(dict.fromkeys([*_from_slices(kinds), *_from_endpoints(kinds)]))


def _is_kubernetes(value: Mapping[str, Any], name: object) -> bool:
    return dig(value, "metadata", "namespace") == "default" and name == "kubernetes"


def _from_endpoints(kinds: Kinds) -> Iterator[Endpoint]:
    for value in kinds.get("Endpoints", []):
        if _is_kubernetes(value, dig(value, "metadata", "name")):
            for subset in entries(value, "subsets"):
                found = _addresses(dig(each, "ip") for each in entries(subset, "addresses"))
                yield from _paired(found, entries(subset, "ports"))


def _from_slices(kinds: Kinds) -> Iterator[Endpoint]:
    for value in kinds.get("EndpointSlice", []):
        if _is_kubernetes(value, dig(value, "metadata", "labels", "kubernetes.io/service-name")):
            each = (ip for one in entries(value, "endpoints") for ip in entries(one, "addresses"))
            yield from _paired(_addresses(each), entries(value, "ports"))


def _paired(addresses: Iterable[tuple[Family, int]], ports: Iterable[Any]) -> Iterator[Endpoint]:
    numbers = [n for n in (dig(port, "port") for port in ports) if isinstance(n, int)]
    for family, address in addresses:
        yield from ((family, address, number) for number in numbers)


def blocks(cidrs: Iterable[Any]) -> Blocks:
    """Return the union of CIDRs per family."""
    found: dict[Family, list[tuple[int, int]]] = {}
    for cidr in cidrs:
        if isinstance(cidr, str) and re.search(r"/\d{1,3}$", cidr):
            try:
                family, span = parse_cidr(cidr)
            except ValueError:
                continue
            found.setdefault(family, []).append(span)
    return {family: ranges(spans) for family, spans in found.items()}
