"""Whether one rule allows all that another does, whatever pods there are."""

from collections.abc import Callable

from webhook.lint.cluster import endless
from webhook.lint.groups import addresses, opened
from webhook.lint.selectors import implies
from webhook.netpol.intervals import difference
from webhook.netpol.model import IPBlock, Peer, Rule, SelectorPeer


def covers(wide: Rule, narrow: Rule, checkpoint: Callable[[], None] = endless) -> bool:
    """Tell, without false yes, whether one rule allows all that the other does.

    Args:
        wide: the one.
        narrow: the other.
        checkpoint: called for every peer; may raise, to end the work.
    """
    return _covers_ports(wide, narrow) and _covers_peers(wide, narrow, checkpoint)


def _covers_ports(wide: Rule, narrow: Rule) -> bool:
    if not wide.ports:
        return True
    if not narrow.ports or difference(opened(narrow), opened(wide)):
        return False
    names = {(port.protocol, port.name) for port in wide.ports if port.name}
    return all((port.protocol, port.name) in names for port in narrow.ports if port.name)


def _covers_peers(wide: Rule, narrow: Rule, checkpoint: Callable[[], None]) -> bool:
    if not wide.peers:
        return True
    return bool(narrow.peers) and all(_covers_peer(wide, p, checkpoint) for p in narrow.peers)


def _covers_peer(wide: Rule, peer: Peer, checkpoint: Callable[[], None]) -> bool:
    checkpoint()
    if isinstance(peer, IPBlock):
        return not difference(peer.ranges, addresses([wide], peer.family))
    return any(
        isinstance(other, SelectorPeer)
        and implies(peer.pods, other.pods)
        and _covers_namespaces(other, peer)
        for other in wide.peers
    )


def _covers_namespaces(wide: SelectorPeer, narrow: SelectorPeer) -> bool:
    if wide.namespaces is None or narrow.namespaces is None:
        own_in_all = wide.namespaces is not None and not wide.namespaces.requirements
        return wide.namespaces is narrow.namespaces or own_in_all
    return implies(narrow.namespaces, wide.namespaces)
