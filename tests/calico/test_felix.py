"""Felix configurations: what a change of one does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.calico import FELIX_KEYS, felix_changes, read_felix


def rated(old: dict | None, new: dict | None) -> list[tuple[str, str]]:
    changes = felix_changes(read_felix({"spec": old}), read_felix({"spec": new}))
    return [(c.key, c.rating.value) for c in changes]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param({}, {"ipipEnabled": False}, [("ipipEnabled", "X")], id="ipip-off"),
        pytest.param({"ipipEnabled": False}, {}, [("ipipEnabled", "X")], id="ipip-back"),
        pytest.param({}, {"ipipEnabled": True}, [("ipipEnabled", "R")], id="ipip-explicit"),
        pytest.param({"vxlanEnabled": True}, None, [("vxlanEnabled", "R")], id="vxlan-unset"),
        pytest.param(
            {"vxlanEnabled": True}, {"vxlanEnabled": False}, [("vxlanEnabled", "X")], id="vxlan-off"
        ),
        pytest.param({}, {"vxlanVNI": 4096, "vxlanPort": 4789}, [], id="defaults"),
        pytest.param({}, {"vxlanVNI": 1}, [("vxlanVNI", "X")], id="vni"),
        pytest.param({"vxlanPort": 8472}, {}, [("vxlanPort", "X")], id="port"),
        pytest.param({}, {"bpfEnabled": True}, [("bpfEnabled", "R")], id="ebpf"),
        pytest.param({}, {"bpfEnabled": False}, [], id="ebpf-default"),
        pytest.param({}, {"wireguardEnabled": True}, [("wireguardEnabled", "R")], id="wireguard"),
        pytest.param({}, {"vxlanMTU": 1400}, [("vxlanMTU", "R")], id="mtu"),
        pytest.param({}, {"logSeverityScreen": "Debug"}, [], id="other-keys"),
    ],
)
def test_each_change_has_its_rating(old, new, expected) -> None:
    """Effective values are compared, unset keys with their defaults."""
    assert expected == rated(old, new)


specs = st.fixed_dictionaries(
    {},
    optional={
        key: st.sampled_from([None, True, False] if key.endswith("Enabled") else [None, 0, 1])
        for key in FELIX_KEYS
    },
)


@given(specs, specs)
def test_ratings_are_symmetrical(one, other) -> None:
    """What splits one way splits the other, and nothing is no change."""
    assert rated(one, one) == []
    assert rated(one, other) == rated(other, one)
