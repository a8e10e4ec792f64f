"""What both composition roots make of the settings; the controller does without a web framework."""

from datetime import datetime

from webhook.controller.plan import Choice, Rules
from webhook.model.profiles import Beside
from webhook.own_profiles import OwnProfiles
from webhook.settings import AllowSettings, Identity, Settings

CALL_SECONDS = 10.0
"""Time for a call that no request waits for."""


def rules_of(settings: Settings, identity: Identity, since: datetime, own: OwnProfiles) -> Rules:
    """The rules of default deny that settings and installation make."""
    chosen = settings.default_deny
    return Rules(
        profile=chosen.profile,
        dns=chosen.dns,
        since=since,
        system=frozenset((*chosen.system_namespaces, identity.namespace)),
        exempt=chosen.exempt_namespaces,
        choices=tuple(Choice(rule.selector(), rule.profile) for rule in chosen.rules),
        beside=_beside(chosen.allow, dns=chosen.dns),
        options={name: _beside(it, dns=it.dns) for name, it in chosen.options.items()},
        own=own,
    )


def _beside(allowed: AllowSettings, *, dns: bool) -> Beside:
    return Beside(
        dns=dns,
        node_local_dns=allowed.node_local_dns,
        ingress_namespaces=allowed.ingress_namespaces,
        monitoring_namespaces=allowed.monitoring_namespaces,
        api_servers=allowed.api_servers,
        api_server_ports=allowed.api_server_ports,
    )
