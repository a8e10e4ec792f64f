"""The checks of Portcullis. PURE: from a subject to violations, and nothing else."""

from typing import Any

from webhook.checks.calico_backend_live import calico_backend_live
from webhook.checks.calico_config_removed_live import calico_config_removed_live
from webhook.checks.calico_datastore_live import calico_datastore_live
from webhook.checks.cniconf_readable import cniconf_readable
from webhook.checks.felix_tunnel_live import felix_tunnel_live
from webhook.checks.flannel_daemonset_live import flannel_daemonset_live
from webhook.checks.flannel_keys_required import flannel_keys_required
from webhook.checks.flannel_namespace_live import flannel_namespace_live
from webhook.checks.ippool_blocksize_live import ippool_blocksize_live
from webhook.checks.ippool_cidr_live import ippool_cidr_live
from webhook.checks.ippool_deleted_in_use import ippool_deleted_in_use
from webhook.checks.ippool_encapsulation_live import ippool_encapsulation_live
from webhook.checks.ippool_nat_live import ippool_nat_live
from webhook.checks.namespace_marks_reserved import namespace_marks_reserved
from webhook.checks.namespace_profile_weaker import namespace_profile_weaker
from webhook.checks.netconf_breaks_live import netconf_breaks_live
from webhook.checks.netconf_directrouting_live import netconf_directrouting_live
from webhook.checks.netconf_limits import netconf_limits
from webhook.checks.netconf_podcidr_outside import netconf_podcidr_outside
from webhook.checks.netconf_readable import netconf_readable
from webhook.checks.netconf_recreated_live import netconf_recreated_live
from webhook.checks.netconf_removed_live import netconf_removed_live
from webhook.checks.netconf_split_live import netconf_split_live
from webhook.checks.networkpolicy_default_deny_reopened import networkpolicy_default_deny_reopened
from webhook.checks.networkpolicy_injected_protected import networkpolicy_injected_protected
from webhook.checks.networkpolicy_isolation_lost import networkpolicy_isolation_lost
from webhook.checks.networkpolicy_policytypes_valid import networkpolicy_policytypes_valid
from webhook.checks.registry import Check

CHECKS: tuple[Check[Any], ...] = (
    calico_backend_live,
    calico_config_removed_live,
    calico_datastore_live,
    cniconf_readable,
    felix_tunnel_live,
    flannel_daemonset_live,
    flannel_keys_required,
    flannel_namespace_live,
    ippool_blocksize_live,
    ippool_cidr_live,
    ippool_deleted_in_use,
    ippool_encapsulation_live,
    ippool_nat_live,
    namespace_marks_reserved,
    namespace_profile_weaker,
    netconf_breaks_live,
    netconf_directrouting_live,
    netconf_limits,
    netconf_podcidr_outside,
    netconf_readable,
    netconf_recreated_live,
    netconf_removed_live,
    netconf_split_live,
    networkpolicy_default_deny_reopened,
    networkpolicy_injected_protected,
    networkpolicy_isolation_lost,
    networkpolicy_policytypes_valid,
)
"""Every check, written out by hand: a review sees what is on."""
