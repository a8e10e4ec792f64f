"""The Flask application: health for the kubelet, and clear answers to strangers."""

from typing import Any

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from webhook.deadline import Deadline
from webhook.server.endpoint import AdmissionEndpoint
from webhook.server.http1 import Request, failure
from webhook.server.lifecycle import Lifecycle
from webhook.settings import ServerSettings


def create_app(
    endpoint: AdmissionEndpoint, lifecycle: Lifecycle, settings: ServerSettings
) -> Flask:
    """Build the application.

    Our own worker asks the endpoint before it comes here (`webhook.server.site`); under any other
    WSGI server the application is as complete, and slower.

    ``/metrics`` is not here: it is plain HTTP on a port of its own
    (`webhook.exposition`), so that scraping needs no client certificate
    and nothing but reviews and probes is on the port the API server reaches.

    Args:
        endpoint: answers reviews.
        lifecycle: of this process.
        settings: limits.
    """
    app = Flask("portcullis", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes

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
    def http_error(error: HTTPException) -> Response:
        """Answer with a ``metav1.Status`` rather than a page."""
        code = error.code or 400
        answer = failure(code, error.description or error.name)
        allow = [(key, value) for key, value in error.get_headers() if key == "Allow"]
        return Response(answer.body, code, [*answer.headers, *allow])

    @app.post("/validate")
    @app.post("/mutate")
    def review() -> Response:
        """Answer a review."""
        headers = {key.lower().encode(): value.encode("latin-1") for key, value in request.headers}
        asked = Request("POST", request.path.encode(), headers, request.get_data())
        deadline = Deadline.after(endpoint.patience(request.query_string))
        answer = endpoint.answer(asked.target, asked, deadline, _no_certificate)
        return Response(answer.body, answer.code, list(answer.headers))

    return app


def _no_certificate() -> None:
    """WSGI does not tell what the client showed; where that matters, the answer is no."""
