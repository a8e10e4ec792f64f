"""Every lint check, by hand: most often met and most harmful first."""

from typing import Any

from webhook.lint.checks.and_or import and_or
from webhook.lint.checks.apiserver_egress import apiserver_egress
from webhook.lint.checks.broad_ns import broad_ns
from webhook.lint.checks.duplicate_name import duplicate_name
from webhook.lint.checks.egress_without_dns import egress_without_dns
from webhook.lint.checks.endport_unsupported import endport_unsupported
from webhook.lint.checks.except_covers_all import except_covers_all
from webhook.lint.checks.host_network import host_network
from webhook.lint.checks.ineffective_open import ineffective_open
from webhook.lint.checks.ipblock_covers_pods import ipblock_covers_pods
from webhook.lint.checks.isolation_flip import isolation_flip
from webhook.lint.checks.metadata_reachable import metadata_reachable
from webhook.lint.checks.named_port_ambiguous import named_port_ambiguous
from webhook.lint.checks.named_port_to_ip import named_port_to_ip
from webhook.lint.checks.named_port_unmatched import named_port_unmatched
from webhook.lint.checks.no_namespace import no_namespace
from webhook.lint.checks.not_enforced import not_enforced
from webhook.lint.checks.ns_selector_matches_none import ns_selector_matches_none
from webhook.lint.checks.null_ns_beside_pod import null_ns_beside_pod
from webhook.lint.checks.one_family import one_family
from webhook.lint.checks.ports_empty_item import ports_empty_item
from webhook.lint.checks.probe_own_node import probe_own_node
from webhook.lint.checks.protocol_defaulted import protocol_defaulted
from webhook.lint.checks.redundant import redundant
from webhook.lint.checks.reopens_default_deny import reopens_default_deny
from webhook.lint.checks.rule_allows_all_peers import rule_allows_all_peers
from webhook.lint.checks.sctp_icmp import sctp_icmp
from webhook.lint.checks.selector_unsatisfiable import selector_unsatisfiable
from webhook.lint.checks.selects_no_pod import selects_no_pod
from webhook.lint.checks.service_port import service_port
from webhook.lint.checks.shadowed import shadowed
from webhook.lint.checks.spoofable_ns_label import spoofable_ns_label
from webhook.lint.checks.types_omitted_egress import types_omitted_egress
from webhook.lint.checks.types_vs_rules import types_vs_rules
from webhook.lint.checks.webhook_ingress import webhook_ingress
from webhook.lint.checks.world_open import world_open
from webhook.lint.checks.yaml_bool import yaml_bool
from webhook.lint.registry import Lint

CATALOGUE: tuple[tuple[Lint[Any], ...], ...] = (
    (egress_without_dns,),
    (not_enforced,),
    (rule_allows_all_peers,),
    (and_or,),
    (ns_selector_matches_none,),
    (selects_no_pod,),
    (types_vs_rules,),
    (types_omitted_egress,),
    (service_port,),
    (apiserver_egress,),
    (webhook_ingress,),
    (ipblock_covers_pods,),
    (world_open,),
    (metadata_reachable,),
    (one_family,),
    (except_covers_all,),
    (named_port_unmatched, named_port_ambiguous),
    (named_port_to_ip,),
    (protocol_defaulted,),
    (ports_empty_item,),
    (spoofable_ns_label,),
    (broad_ns,),
    (selector_unsatisfiable,),
    (null_ns_beside_pod,),
    (host_network,),
    (probe_own_node,),
    (endport_unsupported,),
    (isolation_flip,),
    (reopens_default_deny,),
    (ineffective_open, redundant),
    (shadowed,),
    (sctp_icmp,),
    (no_namespace, duplicate_name),
    (yaml_bool,),
)
"""The 34 mistakes, most often met and most harmful first; a few have two checks."""

ALL_LINTS: tuple[Lint[Any], ...] = tuple(lint for mistake in CATALOGUE for lint in mistake)
"""The checks in their order."""

NUMBERS = {lint.id: number for number, mistake in enumerate(CATALOGUE, 1) for lint in mistake}
"""The number of each check's mistake, from 1."""

BY_ID = {lint.id: lint for lint in ALL_LINTS}
"""Every check by its id."""
