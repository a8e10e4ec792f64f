"""Which API of reports a cluster has, which of our reports stand, and how one is written."""

import json

import pytest

from tests.fakes.apiserver import Answer, ApiServer, status
from webhook.cluster.client import Api
from webhook.cluster.reports import Reports, Standing
from webhook.deadline import Deadline
from webhook.errors import UnavailableError
from webhook.lint.policyreport import DIGEST_ANNOTATION, KINDS, NAME, report

OPEN, OLDER = KINDS
PATHS = [f"/apis/{kind.group}/{kind.version}" for kind in KINDS]


def soon() -> Deadline:
    return Deadline.after(5)


def serving(*resources: str) -> Answer:
    """A group and version with these resources."""
    return Answer(200, {"kind": "APIResourceList", "resources": [{"name": it} for it in resources]})


def standing(namespace: str, digest: str, generation: int, name: str = NAME) -> dict:
    annotations = {DIGEST_ANNOTATION: digest}
    metadata = {"name": name, "namespace": namespace, "generation": generation}
    return {"metadata": metadata | {"annotations": annotations}}


@pytest.mark.parametrize(
    ("newer", "older", "expected"),
    [
        pytest.param(serving("clusterreports", "reports"), None, OPEN, id="newer"),
        pytest.param(None, serving("policyreports"), OLDER, id="older"),
        pytest.param(serving("reports"), serving("policyreports"), OPEN, id="both"),
        pytest.param(serving("clusterreports"), serving("policyreports"), OLDER, id="half"),
        pytest.param(None, None, None, id="none"),
    ],
)
def test_the_newer_api_is_used_where_both_are(
    server: ApiServer, api: Api, newer: Answer | None, older: Answer | None, expected: object
) -> None:
    """And none where there is none; a group may serve other kinds alone."""
    for path, answer in zip(PATHS, (newer, older), strict=True):
        server.on("GET", path, answer or Answer(404, status("no such API", 404)))

    assert Reports(api).kind(soon()) is expected


def test_an_api_server_that_is_away_is_no_cluster_without_reports(
    server: ApiServer, api: Api
) -> None:
    """Else what stands would be forgotten."""
    server.on("GET", PATHS[0], Answer(503, status("away", 503)))

    with pytest.raises(UnavailableError):
        Reports(api).kind(soon())


def test_what_stands_is_listed_by_our_label_page_by_page(server: ApiServer, api: Api) -> None:
    """Metadata alone; a report of ours under another name is none of these."""
    first = {
        "metadata": {"continue": "more"},
        "items": [standing("a", "d1", 3), standing("a", "x", 1, name="other")],
    }
    second = {"metadata": {}, "items": [standing("b", "d2", 1)]}
    path = f"{PATHS[0]}/{OPEN.resource}"
    server.on("GET", path, Answer(200, first), Answer(200, second))
    found = Reports(api).standing(OPEN, soon())
    one, two = server.seen

    assert found == {"a": Standing("d1", 3), "b": Standing("d2", 1)}
    assert one.query["labelSelector"] == "app.kubernetes.io/managed-by=portcullis"
    assert "PartialObjectMetadataList" in one.headers["accept"]
    assert ("continue" in one.query, two.query["continue"]) == (False, "more")


def test_a_report_is_applied_under_our_field_manager(server: ApiServer, api: Api) -> None:
    """One in each namespace; how it stands is what the API server answers."""
    path = f"{PATHS[0]}/namespaces/shop/{OPEN.resource}/{NAME}"
    server.on("PATCH", path, Answer(201, standing("shop", "d", 7)))
    manifest = report(OPEN, "shop", [], 10)
    found = Reports(api).write(OPEN, manifest, soon())
    (seen,) = server.seen

    assert found == Standing("d", 7)
    assert json.loads(seen.body) == manifest
    assert seen.query["fieldManager"] == "portcullis"
