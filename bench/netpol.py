"""Time the NetworkPolicy engine on a seeded synthetic cluster.

``bench/netpol.py --pods 1000 --policies 200`` writes the cluster as plain manifests (so that
any other tool can be timed on the same files), then states apart: reading the YAML, parsing,
whole connectivity as blocks, its rows as JSON, and the diff of one policy change with the
world kept warm, as the admission path keeps it. ``--growth`` runs several sizes.
"""

import argparse
import contextlib
import io
import random
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from webhook.cli_netpol import rows_json
from webhook.manifests import read_manifests
from webhook.netpol.engine import connectivity, diff
from webhook.netpol.fields import Field
from webhook.netpol.parse import parse_world
from webhook.netpol.parse_policy import parse_policy
from webhook.netpol.world import World

T = TypeVar("T")
Object = dict[str, Any]

PODS_PER_NAMESPACE = 50
APPS = ("web", "api", "db", "cache", "queue", "worker", "cron", "mail", "auth", "search")
TEAMS = ("red", "blue", "green", "black")
PORTS = {"http": 8080, "metrics": 9090, "grpc": 50051, "sql": 5432}
GROWTH = ((1_000, 200), (3_000, 600), (10_000, 2_000))
ROWS_UP_TO = 3_000
"""Above this many pods the rows (their square) are counted, not written."""


