"""Liveness and metrics on a port of their own."""

import urllib.error
import urllib.request

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
