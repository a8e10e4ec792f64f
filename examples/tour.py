"""A tour of Portcullis over an embedded cluster: ``make run``.

Starts the real server (gunicorn, TLS, certificates of its own) over the manifests
in ``examples/cluster``, sends it AdmissionReviews as an API server would, and
prints each answer as kubectl would show it. Then it stays up for more.
"""

import argparse
import base64
import http.client
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
HOST, PORT = "localhost", 8443
START_SECONDS = 30

JSON = dict[str, Any]


@dataclass(frozen=True)
class Stop:
    """One stop of the tour: what somebody does, and the review that comes of it."""

    title: str
    command: str
    path: str
    webhook: str
    operation: str
    new: JSON | None
    old: JSON | None
    user: str = "jane"
    groups: tuple[str, ...] = ("system:authenticated",)
    note: str = ""
    """What a real cluster would do otherwise."""


def read(name: str) -> list[JSON]:
    """The objects of a manifest in ``examples``."""
    return list(yaml.safe_load_all((EXAMPLES / name).read_text(encoding="utf-8")))


def edited(config_map: JSON, net_conf: str, **annotations: str) -> JSON:
    """The ConfigMap with another net-conf.json."""
    metadata = config_map["metadata"] | ({"annotations": annotations} if annotations else {})
    data = config_map["data"] | {"net-conf.json": net_conf}
    return config_map | {"metadata": metadata, "data": data}


def stops() -> Iterator[Stop]:
    """The tour."""
    flannel = read("cluster/flannel.yaml")[0]
    toggled = flannel["data"]["net-conf.json"].replace(
        '"Type": "vxlan"', '"Type": "vxlan",\n    "DirectRouting": true'
    )
    flannel_hook = ("/validate", "flannel.portcullis.dev", "UPDATE")
    yield Stop(
        "the owner's sample, to the letter: a remark behind a JSON value",
        "kubectl apply -f examples/owner/kube-flannel-cfg.yaml",
        *flannel_hook,
        read("owner/kube-flannel-cfg.yaml")[0],
        flannel,
    )
    yield Stop(
        "the same without the remark, on a live cluster",
        "kubectl -n kube-flannel edit configmap kube-flannel-cfg   # DirectRouting: true",
        *flannel_hook,
        edited(flannel, toggled),
        flannel,
    )
    override = {"portcullis.dev/override": "CHG-1042: maintenance window, rp_filter=2 on all nodes"}
    yield Stop(
        "jane wants to override it, but has no such permission",
        'kubectl -n kube-flannel apply -f toggled.yaml   # annotated "portcullis.dev/override"',
        *flannel_hook,
        edited(flannel, toggled, **override),
        flannel,
    )
    yield Stop(
        "a network administrator overrides it",
        "kubectl -n kube-flannel apply -f toggled.yaml --as=omar --as-group=network-admins",
        *flannel_hook,
        edited(flannel, toggled, **override),
        flannel,
        "omar",
        ("network-admins", "system:authenticated"),
    )
    respelt = '{"network":"10.244.0.0/16","backend":{"DIRECTROUTING":false,"type":"VXLAN"}}'
    yield Stop(
        "another spelling of the same configuration is no change",
        "kubectl apply -f respelt.yaml",
        *flannel_hook,
        edited(flannel, respelt),
        flannel,
    )
    yield Stop(
        "the owner's other sample, to the letter: a remark behind a YAML value",
        "kubectl apply -f examples/owner/ingress-def.yaml",
        "/validate",
        "networkpolicies.portcullis.dev",
        "CREATE",
        read("owner/ingress-def.yaml")[0],
        None,
        note="(a live cluster never asks: its API server validates first, and kubectl prints The "
        'NetworkPolicy "deny-all-ingress" is invalid: spec.policyTypes[0]: Unsupported value: …)',
    )
    injected = read("cluster/policies.yaml")[0]
    yield Stop(
        "somebody deletes the default deny of a namespace",
        "kubectl -n dev delete networkpolicy portcullis-deny-all",
        "/validate",
        "networkpolicies.portcullis.dev",
        "DELETE",
        None,
        injected,
    )
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
    yield Stop(
        "a new namespace is marked, so that its pods wait for its policies",
        "kubectl create namespace shop",
        "/mutate",
        "namespaces.portcullis.dev",
        "CREATE",
        space,
        None,
    )
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "first", "namespace": "team-a"},
        "spec": {"containers": [{"name": "main", "image": "registry.example/main:1"}]},
    }
    yield Stop(
        "the first pod of a pending namespace: its policies are applied before it is admitted",
        "kubectl -n team-a run first --image=registry.example/main:1",
        "/validate",
        "pods-pending.portcullis.dev",
        "CREATE",
        pod,
        None,
    )


