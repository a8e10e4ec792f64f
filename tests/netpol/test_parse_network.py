"""Secondary networks: what a pod asks for, and what plugin a definition names."""

import json

import pytest

from webhook.netpol.fields import Field
from webhook.netpol.parse_network import definition_of, parse_networks, parse_plugin


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", (), id="none"),
        pytest.param("a, ns/b@eth1", ("a", "ns/b@eth1"), id="short"),
        pytest.param('[{"name": "a"}, {"name": "b", "namespace": "ns"}]', ("a", "ns/b"), id="json"),
        pytest.param("[1, null]", ("1", "None"), id="odd-json"),
        pytest.param("[{", ("[{",), id="no-json"),
    ],
)
def test_what_a_pod_asks_for(text, expected):
    """Both forms of the annotation; what is neither is told as it is."""
    assert parse_networks(Field(text)) == expected


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        pytest.param('{"type": "macvlan"}', "macvlan", id="plugin"),
        pytest.param('{"plugins": [{"type": "sriov"}, {"type": "x"}]}', "sriov", id="chain"),
        pytest.param("", "", id="on-the-node"),
        pytest.param("[]", "", id="list"),
        pytest.param('{"plugins": []}', "", id="empty-chain"),
        pytest.param('{"plugins": [1]}', "", id="odd-chain"),
        pytest.param('{"type": 1}', "", id="odd-type"),
        pytest.param("{", "", id="no-json"),
    ],
)
def test_which_plugin_it_is(config, expected):
    """The first of a chain makes the interface; nothing is guessed."""
    assert parse_plugin(Field({"spec": {"config": config}})) == expected


def test_no_annotation_makes_an_error():
    """Whatever JSON it is: the pod runs all the same, and is judged."""
    for value in ({}, [], [[]], "x", 1, None, True, ["a", 1.5]):
        assert isinstance(parse_networks(Field(json.dumps([value]))), tuple)


def test_whose_definition_is_meant():
    """The pod's namespace unless another is written; the interface's name is none of it."""
    assert definition_of("a@eth1", "ns") == "ns/a"
    assert definition_of("other/a", "ns") == "other/a"
