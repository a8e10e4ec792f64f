"""Objects of a cluster as the engine has them: what it does not know, and what is not there yet."""

import logging

import pytest

from webhook import engine_input
from webhook.engine_input import pods, stored
from webhook.model.objects import NetworkPolicy, ObjectMeta
from webhook.model.pods import PodAddress, PodObject, PodSpecification, PodState
from webhook.netpol.model import Direction
from webhook.rationed import LINES, RationedLog


def test_a_policy_that_is_not_understood_does_not_fill_the_disk(caplog, monkeypatch) -> None:
    """It isolates all the same; each review of its namespace would have a line of the log."""
    # Other tests have had theirs.
    unused = RationedLog(logging.getLogger(engine_input.__name__))
    monkeypatch.setattr(engine_input, "_log", unused)
    spec = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": [{"new": {}}]}]}
    strange = NetworkPolicy.of(ObjectMeta(name="strange", namespace="shop"), spec)
    read = [stored(strange) for _ in range(LINES + 40)]
    told = [each for each in caplog.records if each.message == "stored policy not understood"]

    assert {(each.types, each.ingress) for each in read if each} == {
        (frozenset({Direction.INGRESS}), ())
    }
    assert len(told) == LINES


def pod(name: str, *addresses: str, host_network: bool = False) -> PodObject:
    """A Pod of a namespace."""
    return PodObject(
        ObjectMeta(name=name, namespace="shop"),
        spec=PodSpecification(host_network=host_network),
        status=PodState(pod_ips=[PodAddress(each) for each in addresses]),
    )


@pytest.mark.parametrize(
    ("others", "families"),
    [
        pytest.param([], {4}, id="alone"),
        pytest.param([pod("one", "10.0.0.1")], {4}, id="ipv4"),
        pytest.param([pod("one", "fd00::1")], {6}, id="ipv6"),
        pytest.param([pod("one", "10.0.0.1", "fd00::1")], {4, 6}, id="dual-stack"),
        pytest.param([pod("one", "fd00::1", host_network=True)], {4}, id="the-node's-tell-nothing"),
    ],
)
def test_a_pod_without_an_address_will_have_what_others_have(others, families) -> None:
    """A policy that comes with its pods is told of as if they had been scheduled."""
    found = {each.name: each for each in pods([pod("late"), *others])}

    assert found["late"].families == families
