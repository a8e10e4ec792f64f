"""Read pods, and the one pod that stands for a workload's template."""

from dataclasses import dataclass

from webhook.netpol.addresses import Family, parse_address
from webhook.netpol.fields import Field
from webhook.netpol.labels import Labels
from webhook.netpol.model import ContainerPort, Pod
from webhook.netpol.parse_network import MULTUS_ANNOTATION, parse_networks
from webhook.netpol.parse_port import read_number, read_protocol
from webhook.netpol.parse_selector import parse_labels

TEMPLATES: dict[str, tuple[str, ...]] = {
    "Pod": (),
    "Deployment": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "ReplicationController": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}
"""Where each kind keeps its pod template."""


@dataclass(frozen=True, slots=True)
class Workload:
    """A pod with what controls it.

    Args:
        controller: (kind, namespace, name) of the controlling object, None for a bare one.
    """

    pod: Pod
    controller: tuple[str, str, str] | None

    @property
    def identity(self) -> tuple[str, str, str]:
        """Kind, namespace and name."""
        return self.pod.kind, self.pod.namespace, self.pod.name


def parse_workload(document: Field, kind: str) -> Workload | None:
    """Read a pod or workload; None where it has ended, for then it is no endpoint.

    Raises:
        FieldError: a field that the engine reads is malformed.
    """
    if _has_ended(document, kind):
        return None
    metadata = document.get("metadata")
    namespace = metadata.get("namespace").text() or "default"
    template = document.get(*TEMPLATES[kind])
    spec = template.get("spec")
    status = document.get("status") if kind == "Pod" else Field(None)
    pod = Pod(
        namespace=namespace,
        name=metadata.get("name").text(),
        kind=kind,
        labels={**parse_labels(template.get("metadata", "labels")), **_job_labels(document, kind)},
        addresses=_parse_addresses(status, "podIP"),
        node_addresses=_parse_addresses(status, "hostIP"),
        ports=_parse_ports(spec),
        host_network=spec.get("hostNetwork").boolean(),
        networks=parse_networks(template.get("metadata", "annotations", MULTUS_ANNOTATION)),
    )
    return Workload(pod, _parse_controller(metadata, namespace))


def _job_labels(document: Field, kind: str) -> Labels:
    """Labels that the Job controller gives its pods, whatever the template says."""
    if kind != "Job" or document.get("spec", "manualSelector").boolean():
        return {}
    name = document.get("metadata", "name").text()
    return {"job-name": name, "batch.kubernetes.io/job-name": name}


def _has_ended(document: Field, kind: str) -> bool:
    """Tell whether a Pod is Succeeded or Failed, or a Job Complete or Failed."""
    status = document.get("status")
    if kind == "Pod":
        return status.get("phase").text() in ("Succeeded", "Failed")
    return kind == "Job" and any(
        condition.get("type").text() in ("Complete", "Failed")
        and condition.get("status").text() == "True"
        for condition in status.get("conditions").items()
    )


def _parse_controller(metadata: Field, namespace: str) -> tuple[str, str, str] | None:
    for owner in metadata.get("ownerReferences").items():
        if owner.get("controller").boolean():
            return owner.get("kind").text(), namespace, owner.get("name").text()
    return None


def _parse_addresses(status: Field, field: str) -> tuple[tuple[Family, int], ...]:
    """Read ``podIPs``/``hostIPs``, or the singular field where the plural is empty."""
    found = [item.get("ip") for item in status.get(f"{field}s").items()]
    found = [at for at in found or [status.get(field)] if at.text()]
    return tuple(map(read_address, found))


def read_address(at: Field) -> tuple[Family, int]:
    """Read an IP address of a status or a Service."""
    try:
        return parse_address(at.text())
    except ValueError:
        raise at.invalid("must be a valid IP address") from None


def _parse_ports(spec: Field) -> tuple[ContainerPort, ...]:
    """Read the named ports of all containers that keep running.

    Init containers with ``restartPolicy: Always`` are sidecars (KEP-753).
    """
    sidecars = (
        container
        for container in spec.get("initContainers").items()
        if container.get("restartPolicy").text() == "Always"
    )
    return tuple(
        ContainerPort(
            name=port.get("name").text(),
            protocol=read_protocol(port.get("protocol")),
            number=read_number(port.get("containerPort")),
        )
        for container in (*spec.get("containers").items(), *sidecars)
        for port in container.get("ports").items()
    )
