"""Changes of net-conf.json for tests of checks: short texts in, subjects out."""

import json
from typing import Any

from webhook.checks.registry import Check
from webhook.checks.subjects import FlannelNodes, NetConfChange
from webhook.netconf import NetConf, NetConfError, parse

FIELD = "data[net-conf.json]"
LIVE = FlannelNodes(live=True, pod_cidrs=(("node-1", ("10.244.0.0/24",)),))
NEW = FlannelNodes()


def conf(backend: dict[str, Any] | None = None, **top: Any) -> str:
    """A net-conf.json; 10.244.0.0/16 and vxlan unless told otherwise."""
    return json.dumps(
        {"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan"} | (backend or {})} | top
    )


def read(text: str | None) -> NetConf | NetConfError | None:
    """The text as the guard reads it."""
    if text is None:
        return None
    try:
        return parse(text)
    except NetConfError as error:
        return error


def change(
    old: str | None, new: str | None, nodes: FlannelNodes = LIVE, **more: Any
) -> NetConfChange:
    """The change from one text to another."""
    return NetConfChange(FIELD, read(old), read(new), nodes, **more)


def found(check: Check, subject: object) -> dict[str, str]:
    """What a check finds: message by field, `FIELD` left out."""
    return {v.field.removeprefix(f"{FIELD}."): v.message for v in check.run(subject)}
