"""DaemonSets, cut down to what tells which network plugin a cluster runs."""

from collections.abc import Iterator, Mapping

import msgspec

from webhook.model.objects import ObjectMeta


class ConfigMapKey(msgspec.Struct, frozen=True):
    """``v1.ConfigMapKeySelector``."""

    name: str = ""
    key: str = ""


class EnvVarSource(msgspec.Struct, frozen=True, rename="camel"):
    """``v1.EnvVarSource``, ConfigMaps alone."""

    config_map_key_ref: ConfigMapKey | None = None


class EnvVar(msgspec.Struct, frozen=True, rename="camel"):
    """``v1.EnvVar``; a value from elsewhere reads as empty."""

    name: str = ""
    value: str = ""
    value_from: EnvVarSource | None = None


class Container(msgspec.Struct, frozen=True):
    """A container: what it runs, and with which arguments."""

    name: str = ""
    image: str = ""
    command: list[str] | None = None
    args: list[str] | None = None
    env: list[EnvVar] | None = None

    @property
    def repository(self) -> str:
        """The image without registry host, tag and digest: ``calico/node``."""
        path = self.image.partition("@")[0]
        head, slash, rest = path.partition("/")
        is_host = slash and (head == "localhost" or "." in head or ":" in head)
        return (rest if is_host else path).partition(":")[0]

    @property
    def arguments(self) -> tuple[str, ...]:
        """Command and arguments, in order."""
        return (*(self.command or ()), *(self.args or ()))

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables whose value stands there; one from elsewhere is left out."""
        return {e.name: e.value for e in self.env or () if e.value_from is None}


class PodSpec(msgspec.Struct, frozen=True, rename="camel"):
    """``v1.PodSpec``: the containers."""

    containers: list[Container] | None = None
    init_containers: list[Container] | None = None


class PodTemplate(msgspec.Struct, frozen=True):
    """``v1.PodTemplateSpec``."""

    metadata: ObjectMeta = ObjectMeta()
    spec: PodSpec = PodSpec()


class DaemonSetSpec(msgspec.Struct, frozen=True):
    """``apps/v1.DaemonSetSpec``."""

    template: PodTemplate = PodTemplate()


class DaemonSet(msgspec.Struct, frozen=True):
    """An ``apps/v1`` DaemonSet."""

    metadata: ObjectMeta = ObjectMeta()
    spec: DaemonSetSpec = DaemonSetSpec()

    @property
    def full_name(self) -> str:
        """``namespace/name``."""
        return f"{self.metadata.namespace}/{self.metadata.name}"

    def containers(self) -> Iterator[Container]:
        """The containers that go on running; init containers are left out."""
        return iter(self.spec.template.spec.containers or ())
