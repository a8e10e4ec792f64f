"""The Flask application: health for the kubelet, and clear answers to strangers."""

from typing import Any

from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from webhook.server.callers import Callers
from webhook.server.endpoint import AdmissionEndpoint, Deciding, Meter, status
from webhook.server.lifecycle import Lifecycle
from webhook.settings import ServerSettings


def create_app(
    admission: Deciding,
    lifecycle: Lifecycle,
    settings: ServerSettings,
    meter: Meter | None = None,
) -> Flask:
    """Build the application.

    ``/metrics`` is not here: it is plain HTTP on a port of its own
    (`webhook.server.exposition`), so that scraping needs no client certificate
    and nothing but reviews and probes is on the port the API server reaches.

    Args:
        admission: decides reviews.
        lifecycle: of this process.
        settings: limits.
        meter: counts requests.
    """
    app = Flask("portcullis", static_folder=None)

    @app.get("/healthz")
    def healthz() -> tuple[dict[str, Any], int]:
        """Liveness: the process answers. It never depends on the API server."""
        return {"status": "ok"}, 200

    @app.get("/readyz")
    def readyz() -> tuple[dict[str, Any], int]:
        """Readiness: reviews are answered, and go on being answered."""
        code = 200 if lifecycle.takes_requests else 503
        return {"status": lifecycle.state.value, "reason": lifecycle.why}, code

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> tuple[dict[str, Any], int, list[tuple[str, str]]]:
        """Answer with a ``metav1.Status`` rather than a page."""
        headers = [(k, v) for k, v in error.get_headers() if k == "Allow"]
        return (
            status(error.code or 400, error.description or error.name),
            error.code or 400,
            headers,
        )

    @app.route("/validate", methods=["POST"])
    @app.route("/mutate", methods=["POST"])
    def review() -> Response:
        """Named for routing only (405 on other methods): the endpoint answers before Flask."""
        raise AssertionError("the admission endpoint answers this path")

    app.wsgi_app = AdmissionEndpoint(  # type: ignore[method-assign]  # Flask's own extension point
        admission,
        lifecycle,
        app.wsgi_app,
        max_body_bytes=settings.max_body_bytes,
        default_timeout=settings.default_timeout,
        meter=meter,
        callers=Callers(settings.mtls.allowed_names),
    )
    return app
