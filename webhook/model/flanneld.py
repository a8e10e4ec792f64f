"""flannel's DaemonSets: what flanneld is told by its arguments, environment and mounts.

Sources: flannel main.go (flags, `flagutil.SetFlagsFromEnv(flannelFlags, "FLANNELD")`: the
environment fills what the command line leaves open), pkg/subnet/kube/annotations.go, Go's flag
package, and core/v1 (volumes, mounts).
"""

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from webhook.model.objects import ObjectMeta

DEFAULT_PATH: Final = "/etc/kube-flannel/net-conf.json"
"""`--net-config-path`."""
DEFAULT_PREFIX: Final = "flannel.alpha.coreos.com"
"""`--kube-annotation-prefix`."""


class EnvVar(msgspec.Struct, frozen=True, rename="camel"):
    """An environment variable; its value is empty where it comes from a reference."""

    name: str = ""
    value: str = ""
    value_from: dict[str, Any] | None = None


class VolumeMount(msgspec.Struct, frozen=True, rename="camel"):
    """Where a volume, or one path of it, stands in a container."""

    name: str = ""
    mount_path: str = ""
    sub_path: str = ""
    sub_path_expr: str = ""


class Container(msgspec.Struct, frozen=True, rename="camel"):
    """A container, as far as it tells how flanneld is run."""

    name: str = ""
    image: str = ""
    command: list[str] | None = None
    args: list[str] | None = None
    env: list[EnvVar] | None = None
    env_from: list[dict[str, Any]] | None = None
    volume_mounts: list[VolumeMount] | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """Its command line, as far as it does not come from the image."""
        return (*(self.command or ()), *(self.args or ()))


class KeyToPath(msgspec.Struct, frozen=True):
    """A key of a ConfigMap and the file it becomes."""

    key: str = ""
    path: str = ""


class ConfigMapSource(msgspec.Struct, frozen=True):
    """A ConfigMap as a volume; without items each key is a file of its name."""

    name: str = ""
    items: list[KeyToPath] | None = None


class Projected(msgspec.Struct, frozen=True):
    """A volume of several sources; only ConfigMaps are read."""

    sources: list[dict[str, Any]] | None = None


class Volume(msgspec.Struct, frozen=True, rename="camel"):
    """A volume; of other kinds than these nothing is known."""

    name: str = ""
    config_map: ConfigMapSource | None = None
    projected: Projected | None = None


class PodSpec(msgspec.Struct, frozen=True, rename="camel"):
    """The part of a Pod's spec that is read."""

    containers: list[Container] | None = None
    volumes: list[Volume] | None = None


class PodTemplate(msgspec.Struct, frozen=True):
    """A Pod template."""

    spec: PodSpec = PodSpec()


class DaemonSetSpec(msgspec.Struct, frozen=True):
    """A DaemonSet's spec."""

    template: PodTemplate = PodTemplate()


class DaemonSet(msgspec.Struct, frozen=True):
    """An ``apps/v1`` DaemonSet."""

    metadata: ObjectMeta = ObjectMeta()
    spec: DaemonSetSpec = DaemonSetSpec()


@dataclass(frozen=True, slots=True)
class Flanneld:
    """How a DaemonSet runs flanneld, as far as it decides what is read and where it is told.

    Args:
        container: index of its container in the Pod.
        config_map: the ConfigMap and key behind the configuration's path; None where no ConfigMap
            is mounted there.
        path: of the configuration.
        prefix: of its Node annotations.
        kube: leases are kept in Node annotations, not in etcd.
        hidden: why the above may be wrong; empty where it can be read.
    """

    container: int
    config_map: tuple[str, str] | None
    path: str
    prefix: str
    kube: bool
    hidden: str


def annotation_key(prefix: str, name: str) -> str:
    """The Node annotation of a name under a prefix, as annotations.go puts them together."""
    return f"{normal_prefix(prefix)}{name}"


def normal_prefix(prefix: str) -> str:
    """The prefix as flannel completes it: with a slash, or behind one with a hyphen."""
    if "/" not in prefix:
        return f"{prefix}/"
    return prefix if prefix.endswith(("/", "-")) else f"{prefix}-"


def flanneld(daemon_set: DaemonSet) -> Flanneld | None:
    """How a DaemonSet runs flanneld; None where none of its containers looks like it."""
    spec = daemon_set.spec.template.spec
    found = [
        _read(index, container, spec.volumes or ())
        for index, container in enumerate(spec.containers or ())
        if is_flanneld(container.name, container.image, container.words)
    ]
    if len(found) > 1:
        return replace(found[0], hidden="more than one container looks like flanneld")
    return found[0] if found else None


def is_flanneld(name: str, image: str, words: Sequence[str]) -> bool:
    """Whether a container of that name, image and command line looks like flanneld."""
    repository = image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    named = name == "kube-flannel" or "flannel" in repository
    return named or any("flanneld" in word for word in words)


