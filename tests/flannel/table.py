"""The table of docs/why-directrouting.md: what is changed, and what then comes back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from tests.flannel.cluster import DIRECT, VXLAN, Backend, Cluster, Echoes

ByRpFilter = tuple[Echoes, Echoes, Echoes]
"""With rp_filter 0, 2 and 1."""

ALL: Echoes = (3, 3)
NONE: Echoes = (0, 0)
KEPT: ByRpFilter = (ALL, ALL, ALL)
LOST: ByRpFilter = (NONE, NONE, NONE)
STRICT_LOST: ByRpFilter = (ALL, ALL, NONE)


class Stage(Enum):
    """What has happened since the ConfigMap was written; each follows on those before it."""

    RESTARTED = "one flannel pod restarted"
    REBOOTED = "that node rebooted"
    BOTH = "the other flannel pod restarted"
    ALL_REBOOTED = "the other node rebooted"


ENTER: Mapping[Stage, Callable[[Cluster], None]] = {
    Stage.RESTARTED: lambda cluster: cluster.a.restart(),
    Stage.REBOOTED: lambda cluster: cluster.a.reboot(),
    Stage.BOTH: lambda cluster: cluster.b.restart(),
    Stage.ALL_REBOOTED: lambda cluster: cluster.b.reboot(),
}


@dataclass(frozen=True)
class Change:
    """One change of `Backend`, with what was measured of it.

    Attributes:
        told: how the document calls it.
        shown: whether any Node annotation of flannel's tells of it while mixed.
        refused_by: the id of the check that refuses it.
        measured: by stage, in their order.
    """

    told: str
    before: Backend
    after: Backend
    shown: bool
    refused_by: str
    measured: Mapping[Stage, ByRpFilter]

    def rows(self) -> list[str]:
        """Its lines of the document's table."""
        return [
            f"| {self.told} | {stage.value} | {' | '.join(map(_cell, values))} "
            f"| {'yes' if self.shown else 'no'} | `{self.refused_by}` |"
            for stage, values in self.measured.items()
        ]


def _cell(echoes: Echoes) -> str:
    text = ", ".join(f"{count}/3" for count in echoes)
    return text if echoes == ALL else f"**{text}**"


HEAD = "| change | since then | rp_filter 0 | 2 | 1 | shown on the Nodes | refused as |"

CHANGES = {
    "direct-on": Change(
        "DirectRouting false → true",
        VXLAN,
        DIRECT,
        False,
        "netconf-directrouting-live",
        {Stage.RESTARTED: STRICT_LOST, Stage.REBOOTED: STRICT_LOST, Stage.BOTH: KEPT},
    ),
    "direct-off": Change(
        "DirectRouting true → false",
        DIRECT,
        VXLAN,
        False,
        "netconf-directrouting-live",
        {Stage.RESTARTED: STRICT_LOST, Stage.BOTH: KEPT},
    ),
    "type": Change(
        "Type vxlan → host-gw",
        VXLAN,
        {"Type": "host-gw"},
        True,
        "netconf-split-live",
        {Stage.RESTARTED: KEPT, Stage.REBOOTED: LOST, Stage.BOTH: KEPT},
    ),
    "vni": Change(
        "VNI 1 → 2",
        VXLAN,
        {"Type": "vxlan", "VNI": 2},
        True,
        "netconf-split-live",
        {Stage.RESTARTED: LOST, Stage.BOTH: KEPT},
    ),
    "port": Change(
        "Port 8472 → 4789",
        VXLAN,
        {"Type": "vxlan", "Port": 4789},
        False,
        "netconf-split-live",
        {Stage.RESTARTED: LOST, Stage.BOTH: KEPT},
    ),
    "port-removed": Change(
        "Port 4789 → none",
        {"Type": "vxlan", "Port": 4789},
        VXLAN,
        False,
        "netconf-breaks-live",
        {
            Stage.RESTARTED: KEPT,
            Stage.REBOOTED: LOST,
            Stage.BOTH: LOST,
            Stage.ALL_REBOOTED: KEPT,
        },
    ),
}


def markdown() -> str:
    """The document's table."""
    rule = "|---" * (HEAD.count("|") - 1) + "|"
    return "\n".join([HEAD, rule, *(row for each in CHANGES.values() for row in each.rows())])
