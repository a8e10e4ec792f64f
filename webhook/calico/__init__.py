"""Calico's IP pools, Felix configuration and ConfigMap: read leniently, changes rated. PURE.

The specification is Calico's code and documentation; `webhook.calico.table` names the source of
each rule, and ``docs/calico.md`` prints it.
"""

from webhook.calico.config import CalicoConfig, config_changes, read_config
from webhook.calico.felix import FELIX_KEYS, Felix, felix_changes, read_felix
from webhook.calico.pool import Pool, pool_changes, read_pool
from webhook.calico.table import TABLE, Row

__all__ = [
    "FELIX_KEYS",
    "TABLE",
    "CalicoConfig",
    "Felix",
    "Pool",
    "Row",
    "config_changes",
    "felix_changes",
    "pool_changes",
    "read_config",
    "read_felix",
    "read_pool",
]
