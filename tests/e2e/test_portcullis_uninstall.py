"""The end: this file's name comes last, as nothing of Portcullis is left after it."""

import pytest

from tests.controlplane.installation import Installation
from tests.e2e import world

pytestmark = pytest.mark.controlplane


def test_uninstalling_leaves_no_webhook(portcullis: Installation) -> None:
    """No configuration stays that would send reviews to nobody; policies stay, and are free."""
    plane = portcullis.plane
    world.seal(plane, "survivor")
    portcullis.close()
    for kind in ("validatingwebhookconfiguration", "mutatingwebhookconfiguration"):
        assert plane.get(kind, "portcullis") is None
    kept = world.specs(plane, "survivor")
    plane.kubectl("delete", "networkpolicy", "--all", "-n", "survivor")
    plane.kubectl("label", "namespace", "survivor", f"{world.SEAL}-", f"{world.PROFILE}-")
    world.create(plane, world.account("survivor"), world.pod("survivor"))

    assert kept == world.INJECTED
    assert world.policies(plane, "survivor") == {}