def image_tag(image: str) -> str:
    """The tag of an image; empty where it has none."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[2]


def _read(index: int, container: Container, volumes: Sequence[Volume]) -> Flanneld:
    flags = _Flags(container)
    path = flags.get("net-config-path", DEFAULT_PATH)
    return Flanneld(
        container=index,
        config_map=_source(path, container.volume_mounts or (), volumes),
        path=path,
        prefix=flags.get("kube-annotation-prefix", DEFAULT_PREFIX),
        kube=flags.get("kube-subnet-mgr", "false") in _TRUE,
        hidden=_hidden(container),
    )


_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
"""What Go's strconv.ParseBool takes for true."""
_FLAG = re.compile(r"--?([^-=][^=]*)(?:(=)(.*))?", re.DOTALL)
"""A flag as Go's flag package takes it; what follows another word is not looked at any more."""
_BOOLEAN = frozenset(
    {
        "kube-subnet-mgr",
        "ip-masq",
        "ip-masq-fully-random-disable",
        "ip-blackhole-route",
        "iptables-forward-rules",
        "set-node-network-unavailable",
        "use-multi-cluster-cidr",  # v0.21 to v0.24
        "version",
    }
)
"""flanneld's flags that take no word after them for their value."""
_VALUED = frozenset(
    {
        "net-config-path", "kube-annotation-prefix", "kubeconfig-file", "kube-api-url", "iface",
        "iface-regex", "iface-can-reach", "public-ip", "public-ipv6", "subnet-file", "healthz-ip",
        "healthz-port", "iptables-resync", "subnet-lease-renew-margin", "etcd-endpoints",
        "etcd-prefix", "etcd-keyfile", "etcd-certfile", "etcd-cafile", "etcd-username",
        "etcd-password", "v", "vmodule", "log_backtrace_at",
    }
)  # fmt: skip
"""Those that do, whatever it looks like."""
_SHOWN = ("net-config-path", "kube-annotation-prefix", "kube-subnet-mgr")


def _hidden(container: Container) -> str:
    """Why what flanneld gets cannot be read from its container."""
    command = container.command or ()
    if command and command[0].replace("\\", "/").rpartition("/")[2] != "flanneld":
        return f'"{command[0]}" stands before flanneld'
    if container.env_from:
        return "its environment comes from envFrom"
    flags = _Flags(container)
    if flags.unread:
        return f'"{flags.unread}" is filled in by the kubelet'
    references = (value for name in _SHOWN if "$(" in (value := flags.get(name, "")))
    for value in references:
        return f'"{value}" is filled in by the kubelet'
    names = {_variable(name) for name in _SHOWN}
    for variable in container.env or ():
        if variable.name in names and variable.value_from:
            return f"{variable.name} comes from a reference"
    return ""


def _variable(flag: str) -> str:
    return "FLANNELD_" + flag.upper().replace("-", "_")


class _Flags:
    """The flags of a container: of its command line, then of its environment.

    Args:
        unread: a word that may become a flag when the kubelet has filled in its variables.
    """

    def __init__(self, container: Container) -> None:
        words = [*(container.command or ())[1:], *(container.args or ())]
        self._given: dict[str, str] = {}
        self.unread = ""
        for name, value in _parse(words):
            if "$(" in name:
                self.unread = self.unread or name
            else:
                self._given[name] = value
        self._env: Mapping[str, str] = {v.name: v.value for v in container.env or ()}

    def get(self, name: str, default: str) -> str:
        if name in self._given:
            return self._given[name]
        # An empty variable leaves the default (flagutil.SetFlagsFromEnv).
        return self._env.get(_variable(name), "") or default


def _parse(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Flags and values in the order of Go's `FlagSet.parseOne`; a word with a variable is a name.

    A flag that v0.28.10 has not may take a value or none: a word that is no flag is taken for it.
    """
    at = 0
    while at < len(words):
        word = words[at]
        flag = _FLAG.fullmatch(word)
        at += 1
        if flag is None or "$(" in flag[1]:
            if "$(" in word:
                yield word, ""
            return
        name, given, value = flag.groups("")
        if given:
            yield name, value
        elif name in _BOOLEAN:
            yield name, "true"
        elif at < len(words) and (name in _VALUED or not words[at].startswith("-")):
            yield name, words[at]
            at += 1


def _source(
    path: str, mounts: Sequence[VolumeMount], volumes: Sequence[Volume]
) -> tuple[str, str] | None:
    """The ConfigMap and key that a file of the container is; the longest mount wins."""
    path = posixpath.normpath(path)
    fitting = [mount for mount in mounts if _below(path, mount) is not None]
    if not fitting:
        return None
    # Of two spellings of one path the later mount lies above.
    mount = max(reversed(fitting), key=lambda it: len(posixpath.normpath(it.mount_path)))
    file = _below(path, mount) or ""
    volume = next((it for it in volumes if it.name == mount.name), Volume())
    within = mount.sub_path_expr or mount.sub_path
    inside = "/".join(part for part in (within.strip("/"), file) if part)
    if volume.config_map:
        return _key(volume.config_map, inside)
    return _projected(volume.projected, inside) if volume.projected else None


def _below(path: str, mount: VolumeMount) -> str | None:
    """What is left of a path below a mount."""
    where = posixpath.normpath(mount.mount_path).rstrip("/")
    if path == where:
        return ""
    return path[len(where) + 1 :] if path.startswith(f"{where}/") else None


def _projected(volume: Projected, file: str) -> tuple[str, str] | None:
    """The ConfigMap and key of a file of several sources: of two that have it the last one wins.

    Without items a source may have any file, so that none before it counts.
    """
    for source in reversed(volume.sources or ()):
        for kind, content in source.items():
            if kind not in {"configMap", "secret"}:
                continue
            found = _key(msgspec.convert(content or {}, ConfigMapSource), file)
            if found:
                return found if kind == "configMap" else None
    return None


def _key(source: ConfigMapSource, file: str) -> tuple[str, str] | None:
    if source.items is None:
        return source.name, file
    return next(((source.name, it.key) for it in source.items if it.path == file), None)
