"""DirectRouting of a live cluster stays as it is."""

import pytest

from webhook.checks.netconf_directrouting_live import netconf_directrouting_live
from webhook.checks.subjects import FlannelNodes, NetConfChange
from webhook.netconf import NetConfError, parse

OFF = '{"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan"}}'
ON = '{"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan", "DirectRouting": true}}'
BROKEN = '{"Network": '


def read(text: str | None):
    if text is None:
        return None
    try:
        return parse(text)
    except NetConfError as error:
        return error


def fields(old: str | None, new: str | None, *, live: bool) -> list[str]:
    change = NetConfChange("data[net-conf.json]", read(old), read(new), FlannelNodes(live=live))
    return [violation.field for violation in netconf_directrouting_live.run(change)]


REFUSED = ["data[net-conf.json].Backend.DirectRouting"]


@pytest.mark.parametrize(
    ("old", "new", "refused"),
    [
        pytest.param(OFF, ON, REFUSED, id="switched-on"),
        pytest.param(ON, OFF, REFUSED, id="switched-off"),
        pytest.param(OFF, ON.replace("DirectRouting", "Directrouting"), REFUSED, id="old-spelling"),
        pytest.param(OFF, ON.replace("DirectRouting", "DIRECTROUTING"), REFUSED, id="upper-case"),
        pytest.param(
            OFF, ON.replace("true", 'false, "directrouting": true'), REFUSED, id="last-wins"
        ),
        pytest.param(OFF, ON.replace("true", 'true, "directrouting": false'), [], id="last-off"),
        pytest.param(OFF, ON.replace("true", "false"), [], id="explicit-default"),
        pytest.param(OFF, ON.replace("true", "null"), [], id="null-keeps-the-default"),
        pytest.param(OFF, OFF.replace(" ", "\n"), [], id="white-space"),
        pytest.param(ON, ON.replace("Type", "TYPE").replace("vxlan", "VXLAN"), [], id="key-case"),
        pytest.param(
            OFF,
            OFF.replace('"Backend"', '"DirectRouting": true, "Backend"'),
            [],
            id="misplaced-key-does-nothing",
        ),
        pytest.param(None, ON, REFUSED, id="created-anew-with-it"),
        pytest.param(None, OFF, [], id="created-anew-without"),
        pytest.param(BROKEN, ON, [], id="repaired"),
        pytest.param(OFF, BROKEN, [], id="unreadable-is-another-check's"),
        pytest.param(OFF, None, [], id="removed-is-another-check's"),
    ],
)
def test_on_a_live_cluster(old, new, refused) -> None:
    """The effective value may not change; its spelling may."""
    assert fields(old, new, live=True) == refused


@pytest.mark.parametrize(("old", "new"), [(OFF, ON), (ON, OFF), (None, ON)])
def test_before_a_cluster_is_built_it_is_free(old, new) -> None:
    """Where flannel never ran, nothing can be split."""
    assert fields(old, new, live=False) == []


@pytest.mark.parametrize("text", [OFF, ON])
def test_no_change_is_no_violation(text) -> None:
    """What stays is never refused."""
    assert fields(text, text, live=True) == []
