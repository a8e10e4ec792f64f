"""Liveness and metrics on a port of their own."""

import logging
import socket
import struct
import time
import urllib.error
import urllib.request

import pytest
from prometheus_client import CollectorRegistry, Gauge

from webhook.exposition import HealthServer


def test_health_and_metrics_over_http() -> None:
    """ok, or what is wrong with 500; the metrics as Prometheus reads them; 404 for all else."""
    ailments: list[str | None] = [None, "stuck"]
    registry = CollectorRegistry()
    Gauge("leader", "Whether we lead.", registry=registry).set(1)
    server = HealthServer("127.0.0.1", 0, registry, lambda: ailments.pop(0))
    server.start()

    def get(path: str) -> tuple[int, bytes]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}") as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    try:
        assert get("/healthz") == (200, b"ok\n")
        assert get("/healthz") == (500, b"stuck\n")
        assert b"leader 1.0" in get("/metrics?x=1")[1]
        assert get("/") == (404, b"not found\n")
    finally:
        server.close()


def test_a_client_that_goes_away_is_no_news(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """A connection that is reset before its request prints no traceback amid the JSON lines."""
    caplog.set_level(logging.DEBUG, "webhook.exposition")
    server = HealthServer("127.0.0.1", 0, CollectorRegistry(), lambda: None)
    server.start()
    try:
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        limit = time.monotonic() + 10
        while not caplog.records and time.monotonic() < limit:
            time.sleep(0.01)
    finally:
        server.close()

    assert ["a client went away"] == [record.message for record in caplog.records]
    assert capsys.readouterr().err == ""
