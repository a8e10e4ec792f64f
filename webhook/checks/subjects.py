"""What the checks judge: frozen values, gathered by `webhook.admission`."""

from dataclasses import dataclass

from webhook.model.objects import NetworkPolicy
from webhook.netconf import NetConf, NetConfError


@dataclass(frozen=True, slots=True)
class NetConfChange:
    """A change of the net-conf.json that flannel reads.

    Args:
        field: where it stands in its object, such as ``data[net-conf.json]``.
        old: as it was: None where there was none, an error where flannel could not read it.
        new: as it will be, likewise.
        live: flannel runs, or ran, on some node.
    """

    field: str
    old: NetConf | NetConfError | None
    new: NetConf | NetConfError | None
    live: bool


@dataclass(frozen=True, slots=True)
class PolicyChange:
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
class MarksChange:
    """A change of a Namespace's marks by somebody who is not Portcullis.

    Args:
        marks: for each mark, its value before and after; None where absent.
    """

    marks: tuple[tuple[str, str | None, str | None], ...]
