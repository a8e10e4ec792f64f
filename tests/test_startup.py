"""Both containers at an API server that is away: they wait, say so, and end when told to."""

import ast
import http.client
import inspect
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from tests.ports import free_ports
from webhook import bootstrap
from webhook.bootstrap_controller import controller
from webhook.errors import SettingsError
from webhook.settings import decode_settings, load

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent


def kubeconfig(port: int) -> str:
    """A way to an API server at a port where nobody listens."""
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": f"https://127.0.0.1:{port}"}}],
            "users": [{"name": "u", "user": {"token": "hunter2"}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
    )


def healthy(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with closing(connection):
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200


@pytest.mark.parametrize(
    ("command", "health", "told"),
    [
        pytest.param(
            ["gunicorn", "--config=gunicorn.conf.py", "wsgi:app"],
            "webhook",
            "not ready",
            id="webhook",
        ),
        pytest.param(
            ["portcullis", "controller"],
            "controller",
            "waiting for the API server",
            id="controller",
        ),
    ],
)
def test_it_waits_says_so_and_does_not_end(tmp_path, command, health, told) -> None:
    """No crash loop, whose back-off would outlast the outage; liveness is about the process."""
    port, webhook, controller_, nobody = free_ports(4)
    ports = {"webhook": webhook, "controller": controller_}
    settings = {
        "server": {
            "address": "127.0.0.1",
            "port": port,
            "metricsPort": ports["webhook"],
            "workers": 1,
        },
        "controller": {"metricsPort": ports["controller"]},
    }
    (tmp_path / "settings.yaml").write_text(json.dumps(settings))
    (tmp_path / "kubeconfig").write_text(kubeconfig(nobody))
    environment = os.environ | {
        "PORTCULLIS_SETTINGS": str(tmp_path / "settings.yaml"),
        "KUBECONFIG": str(tmp_path / "kubeconfig"),
    }
    environment.pop("PORTCULLIS_SNAPSHOT", None)
    if health == "webhook":  # as the chart: the controller is one process, and shares no counters
        environment["PROMETHEUS_MULTIPROC_DIR"] = str(tmp_path / "metrics")
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [BIN / command[0], *command[1:]],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=output,
        )
    try:
        limit = time.monotonic() + 30
        while told not in log.read_text() and process.poll() is None and time.monotonic() < limit:
            time.sleep(0.05)
        time.sleep(1.5)
        alive = process.poll() is None
        well = healthy(ports[health])
        process.send_signal(signal.SIGTERM)
        code = process.wait(timeout=20)
    finally:
        process.kill()
        process.wait()
    text = log.read_text()

    assert told in text
    assert alive
    assert well
    assert code == 0
    assert "hunter2" not in text
    assert "Traceback" not in text


def test_what_a_live_run_imports_is_loaded_before_the_fork() -> None:
    """What a worker loads itself it has for itself, and so has each of the others."""
    tree = ast.parse(inspect.getsource(bootstrap._live))
    found = {it.module for it in ast.walk(tree) if isinstance(it, ast.ImportFrom) and it.module}
    ours = {name for name in found if name.startswith("webhook.cluster")}

    assert ours == {f"webhook.cluster.{name}" for name in bootstrap.LIVE_MODULES}


def test_a_ca_bundle_that_is_none_refuses_to_start(tmp_path) -> None:
    """A value is wrong for ever, so it is told at once; a file may be right at the next look."""
    path = tmp_path / "kubeconfig"
    path.write_text(kubeconfig(1))
    settings = decode_settings("certificates: {mode: existing-secret, caBundle: garbage}")
    environment = msgspec.structs.replace(load({"KUBECONFIG": str(path)}), settings=settings)

    with pytest.raises(SettingsError, match=r"certificates\.caBundle: line 1: expected"):
        controller(environment)
