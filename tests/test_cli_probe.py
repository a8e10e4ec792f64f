"""`portcullis probe` in words; on a real API server: tests/e2e/test_portcullis_helm_test.py."""

import pytest

from webhook.cli_probe import lacking, misjudged

DENIED = (
    'admission webhook "networkpolicies.portcullis.dev" denied the request: metadata.name: '
    'Forbidden: names that start with "portcullis-" are reserved for what Portcullis injects'
)


@pytest.mark.parametrize(
    ("bundles", "expected"),
    [
        pytest.param([b"ca", b"ca"], "", id="all"),
        pytest.param([], 'no webhook configuration is called "portcullis"', id="none-there"),
        pytest.param([b"ca", b""], "1 of 2 webhook entries have no caBundle", id="one-without"),
    ],
)
def test_an_entry_without_ca_bundle_is_told(bundles: list[bytes], expected: str) -> None:
    """The API server would not believe a replica that it cannot verify."""
    told = lacking("portcullis", bundles)

    assert told.startswith(expected)
    assert bool(told) is bool(expected)


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        pytest.param(DENIED, "", id="by-us"),
        pytest.param("", "a NetworkPolicy with a reserved name was let through", id="let-through"),
        pytest.param(
            'networkpolicies is forbidden: User "x" cannot create',
            "refused, but not by Portcullis: networkpolicies is forbidden",
            id="by-rbac",
        ),
        pytest.param(
            DENIED.replace("networkpolicies.portcullis", "policies.kyverno"),
            "refused, but not by Portcullis: admission webhook",
            id="by-another-webhook",
        ),
    ],
)
def test_only_our_own_refusal_is_good(refusal: str, expected: str) -> None:
    """Anybody may refuse; only we say it in our name."""
    told = misjudged(refusal)

    assert told.startswith(expected)
    assert bool(told) is bool(expected)
