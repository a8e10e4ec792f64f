"""Labels of Namespaces that sealed namespaces trust: told, never refused."""

import pytest

from tests.fakes.cluster import FakeCluster
from webhook.admission.label_advice import LabelAdviser
from webhook.admission.picture import Pictures
from webhook.deadline import Deadline
from webhook.errors import UnavailableError
from webhook.lint.selectors import equal
from webhook.netpol.labels import Selector


def trusting(name, **labels):
    """A policy that lets pods of Namespaces with these labels in."""
    peer = {"namespaceSelector": {"matchLabels": labels}}
    spec = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": [peer]}]}
    return {"metadata": {"name": name}, "spec": spec}


@pytest.fixture
def cluster():
    """A sealed namespace and an open one, both with a policy that trusts ``team=web``."""
    fake = FakeCluster()
    for name, seal in {"db": "sealed", "open": "", "shop": "sealed"}.items():
        fake.add_namespace(name)
        fake.labels[name] = {"portcullis.dev/seal": seal} if seal else {}
        fake.policies[name, "from-web"] = trusting("from-web", team="web")
    return fake


def advise(cluster, before, after):
    """The warnings for the Namespace ``shop``."""
    adviser = LabelAdviser(Pictures(cluster, 100), budget=5.0)
    return list(adviser.advise("shop", before, after, Deadline.after(10)).warnings)


def test_a_sealed_namespace_that_trusts_the_label_is_named(cluster):
    """Neither one that is open anyway, nor the Namespace itself."""
    told = advise(cluster, {}, {"team": "web"})

    assert told == ["pods here may enter db: its policy from-web trusts team=web"]


def test_other_labels_say_nothing(cluster):
    """A label that nobody asks for is nobody's business."""
    assert advise(cluster, {}, {"team": "api"}) == []


def test_a_namespace_that_a_setting_protects_counts_too(cluster):
    """Though nobody sealed it."""
    cluster.labels["open"] = {"env": "prod"}
    chosen = Selector((equal("env", "prod"),))
    adviser = LabelAdviser(Pictures(cluster, 100), budget=5.0, protected=chosen)
    told = adviser.advise("shop", {}, {"team": "web"}, Deadline.after(10)).warnings

    assert [each.partition(":")[0] for each in told] == [
        "pods here may enter db",
        "pods here may enter open",
    ]


def test_many_are_counted(cluster):
    """Five lines, then a number."""
    for number in range(7):
        cluster.policies["db", f"more-{number}"] = trusting(f"more-{number}", team="web")

    told = advise(cluster, {}, {"team": "web"})

    assert (len(told), told[-1]) == (6, "3 more policies trust these labels")


def test_a_cluster_that_is_away_costs_nothing(cluster):
    """It is advice: without an answer the label may be set all the same."""
    cluster.fail("namespace_labels", UnavailableError("away"))

    assert advise(cluster, {}, {"team": "web"}) == []
