"""Pods, cut down to what NetworkPolicies ask of them."""

from collections.abc import Iterable
from itertools import islice
from typing import TypeVar

import msgspec

from webhook.errors import TooManyError
from webhook.model.objects import ObjectMeta

Item = TypeVar("Item")


class PodPort(msgspec.Struct, frozen=True, rename="camel"):
    """``v1.ContainerPort``."""

    name: str = ""
    protocol: str = "TCP"
    container_port: int = 0


class PodContainer(msgspec.Struct, frozen=True, rename="camel"):
    """A container: the ports it names, and whether it keeps running beside others."""

    ports: list[PodPort] | None = None
    restart_policy: str = ""


class PodSpecification(msgspec.Struct, frozen=True, rename="camel"):
    """``v1.PodSpec``: ports and network."""

    host_network: bool = False
    containers: list[PodContainer] | None = None
    init_containers: list[PodContainer] | None = None


class PodAddress(msgspec.Struct, frozen=True):
    """``v1.PodIP``."""

    ip: str = ""


class PodState(msgspec.Struct, frozen=True, rename={"pod_ips": "podIPs"}):
    """``v1.PodStatus``: phase and addresses."""

    phase: str = ""
    pod_ips: list[PodAddress] | None = None


class PodObject(msgspec.Struct, frozen=True):
    """A Pod; of one that was read as metadata alone, spec and status are empty."""

    metadata: ObjectMeta = ObjectMeta()
    spec: PodSpecification = PodSpecification()
    status: PodState = PodState()

    @property
    def ended(self) -> bool:
        """It has completed, so it is no endpoint any more."""
        return self.status.phase in {"Succeeded", "Failed"}

    @property
    def ports(self) -> tuple[PodPort, ...]:
        """The named ports of all containers that keep running."""
        sidecars = (c for c in self.spec.init_containers or () if c.restart_policy == "Always")
        running = (*(self.spec.containers or ()), *sidecars)
        return tuple(port for each in running for port in each.ports or () if port.name)


def at_most(limit: int, items: Iterable[Item]) -> tuple[Item, ...]:
    """The items.

    Raises:
        TooManyError: there are more than the limit.
    """
    found = tuple(islice(items, limit + 1))
    if len(found) > limit:
        raise TooManyError(f"there are more than {limit} of them")
    return found
