"""Check that a net-conf.json made anew is what the nodes run with."""

from collections.abc import Iterator

from webhook.checks.ratings import TIME_BOMB
from webhook.checks.registry import Violation, check
from webhook.checks.subjects import NetConfChange
from webhook.netconf import NetConf

_UNNAMED = frozenset({"udp", "alloc", "tencent-vpc"})
"""Backends that write an empty ``backend-type`` (pkg/backend, `CreateBackendLease`)."""


@check("netconf-recreated-live", NetConfChange)
def netconf_recreated_live(change: NetConfChange) -> Iterator[Violation]:
    """A net-conf.json made anew on a live cluster must fit what its nodes say they run.

    Why: deleting the ConfigMap and creating another would hide a change from
    the comparison. What was taken away is remembered and compared too; the
    nodes' annotations `backend-type` and `backend-data` tell even without it,
    and where the old file could not be read.

    Allowed: on a cluster where flannel never ran; any backend that some node
    announces, so that a migration underway can be finished.

    Fix: create it as it was: `kubectl get node -o yaml` shows backend and VNI.
    """
    if not (change.live and isinstance(change.new, NetConf)):
        return
    if isinstance(change.old, NetConf) and not change.anew:
        return
    told = {each.key for each in change.rated}
    if "Backend.Type" not in told and not _announced(change.new.backend.type, change):
        backends = ", ".join(f'"{name}"' for name in sorted(change.nodes.backends))
        message = _MESSAGE.format(got=f'"{change.new.backend.type}"', found=backends)
        yield Violation.forbidden(f"{change.field}.Backend.Type", message)
        return
    vni = change.new.backend.values().get("VNI")
    vnis = change.nodes.vnis
    if vnis and vni is not None and vni not in vnis and "Backend.VNI" not in told:
        found = ", ".join(str(number) for number in sorted(vnis))
        yield Violation.forbidden(
            f"{change.field}.Backend.VNI", _MESSAGE.format(got=vni, found=found)
        )


_MESSAGE = (
    "{got} is not what the nodes run with, by their annotations: {found}; nodes with one and the "
    f"other do not talk; {TIME_BOMB}; create it as it was"
)


def _announced(backend: str, change: NetConfChange) -> bool:
    backends = change.nodes.backends
    return not backends or backend in backends or ("" in backends and backend in _UNNAMED)
