"""What a change of NetworkPolicies does to a namespace that is to stay closed. PURE.

``space`` (labels as boxes) and ``measure`` (unions of intervals) → ``coverage`` (what rules open
wholly) → ``judge`` (what a change loses or reopens); ``trust`` tells whom new labels of a Namespace
let in; ``words`` says a difference of two worlds in a few lines. The definitions are in
docs/networkpolicy-protection.md.
"""

from webhook.protection.judge import Loss, Reopening, losses, may_weaken, reopenings

__all__ = ["Loss", "Reopening", "losses", "may_weaken", "reopenings"]
