"""cni-conf.json, and canal's template of it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.netconf import check_cni
from webhook.netconf.cni import MOST_FAULTS

FLANNEL = {"type": "flannel", "delegate": {"hairpinMode": True, "isDefaultGateway": True}}
PORTMAP = {"type": "portmap", "capabilities": {"portMappings": True}}
UPSTREAM = {"name": "cbr0", "cniVersion": "1.0.0", "plugins": [FLANNEL, PORTMAP]}
CANAL = """{
  "name": "k8s-pod-network", "cniVersion": "0.3.1",
  "plugins": [
    {"type": "calico", "log_level": "info", "mtu": __CNI_MTU__,
     "nodename": "__KUBERNETES_NODE_NAME__",
     "ipam": {"type": "host-local", "subnet": "usePodCidr"},
     "kubernetes": {"kubeconfig": "__KUBECONFIG_FILEPATH__"}},
    {"type": "portmap", "snat": true, "capabilities": {"portMappings": true}}
  ]
}"""


def flannel(**delegate):
    return UPSTREAM | {"plugins": [{"type": "flannel", "delegate": delegate}]}


@pytest.mark.parametrize(
    ("conf", "keys"),
    [
        pytest.param(UPSTREAM, [], id="upstream"),
        pytest.param(UPSTREAM | {"cniVersion": "0.3.1"}, [], id="older-version"),
        pytest.param([], [""], id="array"),
        pytest.param("{", [""], id="no-json"),
        pytest.param('{"name": "a" // no\n}', ["name"], id="comment"),
        pytest.param({"plugins": [PORTMAP]}, ["name"], id="no-name"),
        pytest.param({"Name": "a", "plugins": [PORTMAP]}, ["name"], id="name-to-the-letter"),
        pytest.param(UPSTREAM | {"name": 1}, ["name"], id="name-no-string"),
        pytest.param(UPSTREAM | {"cniVersion": 1}, ["cniVersion"], id="version-no-string"),
        pytest.param(UPSTREAM | {"disableCheck": "yes"}, ["disableCheck"], id="disable-check"),
        pytest.param(UPSTREAM | {"disableCheck": "true"}, [], id="disable-check-text"),
        pytest.param({"name": "a", "type": "flannel"}, ["plugins"], id="single-plugin-form"),
        pytest.param(UPSTREAM | {"plugins": []}, ["plugins"], id="no-plugins"),
        pytest.param(UPSTREAM | {"plugins": {}}, ["plugins"], id="plugins-no-list"),
        pytest.param(UPSTREAM | {"plugins": [1]}, ["plugins[0]"], id="plugin-no-object"),
        pytest.param(UPSTREAM | {"plugins": [{}]}, ["plugins[0].type"], id="no-type"),
        pytest.param(UPSTREAM | {"plugins": [{"TYPE": "a"}]}, [], id="type-in-any-case"),
        pytest.param(
            UPSTREAM | {"plugins": [{"type": "a", "capabilities": {"x": 1}}]},
            ["plugins[0].capabilities"],
            id="capabilities",
        ),
        pytest.param(
            UPSTREAM | {"plugins": [{"type": "flannel", "delegate": "bridge"}]},
            ["plugins[0].delegate"],
            id="delegate-no-object",
        ),
        pytest.param(UPSTREAM | {"plugins": [{"type": "flannel"}]}, [], id="no-delegate"),
        pytest.param(flannel(name="a"), ["plugins[0].delegate.name"], id="delegate-name"),
        pytest.param(flannel(ipam={}), ["plugins[0].delegate.ipam"], id="delegate-ipam"),
        pytest.param(flannel(type=1), ["plugins[0].delegate.type"], id="delegate-type"),
        pytest.param(flannel(mtu=1400), ["plugins[0].delegate.mtu"], id="delegate-mtu"),
    ],
)
def test_rules(conf, keys) -> None:
    """The rules of libcni, and the flannel plugin's."""
    text = conf if isinstance(conf, str) else json.dumps(conf)

    assert [fault.key for fault in check_cni(text)] == keys


def test_only_the_mtu_is_no_reason_to_refuse() -> None:
    """It loads, and defeats Backend.MTU."""
    assert [fault.fatal for fault in check_cni(json.dumps(flannel(mtu=1400)))] == [False]


def test_canals_template() -> None:
    """It is no JSON before its placeholders are filled."""
    assert check_cni(CANAL, template=True) == ()
    assert check_cni(CANAL) != ()


def test_a_fault_of_a_template_shows_its_place() -> None:
    """Filling a placeholder moves nothing."""
    (fault,) = check_cni(CANAL.replace('"snat": true,', '"snat": true'), template=True)

    assert "(line 8, column" in fault.message


@given(st.binary() | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_never_raises(data) -> None:
    """Whatever stands there, the answer is a list of faults."""
    check_cni(data)
    check_cni(data, template=True)


def test_deep_and_huge_texts() -> None:
    """Neither nesting nor long numbers end in an exception."""
    assert check_cni("[" * 5000 + "]" * 5000) != ()
    assert check_cni('{"a":' * 5000 + "1" + "}" * 5000) != ()
    assert check_cni('{"name":"a","plugins":[{"type":"b","n":' + "9" * 50_000 + "}]}") == ()


def test_few_of_many_faults():
    """A list of nothing but broken plugins gets an answer of bounded length."""
    text = json.dumps({"name": "cbr0", "plugins": [{}] * 5_000})

    assert MOST_FAULTS == len(check_cni(text))
