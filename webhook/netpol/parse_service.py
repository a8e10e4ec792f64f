"""Read Services."""

from webhook.netpol.addresses import Family
from webhook.netpol.fields import Field
from webhook.netpol.labels import Operator, Requirement, Selector
from webhook.netpol.model import Service, ServicePort
from webhook.netpol.parse_pod import read_address
from webhook.netpol.parse_port import read_number, read_protocol
from webhook.netpol.parse_selector import parse_labels


def parse_service(document: Field) -> Service:
    """Read a Service.

    Raises:
        FieldError: a field that the engine reads is malformed.
    """
    metadata, spec = document.get("metadata"), document.get("spec")
    selector = parse_labels(spec.get("selector"))
    return Service(
        namespace=metadata.get("namespace").text() or "default",
        name=metadata.get("name").text(),
        type=spec.get("type").text() or "ClusterIP",
        selector=_equalities(selector) if selector else None,
        ports=tuple(map(_parse_port, spec.get("ports").items())),
        headless=spec.get("clusterIP").text() == "None",
        external_name=spec.get("externalName").text(),
        local_traffic=spec.get("externalTrafficPolicy").text() == "Local",
        addresses=_parse_addresses(document),
    )


def _equalities(labels: dict[str, str]) -> Selector:
    """A Service's selector is a plain map: every label must be equal."""
    return Selector(tuple(Requirement(k, Operator.IN, (v,)) for k, v in sorted(labels.items())))


def _parse_port(at: Field) -> ServicePort:
    port = read_number(at.get("port"))
    return ServicePort(
        name=at.get("name").text(),
        protocol=read_protocol(at.get("protocol")),
        port=port,
        target=_parse_target(at.get("targetPort"), port),
        node_port=at.get("nodePort").integer(),
    )


def _parse_target(at: Field, port: int) -> int | str:
    """Read a target port; without one (or 0, or empty) it is the Service's own port."""
    if not at.value:
        return port
    return at.text() if isinstance(at.value, str) else read_number(at)


def _parse_addresses(document: Field) -> tuple[tuple[Family, int], ...]:
    """Read every address that leads to the Service; host names are none of ours."""
    spec = document.get("spec")
    found = (
        spec.get("clusterIP"),
        *spec.get("clusterIPs").items(),
        *spec.get("externalIPs").items(),
        *(at.get("ip") for at in document.get("status", "loadBalancer", "ingress").items()),
    )
    return tuple(sorted({read_address(at) for at in found if at.text() not in ("", "None")}))
