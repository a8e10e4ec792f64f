"""IP pools: read as Calico reads them, changes rated."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.calico import Pool, pool_changes, read_pool
from webhook.calico.pool import FINALIZER
from webhook.netconf import Rating

CIDR = "10.244.0.0/16"
MODES = ["Never", "Always", "CrossSubnet"]


def pool(**spec) -> Pool:
    return read_pool({"spec": {"cidr": CIDR, **spec}})


def rated(old: dict, new: dict) -> list[tuple[str, str]]:
    return [(c.key, c.rating.value) for c in pool_changes(pool(**old), pool(**new))]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param({"ipipMode": "Always"}, {}, [("ipipMode", "X")], id="ipip-off"),
        pytest.param({}, {"ipipMode": "Always"}, [("ipipMode", "X")], id="ipip-on"),
        pytest.param(
            {"ipipMode": "Always"}, {"ipipMode": "CrossSubnet"}, [("ipipMode", "X")], id="mode"
        ),
        pytest.param(
            {"ipipMode": "Always"},
            {"vxlanMode": "Always"},
            [("ipipMode", "X"), ("vxlanMode", "X")],
            id="ipip-to-vxlan",
        ),
        pytest.param({}, {"ipipMode": "Never", "vxlanMode": ""}, [], id="explicit-never"),
        pytest.param({}, {"ipipMode": None}, [], id="null"),
        pytest.param({}, {"cidr": "10.245.0.0/16"}, [("cidr", "B")], id="cidr"),
        pytest.param({}, {"cidr": "10.244.7.0/16"}, [], id="cidr-host-bits"),
        pytest.param({"cidr": "x"}, {"cidr": "y"}, [("cidr", "B")], id="cidr-unreadable"),
        pytest.param({}, {"blockSize": 26}, [], id="block-size-default"),
        pytest.param({}, {"blockSize": 24}, [("blockSize", "B")], id="block-size"),
        pytest.param({"natOutgoing": True}, {}, [("natOutgoing", "B")], id="nat-off"),
        pytest.param({}, {"natOutgoing": True}, [("natOutgoing", "R")], id="nat-on"),
        pytest.param({}, {"disabled": True}, [("disabled", "R")], id="disabled"),
        pytest.param({"disabled": True}, {"disabled": False}, [("disabled", "S")], id="enabled"),
        pytest.param(
            {}, {"disableBGPExport": True}, [("disableBGPExport", "R")], id="bgp-export-off"
        ),
        pytest.param({}, {"nodeSelector": "all()"}, [], id="selector-default"),
        pytest.param({}, {"nodeSelector": "a == 'b'"}, [("nodeSelector", "R")], id="selector"),
        pytest.param({}, {"allowedUses": ["Tunnel"]}, [], id="other-fields"),
    ],
)
def test_each_change_has_its_rating(old, new, expected) -> None:
    """Effective values are compared, not texts."""
    assert expected == rated(old, new)


@pytest.mark.parametrize(
    "manifest",
    [{}, {"spec": None}, {"spec": []}, {"spec": {"cidr": 7, "ipipMode": 1, "blockSize": "x"}},
     {"spec": {"cidr": "::1", "blockSize": True}, "metadata": {"finalizers": "x"}}],
)  # fmt: skip
def test_reading_is_lenient(manifest) -> None:
    """What has the wrong type reads as absent: the API server is the one to refuse it."""
    read = read_pool(manifest)

    assert (read.ipip, read.vxlan, read.held) == ("Never", "Never", False)


@pytest.mark.parametrize(
    ("cidr", "block", "inside"),
    [
        (CIDR, "10.244.3.64/26", True),
        (CIDR, "10.244.0.0/16", True),
        (CIDR, "10.245.0.0/26", False),
        (CIDR, "10.0.0.0/8", False),
        (CIDR, "fd00::/122", False),
        (CIDR, "", False),
        ("fd00::/48", "fd00::40/122", True),
        ("nonsense", "10.244.0.0/26", False),
    ],
)
def test_blocks_of_a_pool(cidr, block, inside) -> None:
    """A block belongs to the pool whose range holds it, family by family."""
    assert pool(cidr=cidr).holds(block) is inside


def test_blocks_of_another_size() -> None:
    """Only blocks in the range count, and only another size."""
    small = pool(blockSize=28)

    assert small.other_size("10.244.0.0/26")
    assert not small.other_size("10.244.0.0/28")
    assert not small.other_size("10.1.0.0/26")


def test_the_finalizer_is_seen() -> None:
    """With it Calico itself holds a deleted pool until it is empty."""
    assert read_pool({"metadata": {"finalizers": [FINALIZER]}}).held


pools = st.builds(
    pool,
    cidr=st.sampled_from([CIDR, "10.244.9.1/16", "fd00::/48", "bad"]),
    ipipMode=st.sampled_from([None, "", *MODES]),
    vxlanMode=st.sampled_from([None, "", *MODES]),
    blockSize=st.sampled_from([None, 0, 24, 26, 122]),
    natOutgoing=st.booleans(),
    disabled=st.booleans(),
    nodeSelector=st.sampled_from(["", "all()", "x"]),
)


@given(pools)
def test_no_change_is_no_finding(one) -> None:
    """A pool beside itself, or written otherwise, has nothing to rate."""
    assert pool_changes(one, one) == ()
    assert pool_changes(one, replace(one, held=not one.held)) == ()


@given(pools, pools)
def test_both_ways_name_the_same_keys(one, other) -> None:
    """What changes one way changes back; only NAT and disabled are rated by their direction."""
    there = {c.key: c.rating for c in pool_changes(one, other)}
    back = {c.key: c.rating for c in pool_changes(other, one)}
    directed = {"natOutgoing", "disabled"}

    assert there.keys() == back.keys()
    assert all(back[key] is there[key] for key in there.keys() - directed)
    assert (
        Rating.BREAKS in {there["natOutgoing"], back["natOutgoing"]}
        if ("natOutgoing" in there)
        else True
    )
