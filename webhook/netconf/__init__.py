"""flannel's net-conf.json, read exactly as flannel v0.28.10 reads it. PURE.

The specification is flannel's code and what was measured with it; each module names its source.
"""

from webhook.netconf.errors import NetConfError, Stage
from webhook.netconf.reader import NetConf, effective_direct_routing, parse

__all__ = ["NetConf", "NetConfError", "Stage", "effective_direct_routing", "parse"]
