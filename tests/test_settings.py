"""The settings file and the environment."""

import msgspec
import pytest

from webhook.bootstrap_controller import controller
from webhook.errors import SettingsError
from webhook.model.profiles import Profile
from webhook.settings import ConfigMapRef, Settings, decode_settings, load


def test_nothing_set_is_the_safe_default() -> None:
    """An empty file denies all with DNS, and guards flannel's three usual ConfigMaps."""
    settings = decode_settings("")

    assert settings == Settings()
    assert settings.default_deny.profile is Profile.DENY_ALL
    assert settings.default_deny.dns
    assert (
        ConfigMapRef(namespace="kube-system", name="canal-config") in settings.flannel.config_maps
    )


def test_values_are_read() -> None:
    """Keys are lowerCamelCase, as in the chart's values."""
    settings = decode_settings("defaultDeny: {profile: same-namespace, exemptNamespaces: ['ci-*']}")

    assert settings.default_deny.profile == Profile.SAME_NAMESPACE
    assert settings.default_deny.exempt_namespaces == ("ci-*",)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        pytest.param("defaultdeny: {}", "defaultdeny", id="misspelt-key"),
        pytest.param("server: {port: 70000}", "$.server.port", id="port-too-large"),
        pytest.param(
            "server: {maxBodyBytes: 1024}", "$.server.maxBodyBytes", id="body-limit-too-low"
        ),
        pytest.param(
            "certificates: {leafDuration: 60}", "$.certificates.leafDuration", id="leaf-too-short"
        ),
        pytest.param("defaultDeny: {profile: open}", "$.defaultDeny.profile", id="no-such-profile"),
        pytest.param("flannel: {configMaps: [{name: x}]}", "namespace", id="missing-namespace"),
        pytest.param("server: [", "settings", id="no-yaml"),
    ],
)
def test_a_wrong_setting_is_named(text: str, named: str) -> None:
    """A misspelt or impossible setting refuses to start, and says which it is."""
    with pytest.raises(SettingsError, match=named.replace("$", "[$]")):
        decode_settings(text)


def test_the_environment_names_the_pod(tmp_path) -> None:
    """Identity comes from the Pod, settings from the file that the environment names."""
    path = tmp_path / "settings.yaml"
    path.write_text("server: {workers: 3}")
    environment = load(
        {
            "PORTCULLIS_SETTINGS": str(path),
            "POD_NAMESPACE": "guards",
            "POD_NAME": "portcullis-1",
            "POD_SERVICE_ACCOUNT": "gatekeeper",
        }
    )

    assert environment.settings.server.workers == 3
    assert environment.identity.username == "system:serviceaccount:guards:gatekeeper"
    assert environment.identity.service == "portcullis"


@pytest.mark.parametrize(
    ("section", "told"),
    [
        pytest.param(
            "{checks: [{checks: [andor], action: warn}]}", "no check has the id 'andor'", id="id"
        ),
        pytest.param(
            "{checks: [{checks: [service-port], action: warn}]}", "needs manifests", id="offline"
        ),
        pytest.param("{checks: [{checks: [], action: warn}]}", "length >= 1", id="no-checks"),
        pytest.param("{checks: [{checks: ['*'], action: ask}]}", r"\[0\].action", id="action"),
        pytest.param(
            "{checks: [{checks: ['*'], action: warn, namespaceSelector: {matchLabel: {}}}]}",
            "namespaceSelector.matchLabel",
            id="selector",
        ),
        pytest.param(
            "{checks: [{checks: [and-or], action: deny}], diff: {enabled: false}}",
            "and-or needs diff.enabled",
            id="blind",
        ),
        pytest.param("{protectedNamespaces: {}}", "must not be empty", id="all-protected"),
    ],
)
def test_wrong_settings_of_policies(section, told) -> None:
    """What would be silence, or lock kube-system, is named."""
    with pytest.raises(SettingsError, match=told):
        decode_settings(f"networkPolicies: {section}")


def test_a_missing_file_is_named(tmp_path) -> None:
    """A settings file that cannot be read refuses to start."""
    with pytest.raises(SettingsError, match=r"absent\.yaml: No such file"):
        load({"PORTCULLIS_SETTINGS": str(tmp_path / "absent.yaml")})


def test_lease_times_that_could_make_two_leaders() -> None:
    """A deadline beyond the lease is named before anything is started."""
    settings = decode_settings("controller: {leaseDuration: 5, renewDeadline: 10}")
    environment = load({"KUBECONFIG": "/nowhere"})
    wrong = msgspec.structs.replace(environment, settings=settings)

    with pytest.raises(SettingsError, match="leaseDuration > renewDeadline"):
        controller(wrong)
