"""What a kubelet makes of a pod template: environment, command line, files of volumes. Pure."""

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import ControlPlaneError

Json = Mapping[str, Any]
Lookup = Callable[[str, str], Json | None]
"""Gets ("configmap" or "secret", name) in the pod's namespace; None where it does not exist."""


@dataclass(frozen=True)
class Pod:
    """What the downward API tells a container about its pod."""

    name: str
    namespace: str
    address: str
    node: str
    service_account: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]

    def field(self, path: str) -> str:
        """The value of a `fieldRef`.

        Raises:
            ControlPlaneError: a field that this kubelet does not know.
        """
        keyed = re.fullmatch(r"metadata\.(labels|annotations)\['(.+)'\]", path)
        if keyed is not None:
            values = self.labels if keyed.group(1) == "labels" else self.annotations
            return values.get(keyed.group(2), "")
        known = {
            "metadata.name": self.name,
            "metadata.namespace": self.namespace,
            "metadata.uid": "00000000-0000-4000-8000-000000000000",
            "metadata.labels": _downward(self.labels),
            "metadata.annotations": _downward(self.annotations),
            "spec.nodeName": self.node,
            "spec.serviceAccountName": self.service_account,
            "status.podIP": self.address,
            "status.podIPs": self.address,
            "status.hostIP": self.address,
        }
        if path not in known:
            raise ControlPlaneError(f"fieldRef {path} is not known here; add it to podspec.py")
        return known[path]


def pod_of(template: Json, namespace: str, address: str, name: str | None, node: str) -> Pod:
    """The pod that a template makes at an address; its name follows from the address if None."""
    metadata = template.get("metadata", {})
    first = container_of(template, None)["name"]
    return Pod(
        name=name or f"{first}-{address.rpartition('.')[2]}",
        namespace=namespace,
        address=address,
        node=node,
        service_account=template["spec"].get("serviceAccountName", "default"),
        labels=metadata.get("labels") or {},
        annotations=metadata.get("annotations") or {},
    )


def container_of(template: Json, name: str | None) -> Json:
    """A container of the template by name, the first for None.

    Raises:
        ControlPlaneError: there is none of that name.
    """
    containers: Sequence[Json] = template["spec"]["containers"]
    for each in containers:
        if name in (None, each["name"]):
            return each
    have = ", ".join(each["name"] for each in containers)
    raise ControlPlaneError(f"the pod template has no container {name}, only {have}")


def environment(container: Json, pod: Pod, lookup: Lookup) -> dict[str, str]:
    """The variables of `envFrom` and `env`, in their order, references resolved."""
    values: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        for kind, key in (("configmap", "configMapRef"), ("secret", "secretRef")):
            if key in source:
                data = _data(kind, source[key], lookup)
                prefix = source.get("prefix", "")
                values |= {prefix + name: text.decode() for name, text in data.items()}
    for entry in container.get("env", ()):
        if "valueFrom" in entry:
            found = _value_from(entry["valueFrom"], pod, lookup)
            if found is not None:
                values[entry["name"]] = found
        else:
            values[entry["name"]] = expand(entry.get("value", ""), values)
    return values


def command_line(container: Json, entrypoint: Sequence[str], env: Mapping[str, str]) -> list[str]:
    """`command` (or the image's entrypoint) and `args`, `$(NAME)` expanded.

    Raises:
        ControlPlaneError: neither the container nor the image names a command.
    """
    command = container.get("command") or entrypoint
    argv = [expand(word, env) for word in (*command, *container.get("args", ()))]
    if not command:
        raise ControlPlaneError(
            f"container {container['name']} has no command: pass the image's entrypoint"
        )
    return argv


def expand(text: str, env: Mapping[str, str]) -> str:
    """`$(NAME)` as the kubelet expands it: unknown names stay, `$$` is one dollar."""

    def value(found: re.Match[str]) -> str:
        if found.group() == "$$":
            return "$"
        return env.get(found.group(1), found.group())

    return re.sub(r"\$\$|\$\(([^)]+)\)", value, text)


def volume_files(
    volume: Json, pod: Pod, lookup: Lookup, token: Callable[[], str]
) -> dict[str, bytes]:
    """The files of a volume by path inside it; an emptyDir has none.

    Raises:
        ControlPlaneError: a missing object that is not optional, or a kind not known here.
    """
    if "emptyDir" in volume:
        return {}
    if "configMap" in volume:
        return _items("configmap", volume["configMap"], lookup)
    if "secret" in volume:
        source = volume["secret"]  # a volume says secretName, a projected source says name
        return _items("secret", {"name": source.get("secretName"), **source}, lookup)
    if "downwardAPI" in volume:
        return _downward_files(volume["downwardAPI"], pod)
    if "projected" not in volume:
        raise ControlPlaneError(f"volume {volume.get('name')} is of a kind not known here")
    files: dict[str, bytes] = {}
    for source in volume["projected"]["sources"]:
        if "serviceAccountToken" in source:
            files[source["serviceAccountToken"]["path"]] = token().encode()
        else:
            files |= volume_files(source, pod, lookup, token)
    return files


def _items(kind: str, source: Json, lookup: Lookup) -> dict[str, bytes]:
    data = _data(kind, source, lookup)
    if "items" not in source:
        return data
    return {item["path"]: data[item["key"]] for item in source["items"] if item["key"] in data}


def _data(kind: str, reference: Json, lookup: Lookup) -> dict[str, bytes]:
    found = lookup(kind, reference["name"])
    if found is None:
        if reference.get("optional"):
            return {}
        raise ControlPlaneError(f"{kind} {reference['name']} does not exist and is not optional")
    if kind == "secret":
        return {key: base64.b64decode(text) for key, text in (found.get("data") or {}).items()}
    text = {key: value.encode() for key, value in (found.get("data") or {}).items()}
    binary = (found.get("binaryData") or {}).items()
    return text | {key: base64.b64decode(value) for key, value in binary}


def _value_from(source: Json, pod: Pod, lookup: Lookup) -> str | None:
    if "fieldRef" in source:
        return pod.field(source["fieldRef"]["fieldPath"])
    for kind, key in (("configmap", "configMapKeyRef"), ("secret", "secretKeyRef")):
        if key in source:
            found = _data(kind, source[key], lookup).get(source[key]["key"])
            return None if found is None else found.decode()
    raise ControlPlaneError(f"valueFrom {sorted(source)} is not known here; add it to podspec.py")


def _downward_files(source: Json, pod: Pod) -> dict[str, bytes]:
    return {
        item["path"]: pod.field(item["fieldRef"]["fieldPath"]).encode()
        for item in source.get("items", ())
    }


def _downward(values: Mapping[str, str]) -> str:
    return "\n".join(f'{key}="{value}"' for key, value in sorted(values.items()))
