"""The names of flannel's keys: spelt as its documentation does, and the nearest to a misspelling.

Sources: flannel pkg/subnet/config.go and the backends' config structs.
"""

from typing import Final

from webhook.netconf.text import fold

TOP_LEVEL: Final = (
    "Network",
    "IPv6Network",
    "EnableIPv4",
    "EnableIPv6",
    "EnableNFTables",
    "SubnetLen",
    "SubnetMin",
    "SubnetMax",
    "IPv6SubnetLen",
    "IPv6SubnetMin",
    "IPv6SubnetMax",
    "Backend",
)

BACKEND: Final = {
    "vxlan": ("Type", "VNI", "Port", "MTU", "GBP", "Learning", "DirectRouting"),
    "host-gw": ("Type",),
    "udp": ("Type", "Port"),
    "wireguard": (
        "Type",
        "ListenPort",
        "ListenPortV6",
        "MTU",
        "PSK",
        "PersistentKeepaliveInterval",
        "Mode",
    ),
    "ipip": ("Type", "DirectRouting"),
    "ipsec": ("Type", "PSK", "UDPEncap", "ESPProposal"),
    "alloc": ("Type",),
    "extension": (
        "Type",
        "PreStartupCommand",
        "PostStartupCommand",
        "SubnetAddCommand",
        "SubnetRemoveCommand",
    ),
    "tencent-vpc": ("Type", "AccessKeyID", "AccessKeySecret"),
}
"""The keys of each backend type, `Type` first."""

WINDOWS_ONLY: Final = ("Name", "MacPrefix")
"""Keys of vxlan that only flannel on Windows reads."""

_CANONICAL = {
    fold(name): name for names in (TOP_LEVEL, *BACKEND.values(), WINDOWS_ONLY) for name in names
}


def canonical(name: str) -> str:
    """Return `name` as flannel's documentation spells it; unknown ones as they are."""
    return _CANONICAL.get(fold(name), name)


def is_known(name: str) -> bool:
    """Whether flannel has a key of this name, in whatever case."""
    return fold(name) in _CANONICAL


def nearest(name: str, known: tuple[str, ...]) -> str | None:
    """Return the known name that `name` probably misspells, None if there is none.

    Signs between the words do not count (`Direct-Routing`), nor does case; beyond that one edit
    is taken for a slip in a short name, two in a long one.
    """
    if len(name) > _LONGEST:
        return None
    plain = _plain(name)
    best = min(known, key=lambda other: _edits(plain, _plain(other)))
    allowed = 1 if len(_plain(best)) <= _SHORT else 2
    return best if len(plain) > 1 and _edits(plain, _plain(best)) <= allowed else None


_SHORT = 5
_LONGEST = 40


def _plain(name: str) -> str:
    return "".join(char for char in fold(name) if char.isalnum())


def _edits(left: str, right: str) -> int:
    """The Levenshtein distance, two neighbours swapped counting as one edit."""
    previous: list[int] = []
    row = list(range(len(right) + 1))
    for i, char in enumerate(left, 1):
        before, previous, row = previous, row, [i]
        for j, other in enumerate(right, 1):
            cost = min(previous[j] + 1, row[-1] + 1, previous[j - 1] + (char != other))
            if i > 1 and j > 1 and char == right[j - 2] and other == left[i - 2]:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
    return row[-1]
