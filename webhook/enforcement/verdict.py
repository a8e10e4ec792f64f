"""What is known of a cluster's network plugin."""

from dataclasses import dataclass
from enum import StrEnum


class Cni(StrEnum):
    """Who carries the pods' packets."""

    FLANNEL = "flannel"
    """flannel, and no Calico beside it."""
    CANAL = "canal"
    """flannel for the packets, Calico for the policies."""
    CALICO = "calico"
    CILIUM = "cilium"
    KUBE_ROUTER = "kube-router"
    ANTREA = "antrea"
    WEAVE = "weave"
    AWS_VPC = "aws-vpc-cni"
    UNKNOWN = "unknown"


class Enforced(StrEnum):
    """Whether a NetworkPolicy has an effect."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which network plugin, and what becomes of NetworkPolicies.

    Args:
        cni: who carries the packets.
        enforced: whether NetworkPolicies have an effect.
        evidence: what told so, each as ``DaemonSet kube-flannel/kube-flannel-ds: flannel``.
    """

    cni: Cni
    enforced: Enforced
    evidence: tuple[str, ...]

    @property
    def warning(self) -> str | None:
        """What the author of a NetworkPolicy should know; None where it is enforced, or unknown."""
        if self.enforced is not Enforced.NO:
            return None
        if self.cni is Cni.FLANNEL:
            return (
                "flannel alone does not enforce NetworkPolicy: this policy has no effect; "
                "install calico or canal"
            )
        return (
            f"{self.cni} does not enforce NetworkPolicy as it is set up here: this policy has no "
            "effect"
        )
