"""NetworkPolicies in few words, for the tests of what keeps a namespace closed."""

from webhook.netpol.fields import Field
from webhook.netpol.model import Policy
from webhook.netpol.parse_policy import parse_policy

ALL = {}
APP = {"matchLabels": {"app": "web"}}


def named(key, operator, *values):
    """A selector of one expression."""
    given = {"key": key, "operator": operator} | ({"values": list(values)} if values else {})
    return {"matchExpressions": [given]}


def spec(pods=ALL, *, ingress=None, egress=None, types=None):
    """A spec; its directions are those of the rules unless told."""
    rules = {"ingress": ingress, "egress": egress}
    given = types or [d.title() for d, each in rules.items() if each is not None]
    return {
        "podSelector": pods,
        "policyTypes": given,
        **{direction: each for direction, each in rules.items() if each},
    }


def blocks(*cidrs, ports=None, direction="from"):
    """A rule of CIDRs."""
    rule = {direction: [{"ipBlock": {"cidr": cidr}} for cidr in cidrs]}
    return rule | ({"ports": ports} if ports else {})


def spaces(selector, pods=None, direction="from", ports=None):
    """A rule of Namespaces."""
    peer = {"namespaceSelector": selector} | ({} if pods is None else {"podSelector": pods})
    return {direction: [peer]} | ({"ports": ports} if ports else {})


def tcp(low, high=None):
    """A port or a range of them."""
    return {"protocol": "TCP", "port": low} | ({"endPort": high} if high else {})


def policy(given, name="changed", namespace="dev") -> Policy:
    """Read one as the API server stores it."""
    return parse_policy(Field({"metadata": {"name": name, "namespace": namespace}, "spec": given}))


DENY = spec(types=["Ingress", "Egress"])
DENY_INGRESS = spec(types=["Ingress"])
