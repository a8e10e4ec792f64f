"""The benches still run against the code that they measure."""

import argparse
import json

import pytest


def test_the_review_of_the_benches_is_judged_and_told(bench, tmp_path):
    """Every one of them opens and closes something, and no two are alike."""
    decision = bench("decision")
    judge = decision.admission(tmp_path)
    answers = [json.loads(decision.answer(judge, body)) for body in decision.reviews(3)]

    assert [True] * 3 == [each["response"]["allowed"] for each in answers]
    assert all("closes: TCP 8080" in str(each["response"]["warnings"]) for each in answers)
    assert len({json.dumps(each) for each in answers}) == 3


def test_a_creation_is_judged_and_told(bench, tmp_path):
    """It opens to pods what the default deny of their namespace closed."""
    decision, workload = bench("decision"), bench("workload")
    judge = decision.admission(tmp_path)
    made = decision.reviews(2, workload.creation())
    answers = [json.loads(decision.answer(judge, body))["response"] for body in made]

    assert [True] * 2 == [each["allowed"] for each in answers]
    assert all("opens: TCP 8080" in str(each["warnings"]) for each in answers)
    assert len({json.loads(body)["request"]["name"] for body in made}) == 2


def test_the_decision_is_timed(bench, tmp_path):
    """Each step costs something, and all of it more than a part."""
    decision = bench("decision")
    costs = decision.measure(decision.admission(tmp_path), rounds=2)

    assert all(cost > 0 for cost in costs.values())
    assert costs["all of it"] > costs["write the answer"]


def test_the_rows_of_the_api_server(bench):
    """One client, each rate, and what is none of ours, each with the API server's own figures."""
    apiserver = bench("apiserver")
    options = argparse.Namespace(writes=4, rates=[100.0], seconds=0.05)
    server = Server(bench("histogram").Calls)
    rows = [row.split(" | ") for row in apiserver.rows_of(server, "ours", options)]

    assert [
        ("NetworkPolicy", "1 client"),
        ("NetworkPolicy", "100/s"),
        ("ConfigMap", "1 client"),
    ] == [(row[1], row[2]) for row in rows]
    judged = ["1.00", "3.00", "5.0", "100.0%"]
    assert [judged, judged, ["0.00", "0.00", "0.0", "0.0%"]] == [
        [cell.strip(" |") for cell in row[-4:]] for row in rows
    ]


METRICS = """\
# TYPE apiserver_admission_webhook_admission_duration_seconds histogram
apiserver_admission_webhook_admission_duration_seconds_bucket{name="a",type="validating",le="0.005"} 90
apiserver_admission_webhook_admission_duration_seconds_bucket{name="a",type="validating",le="0.025"} 98
apiserver_admission_webhook_admission_duration_seconds_bucket{name="a",type="validating",le="0.1"} 99
apiserver_admission_webhook_admission_duration_seconds_bucket{name="a",type="validating",le="+Inf"} 100
apiserver_admission_webhook_admission_duration_seconds_sum{name="a",type="validating"} 0.4
apiserver_admission_webhook_admission_duration_seconds_count{name="a",type="validating"} 100
apiserver_admission_webhook_admission_duration_seconds_bucket{name="b",type="admit",le="0.005"} 0
apiserver_admission_webhook_admission_duration_seconds_bucket{name="b",type="admit",le="+Inf"} 10
apiserver_admission_webhook_admission_duration_seconds_sum{name="b",type="admit"} 0.6
apiserver_admission_webhook_admission_duration_seconds_count{name="b",type="admit"} 10
apiserver_admission_controller_admission_duration_seconds_count{name="b"} 7
"""  # noqa: E501 - as the API server writes them


def test_the_api_servers_own_clock_is_read(bench):
    """All webhooks are added up, and nothing else is."""
    calls = bench("histogram").read(METRICS)

    assert (1.0, 110.0, 90 / 110) == (calls.seconds, calls.count, calls.share(0.005))
    assert 1.0 / 110 == calls.mean


@pytest.mark.parametrize(
    ("within", "part", "seconds"),
    [
        pytest.param({0.005: 100, 0.025: 100}, 0.99, 0.00495, id="in the first bucket"),
        pytest.param({0.005: 90, 0.025: 100}, 0.95, 0.015, id="half way between two bounds"),
        pytest.param({0.005: 0, 0.025: 0, 0.1: 100}, 0.5, 0.0625, id="behind empty buckets"),
        pytest.param({0.005: 50, float("inf"): 100}, 0.99, 0.005, id="beyond all bounds"),
        pytest.param({}, 0.99, 0.0, id="no calls"),
    ],
)
def test_a_quantile_is_what_promql_says(bench, within, part, seconds):
    """As ``histogram_quantile``: linear between bounds, the last bound for what is beyond it."""
    histogram = bench("histogram")
    count = max(within.values(), default=0)

    assert pytest.approx(seconds) == histogram.Calls(1.0, count, within).quantile(part)


def test_calls_are_counted_since_a_reading(bench):
    """What was there before is taken off, bound by bound."""
    histogram = bench("histogram")
    before = histogram.Calls(1.0, 10.0, {0.005: 4.0})
    after = histogram.Calls(3.0, 30.0, {0.005: 9.0, 0.025: 20.0})

    assert histogram.Calls(2.0, 20.0, {0.005: 5.0, 0.025: 20.0}) == after - before


class Server:
    """Stands for an API server whose webhook takes 3 ms for each NetworkPolicy."""

    def __init__(self, calls):
        self.calls, self.count = calls, 0

    def many(self, path, body, writes, rate):
        self.count += writes * ("networkpolicies" in path)
        assert "NUMBERED" in body["metadata"]["name"]
        return {"rate": rate or 250.0, "p50_ms": 4.0, "p99_ms": 9.0}

    def spent(self):
        return self.calls(self.count * 0.003, self.count, {0.005: self.count})
