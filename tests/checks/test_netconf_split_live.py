"""No change of a live cluster's net-conf.json splits its nodes."""

import pytest

from tests.netconfs import LIVE, NEW, change, conf, found
from webhook.checks.netconf_split_live import netconf_split_live
from webhook.netconf import Version

IPSEC = {"Type": "ipsec", "PSK": "k" * 96}
OTHER_IPSEC = {"Type": "ipsec", "PSK": "x" * 96}
WIREGUARD = {"Type": "wireguard"}


@pytest.mark.parametrize(
    ("old", "new", "keys"),
    [
        pytest.param(conf(), conf({"VNI": 7}), ["Backend.VNI"], id="vni"),
        pytest.param(conf(), conf({"Port": 4789}), ["Backend.Port"], id="port"),
        pytest.param(conf(), conf({"GBP": True}), ["Backend.GBP"], id="gbp"),
        pytest.param(conf(), conf({"Type": "host-gw"}), ["Backend.Type"], id="to-host-gw"),
        pytest.param(conf({"Type": "host-gw"}), conf(), ["Backend.Type"], id="from-host-gw"),
        pytest.param(conf(), conf({"Type": "ipip"}), ["Backend.Type"], id="to-ipip"),
        pytest.param(conf(IPSEC), conf(OTHER_IPSEC), ["Backend.PSK"], id="psk"),
        pytest.param(
            conf(), conf({"VNI": 7, "GBP": True}), ["Backend.VNI", "Backend.GBP"], id="two"
        ),
        pytest.param(conf(), conf({"Port": 8472, "VNI": 1}), [], id="explicit-defaults"),
        pytest.param(conf(), conf({"Port": 74008}), [], id="port-modulo-65536"),
        pytest.param(conf(), conf({"MTU": 1400}), [], id="restart-is-no-split"),
        pytest.param(conf(), conf({"DirectRouting": True}), [], id="direct-routing-is-another's"),
        pytest.param("{", conf({"VNI": 7}), [], id="repaired"),
        pytest.param(conf(), "{", [], id="unreadable-is-another-check's"),
        pytest.param(None, conf({"VNI": 7}), [], id="made-anew"),
    ],
)
def test_on_a_live_cluster(old, new, keys) -> None:
    """Whatever splits the nodes is refused, by effective value; before, all is free."""
    assert list(found(netconf_split_live, change(old, new))) == keys
    assert found(netconf_split_live, change(old, new, NEW)) == {}


def test_the_message_tells_what_when_and_what_instead() -> None:
    """A reader learns why nothing happens now, and the plan."""
    message = found(netconf_split_live, change(conf(), conf({"VNI": 7})))["Backend.VNI"]

    assert message.startswith("Forbidden: must stay 1 on a live cluster, got 7: ")
    assert "packets are lost while mixed (measured)" in message
    assert "restarts next" in message
    assert "time bomb" in message
    assert "instead, plan a maintenance window" in message


def test_a_secret_is_not_told() -> None:
    """Answers are kept in audit logs."""
    assert "kkk" not in str(found(netconf_split_live, change(conf(IPSEC), conf(OTHER_IPSEC))))


def test_the_upstream_manifest_is_recognised() -> None:
    """The commonest accident is called what it is."""
    custom = conf({"Type": "host-gw"})
    (message,) = found(netconf_split_live, change(custom, conf())).values()
    (other,) = found(netconf_split_live, change(conf(), custom)).values()

    assert "kubectl apply of kube-flannel.yml" in message
    assert "kubectl apply" not in other


@pytest.mark.parametrize(("version", "refused"), [(Version(0, 26, 5), True), (None, False)])
def test_the_version_decides_about_wireguards_port(version, refused) -> None:
    """Before v0.26.6 peers did not learn each other's port."""
    more = {} if version is None else {"version": version}
    new = conf(WIREGUARD | {"ListenPort": 51830})
    subject = change(conf(WIREGUARD), new, LIVE, **more)

    assert bool(found(netconf_split_live, subject)) is refused
