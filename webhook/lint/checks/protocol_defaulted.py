"""Ports whose protocol was left out, where it is mostly not TCP."""

from collections.abc import Iterator

from webhook.lint.registry import Needs, Problem, Severity, lint
from webhook.lint.subject import RuleAt, Subject
from webhook.lint.targets import targets
from webhook.netpol.intervals import difference
from webhook.netpol.ports import port_range

_UDP = {53: "DNS", 123: "NTP", 161: "SNMP"}
_QUIC = 443


@lint("protocol-defaulted", Severity.INFO, Subject, "mattfenwick/cyclonus lint", needs=Needs.AUTHOR)
def protocol_defaulted(subject: Subject) -> Iterator[Problem]:
    """A port that is mostly used over UDP says its protocol.

    Why: without one it is TCP. DNS (53), NTP (123) and SNMP (161) then stay closed. Of 443 it is
    told only where a destination pod serves UDP 443 (QUIC). Silent where the rule opens UDP beside.
    Seen in manifests, and where `kubectl apply` keeps them: the API server fills the protocol in.

    Fix: `protocol: UDP`, or both as two items.
    """
    for at in subject.rules:
        for path, port, raw in at.ports:
            number = raw.get("port")
            if raw.get("protocol") is None and not port.name and isinstance(number, int):
                use = _UDP.get(number) or _quic(subject, at, number)
                if use and not _opens_udp(at, number):
                    message = (
                        f"port {number} without protocol is TCP; {use} uses UDP: say protocol: UDP"
                    )
                    yield Problem(path, message)


def _quic(subject: Subject, at: RuleAt, number: int) -> str:
    serving = number == _QUIC and any(
        (port.protocol, port.number) == ("UDP", _QUIC)
        for pod in targets(subject, at)
        for port in pod.ports
    )
    return "QUIC" if serving else ""


def _opens_udp(at: RuleAt, number: int) -> bool:
    wanted = port_range("UDP", number, number)
    return any(not difference(wanted, port.ports) for port in at.rule.ports)
