"""What a report looks like in each format."""

import json
import re
from xml.etree import ElementTree as ET

import pytest

from webhook.lint.catalogue import ALL_LINTS
from webhook.lint.registry import Finding, ObjectRef, Severity
from webhook.lint.render import RENDERERS
from webhook.lint.report import Place, Placed, Report

IDS = [lint.id for lint in ALL_LINTS]
AWKWARD = Place("a b/100%, <x>:é.yaml", 7, 3)
URI_REFERENCE = re.compile(r"(file://)?[A-Za-z0-9._~/%-]+")


def placed(severity=Severity.ERROR, message="m", place=AWKWARD, check_id="and-or", sub=""):
    name = ObjectRef("NetworkPolicy", "shop", "api")
    path = ("spec", "ingress", 0)
    return Placed(Finding(check_id, sub, severity, name, 0, path, message), place)


def render(output, *found, **rest):
    return RENDERERS[output](Report(found, policies=2, **rest))


def test_text_is_a_finding_a_line() -> None:
    """Place, severity, object, field, message and check stand on one line; counts follow."""
    found = [placed(sub="x"), placed(Severity.INFO, place=Place("f.yaml"))]

    assert [
        "a b/100%, <x>:é.yaml:7:3: error: NetworkPolicy shop/api: spec.ingress[0]: m [and-or/x]",
        "f.yaml:1:1: info: NetworkPolicy shop/api: spec.ingress[0]: m [and-or]",
        "1 error, 1 info in 2 NetworkPolicies",
    ] == render("text", *found).splitlines()


def test_text_of_nothing() -> None:
    """That nothing is wrong is said."""
    assert "nothing found in 2 NetworkPolicies\n" == render("text")


def test_json_tells_all() -> None:
    """JSON has every part of a finding, the counts, and whether the run failed."""
    value = json.loads(render("json", placed(sub="x")))

    assert value == {
        "findings": [
            {
                "check": "and-or",
                "variant": "x",
                "severity": "error",
                "kind": "NetworkPolicy",
                "namespace": "shop",
                "name": "api",
                "field": "spec.ingress[0]",
                "message": "m",
                "file": "a b/100%, <x>:é.yaml",
                "line": 7,
                "column": 3,
            }
        ],
        "policies": 2,
        "counts": {"error": 1, "warning": 0, "info": 0},
        "failed": True,
    }


def test_sarif_rules() -> None:
    """Every check that was run is a rule, with texts, help and its default level."""
    log = json.loads(render("sarif", off=frozenset({"and-or"})))
    rules = log["runs"][0]["tool"]["driver"]["rules"]

    assert ("2.1.0", "portcullis") == (log["version"], log["runs"][0]["tool"]["driver"]["name"])
    assert [each for each in IDS if each != "and-or"] == [rule["id"] for rule in rules]
    assert all(rule["shortDescription"]["text"] and rule["help"]["markdown"] for rule in rules)
    assert {"error", "warning", "note"} == {r["defaultConfiguration"]["level"] for r in rules}


def test_sarif_results() -> None:
    """A result names its rule by id and index, its level, its place and where it logically is."""
    found = [placed(severity) for severity in Severity]
    (run,) = json.loads(render("sarif", *found))["runs"]
    result = run["results"][0]
    (location,) = result["locations"]
    physical = location["physicalLocation"]

    assert ["error", "warning", "note"] == [each["level"] for each in run["results"]]
    assert result["ruleId"] == run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"]
    assert {"startLine": 7, "startColumn": 3} == physical["region"]
    assert URI_REFERENCE.fullmatch(physical["artifactLocation"]["uri"])
    assert (
        "NetworkPolicy shop/api spec.ingress[0]"
        == (location["logicalLocations"][0]["fullyQualifiedName"])
    )


@pytest.mark.parametrize(
    ("file", "uri"),
    [
        pytest.param("./k8s/a.yaml", "k8s/a.yaml", id="relative"),
        pytest.param("/tmp/a.yaml", "file:///tmp/a.yaml", id="absolute"),
        pytest.param("a b%.yaml", "a%20b%25.yaml", id="escaped"),
        pytest.param("é.yaml", "%C3%A9.yaml", id="beyond-ascii"),
        pytest.param("<stdin>", "%3Cstdin%3E", id="standard-input"),
    ],
)
def test_sarif_uris(file, uri) -> None:
    """Files are URI references."""
    (run,) = json.loads(render("sarif", placed(place=Place(file))))["runs"]
    physical = run["results"][0]["locations"][0]["physicalLocation"]

    assert uri == physical["artifactLocation"]["uri"]


def test_junit_counts() -> None:
    """A finding that fails the run is a failure; a milder one passes, and a check without any."""
    message = "a \"<b>\" & 'c' ]]>"
    found = [placed(message=message), placed(Severity.INFO)]
    root = ET.fromstring(render("junit", *found, off=frozenset({"redundant"})))
    suites = {suite.get("name"): suite for suite in root}
    cases = list(suites["and-or"])

    assert [each for each in IDS if each != "redundant"] == list(suites)
    assert (str(len(IDS)), "1") == (root.get("tests"), root.get("failures"))
    assert (message, "error") == (cases[0][0].get("message"), cases[0][0].get("type"))
    assert ["failure", "system-out"] == [case[0].tag for case in cases]
    assert ("a b/100%, <x>:é.yaml", "7") == (cases[0].get("file"), cases[0].get("line"))
    assert [] == list(suites["yaml-bool"][0])


def test_github_commands() -> None:
    """A finding is a workflow command; an info is a notice."""
    found = [placed(severity, place=Place("f.yaml", 2, 5)) for severity in Severity]
    tail = "file=f.yaml,line=2,col=5,title=and-or::NetworkPolicy shop/api: spec.ingress[0]: m"

    assert [f"::{name} {tail}" for name in ("error", "warning", "notice")] == (
        render("github", *found).splitlines()
    )


def test_github_escapes() -> None:
    """Nothing in a file's name or a message begins another property or another command."""
    evil = placed(message="50%\n::error::x", place=Place("a,line=9:%\r.yaml"))
    (line,) = render("github", evil).splitlines()

    assert "::error file=a%2Cline=9%3A%25%0D.yaml,line=1,col=1,title=and-or::" in line
    assert line.endswith(": 50%25%0A::error::x")


@pytest.mark.parametrize(
    ("fail_on", "failed"),
    [
        pytest.param(Severity.ERROR, False, id="error"),
        pytest.param(Severity.WARNING, True, id="warning"),
        pytest.param(Severity.INFO, True, id="info"),
        pytest.param(None, False, id="never"),
    ],
)
def test_a_run_fails_from_a_severity_on(fail_on, failed) -> None:
    """A finding fails the run if it is as severe as asked for."""
    report = Report((placed(Severity.WARNING),), 1, fail_on=fail_on)

    assert report.failed is failed
