"""Which network plugin a cluster runs, and whether it enforces NetworkPolicy. PURE."""

from webhook.enforcement.judge import judge
from webhook.enforcement.verdict import Cni, Enforced, Verdict

__all__ = ["Cni", "Enforced", "Verdict", "judge"]
