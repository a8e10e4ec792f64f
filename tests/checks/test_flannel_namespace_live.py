"""The Namespace of flannel's ConfigMap stays."""

import pytest

from webhook.checks.flannel_namespace_live import flannel_namespace_live
from webhook.checks.subjects import FlannelNamespaceRemoval


@pytest.mark.parametrize("live", [True, False])
def test_deletion(live) -> None:
    """Refused exactly where flannel runs; true also once the ConfigMap itself is gone."""
    removal = FlannelNamespaceRemoval("kube-flannel", ("kube-flannel-cfg",), live)
    found = [violation.message for violation in flannel_namespace_live.run(removal)]

    assert len(found) == live
    assert all(
        '"kube-flannel" is the namespace of flannel\'s ConfigMap (kube-flannel-cfg)' in message
        for message in found
    )
