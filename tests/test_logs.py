"""Logs are one JSON object a line."""

import base64
import json
import logging
from datetime import timedelta

from certs.rotation import Rotation, Timing
from certs.serving import ServingIdentity
from certs.store import FileStore
from tests.fakes.apiserver import Answer, ApiServer
from webhook.bootstrap import FileBundle
from webhook.controller.certificates import CertificateKeeper
from webhook.deadline import Deadline
from webhook.logs import JsonFormatter
from webhook.replica import utc_now


def line(**fields) -> dict:
    record = logging.LogRecord("webhook.x", logging.INFO, "f", 1, "a\nb %s", ("c",), None)
    vars(record).update(fields)
    text = JsonFormatter().format(record)
    assert "\n" not in text
    return json.loads(text)


def test_fields_stand_beside_the_message() -> None:
    """What is given as extra is a field; a newline cannot forge a second record."""
    written = line(uid="705ab4f5", checks=["netconf-readable"])

    assert written["message"] == "a\nb c"
    assert written["level"] == "info"
    assert written["uid"] == "705ab4f5"
    assert written["checks"] == ["netconf-readable"]


def test_what_is_no_json_is_told_as_text() -> None:
    """A field of any type is written, not lost."""
    assert line(where=ValueError("x"))["where"] == "x"


def printed(records) -> str:
    return "\n".join(JsonFormatter().format(record) for record in records)


def test_no_key_reaches_a_log(tmp_path, caplog) -> None:
    """At debug level of every logger, through issue, renewal and an error with its traceback."""
    caplog.set_level(logging.DEBUG)
    store, bundle = FileStore(tmp_path / "ca.yaml"), FileBundle(tmp_path / "ca.crt")
    rotation = Rotation(store, bundle, utc_now, Timing(propagation=timedelta(0)))
    told = []
    keeper = CertificateKeeper(rotation, expires=told.append)
    keeper._step()
    leaf = ServingIdentity(store, ["localhost"], utc_now).refresh()
    logging.getLogger("webhook").warning("as a field", extra={"leaf": leaf, "secret": store.load()})
    (tmp_path / "ca.yaml").write_text((tmp_path / "ca.yaml").read_text().replace("MI", "!!"))
    try:
        ServingIdentity(store, ["localhost"], utc_now).refresh()
    except Exception:
        logging.getLogger("webhook").exception("broken")
    text = printed(caplog.records)

    assert told
    assert "issue" in text
    assert leaf.key_pem.decode().splitlines()[1] not in text
    assert base64.b64encode(leaf.key_pem)[:60].decode() not in text
    assert "PRIVATE KEY" not in text


def test_no_token_reaches_a_log(caplog) -> None:
    """Nor what an API server answers, a Secret for instance."""
    caplog.set_level(logging.DEBUG)
    with ApiServer() as server:
        server.on(
            "GET", "/api/v1/namespaces/a/secrets/b", Answer(200, {"data": {"k": "aHVudGVyMg=="}})
        )
        api = server.api()
        api._configuration.api_key = {"authorization": "Bearer hunter2"}
        api._configuration.api_key_prefix = {}
        api.get("/api/v1/namespaces/a/secrets/b", Deadline.after(5))
        api.close()
        (seen,) = server.seen
    text = printed(caplog.records)

    assert "Bearer hunter2" in seen.headers.values()
    assert "hunter2" not in text
    assert "aHVudGVyMg" not in text
