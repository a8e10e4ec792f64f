"""Secondary networks: what pods ask of Multus, and what plugin makes their interfaces.

Network Plumbing Working Group, Kubernetes Network Custom Resource Definition v1.3.
"""

import json
from typing import Any

from webhook.netpol.fields import Field

MULTUS_ANNOTATION = "k8s.v1.cni.cncf.io/networks"
"""Network attachments that a pod asks for."""


def parse_networks(at: Field) -> tuple[str, ...]:
    """Read the attachments: ``a, ns/b@eth1`` or a JSON list of objects with a name."""
    text = at.text().strip()
    if not text.startswith("["):
        return tuple(filter(None, (name.strip() for name in text.split(","))))
    try:
        decoded = json.loads(text)
    except (ValueError, RecursionError):
        return (text,)
    return tuple(map(_name, decoded))


def _name(item: Any) -> str:
    if not isinstance(item, dict):
        return str(item)
    name, namespace = str(item.get("name", "")), item.get("namespace")
    return f"{namespace}/{name}" if namespace else name


def parse_plugin(document: Field) -> str:
    """Read which plugin a NetworkAttachmentDefinition names, such as ``sriov``.

    Empty where its config lies on the nodes, or is none.
    """
    try:
        config = json.loads(document.get("spec", "config").text() or "null")
    except (ValueError, RecursionError):
        return ""
    if not isinstance(config, dict):
        return ""
    plugins = config.get("plugins")
    first = plugins[0] if isinstance(plugins, list) and plugins else config
    found = first.get("type") if isinstance(first, dict) else None
    return found if isinstance(found, str) else ""


def definition_of(network: str, namespace: str) -> str:
    """The ``namespace/name`` of the definition that an attachment of a pod means."""
    name = network.partition("@")[0]
    return name if "/" in name else f"{namespace}/{name}"
