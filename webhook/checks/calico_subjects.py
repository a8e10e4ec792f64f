"""What the checks of Calico judge: frozen values, gathered by `webhook.admission.calico`."""

from dataclasses import dataclass
from functools import cached_property

from webhook.calico import (
    CalicoConfig,
    Felix,
    Pool,
    config_changes,
    felix_changes,
    pool_changes,
)
from webhook.netconf import KeyChange, Rating

REFUSED = frozenset({Rating.SPLIT, Rating.BREAKS})
"""The ratings that are refused on a live cluster; the others are warned of."""


@dataclass(frozen=True)
class PoolChange:
    """A change of an IPPool.

    Args:
        name: of the pool.
        old: None on CREATE.
        new: None on DELETE.
        block: CIDR of an address block in the pool, empty where there is none.
        other_block: CIDR of a block there that has another size than the new pool's.
        unblocked: calico-node carries packets, and there is no block anywhere: addresses come from
            another IPAM, so blocks do not tell whether the pool is in use.
    """

    name: str
    old: Pool | None
    new: Pool | None
    block: str = ""
    other_block: str = ""
    unblocked: bool = False

    @cached_property
    def rated(self) -> tuple[KeyChange, ...]:
        """The fields that change, rated."""
        if self.old is None or self.new is None:
            return ()
        return pool_changes(self.old, self.new)

    @property
    def in_use(self) -> str:
        """What shows that the pool is in use; empty where nothing does."""
        if self.block:
            return f"block {self.block} lies in it"
        return "calico-node runs" if self.unblocked else ""

    def refused(self, *keys: str) -> tuple[KeyChange, ...]:
        """The changes of these keys that a pool in use must not see."""
        if not self.in_use:
            return ()
        return tuple(c for c in self.rated if c.key in keys and c.rating in REFUSED)


@dataclass(frozen=True)
class FelixChange:
    """A change of a FelixConfiguration.

    Args:
        name: ``default``, or ``node.<name>``.
        old: as it was, the defaults on CREATE.
        new: as it will be, the defaults on DELETE.
        live: what shows that Calico carries packets; empty where nothing does.
    """

    name: str
    old: Felix
    new: Felix
    live: str

    @cached_property
    def rated(self) -> tuple[KeyChange, ...]:
        """The keys that change, rated."""
        return felix_changes(self.old, self.new)


@dataclass(frozen=True)
class CalicoConfigChange:
    """A change of the ConfigMap calico-config.

    Args:
        old: None on CREATE.
        new: None on DELETE.
        live: what shows that Calico carries packets; empty where nothing does.
        ending: it goes because its Namespace goes.
    """

    old: CalicoConfig | None
    new: CalicoConfig | None
    live: str
    ending: bool = False

    @cached_property
    def rated(self) -> tuple[KeyChange, ...]:
        """The keys that change, rated."""
        if self.old is None or self.new is None:
            return ()
        return config_changes(self.old, self.new)

    def refused(self, *keys: str) -> tuple[KeyChange, ...]:
        """The changes of these keys that a live cluster must not see."""
        if not self.live:
            return ()
        return tuple(c for c in self.rated if c.key in keys and c.rating in REFUSED)


def sentence(change: KeyChange, because: str) -> str:
    """A refusal of a change: what must stay, why, and what to do instead."""
    return f"must stay {change.old} ({because}): {change.reason}; {change.remedy}"