RESOURCES = {
    "ConfigMap": ("", "configmaps"),
    "Namespace": ("", "namespaces"),
    "Pod": ("", "pods"),
    "NetworkPolicy": ("networking.k8s.io", "networkpolicies"),
}


def review(stop: Stop, uid: str) -> JSON:
    """The AdmissionReview that the API server would send."""
    subject = stop.new or stop.old or {}
    group, resource = RESOURCES[subject["kind"]]
    metadata = subject["metadata"]
    return {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": uid,
            "kind": {"group": group, "version": "v1", "kind": subject["kind"]},
            "resource": {"group": group, "version": "v1", "resource": resource},
            "name": metadata["name"],
            "namespace": metadata.get("namespace", metadata["name"]),
            "operation": stop.operation,
            "userInfo": {"username": stop.user, "groups": list(stop.groups)},
            "object": stop.new,
            "oldObject": stop.old,
            "dryRun": False,
        },
    }


@contextmanager
def server(state: Path) -> Iterator[ssl.SSLContext]:
    """Our own server, on TLS, until the block is left; gives what trusts it."""
    environment = os.environ | {
        "PORTCULLIS_SETTINGS": str(EXAMPLES / "settings.yaml"),
        "PORTCULLIS_SNAPSHOT": str(EXAMPLES / "cluster"),
        "PORTCULLIS_STATE": str(state),
        "PROMETHEUS_MULTIPROC_DIR": str(state / "metrics"),
    }
    gunicorn = Path(sys.executable).with_name("gunicorn")
    with (state / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [str(gunicorn), "--config=gunicorn.conf.py", "wsgi:app"],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=log,
        )
    try:
        yield wait_until_ready(process, state)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


def wait_until_ready(process: subprocess.Popen[bytes], state: Path) -> ssl.SSLContext:
    """Ask /readyz until it says yes."""
    limit = time.monotonic() + START_SECONDS
    while time.monotonic() < limit and process.poll() is None:
        try:
            trust = ssl.create_default_context(cafile=str(state / "ca.crt"))
            if send(trust, "GET", "/readyz")[0] == http.client.OK:
                return trust
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(0.1)
    log = (state / "server.log").read_text(encoding="utf-8", errors="replace")
    raise SystemExit(f"the server did not become ready; its log ends:\n{log[-4000:]}")


def send(
    trust: ssl.SSLContext, method: str, path: str, body: bytes | None = None
) -> tuple[int, JSON]:
    """One request over TLS, the server's name and certificate verified."""
    connection = http.client.HTTPSConnection(HOST, PORT, context=trust, timeout=10)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def shown(stop: Stop, response: JSON) -> str:
    """The answer as kubectl prints it."""
    lines = [f"Warning: {warning}" for warning in response.get("warnings", ())]
    if not response["allowed"]:
        status = response["status"]
        denied = f'admission webhook "{stop.webhook}" denied the request: {status["message"]}'
        lines.append(f"Error from server ({status['reason']}): {denied}")
    elif "patch" in response:
        lines.append(f"allowed, patched: {base64.b64decode(response['patch']).decode()}")
    else:
        lines.append("allowed")
    if stop.note:
        lines.append(stop.note)
    return "\n".join(f"  {line}" for line in "\n".join(lines).splitlines())


def tour(trust: ssl.SSLContext) -> None:
    """Every stop, and what came of it."""
    for number, stop in enumerate(stops(), 1):
        body = json.dumps(review(stop, f"tour-{number}")).encode()
        _, answer = send(trust, "POST", f"{stop.path}?timeout=5s", body)
        print(f"\n{number}. {stop.title}\n  $ {stop.command}\n{shown(stop, answer['response'])}")


def invitation(state: Path) -> str:
    """How to go on by hand."""
    example = state / "review.json"
    toggle = list(stops())[1]
    example.write_text(json.dumps(review(toggle, "by-hand"), indent=2), encoding="utf-8")
    return (
        f"\nThe server stays up at https://{HOST}:{PORT} (metrics: http://{HOST}:9402/metrics).\n"
        "Try it:\n"
        f"  curl --cacert {state}/ca.crt -H 'Content-Type: application/json' \\\n"
        f"    --data @{example} 'https://{HOST}:{PORT}/validate?timeout=5s'\n"
        "Ctrl-C ends it."
    )


def main() -> None:
    """Run the tour; with ``--once`` leave when it is over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--once", action="store_true", help="do not stay up after the tour")
    once = parser.parse_args().once or os.environ.get("ONCE") == "1"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    state = Path(tempfile.mkdtemp(prefix="portcullis-"))
    try:
        with server(state) as trust:
            tour(trust)
            if not once:
                print(invitation(state), flush=True)
                signal.pause()
    except KeyboardInterrupt:
        print()
    finally:
        shutil.rmtree(state, ignore_errors=True)


if __name__ == "__main__":
    main()
