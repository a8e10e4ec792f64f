"""What the checks judge: frozen values, gathered by `webhook.admission`."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import msgspec

from webhook.model.flanneld import Flanneld
from webhook.model.objects import NetworkPolicy
from webhook.netconf import (
    NEWEST,
    CniFault,
    Context,
    KeyChange,
    NetConf,
    NetConfError,
    Version,
    changes,
    lease,
    parse,
)
from webhook.netpol.model import Policy


@dataclass(frozen=True, slots=True)
class FlannelNodes:
    """What the Nodes tell of flannel, all of them.

    Args:
        live: flannel runs, or ran, on some node; its annotations are never removed again.
        pod_cidrs: name and podCIDRs of each node that has some.
        backends: the values of ``backend-type``; empty for udp, alloc and tencent-vpc.
        vnis: of ``backend-data``, where the backend is vxlan.
        windows: some node runs Windows.
    """

    live: bool = False
    pod_cidrs: tuple[tuple[str, tuple[str, ...]], ...] = ()
    backends: frozenset[str] = frozenset()
    vnis: frozenset[int] = frozenset()
    windows: bool = False


@dataclass(frozen=True)
class NetConfChange:
    """A change of the net-conf.json that flannel reads.

    Args:
        field: where it stands in its object, such as ``data[net-conf.json]``.
        old: as it was, or as it was when it was last taken away: None where there was none, an
            error where flannel could not read it.
        new: as it will be, likewise.
        nodes: what the Nodes tell.
        version: flannel's, by its DaemonSet's image.
        anew: there was no such file just before; ``old`` is then from memory.
        ending: it goes because its Namespace goes.
        direct_routing_denied: a change of DirectRouting is refused, not only warned of.
    """

    field: str
    old: NetConf | NetConfError | None
    new: NetConf | NetConfError | None
    nodes: FlannelNodes = FlannelNodes()
    version: Version = NEWEST
    anew: bool = False
    ending: bool = False
    direct_routing_denied: bool = True

    @property
    def live(self) -> bool:
        """Whether flannel runs, or ran, on some node."""
        return self.nodes.live

    @cached_property
    def rated(self) -> tuple[KeyChange, ...]:
        """The keys whose effective values change, rated; none where a side cannot be read."""
        if not (isinstance(self.old, NetConf) and isinstance(self.new, NetConf)):
            return ()
        cidrs = tuple(cidrs for _, cidrs in self.nodes.pod_cidrs)
        return changes(self.old, self.new, Context(cidrs, version=self.version))

    @cached_property
    def lost(self) -> tuple[tuple[str, str], ...]:
        """Nodes that would get no lease any more, and why, in flannel's words.

        Before v0.18.0 flannel does not look (#1428); what changes for it is rated.
        """
        if not (isinstance(self.new, NetConf) and self.version.checks_pod_cidr):
            return ()
        before = dict(_without_lease(self.old, self.nodes))
        after = _without_lease(self.new, self.nodes)
        return tuple((node, why) for node, why in after if before.get(node) != why)

    @property
    def upstream(self) -> bool:
        """Whether values of the cluster's own give way to those of flannel's own manifest."""
        return isinstance(self.old, NetConf) and self.new == _UPSTREAM != self.old


_UPSTREAM = parse('{"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan"}}')
"""What kube-flannel.yml and canal.yaml both say, all else being default."""


def _without_lease(
    netconf: NetConf | NetConfError | None, nodes: FlannelNodes
) -> Iterator[tuple[str, str]]:
    """Each node whose podCIDRs flannel does not take, and what it says."""
    if not isinstance(netconf, NetConf):
        return
    for node, cidrs in nodes.pod_cidrs:
        judged = lease(netconf, cidrs, node)
        if not judged.ok or judged.note:
            yield node, judged.error.removeprefix(_LEASE_ERROR) or judged.note


_LEASE_ERROR = "Error registering network: failed to acquire lease: "


@dataclass(frozen=True, slots=True)
class CniChange:
    """A change of the other keys of flannel's or canal's ConfigMap.

    Args:
        faults: for each file that changes, the path of its key and what is wrong with it now.
        removed: keys that the DaemonSet's pods cannot start without, and that go.
        live: flannel runs, or ran, on some node.
    """

    faults: tuple[tuple[str, CniFault], ...]
    removed: tuple[str, ...]
    live: bool


@dataclass(frozen=True, slots=True)
class FlanneldChange:
    """A change of a DaemonSet that runs flanneld.

    Args:
        old: how it is run; None on CREATE, or where nothing in it looks like flanneld.
        new: how it will be run, likewise.
        namespace: of the DaemonSet.
        created: it is a CREATE.
        listed: names of the ConfigMaps in its namespace that are watched over.
        prefix: of the Node annotations that are looked at.
        live: flannel runs, or ran, on some node.
    """

    old: Flanneld | None
    new: Flanneld | None
    namespace: str
    created: bool
    listed: frozenset[str]
    prefix: str
    live: bool


@dataclass(frozen=True, slots=True)
class FlannelNamespaceRemoval:
    """The deletion of a Namespace with a ConfigMap that is watched over.

    Args:
        name: of the Namespace.
        config_maps: names of these in it.
        live: flannel runs, or ran, on some node.
    """

    name: str
    config_maps: tuple[str, ...]
    live: bool


class PolicyChange(msgspec.Struct, frozen=True):
    """A change of a NetworkPolicy by somebody who is not Portcullis.

    Args:
        old: None on CREATE.
        new: None on DELETE.
        ending: its Namespace is Terminating or gone, or the cluster's own
            namespace controller is at work.
    """

    old: NetworkPolicy | None
    new: NetworkPolicy | None
    ending: bool


@dataclass(frozen=True, slots=True)
class IsolationChange:
    """A change of a NetworkPolicy in a namespace that is to stay closed.

    Args:
        namespace: its name.
        others: what else stands there, or is about to be injected.
        old: None on CREATE.
        new: None on DELETE.
    """

    namespace: str
    others: tuple[Policy, ...]
    old: Policy | None
    new: Policy | None


@dataclass(frozen=True, slots=True)
class MarksChange:
    """A change of a Namespace's marks by somebody who is not Portcullis.

    Args:
        marks: for each label, its value before and after; None where absent.
        annotations: the same of annotations.
    """

    marks: tuple[tuple[str, str | None, str | None], ...]
    annotations: tuple[tuple[str, str | None, str | None], ...] = ()


@dataclass(frozen=True, slots=True)
class ProfileWish:
    """A profile that somebody who is not Portcullis chooses for a Namespace.

    Args:
        profile: that he wishes.
        setting: that the settings give.
        known: there is a profile of that name.
        permitted: he may have a weaker one; not asked where it is none.
        eases: the profile is weaker than the one before, too; always at a creation.
    """

    profile: str
    setting: str
    known: bool = True
    permitted: bool = False
    eases: bool = True
