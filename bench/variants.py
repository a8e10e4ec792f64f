"""Do-nothing applications for gunicorn: what its own share of a review is, and Flask's.

``flask_app`` decodes and allows as a typical Flask webhook does, ``bare`` does the same as a WSGI
callable without a framework.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, Response, jsonify, request

flask_app = Flask("noop")


@flask_app.post("/validate")
def validate() -> Response:
    """Allow."""
    return jsonify(_allowed(request.get_json()))


def bare(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Allow."""
    review = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
    body = json.dumps(_allowed(review)).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response("200 OK", headers)
    return [body]


def _allowed(review: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "response": {"uid": review["request"]["uid"], "allowed": True},
    }
