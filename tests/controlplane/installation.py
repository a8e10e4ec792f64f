"""Portcullis, installed on a control plane by its chart and running from its Deployment."""

import itertools
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from . import readiness
from .container import Container
from .plane import ControlPlane

CHART = Path(__file__).parents[2] / "charts" / "portcullis"
NAMESPACE = "portcullis-system"
RELEASE = "portcullis"
WEBHOOK_PORT = 8443


@dataclass(frozen=True)
class Release:
    """What is installed: a chart, and the files of the image that belongs to it."""

    chart: Path = CHART
    image: Path | None = None
    """A checkout of another commit; the working copy without it."""


PRESENT = Release()


class Replica:
    """One Pod of the Deployment: its containers as processes at one address.

    Attributes:
        name: of the Pod.
        address: of the Pod.
        containers: by name, each in its latest life.
    """

    def __init__(
        self, plane: ControlPlane, template: Mapping[str, Any], number: int, image: Path | None
    ) -> None:
        self._plane = plane
        self._template = dict(template)
        self._image = image
        self.name = f"{RELEASE}-{number}"
        self.address = plane.new_address()
        self.containers: dict[str, Container] = {}
        for spec in template["spec"]["containers"]:
            self.start(spec["name"])

    def start(self, name: str) -> None:
        """Run a container, as the kubelet does again after it has ended."""
        self.containers[name] = self._plane.run_container(
            self._template,
            namespace=NAMESPACE,
            address=self.address,
            name=name,
            pod_name=self.name,
            image=self._image,
        )

    @property
    def webhook(self) -> Container:
        """The container that answers reviews."""
        return self.containers["webhook"]

    @property
    def controller(self) -> Container:
        """The container that may lead."""
        return self.containers["controller"]

    def wait_ready(self) -> None:
        """Wait until the readiness probe succeeds."""
        self.webhook.wait_ready()

    def stop(self) -> None:
        """End the Pod as a kubelet does, all containers at once: preStop, SIGTERM, grace."""
        with ThreadPoolExecutor(len(self.containers)) as pool:
            list(pool.map(Container.stop, self.containers.values()))

    def kill(self) -> None:
        """End the Pod as a power cut does."""
        for container in self.containers.values():
            container.kill()


class Installation:
    """A release of the chart; a context manager that stops the replicas and uninstalls.

    Attributes:
        plane: the control plane.
        replicas: those that run.
    """

    def __init__(
        self,
        plane: ControlPlane,
        *,
        replicas: int = 2,
        values: Mapping[str, Any] | None = None,
        release: Release = PRESENT,
    ) -> None:
        """Install the chart and run its Pods; ready for reviews when it returns."""
        self.plane = plane
        self._release = release
        self.replicas: list[Replica] = []
        self._numbers = itertools.count(1)
        self._stack = ExitStack()
        self._helm("install", values, "--create-namespace")
        self._stack.callback(self.uninstall)
        try:
            self.recover(replicas)
        except BaseException:
            self.close()
            raise

    @property
    def template(self) -> Mapping[str, Any]:
        """The Pod template of the Deployment, as the API server has it."""
        deployment = self.plane.get("deployment", RELEASE, NAMESPACE)
        assert deployment is not None
        template: Mapping[str, Any] = deployment["spec"]["template"]
        return template

    def start_replica(self) -> Replica:
        """Run one more Pod; it gets no requests before `serve` names it."""
        number = next(self._numbers)
        replica = Replica(self.plane, self.template, number, self._release.image)
        self.replicas.append(replica)
        self._stack.callback(replica.kill)
        return replica

    def serve(self, replicas: Sequence[Replica]) -> None:
        """Wait until these replicas are ready, and let the Service lead to them alone."""
        for replica in replicas:
            replica.wait_ready()
        addresses = [replica.address for replica in replicas]
        self.plane.service_backend(NAMESPACE, RELEASE, addresses, WEBHOOK_PORT)
        self._tell_readiness(len(replicas))

    def _tell_readiness(self, ready: int) -> None:
        """The chart's backstop goes by the disruption budget, which counts the ready Pods."""
        labels = {"app.kubernetes.io/instance": RELEASE}
        with self.plane.client() as api:
            readiness.tell(api, NAMESPACE, labels, ready=ready, budget=RELEASE)

    def retire(self, replica: Replica) -> None:
        """Take a Pod away as a rollout does: out of the endpoints while it is being stopped."""
        self.replicas.remove(replica)
        with ThreadPoolExecutor(1) as pool:
            stopped = pool.submit(replica.stop)
            self.serve(self.replicas)
            stopped.result()

    def lose(self) -> None:
        """Lose all Pods, as with their nodes: processes killed, endpoints gone."""
        for replica in self.replicas:
            replica.kill()
        self.replicas.clear()
        self.serve([])

    def recover(self, replicas: int = 2) -> None:
        """Run so many Pods more, and let the Service lead to all."""
        for _ in range(replicas):
            self.start_replica()
        self.serve(self.replicas)

    def upgrade(self, values: Mapping[str, Any], release: Release = PRESENT) -> None:
        """Upgrade the release; the Pods go on as they are, a rollout is the caller's."""
        self._release = release
        self._helm("upgrade", values)

    def rollback(self, release: Release) -> None:
        """Roll back to the last revision, which was that release; the Pods go on as they are."""
        self._release = release
        self.plane.helm("rollback", RELEASE, "--namespace", NAMESPACE)

    def roll(self) -> None:
        """Replace each Pod as the Deployment's strategy says: first a new one, then an old one."""
        for old in list(self.replicas):
            self.recover(1)
            self.retire(old)

    def uninstall(self) -> None:
        """Uninstall the release, if it is there; the Pods go on as they are."""
        self.plane.helm("uninstall", RELEASE, "--namespace", NAMESPACE, "--ignore-not-found")

    def _helm(self, verb: str, values: Mapping[str, Any] | None, *flags: str) -> None:
        path = self.plane.folder / "values.json"
        path.write_text(json.dumps(values or {}))
        where = ("--namespace", NAMESPACE, "--values", str(path))
        self.plane.helm(verb, RELEASE, str(self._release.chart), *where, *flags)

    def logs(self) -> str:
        """What all containers have printed."""
        return "\n".join(
            f"== {replica.address} {name}\n{container.daemon.log.read_text()}"
            for replica in self.replicas
            for name, container in replica.containers.items()
        )

    def close(self) -> None:
        """Stop the replicas and uninstall the release."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
