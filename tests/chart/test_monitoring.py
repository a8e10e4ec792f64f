"""Monitors, alerts and the dashboard: off by default, true to the code, and tried by promtool."""

import json
import re

import pytest

from certs.authority import AUTHORITY_LIFETIME
from tests.chart import promtool
from tools import dashboard
from webhook.metric_table import FAMILIES
from webhook.settings import Settings

KINDS = ("ServiceMonitor", "PodMonitor", "PrometheusRule")
ENABLED = tuple(
    f"{it}.enabled=true"
    for it in ("serviceMonitor", "podMonitor", "prometheusRule", "grafanaDashboard")
)
PAGE = dashboard.CHART.parents[1] / "docs" / "failure-modes.md"
API_SERVER = {
    "apiserver_admission_webhook_admission_duration_seconds_bucket",
    "apiserver_admission_webhook_fail_open_count",
    "apiserver_admission_webhook_rejection_count",
}
"""Of k8s.io/apiserver/pkg/admission/metrics/metrics.go."""
HISTOGRAM = ("_bucket", "_sum", "_count")
SERIES = {
    name
    for family in FAMILIES
    for name in (
        [family.name + suffix for suffix in HISTOGRAM]
        if family.kind == "histogram"
        else [family.name]
    )
}


@pytest.fixture(scope="module")
def monitored(render):
    """The chart with everything for monitoring."""
    return render(*ENABLED)


@pytest.fixture(scope="module")
def rules(monitored):
    """The alerts, by name."""
    (group,) = monitored.one("PrometheusRule")["spec"]["groups"]
    return {rule["alert"]: rule for rule in group["rules"]}


def metrics_of(query: str) -> set[str]:
    """The names of series in a query."""
    return set(re.findall(r"\b(?:portcullis|apiserver)_\w+", query))


def test_nothing_of_it_is_rendered_by_default(rendered) -> None:
    """Not every cluster has the Prometheus operator's CRDs."""
    names = {it["metadata"]["name"] for it in rendered.objects}

    assert not {it["kind"] for it in rendered.objects} & set(KINDS)
    assert not names & {"portcullis-metrics", "portcullis-dashboard"}


