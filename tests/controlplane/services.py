"""Services whose endpoints are written by hand: there is no kubelet to make pods ready. Pure."""

from collections.abc import Sequence
from typing import Any

from .errors import ControlPlaneError
from .podspec import Json


def without_selector(namespace: str, name: str, service_port: int, port: int) -> dict[str, Any]:
    """A Service that no controller fills."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"ports": [{"name": "https", "port": service_port, "targetPort": port}]},
    }


def endpoint_slice(
    service: Json, addresses: Sequence[str], port: int, service_port: int
) -> dict[str, Any]:
    """An EndpointSlice that leads a Service's port to `addresses:port`.

    The port carries the Service port's name, by which the API server matches the two, and the
    label names us as its manager: the endpointslice controllers leave it alone.

    Raises:
        ControlPlaneError: the Service has no such port.
    """
    metadata = service["metadata"]
    names = [
        each.get("name", "") for each in service["spec"]["ports"] if each["port"] == service_port
    ]
    if not names:
        raise ControlPlaneError(f"service {metadata['name']} has no port {service_port}")
    labels = {
        "kubernetes.io/service-name": metadata["name"],
        "endpointslice.kubernetes.io/managed-by": "portcullis-tests",
    }
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "namespace": metadata["namespace"],
            "name": f"{metadata['name']}-by-hand",
            "labels": labels,
        },
        "addressType": "IPv4",
        "endpoints": [
            {"addresses": [address], "conditions": {"ready": True}} for address in addresses
        ],
        "ports": [{"name": names[0], "port": port, "protocol": "TCP"}],
    }
