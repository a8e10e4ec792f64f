"""flannel's net-conf.json, read exactly as flannel v0.28.10 reads it. PURE.

The specification is flannel's code and what was measured with it; each module names its source.
"""

from webhook.netconf.advice import Advice, warnings
from webhook.netconf.changes import changes
from webhook.netconf.cni import CniFault, check_cni
from webhook.netconf.errors import NetConfError, Stage
from webhook.netconf.lease import Lease, lease
from webhook.netconf.limits import Effect, Limit, kernel_limits, windows_limits
from webhook.netconf.rating import Context, KeyChange, Rating, worst
from webhook.netconf.reader import NetConf, effective_direct_routing, parse
from webhook.netconf.verdict import Mode, Verdict, judge
from webhook.netconf.versions import NEWEST, Version

__all__ = [
    "NEWEST",
    "Advice",
    "CniFault",
    "Context",
    "Effect",
    "KeyChange",
    "Lease",
    "Limit",
    "Mode",
    "NetConf",
    "NetConfError",
    "Rating",
    "Stage",
    "Verdict",
    "Version",
    "changes",
    "check_cni",
    "effective_direct_routing",
    "judge",
    "kernel_limits",
    "lease",
    "parse",
    "warnings",
    "windows_limits",
    "worst",
]
