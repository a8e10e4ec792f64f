"""The benches still run against the code that they measure."""

import importlib
import json
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[1] / "bench"


@pytest.fixture
def bench(monkeypatch):
    """Imports a bench by name, as it is run: with its own folder on the path."""
    monkeypatch.setattr(sys, "path", [str(BENCH), *sys.path])
    return importlib.import_module


def test_the_review_of_the_benches_is_judged_and_told(bench, tmp_path):
    """Every one of them opens and closes something, and no two are alike."""
    decision = bench("decision")
    judge = decision.admission(tmp_path)
    answers = [json.loads(decision.answer(judge, body)) for body in decision.reviews(3)]

    assert [True] * 3 == [each["response"]["allowed"] for each in answers]
    assert all("closes: TCP 8080" in str(each["response"]["warnings"]) for each in answers)
    assert len({json.dumps(each) for each in answers}) == 3


def test_the_decision_is_timed(bench, tmp_path):
    """Each step costs something, and all of it more than a part."""
    decision = bench("decision")
    costs = decision.measure(decision.admission(tmp_path), rounds=2)

    assert all(cost > 0 for cost in costs.values())
    assert costs["all of it"] > costs["write the answer"]
