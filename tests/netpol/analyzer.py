"""IBM's network-config-analyzer, in an environment of its own, and where it is known to be wrong.

Its pins conflict with ours, so it lives below ``~/.cache/portcullis`` (PyPI, by plain pip). No one
here wrote it: it shares no code with the engine, nor with the naive evaluator of `reference`.
"""

import copy
import ipaddress
import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import yaml

VERSION = "2.1.0"
HOME = Path("~/.cache/portcullis").expanduser() / f"nca-{VERSION}"
PYTHON = HOME / "bin" / "python"
RUNNER = Path(__file__).with_name("analyzer_runner.py")
LINE = re.compile(r"(?P<source>.*) => (?P<target>.*) : (?P<conn>.*)")
CONN = re.compile(r"\{protocols:(?P<protocols>[A-Z, ]+?)(?:,dst_ports:(?P<ports>[\d,-]+))?\}")

DIRECTIONS = {"Ingress": "from", "Egress": "to"}


@cache
def installed() -> Path:
    """Its interpreter; installed on first use, skipped with the reason where that fails."""
    if not (HOME / "complete").exists():
        for command in (
            [sys.executable, "-m", "venv", "--clear", str(HOME)],
            [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
             "--retries", "1", "--timeout", "20", f"network-config-analyzer=={VERSION}"],
        ):  # fmt: skip
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                reason = (done.stderr or done.stdout).strip().splitlines()[-1:]
                pytest.skip(f"network-config-analyzer cannot be installed: {reason}")
        (HOME / "complete").touch()
    return PYTHON


def connections(clusters, folder):
    """What it says of each cluster: (source, target, connection) with its own words for each."""
    for number, objects in enumerate(clusters):
        text = yaml.safe_dump_all(objects)
        (folder / f"{number:05}.yaml").write_text(text, encoding="utf-8")
    command = [str(installed()), str(RUNNER), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    for path in sorted(folder.glob("*.txt")):
        lines = path.read_text(encoding="utf-8").splitlines()
        yield [tuple(LINE.fullmatch(line).groups()) for line in lines]


def spans(conn):
    """A connection of it as (protocol, first port, last port)."""
    if conn == "All connections":
        return [(protocol, 1, 65535) for protocol in ("TCP", "UDP", "SCTP")]
    parts = CONN.fullmatch(conn)
    assert parts, f"not understood: {conn}"
    found = []
    for protocol in parts["protocols"].split(", "):
        for span in (parts["ports"] or "1-65535").split(","):
            low, _, high = span.partition("-")
            found.append((protocol, int(low), int(high or low)))
    return found


def stands_for(end, externals):
    """The ends that a name of it means: a pod, or those of the addresses that are in its ranges."""
    if end.endswith("[Pod]"):
        return [end.removesuffix("[Pod]")]
    ranges = [span.strip().partition("-") for span in end.split(",")]
    bounds = [tuple(map(ipaddress.ip_address, (low, high or low))) for low, _, high in ranges]
    return [a for a in externals if any(low <= a <= high for low, high in bounds)]


FAULTS: list[tuple[str, Callable]] = []
"""Where it is known to be wrong: why, and how a cluster is changed so that it does not matter.

Besides these its ipBlocks never match pods; the engine is asked in that reading.
"""


def fault(reason: str) -> Callable:
    """Name a fault; the function below takes what it concerns out of a cluster, in place."""

    def register(function: Callable) -> Callable:
        FAULTS.append((reason, function))
        return function

    return register


def without_faults(objects):
    """A cluster of which it should know the truth."""
    objects = copy.deepcopy(objects)
    for _, avoid in FAULTS:
        avoid(objects)
    return objects


def _of(objects, kind):
    return [each for each in objects if each["kind"] == kind]


@fault("templates stand for two replicas, which then speak to each other")
def _pods_alone(objects):
    kinds = ("Namespace", "NetworkPolicy", "Pod")
    objects[:] = [each for each in objects if each["kind"] in kinds]
    for each in _of(objects, "Pod"):
        each["metadata"].pop("ownerReferences", None)


@fault("pods that have completed are endpoints, and those of the host network are restricted")
def _plain_pods(objects):
    for each in _of(objects, "Pod"):
        each["status"]["phase"] = "Running"
        each["spec"]["hostNetwork"] = False


@fault("a pod has one family: what is said of the other one is not told apart")
def _ipv4_alone(objects):
    for each in _of(objects, "Pod"):
        address = f"10.0.0.{each['metadata']['name'].lstrip('pod-')}"
        each["status"] |= {"podIP": address, "podIPs": [{"ip": address}]}
    for _, peers in _peers(objects):
        peers[:] = [p for p in peers if ":" not in p.get("ipBlock", {}).get("cidr", "")] or [
            {"ipBlock": {"cidr": "10.0.0.0/8"}}
        ]


@fault("ports of init containers are not read; of two ports of one name, one is taken")
def _one_port_a_name(objects):
    for each in _of(objects, "Pod"):
        each["spec"]["initContainers"], seen = [], set()
        for container in each["spec"]["containers"]:
            ports = {port["name"]: port for port in container.get("ports", [])}
            container["ports"] = [port for name, port in ports.items() if name not in seen]
            seen |= set(ports)


@fault("policyTypes twice the same, and rules of a direction that is not in them, are an error")
def _types_as_rules(objects):
    for each in _of(objects, "NetworkPolicy"):
        spec = each["spec"]
        given = spec.get("policyTypes") or ["Ingress", *(["Egress"] if spec.get("egress") else [])]
        spec["policyTypes"] = [direction for direction in DIRECTIONS if direction in given]
        for direction in set(DIRECTIONS) - set(given):
            spec.pop(direction.lower(), None)


@fault("null is an error, and a policy needs a podSelector")
def _no_nulls(objects):
    for policy in _of(objects, "NetworkPolicy"):
        policy["spec"] = {"podSelector": {}, **_without_nulls(policy["spec"])}


def _without_nulls(value):
    if isinstance(value, dict):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value


@fault("Exists and DoesNotExist of a podSelector see the policy's own namespace alone")
def _existence_at_home(objects):
    for _, peers in _peers(objects):
        for peer in peers:
            pods = peer.get("podSelector") or {}
            operators = {each["operator"] for each in pods.get("matchExpressions") or []}
            if "namespaceSelector" in peer and operators & {"Exists", "DoesNotExist"}:
                del pods["matchExpressions"]


def _peers(objects):
    for policy in _of(objects, "NetworkPolicy"):
        for direction, key in DIRECTIONS.items():
            for rule in policy["spec"].get(direction.lower()) or []:
                if (rule or {}).get(key):
                    yield policy, rule[key]
