"""The checks of Portcullis. PURE: from a subject to violations, and nothing else."""

from typing import Any

from webhook.checks.namespace_marks_reserved import namespace_marks_reserved
from webhook.checks.netconf_directrouting_live import netconf_directrouting_live
from webhook.checks.netconf_readable import netconf_readable
from webhook.checks.netconf_removed_live import netconf_removed_live
from webhook.checks.networkpolicy_injected_protected import networkpolicy_injected_protected
from webhook.checks.networkpolicy_policytypes_valid import networkpolicy_policytypes_valid
from webhook.checks.registry import Check

CHECKS: tuple[Check[Any], ...] = (
    namespace_marks_reserved,
    netconf_directrouting_live,
    netconf_readable,
    netconf_removed_live,
    networkpolicy_injected_protected,
    networkpolicy_policytypes_valid,
)
"""Every check, written out by hand: a review sees what is on."""
