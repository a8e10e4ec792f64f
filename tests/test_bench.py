"""The benches still run against the code that they measure."""

import argparse
import importlib
import itertools
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


def test_a_rate_is_kept_whatever_the_answers_do(bench):
    """Writes are due at even distances from the first; without a rate, at once."""
    apiserver = bench("apiserver")
    due = list(apiserver.paced(200, 5))

    assert [0.005] * 4 == [pytest.approx(b - a) for a, b in itertools.pairwise(due)]
    assert 5 == len(list(apiserver.paced(None, 5)))


def test_the_rows_of_the_api_server(bench):
    """One client, each rate, and what is none of ours, each with the API server's own mean."""
    apiserver = bench("apiserver")
    options = argparse.Namespace(writes=4, rates=[100.0], seconds=0.05)
    rows = [row.split(" | ") for row in apiserver.rows_of(Server(), "ours", options)]

    assert [
        ("NetworkPolicy", "1 client"),
        ("NetworkPolicy", "100/s"),
        ("ConfigMap", "1 client"),
    ] == [(row[1], row[2]) for row in rows]
    assert [["1.00", "3.00"], ["1.00", "3.00"], ["0.00", "0.00"]] == [
        [cell.strip(" |") for cell in row[-2:]] for row in rows
    ]


class Server:
    """Stands for an API server whose webhook takes 3 ms for each NetworkPolicy."""

    calls = 0

    def create(self, path, body, query=""):
        self.calls += "networkpolicies" in path
        assert query == "?dryRun=All"
        assert body["metadata"]["name"]

    def spent(self):
        return {"webhook": (self.calls * 0.003, float(self.calls))}
