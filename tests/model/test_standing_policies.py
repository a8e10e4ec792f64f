"""What stands beside what should: missing, edited, left over, in the way."""

from typing import Any

import msgspec
import pytest

from webhook.model.policies import StandingPolicy, compare
from webhook.model.profiles import Manifest, policies

WANTED = policies("deny-all", dns=False)
(DENY,) = WANTED
NAME = "portcullis-deny-all"
LABELS = DENY["metadata"]["labels"]
OURS = [{"manager": "portcullis"}]
THEIRS = [{"manager": "kubectl"}]
GIVEN = {"portcullis.dev/take-over": "true"}


def standing(
    name: str = NAME,
    labels: dict[str, str] | None = None,
    managers: list[dict[str, str]] = OURS,
    annotations: dict[str, str] | None = None,
    owners: list[dict[str, str]] | None = None,
    **spec: Any,
) -> StandingPolicy:
    metadata = {"name": name, "labels": LABELS if labels is None else labels}
    metadata |= {"annotations": annotations or {}, "ownerReferences": owners}
    value: Manifest = {"metadata": metadata | {"managedFields": managers}}
    return msgspec.convert({**value, "spec": {**DENY["spec"], **spec}}, StandingPolicy)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param([], "missing", id="nothing"),
        pytest.param([standing()], "", id="as it should be"),
        pytest.param([standing(managers=THEIRS)], "edited", id="our manager taken off"),
        pytest.param([standing(owners=[{"kind": "Job"}])], "edited", id="an owner given"),
        pytest.param([standing(ingress=[{}])], "edited", id="a rule added"),
        pytest.param([standing(policyTypes=["Ingress"])], "edited", id="a type taken away"),
        pytest.param([standing(labels={})], "edited", id="our label stripped"),
        pytest.param([standing(labels=LABELS | {"a": "b"})], "", id="a label of their own"),
        pytest.param([standing(managers=THEIRS, ingress=[{}])], "edited", id="replaced, labelled"),
        pytest.param([standing(labels={}, managers=THEIRS)], "foreign", id="nothing is ours"),
        pytest.param(
            [standing(labels={}, managers=THEIRS, annotations=GIVEN)], "edited", id="given to us"
        ),
        pytest.param(
            [standing(), standing("portcullis-old", {}, THEIRS, GIVEN)], "", id="given, of no use"
        ),
        pytest.param([standing(), standing("portcullis-old")], "orphans", id="left over"),
        pytest.param([standing(), standing("old")], "", id="left over, not our name"),
        pytest.param([standing(), standing("portcullis-old", {})], "", id="left over, no label"),
        pytest.param(
            [standing(), standing("portcullis-old", managers=THEIRS)], "", id="left over, forged"
        ),
    ],
)
def test_compare(found: list[StandingPolicy], expected: str) -> None:
    """Each difference is one kind of change, and what is not ours is none."""
    changes = compare(WANTED, found)
    kinds = [kind for kind in ("missing", "edited", "orphans", "foreign") if getattr(changes, kind)]

    assert kinds == ([expected] if expected else [])
    assert bool(changes) is bool(expected)
