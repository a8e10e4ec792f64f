"""Text that users supply reaches other users: it stays on one line, printable and bounded.

Warnings, Events, audit annotations and logs are read in terminals: a newline would forge a second
record, an escape sequence would repaint the screen, a megabyte would hide the rest.
"""

import json
import logging

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import reviews
from tests.fakes.cluster import INSTALLED_AT, FakeCluster
from webhook.bootstrap import admission as compose
from webhook.cluster.events import MAX_MESSAGE, _manifest, _Series
from webhook.deadline import Deadline
from webhook.logs import JsonFormatter
from webhook.metrics import SilentRecorder
from webhook.model.namespace import OVERRIDE_ANNOTATION
from webhook.model.objects import Node, ObjectMeta
from webhook.model.review import decode_review
from webhook.model.text import MAX_TOTAL_RUNES, MAX_WARNING_RUNES
from webhook.settings import load

HOSTILE = {
    "newline": 'x\n{"level": "info", "message": "forged"}\r\nWarning: forged',
    "ansi": "x\x1b[2J\x1b]0;title\x07\x1b[31mred",
    "c1": "x\x9b2J\x85y",
    "nul": "x\x00y",
    "bidi": "x\u202egpj.exe\u2066",
    "separators": "x\u2028y\u2029z",
    "megabyte": "A" * (1 << 20),
    "megabyte-of-newlines": "\n" * (1 << 20),
    "format": "%s %(uid)s {0} {uid!r}",
}
OFF = '{"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan"}}'
MAX_MESSAGE_OF_REFUSAL = 40_000
MAX_LINE = 8192


def hostile_reviews(text: str) -> list[dict]:
    """Reviews in which everything that a user may fill in is filled in with the text."""
    wish = {OVERRIDE_ANNOTATION: text}
    metadata = {"name": text, "namespace": "shop", "annotations": {**wish, text: text}}
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {**metadata, "labels": {"app.kubernetes.io/managed-by": "portcullis"}},
        "spec": {
            "podSelector": {"matchLabels": {text: text}},
            "policyTypes": [text, "Ingress", *[text[:100]] * 100],
            "ingress": [{"from": [{"ipBlock": {"cidr": text}}], "ports": [{"port": text}]}],
        },
    }
    space = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": text, "labels": {"portcullis.dev/seal": text, text: text}},
    }
    space["metadata"]["annotations"] = wish
    nested = json.dumps({"Network": text, text: text, "Backend": {"Type": text, text: 1}})
    config = {
        **reviews.config_map(OFF, annotations=wish),
        "data": {"net-conf.json": text, "cni-conf.json": text, text: text},
    }
    vxlan = reviews.config_map(OFF)
    toggled = OFF.replace('"vxlan"', f'"vxlan", "DirectRouting": true, {json.dumps(text)}: 1')
    user = {"user": text, "groups": (text,)}
    return [
        reviews.review("UPDATE", config, vxlan, **user),
        reviews.review("UPDATE", reviews.config_map(nested, annotations=wish), vxlan, **user),
        reviews.review("UPDATE", reviews.config_map(toggled, annotations=wish), vxlan, **user),
        reviews.review("CREATE", policy, **user),
        reviews.review("UPDATE", policy, {**policy, "spec": {"podSelector": {}}}, **user),
        reviews.review("DELETE", None, policy, uid=text, **user),
        reviews.review("CREATE", space, **user),
        reviews.review("UPDATE", space, {**space, "metadata": {"name": text}}, **user),
    ]


def cluster(overriders: set[tuple[str, str]]) -> FakeCluster:
    """A live one, in which the user may override everything, or nothing."""
    found = FakeCluster()
    found.installed = INSTALLED_AT
    found.node_list = [
        Node(
            ObjectMeta(
                name="n", annotations={"flannel.alpha.coreos.com/kube-subnet-manager": "true"}
            )
        )
    ]
    found.add_namespace("shop", seal="sealed")
    found.overriders = overriders
    return found


class Everything(set):
    """A set that holds whatever is asked for."""

    def __contains__(self, _: object) -> bool:
        return True


def is_tame(text: str, limit: int) -> bool:
    """One printable line, not longer than that, in UTF-8."""
    return text.isprintable() and len(text.encode()) <= 4 * limit and len(text) <= limit


def judge(text: str, *, granted: bool, caplog: pytest.LogCaptureFixture) -> None:
    """Send all reviews, both ways, and look at all that was said."""
    world = cluster(Everything() if granted else set())
    admission = compose(load({}), SilentRecorder(), world)
    for review in hostile_reviews(text):
        attributes = decode_review(json.dumps(review).encode())
        for response in (
            admission.validate(attributes, Deadline.after(30)),
            admission.mutate(attributes, Deadline.after(30)),
        ):
            assert all(is_tame(it, MAX_WARNING_RUNES) for it in response.warnings)
            assert sum(map(len, response.warnings)) < MAX_TOTAL_RUNES
            assert all(is_tame(it, 1024) for it in response.audit_annotations.values())
            told = [response.message, *(c.message for c in response.causes)]
            told += [c.field for c in response.causes]
            assert [it[:200] for it in told if len(it) > MAX_MESSAGE_OF_REFUSAL] == []
            lines = [line for it in told for line in it.split("\n")]
            assert [it for it in lines if not is_tame(it, MAX_LINE)] == []
    for event in world.events:
        body = _manifest(event, _Series("n", INSTALLED_AT, 0.0), INSTALLED_AT, "portcullis", "p")
        assert is_tame(body["message"], MAX_MESSAGE)
        msgspec.json.encode(body)
    for record in caplog.records:
        line = JsonFormatter().format(record)
        assert is_tame(line, MAX_LINE), line[:300]


@pytest.mark.parametrize("granted", [True, False], ids=["granted", "not-granted"])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text(text: str, granted: bool, caplog: pytest.LogCaptureFixture) -> None:
    """In a reason, a name, a label, a selector, a port, a key or a user's name."""
    caplog.set_level(logging.DEBUG)

    judge(text, granted=granted, caplog=caplog)


@settings(max_examples=40, deadline=None)
@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=40), st.booleans())
def test_whatever_the_text(text: str, granted: bool) -> None:
    """Any Unicode whatever."""
    logs = logging.getLogger("webhook")
    seen: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = seen.append
    logs.addHandler(handler)
    try:
        judge(text, granted=granted, caplog=type("Seen", (), {"records": seen}))
    finally:
        logs.removeHandler(handler)
