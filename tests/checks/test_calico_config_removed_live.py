"""calico-config stays on a live cluster."""

import pytest

from tests.checks.calico import config_fields
from webhook.checks.calico_config_removed_live import calico_config_removed_live

DATA = {"calico_backend": "bird"}


@pytest.mark.parametrize(
    ("old", "new", "known", "refused"),
    [
        pytest.param(DATA, None, {"live": "calico-node runs"}, ["data"], id="deleted"),
        pytest.param(DATA, None, {"live": ""}, [], id="not-live"),
        pytest.param(DATA, None, {"live": "x", "ending": True}, [], id="with-its-namespace"),
        pytest.param(DATA, {}, {"live": "x"}, [], id="emptied-is-another-check's"),
        pytest.param(None, DATA, {"live": "x"}, [], id="created"),
    ],
)
def test_removal(old, new, known, refused) -> None:
    """Pods of calico-node that start without it do not start."""
    assert config_fields(calico_config_removed_live, old, new, **known) == refused
