"""Where certificates come from: what the chart renders for each mode, and for mTLS."""

import pytest

from tests.chart.test_chart_rbac import table
from webhook.settings import decode_settings
from webhook.settings_tls import CertificateMode, MinVersion

pytestmark = pytest.mark.controlplane

CERT_MANAGER = 'certificates.mode="cert-manager"'
EXISTING = 'certificates={"mode":"existing-secret","existingSecret":{"name":"mine"}}'
INJECT = "cert-manager.io/inject-ca-from"
KINDS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
PEM = "-----BEGIN CERTIFICATE-----\\nx\\n-----END CERTIFICATE-----\\n"


def settings(rendered):
    return decode_settings(rendered.one("ConfigMap")["data"]["settings.yaml"])


def volumes(rendered):
    return {it["name"]: it["secret"] for it in rendered.pod["volumes"] if "secret" in it}


def mounts(rendered, container):
    return {it["name"] for it in rendered.container(container)["volumeMounts"]}


def rights(rendered, kind, resource):
    found = table(rendered.one(kind)).items()
    return {verb for (_, name, _), verbs in found if name == resource for verb in verbs}


def test_by_default_nothing_is_mounted_and_nothing_annotated(rendered):
    """Portcullis makes its certificates, in memory."""
    assert volumes(rendered) == {}
    assert not [it for it in rendered.objects if it["apiVersion"].startswith("cert-manager.io")]
    for kind in KINDS:
        assert INJECT not in rendered.one(kind)["metadata"].get("annotations", {})


def test_cert_manager_makes_the_certificate_and_its_cainjector_the_caBundle(render):  # noqa: N802
    """An Issuer, a CA and a Certificate of this release; we read, and may not write."""
    rendered = render(CERT_MANAGER, 'webhooks.annotations={"a":"b"}', namespace="gate")
    leaf = rendered.one("Certificate", "portcullis-tls")["spec"]
    root = rendered.one("Certificate", "portcullis-root")["spec"]

    assert CertificateMode.CERT_MANAGER == settings(rendered).certificates.mode
    for kind in KINDS:
        annotations = rendered.one(kind)["metadata"]["annotations"]
        assert {INJECT: "gate/portcullis-tls", "a": "b"} == annotations
    assert leaf["secretName"] == "portcullis-tls" == volumes(rendered)["tls"]["secretName"]
    assert "portcullis.gate.svc" in leaf["dnsNames"]
    assert {"name": "portcullis", "kind": "Issuer", "group": "cert-manager.io"} == leaf["issuerRef"]
    assert rendered.one("Issuer", "portcullis")["spec"]["ca"]["secretName"] == root["secretName"]
    assert root["isCA"]
    assert rendered.one("Issuer", "portcullis-self-signed")["spec"] == {"selfSigned": {}}


def test_an_issuer_of_ones_own(render):
    """Then there is no CA of this release."""
    issuer = {"name": "corp", "kind": "ClusterIssuer"}
    rendered = render(
        CERT_MANAGER, 'certificates.certManager.issuerRef={"name":"corp","kind":"ClusterIssuer"}'
    )

    assert rendered.one("Certificate", "portcullis-tls")["spec"]["issuerRef"] == issuer
    assert "Issuer" not in {it["kind"] for it in rendered.objects}


def test_an_existing_secret(render):
    """The key goes to the webhook's container alone; the caBundle is ours to write."""
    rendered = render(EXISTING)
    found = volumes(rendered)

    assert CertificateMode.EXISTING == settings(rendered).certificates.mode
    assert {"mine"} == {it["secretName"] for it in found.values()}
    assert ["tls.crt", "tls.key"] == [it["key"] for it in found["tls"]["items"]]
    assert ["ca.crt"] == [it["key"] for it in found["tls-ca"]["items"]]
    assert "tls" in mounts(rendered, "webhook")
    assert "tls" not in mounts(rendered, "controller")
    assert "tls-ca" in mounts(rendered, "controller")
    for kind in KINDS:
        assert INJECT not in rendered.one(kind)["metadata"].get("annotations", {})


def test_a_caBundle_by_value(render):  # noqa: N802
    """Nothing of the Secret but the pair is mounted."""
    rendered = render(EXISTING, f'certificates.existingSecret.caBundle="{PEM}"')

    assert PEM.replace("\\n", "\n") == settings(rendered).certificates.ca_bundle
    assert {"tls"} == set(volumes(rendered))


@pytest.mark.parametrize(
    ("mode", "secrets", "configurations"),
    [
        pytest.param(
            'certificates.mode="self-managed"',
            {"get", "list", "watch", "patch", "create"},
            {"get", "list", "watch", "patch"},
            id="self-managed",
        ),
        pytest.param(CERT_MANAGER, set(), {"get"}, id="cert-manager"),
        pytest.param(EXISTING, set(), {"get", "list", "watch", "patch"}, id="existing-secret"),
    ],
)
def test_each_mode_may_do_what_it_does(render, mode, secrets, configurations):
    """No right to Secrets where there is none of ours, none to write caBundles where others do."""
    rendered = render(mode)

    assert secrets == rights(rendered, "Role", "secrets")
    assert configurations == rights(rendered, "ClusterRole", "validatingwebhookconfigurations")
    assert configurations == rights(rendered, "ClusterRole", "mutatingwebhookconfigurations")


def test_tls_and_mtls_reach_the_settings(render):
    """As they are given."""
    rendered = render(
        'server.tls.minVersion="1.3"',
        f'server.mtls={{"clientCa":"{PEM}","allowedNames":["kube-apiserver"]}}',
    )
    server = settings(rendered).server

    assert MinVersion.TLS_1_3 == server.tls.min_version
    assert PEM.replace("\\n", "\n") == server.mtls.client_ca
    assert ("kube-apiserver",) == server.mtls.allowed_names
