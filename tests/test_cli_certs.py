"""``portcullis certs``: what it shows, what it asks for, and what it never shows."""

import argparse
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from certs.authority import new_authority
from certs.bundle import normalise
from certs.rotation import Rotation, Timing
from certs.state import decode
from certs.store import MemoryStore
from webhook import cli_certs
from webhook.cli_certs import Installed
from webhook.errors import RefusedError
from webhook.model.trust import Anchor
from webhook.settings_tls import CertificateMode, CertificateSettings

VALIDATING, MUTATING = "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"


class Cluster:
    """A Secret, two webhook configurations, and a leader that looks whenever we do."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.mode = CertificateMode.SELF_MANAGED
        self.bundles = {VALIDATING: [b"", b""], MUTATING: [b""]}
        self.now = datetime.now(UTC)
        self.leads = True
        self.refusal: Exception | None = None
        self.rotation = Rotation(self.store, self, lambda: self.now, Timing())
        self.lead()

    def lead(self) -> None:
        if self.leads:
            self.rotation.step()
            self.now += timedelta(seconds=6)

    def publish(self, pem: bytes) -> None:
        self.bundles = {kind: [pem] * len(each) for kind, each in self.bundles.items()}

    def published(self) -> list[bytes]:
        return [pem for each in self.bundles.values() for pem in each]

    def configurations(self) -> dict[str, list[Anchor]]:
        return {
            kind: [Anchor(f"{kind[0].lower()}{n}.dev", "p.svc", pem) for n, pem in enumerate(each)]
            for kind, each in self.bundles.items()
        }

    def load(self):
        self.lead()
        if self.refusal:
            raise self.refusal
        return self.store.load()

    def ask_for_another(self, serial: str) -> None:
        self.store.secret = replace(self.store.secret, replace=serial, version="asked")

    @property
    def serial(self) -> str:
        return f"{decode(self.store.secret.data).current.serial:x}"


@pytest.fixture
def cluster(monkeypatch) -> Cluster:
    """One that is well."""
    made = Cluster()
    monkeypatch.setattr(cli_certs, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(
        cli_certs,
        "_connected",
        lambda _: Installed(CertificateSettings(mode=made.mode), made, made),
    )
    return made


def run(capsys, *arguments: str) -> tuple[int, str]:
    """The exit status, and all that was printed."""
    parser = argparse.ArgumentParser()
    cli_certs.add_parsers(parser.add_subparsers())
    parsed = parser.parse_args(["certs", *arguments])
    code = parsed.run(parsed)
    printed = capsys.readouterr()
    return code, printed.out + printed.err


def test_show(cluster, capsys) -> None:
    """The authority with its serial and life, and that every caBundle has it."""
    code, text = run(capsys, "show")
    head, row, *bundles = text.splitlines()

    assert code == 0
    assert [cluster.serial, "current", "CN=portcullis-ca"] == row.split()[:3]
    assert head.startswith("SERIAL")
    assert bundles == [
        f"{VALIDATING}: 2 of 2 caBundles complete",
        f"{MUTATING}: 1 of 1 caBundles complete",
    ]


def test_show_as_json(cluster, capsys) -> None:
    """The same for machines."""
    code, text = run(capsys, "show", "-o", "json")
    shown = json.loads(text)
    (authority,) = shown["authorities"]

    assert code == 0
    assert (shown["mode"], shown["note"], shown["faults"]) == ("self-managed", "", [])
    assert (authority["state"], authority["serial"]) == ("current", cluster.serial)
    assert authority["notBefore"] < authority["renewalDue"] < authority["notAfter"]
    assert [(it["kind"], len(it["entries"])) for it in shown["configurations"]] == [
        (VALIDATING, 2),
        (MUTATING, 1),
    ]
    assert {it["complete"] for each in shown["configurations"] for it in each["entries"]} == {True}


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        pytest.param(lambda c: c.bundles[VALIDATING].__setitem__(1, b""), "v1.dev", id="wiped"),
        pytest.param(lambda c: c.bundles[MUTATING].__setitem__(0, b"x"), "m0.dev", id="garbage"),
        pytest.param(
            lambda c: setattr(c, "refusal", RefusedError("secrets is forbidden")),
            "may not be read: secrets is forbidden",
            id="no-right",
        ),
        pytest.param(lambda c: setattr(c.store, "secret", None), "there is no Secret", id="gone"),
        pytest.param(
            lambda c: c.bundles.clear(),
            "there is no ValidatingWebhookConfiguration",
            id="unregistered",
        ),
        pytest.param(
            lambda c: setattr(c.store, "secret", replace(c.store.secret, owned=False)),
            "lacks the label",
            id="foreign",
        ),
        pytest.param(
            lambda c: setattr(
                c.store,
                "secret",
                replace(c.store.secret, data={**c.store.secret.data, "ca.key": b"hunter2"}),
            ),
            "private key: expected",
            id="corrupted",
        ),
    ],
)
@pytest.mark.parametrize("output", ["text", "json"])
def test_what_is_wrong_is_an_exit_status(cluster, capsys, damage, told, output) -> None:
    """1, and where; never a key."""
    cluster.leads = False
    damage(cluster)
    code, text = run(capsys, "show", "-o", output)

    assert code == 1
    assert told in text or output == "json"
    assert "hunter2" not in text
    assert "PRIVATE KEY" not in text


@pytest.mark.parametrize(
    "mode",
    [
        pytest.param(CertificateMode.SELF_MANAGED, id="ours"),
        pytest.param(CertificateMode.CERT_MANAGER, id="of-others"),
    ],
)
def test_an_empty_caBundle_is_never_complete(cluster, capsys, mode) -> None:  # noqa: N802
    """Also where there is no Secret, so that nobody knows what it should hold."""
    cluster.leads, cluster.store.secret, cluster.mode = False, None, mode
    cluster.publish(b"")
    code, text = run(capsys, "show")

    assert code == 1
    assert f"{VALIDATING}: 0 of 2 caBundles complete" in text
    assert "v0.dev: caBundle: holds no authority" in text


def test_certificates_of_others_are_shown_by_the_caBundles(cluster, capsys) -> None:  # noqa: N802
    """There is no Secret of ours to read."""
    cluster.mode = CertificateMode.CERT_MANAGER
    other = new_authority("theirs", cluster.now)
    cluster.publish(normalise([other.certificate], cluster.now))
    cluster.load = lambda: pytest.fail("read the Secret")
    code, text = run(capsys, "show")

    assert code == 0
    assert [f"{other.serial:x}", "trusted", "CN=theirs"] in [
        line.split()[:3] for line in text.splitlines()
    ]
    assert "certificates.mode is cert-manager" in text


def test_rotate_tells_each_step(cluster, capsys) -> None:
    """It asks, and waits until another authority signs."""
    before = cluster.serial
    code, text = run(capsys, "rotate")
    asked, issued, announced, done = text.splitlines()

    assert code == 0
    assert asked == f"asked for a successor of the authority {before}"
    assert issued == f"issued: authority {cluster.serial}"
    assert announced.startswith("announced: it is in all 3 caBundles")
    assert done.startswith(f"done: authority {cluster.serial} signs")
    assert "the former one stays trusted until" in done
    assert cluster.serial != before


def test_rotate_without_a_controller(cluster, capsys) -> None:
    """It says so after the time that it was given, and what becomes of the request."""
    cluster.leads = False
    code, text = run(capsys, "rotate", "--timeout", "0.05")

    assert code == 2
    assert "not done after 0.05 s, last seen: asked. Does Portcullis's controller run?" in text


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        pytest.param(
            lambda c: setattr(c, "mode", CertificateMode.EXISTING),
            "certificates.mode is existing-secret",
            id="not-ours",
        ),
        pytest.param(
            lambda c: setattr(c.store, "secret", None), "there is no Secret", id="no-secret"
        ),
    ],
)
def test_rotate_where_there_is_nothing_to_replace(cluster, capsys, damage, message) -> None:
    """Refused with the reason."""
    cluster.leads = False
    damage(cluster)

    with pytest.raises(cli_certs.CertsError, match=message):
        run(capsys, "rotate")
