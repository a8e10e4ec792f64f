"""cni-conf.json, and canal's template of one: what libcni and flannel's plugin cannot load.

Sources: libcni v1.3.1 `ConfListFromBytes` (its top level is a Go map, so keys are taken to the
letter; a plugin is a struct, so case does not matter there), flannel-io/cni-plugin flannel.go
(`loadFlannelNetConf`, `doCmdAdd`), calico's canal.yaml (placeholders such as `__CNI_MTU__`).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from webhook.netconf.errors import NetConfError
from webhook.netconf.plain import TooDeepError, to_python
from webhook.netconf.scan import Kind
from webhook.netconf.syntax import read_document
from webhook.netconf.text import encode, fold

MOST_FAULTS: Final = 20
"""The most faults that are told of one text; a hostile one has as many as it has plugins."""

_PLACEHOLDER = re.compile(rb"__[A-Z0-9_]+?__")
_NO_MTU = "an explicit MTU defeats Backend.MTU of net-conf.json"


@dataclass(frozen=True, slots=True)
class CniFault:
    """What is wrong with a CNI configuration.

    Args:
        key: path of the key; empty for the text as a whole.
        message: what was expected and what was found.
        fatal: it cannot be loaded; else it has an effect that is seldom meant.
    """

    key: str
    message: str
    fatal: bool = True


def check_cni(text: str | bytes, *, template: bool = False) -> tuple[CniFault, ...]:
    """Return the faults of a network configuration list.

    Args:
        text: the file.
        template: it is calico's `cni_network_config`, no JSON before its placeholders are filled.
    """
    data = encode(text)
    if template:
        # A number fits bare as well as between quotes, and has as many bytes: places stay right.
        data = _PLACEHOLDER.sub(lambda match: b"1" * len(match.group()), data)
    try:
        document = read_document(data)
    except NetConfError as error:
        return (CniFault(error.key, f"{error.detail} (line {error.line}, column {error.column})"),)
    if document.kind is not Kind.OBJECT:
        return (CniFault("", f"must be a JSON object, not of kind {document.kind}"),)
    try:
        value = to_python(data, document.start, len(data))
    except (TooDeepError, ValueError):
        return (CniFault("", "is nested too deep"),)
    return tuple(islice(_list(value), MOST_FAULTS))


def _list(conf: dict[str, Any]) -> Iterator[CniFault]:
    if not (isinstance(conf.get("name"), str) and conf["name"]):
        yield CniFault("name", "Required value: libcni takes a string under this very key")
    if not isinstance(conf.get("cniVersion", ""), str):
        yield CniFault("cniVersion", "must be a string")
    check = conf.get("disableCheck", False)
    if not isinstance(check, bool) and check not in ("true", "false"):
        yield CniFault("disableCheck", 'must be true, false, "true" or "false"')
    plugins = conf.get("plugins")
    if "plugins" not in conf:
        message = "Required value: a conflist names its plugins; the older form of one plugin is"
        yield CniFault("plugins", f"{message} no .conflist")
    elif not isinstance(plugins, list) or not plugins:
        yield CniFault("plugins", "must be a list that is not empty")
    else:
        for index, plugin in enumerate(plugins):
            yield from _plugin(f"plugins[{index}]", plugin)


def _plugin(path: str, plugin: Any) -> Iterator[CniFault]:
    if not isinstance(plugin, dict):
        yield CniFault(path, "must be an object")
        return
    kind = _folded(plugin, "type")
    if not (isinstance(kind, str) and kind):
        yield CniFault(f"{path}.type", "Required value: the name of the plugin")
    capabilities = _folded(plugin, "capabilities")
    flags = capabilities.values() if isinstance(capabilities, dict) else (capabilities or False,)
    if not all(isinstance(flag, bool) for flag in flags):
        yield CniFault(f"{path}.capabilities", "must be an object of true and false")
    if kind == "flannel":
        yield from _delegate(f"{path}.delegate", _folded(plugin, "delegate"))


def _delegate(path: str, delegate: Any) -> Iterator[CniFault]:
    if delegate is None:
        return
    if not isinstance(delegate, dict):
        yield CniFault(path, "must be an object, or the flannel plugin fails for every new pod")
        return
    for key in ("name", "ipam"):
        if key in delegate:
            yield CniFault(
                f"{path}.{key}", "must not be set: the flannel plugin sets it, and fails otherwise"
            )
    if not isinstance(delegate.get("type", ""), str):
        yield CniFault(f"{path}.type", "must be a string")
    if "mtu" in delegate:
        yield CniFault(f"{path}.mtu", _NO_MTU, fatal=False)


def _folded(plugin: dict[str, Any], name: str) -> Any:
    """A value by its key as a Go struct takes it: whatever the case, the last one wins."""
    return next((v for k, v in reversed(plugin.items()) if fold(k) == fold(name)), None)