def test_both_monitors_scrape_both_containers(monitored) -> None:
    """By the names of the container ports, which the metrics Service leads to."""
    ports = {
        port["name"]
        for container in monitored.pod["containers"]
        for port in container["ports"]
        if "metrics" in port["name"]
    }
    service = monitored.one("Service", "portcullis-metrics")
    by_service = monitored.one("ServiceMonitor")["spec"]
    by_pod = monitored.one("PodMonitor")["spec"]

    assert ports == {it["targetPort"] for it in service["spec"]["ports"]}
    assert {it["name"] for it in service["spec"]["ports"]} == {
        it["port"] for it in by_service["endpoints"]
    }
    assert ports == {it["port"] for it in by_pod["podMetricsEndpoints"]}
    assert by_service["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert by_pod["selector"]["matchLabels"] == service["spec"]["selector"]
    assert not by_service["selector"]["matchLabels"].items() <= (
        monitored.one("Service")["metadata"]["labels"].items()
    )


@pytest.mark.parametrize("kind", KINDS)
def test_prometheus_finds_them_by_its_labels(render, kind) -> None:
    """Most installations select monitors and rules by a label of the release."""
    key = kind[0].lower() + kind[1:]
    found = render(*ENABLED, f'{key}.labels={{"release": "stack"}}').one(kind)

    assert found["metadata"]["labels"]["release"] == "stack"


def test_alerts_ask_for_metrics_that_exist(rules) -> None:
    """Each name is one of our table, or one of the API server's."""
    for name, rule in rules.items():
        assert metrics_of(rule["expr"]), name
        assert metrics_of(rule["expr"]) <= SERIES | API_SERVER, name


def test_the_dashboard_asks_for_metrics_that_exist(monitored) -> None:
    """And shows every metric of ours."""
    text = monitored.one("ConfigMap", "portcullis-dashboard")["data"]["portcullis.json"]
    shown = json.loads(text)
    queries = [target["expr"] for panel in shown["panels"] for target in panel.get("targets", ())]
    asked = set().union(*map(metrics_of, queries))

    assert asked <= SERIES | API_SERVER
    assert [f.name for f in FAMILIES if not any(it.startswith(f.name) for it in asked)] == []


def test_panels_do_not_overlap() -> None:
    """Each has a place of its own, and an id."""
    panels = json.loads(dashboard.render())["panels"]
    cells = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]

    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 23
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_each_alert_leads_to_what_to_do(rules) -> None:
    """A runbook with its own heading, a severity, and a summary in one sentence."""
    headings = set(re.findall(r"^### (\w+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE))

    assert headings >= set(rules)
    for name, rule in rules.items():
        assert rule["annotations"]["runbook_url"].endswith(f"/failure-modes.md#{name.lower()}")
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert {"summary", "description"} <= set(rule["annotations"])


def test_alerts_can_be_left_out_and_labelled(render) -> None:
    """By name; labels of the team win over ours."""
    rendered = render(
        *ENABLED,
        'prometheusRule.disabled=["PortcullisOverrideUsed"]',
        'prometheusRule.alertLabels={"team": "network", "severity": "page"}',
    )
    (group,) = rendered.one("PrometheusRule")["spec"]["groups"]
    names = {rule["alert"] for rule in group["rules"]}

    assert "PortcullisOverrideUsed" not in names
    assert "PortcullisAbsent" in names
    assert all(rule["labels"] == {"team": "network", "severity": "page"} for rule in group["rules"])


CERT_MANAGER = 'certificates.certManager={"duration": "24h", "renewBefore": "8h0m10s"}'
EXISTING = 'certificates.existingSecret={"name": "mine", "renewBefore": "1h30m"}'


@pytest.mark.parametrize(
    ("mode", "values", "leaf", "authority"),
    [
        pytest.param("self-managed", (), 7 * 86400 // 6, 365 * 86400 // 6, id="self-managed"),
        pytest.param("cert-manager", (), 360 * 3600, None, id="cert-manager"),
        pytest.param("cert-manager", (CERT_MANAGER,), 4 * 3600 + 5, None, id="of-a-day"),
        pytest.param(
            "existing-secret",
            ('certificates.existingSecret.name="mine"',),
            7 * 86400,
            7 * 86400,
            id="existing-secret",
        ),
        pytest.param("existing-secret", (EXISTING,), 2700, 2700, id="renewed-late"),
    ],
)
def test_certificates_are_alarmed_of_by_who_renews_them(
    render, mode, values, leaf, authority
) -> None:
    """At half of what is left when they are due; the CA of cert-manager is seen by none of ours."""
    rule = render(*ENABLED, f'certificates.mode="{mode}"', *values).one("PrometheusRule")
    expr = {it["alert"]: it["expr"] for it in rule["spec"]["groups"][0]["rules"]}
    ends = {
        name: int(text.rpartition("< ")[2]) for name, text in expr.items() if "Expiring" in name
    }
    wanted = {"PortcullisLeafExpiring": leaf, "PortcullisAuthorityExpiring": authority}

    assert ends == {name: seconds for name, seconds in wanted.items() if seconds is not None}


def test_a_ca_of_ours_is_alarmed_of_by_its_life() -> None:
    """What the chart has as a year is what the code issues."""
    text = (dashboard.CHART / "templates" / "prometheusrule.yaml").read_text(encoding="utf-8")

    assert f"mul {AUTHORITY_LIFETIME.days} 86400" in text


def test_thresholds_follow_the_life_of_a_leaf(render, rules) -> None:
    """Half of what is left at its renewal, which is a third."""
    shorter = render(*ENABLED, "certificates.leafDuration=3600").one("PrometheusRule")
    expr = {it["alert"]: it["expr"] for it in shorter["spec"]["groups"][0]["rules"]}
    default = int(Settings().certificates.leaf_duration) // 6

    assert rules["PortcullisLeafExpiring"]["expr"].endswith(f"< {default}")
    assert expr["PortcullisLeafExpiring"].endswith("< 600")
    assert not re.search(r"[A-Z]+_SECONDS", str(rules))


def test_promtool_takes_the_rules(monitored, tmp_path) -> None:
    """Syntax, and what promtool's linter minds."""
    spec = promtool.written(tmp_path / "rules.yaml", monitored.one("PrometheusRule")["spec"])

    assert "SUCCESS" in promtool.run("check", "rules", spec)


def test_promtool_takes_the_queries_of_the_dashboard(tmp_path) -> None:
    """As rules, with Grafana's variables filled in."""
    queries = [
        target["expr"].replace("$__rate_interval", "5m").replace("$namespace", ".*")
        for panel in json.loads(dashboard.render())["panels"]
        for target in panel.get("targets", ())
    ]
    rules = [{"record": f"panel:{n}", "expr": query} for n, query in enumerate(queries)]
    spec = promtool.written(tmp_path / "r.yaml", {"groups": [{"name": "panels", "rules": rules}]})

    assert f"SUCCESS: {len(queries)} rules" in promtool.run("check", "rules", spec)


HOOK = 'name="flannel.portcullis.dev", type="validating"'
FAIL_OPEN = f"apiserver_admission_webhook_fail_open_count{{{HOOK}}}"
REJECTION = "apiserver_admission_webhook_rejection_count"
EXPIRY = 'portcullis_certificate_expiration_timestamp_seconds{certificate="%s", pod="%s"}'
FINDINGS = 'portcullis_check_findings_total{check="netconf-directrouting-live", outcome="%s"}'
NAMESPACES = 'portcullis_controller_namespaces{pod="a", state="%s"}'
OLDEST = 'portcullis_controller_queue_oldest_seconds{pod="a"}'
BUCKET = 'portcullis_admission_duration_seconds_bucket{guard="flannel", le="%s"}'
UP = {"portcullis_build_info": "1x90"}


def case(alert, minutes, series, fires, case_id):
    return pytest.param(alert, minutes, UP | series, fires, id=case_id)


CASES = [
    pytest.param("PortcullisAbsent", 6, {"up": "1x90"}, True, id="no-replica"),
    case("PortcullisAbsent", 6, {}, False, "a-replica"),
    # The counter begins to exist with its first count: increase() alone sees nothing.
    case("PortcullisFailingOpen", 21, {FAIL_OPEN: "_x20 1x70"}, True, "first-let-through"),
    case("PortcullisFailingOpen", 60, {FAIL_OPEN: "_x20 1x70"}, False, "let-through-long-ago"),
    case("PortcullisFailingOpen", 41, {FAIL_OPEN: "5x39 6x50"}, True, "one-more-let-through"),
    case(
        "PortcullisFailingOpen",
        21,
        {'apiserver_admission_webhook_fail_open_count{name="other.example.org"}': "_x20 1x70"},
        False,
        "somebody-elses-webhook",
    ),
    case(
        "PortcullisCallsFail",
        21,
        {f'{REJECTION}{{{HOOK}, error_type="calling_webhook_error"}}': "_x20 1x70"},
        True,
        "refused-as-we-are-away",
    ),
    case(
        "PortcullisCallsFail",
        21,
        {f'{REJECTION}{{{HOOK}, error_type="no_error"}}': "0+1x90"},
        False,
        "refused-by-us",
    ),
    case(
        "PortcullisUnjudged",
        20,
        {'portcullis_admission_unjudged_total{guard="flannel", cause="DeadlineError"}': "0+1x90"},
        True,
        "deadlines",
    ),
    case(
        "PortcullisUnjudged",
        20,
        {
            "portcullis_admission_unjudged_total"
            '{guard="flannel", cause="MalformedReviewError"}': "0+1x90"
        },
        False,
        "malformed-objects",
    ),
    case(
        "PortcullisSlow",
        30,
        {BUCKET % "1.0": "0+0x90", BUCKET % "2.5": "0+9x90", BUCKET % "+Inf": "0+9x90"},
        True,
        "slow",
    ),
    case(
        "PortcullisSlow", 30, {BUCKET % "0.05": "0+9x90", BUCKET % "+Inf": "0+9x90"}, False, "fast"
    ),
    case(
        "PortcullisLeafExpiring",
        10,
        {EXPIRY % ("leaf", "a"): "90000x90", EXPIRY % ("leaf", "b"): "500000x90"},
        True,
        "leaf-not-renewed",
    ),
    case(
        "PortcullisLeafExpiring",
        10,
        {EXPIRY % ("leaf", "a"): "202000x90"},
        False,
        "leaf-due-for-renewal",
    ),
    case(
        "PortcullisAuthorityExpiring",
        80,
        # A replica that led long ago remembers the former authority.
        {
            EXPIRY % ("authority", "a"): "1000x90",
            EXPIRY % ("authority", "b"): "31536000x90",
        },
        False,
        "authority-replaced",
    ),
    case(
        "PortcullisAuthorityExpiring",
        80,
        {EXPIRY % ("authority", "a"): "5000000x90"},
        True,
        "authority-not-replaced",
    ),
    case(
        "PortcullisNoLeader",
        10,
        {
            'portcullis_controller_leader{pod="a"}': "0x90",
            'portcullis_controller_leader{pod="b"}': "0x90",
        },
        True,
        "nobody-leads",
    ),
    case(
        "PortcullisNoLeader",
        10,
        {
            'portcullis_controller_leader{pod="a"}': "0x90",
            'portcullis_controller_leader{pod="b"}': "1x90",
        },
        False,
        "one-leads",
    ),
    case(
        "PortcullisNamespacesUnsealed",
        10,
        {NAMESPACES % "unsealed": "3x90", OLDEST: "0+60x90"},
        True,
        "stuck",
    ),
    # A storm: always some wait, none of them long.
    case(
        "PortcullisNamespacesUnsealed",
        80,
        {NAMESPACES % "unsealed": "300x90", OLDEST: "5x90"},
        False,
        "storm",
    ),
    case(
        "PortcullisDriftNotRepaired",
        20,
        {NAMESPACES % "drifted": "1x90", OLDEST: "0+60x90"},
        True,
        "drift",
    ),
    case(
        "PortcullisDriftNotRepaired",
        80,
        {NAMESPACES % "drifted": "1x90", OLDEST: "1x90"},
        False,
        "repaired-as-it-comes",
    ),
    case(
        "PortcullisOverrideUsed",
        31,
        {FINDINGS % "overridden": "_x30 1x60"},
        True,
        "override",
    ),
    case(
        "PortcullisOverrideUsed",
        31,
        {FINDINGS % "refused": "_x30 1x60"},
        False,
        "refusal",
    ),
]


@pytest.mark.parametrize(("alert", "minutes", "series", "fires"), CASES)
def test_alerts_fire_when_they_should_and_not_otherwise(
    monitored, tmp_path, alert, minutes, series, fires
) -> None:
    """Rules are run by promtool over series, one sample a minute."""
    spec = monitored.one("PrometheusRule")["spec"]
    file = promtool.written(tmp_path / "rules.yaml", spec)
    query = f'count(ALERTS{{alertname="{alert}", alertstate="firing"}}) or vector(0)'
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": query,
                "eval_time": f"{minutes}m",
                "exp_samples": [{"labels": "{}", "value": int(fires)}],
            }
        ],
    }
    wanted = {"rule_files": [file], "evaluation_interval": "1m", "tests": [test]}

    assert "SUCCESS" in promtool.run(
        "test", "rules", promtool.written(tmp_path / "test.yaml", wanted)
    )


def test_every_alert_is_shown_to_fire_and_to_be_silent(rules) -> None:
    """An alert that nothing can set off, or nothing can calm, is no alert."""
    shown = {(it.values[0], it.values[3]) for it in CASES}

    assert {(name, fires) for name in rules for fires in (True, False)} == shown
