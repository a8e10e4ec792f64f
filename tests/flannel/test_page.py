"""docs/why-directrouting.md says what the tests beside this file measure."""

import json
from pathlib import Path

import pytest

from tests.flannel import needs, table
from tests.flannel.cluster import net_conf
from webhook.checks import CHECKS
from webhook.checks.registry import evaluate
from webhook.checks.subjects import FlannelNodes, NetConfChange
from webhook.netconf import parse

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "why-directrouting.md").read_text(encoding="utf-8")


def test_the_table_is_the_one_that_is_measured() -> None:
    """What a run on real nodes is held against stands on the page, cell by cell."""
    assert table.markdown() in PAGE


def test_the_page_names_the_flannel_that_is_built() -> None:
    """A newer flannel in go.mod is measured anew before the page may claim it."""
    assert f"flannel {needs.VERSION} (" in PAGE
    assert f"flannel-io/flannel {needs.VERSION} " in _go_mod()


def _go_mod() -> str:
    return Path(__file__).with_name("flanneld").joinpath("go.mod").read_text(encoding="utf-8")


@pytest.mark.parametrize("linked", [DOCS / "flannel.md", DOCS.parent / "README.md"])
def test_the_page_is_found(linked: Path) -> None:
    """Who reads what is refused gets to why."""
    assert "why-directrouting.md" in linked.read_text(encoding="utf-8")


@pytest.mark.parametrize("change", [pytest.param(c, id=i) for i, c in table.CHANGES.items()])
def test_each_change_is_refused_as_the_page_says(change: table.Change) -> None:
    """Known without a cluster too, so that a check that is renamed is not found on nodes alone."""
    old, new = (parse(json.dumps(net_conf(each))) for each in (change.before, change.after))
    live = FlannelNodes(live=True, pod_cidrs=(("a", ("10.244.1.0/24",)),))
    found = evaluate(CHECKS, NetConfChange("data[net-conf.json]", old, new, live))

    assert [change.refused_by] == [finding.check_id for finding in found]
