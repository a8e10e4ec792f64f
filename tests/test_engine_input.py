"""Stored policies that the engine does not know: read as far as may be, and told of seldom."""

import logging

from webhook import engine_input
from webhook.engine_input import stored
from webhook.model.objects import NetworkPolicy, ObjectMeta
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