def cluster(pods: int, policies: int, seed: int) -> dict[str, list[Object]]:
    """Make a cluster: the objects of each file by its name."""
    rng = random.Random(seed)
    names = [f"ns-{n:04}" for n in range(-(-pods // PODS_PER_NAMESPACE))]
    return {
        "namespaces.yaml": [_namespace(rng, name) for name in names],
        "pods.yaml": [_pod(rng, names[n // PODS_PER_NAMESPACE], n) for n in range(pods)],
        # The first policy of every namespace denies by default, the others open something.
        "netpols.yaml": [
            _policy(rng, names[n % len(names)], n, denies=n < len(names)) for n in range(policies)
        ],
    }


def _object(api: str, kind: str, name: str, namespace: str | None, **rest: Any) -> Object:
    labels = rest.pop("labels", None)
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    metadata = {key: value for key, value in metadata.items() if value is not None}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **rest}


def _namespace(rng: random.Random, name: str) -> Object:
    labels = {"kubernetes.io/metadata.name": name, "team": rng.choice(TEAMS)}
    return _object("v1", "Namespace", name, None, labels=labels)


def _pod(rng: random.Random, namespace: str, number: int) -> Object:
    app = rng.choice(APPS)
    labels = {
        "app": app,
        "tier": rng.choice(("front", "back")),
        "pod-template-hash": f"h{rng.getrandbits(40):010x}",
    }
    ports = [
        {"name": name, "containerPort": PORTS[name], "protocol": "TCP"}
        for name in rng.sample(sorted(PORTS), 2)
    ]
    address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    return _object(
        "v1",
        "Pod",
        f"{app}-{number:06}",
        namespace,
        labels=labels,
        spec={"containers": [{"name": "main", "image": "example/app:1", "ports": ports}]},
        status={"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]},
    )


def _policy(rng: random.Random, namespace: str, number: int, *, denies: bool) -> Object:
    if denies:
        types = rng.choice((["Ingress"], ["Ingress"], ["Ingress", "Egress"]))
        spec: Object = {"podSelector": {}, "policyTypes": types}
    else:
        ingress = rng.random() < 0.7
        rules = [_rule(rng, "from" if ingress else "to") for _ in range(rng.randint(1, 3))]
        spec = {
            "podSelector": {"matchLabels": {"app": rng.choice(APPS)}},
            "policyTypes": ["Ingress" if ingress else "Egress"],
            "ingress" if ingress else "egress": rules,
        }
    return _object(
        "networking.k8s.io/v1", "NetworkPolicy", f"policy-{number:05}", namespace, spec=spec
    )


def _rule(rng: random.Random, peers: str) -> Object:
    rule: Object = {peers: [_peer(rng) for _ in range(rng.randint(1, 2))]}
    if rng.random() < 0.8:
        port: Object = {"protocol": rng.choice(("TCP", "TCP", "UDP"))}
        port["port"] = rng.choice((*PORTS, *PORTS.values(), 53, 443))
        rule["ports"] = [port]
    return rule


def _peer(rng: random.Random) -> Object:
    pods = rng.choice(
        (
            {"matchLabels": {"app": rng.choice(APPS)}},
            {"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["front"]}]},
        )
    )
    team = {"matchLabels": {"team": rng.choice(TEAMS)}}
    network = f"172.{rng.randrange(16, 32)}.{rng.randrange(256)}.0/24"
    return rng.choice(
        (
            {"podSelector": pods},
            {"namespaceSelector": team, "podSelector": pods},
            {"ipBlock": {"cidr": network}},
        )
    )


def _write(folder: Path, files: dict[str, list[Object]]) -> None:
    for name, objects in files.items():
        with (folder / name).open("w") as file:
            yaml.dump_all(objects, file, Dumper=yaml.CSafeDumper, sort_keys=False)


def _timed(what: str, run: Callable[[], T]) -> T:
    began = time.perf_counter()
    result = run()
    print(f"  {what:<44} {time.perf_counter() - began:9.3f} s")
    return result


def _changes(world: World, seed: int) -> Iterator[tuple[str, World]]:
    """Yield one-policy changes: a rule more, a default deny gone, a default deny more."""
    rng = random.Random(seed)
    policies = list(world.policies)
    denying = [policy for policy in policies if not policy.ingress and not policy.egress]
    for _ in range(5):
        policy = rng.choice(denying)
        yield "delete a default deny", world.without_policy(policy.namespace, policy.name)
        document = _policy(rng, rng.choice(policies).namespace, 99_999, denies=False)
        yield "add an allowing policy", world.with_policy(parse_policy(Field(document)))
        document = _policy(rng, rng.choice(policies).namespace, 99_999, denies=True)
        yield "add a default deny", world.with_policy(parse_policy(Field(document)))


def _time_diffs(world: World, seed: int) -> None:
    seconds: dict[str, list[float]] = {}
    pairs: dict[str, list[int]] = {}
    for what, after in _changes(world, seed):
        began = time.perf_counter()
        change = diff(world, after)
        seconds.setdefault(what, []).append(time.perf_counter() - began)
        pairs.setdefault(what, []).append(len(change.opened) + len(change.closed))
    for what, times in seconds.items():
        rows = statistics.median(pairs[what])
        print(
            f"  diff, {what:<38} {statistics.median(times):9.3f} s median, "
            f"{max(times):.3f} s worst, {rows:.0f} rows"
        )


def run(folder: Path, pods: int, policies: int, seed: int) -> None:
    """Measure one size."""
    print(f"{pods} pods, {policies} policies, seed {seed}")
    _write(folder, cluster(pods, policies, seed))
    manifests = _timed("read YAML", lambda: list(read_manifests([str(folder)])))
    world = _timed("parse objects", lambda: parse_world(each.value for each in manifests))
    rows = _timed("whole connectivity, as blocks", lambda: connectivity(world))
    print(f"  {len(rows.blocks)} blocks, {len(rows)} rows")
    if pods <= ROWS_UP_TO:
        sink = io.StringIO()
        _timed("rows as JSON", lambda: sink.writelines(rows_json({"rows": rows})))
    _timed("warm", world.warm)
    _time_diffs(world, seed)
    print(f"  memory at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pods", type=int, default=1000)
    parser.add_argument("--policies", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="keep the manifests in this folder")
    parser.add_argument("--growth", action="store_true", help=f"run the sizes {GROWTH}")
    arguments = parser.parse_args()
    sizes = GROWTH if arguments.growth else ((arguments.pods, arguments.policies),)
    for pods, policies in sizes:
        with contextlib.ExitStack() as stack:
            folder = arguments.out or Path(stack.enter_context(tempfile.TemporaryDirectory()))
            folder.mkdir(parents=True, exist_ok=True)
            run(folder, pods, policies, arguments.seed)


if __name__ == "__main__":
    main()
