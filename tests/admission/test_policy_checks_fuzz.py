"""Whatever NetworkPolicy comes amid whatever cluster, all checks on: an answer that fits."""

import json
import logging
import random

import msgspec
import pytest

from tests.fakes.cluster import FakeCluster
from tests.netpol.clusters import NAMESPACES, pod, policy
from tests.reviews import review
from webhook.bootstrap import admission as compose
from webhook.deadline import Deadline
from webhook.metrics import SilentRecorder
from webhook.model.pods import PodObject
from webhook.model.review import decode_review
from webhook.model.text import MAX_TOTAL_RUNES, MAX_WARNINGS
from webhook.netpol.fields import Field
from webhook.netpol.parse_policy import parse_policy
from webhook.settings import load


def stored(made):
    """The policy with the defaults of the API server: types, protocols, no empty lists."""
    made = json.loads(json.dumps(made))
    spec = made["spec"]
    spec["policyTypes"] = sorted(parse_policy(Field(made)).types)
    spec["podSelector"] = spec.get("podSelector") or {}
    for direction in ("ingress", "egress"):
        rules = [{k: v for k, v in rule.items() if v} for rule in spec.pop(direction, None) or []]
        for rule in rules:
            if "ports" in rule:
                rule["ports"] = [{"protocol": "TCP"} | port for port in rule["ports"]]
        spec |= {direction: rules} if rules else {}
    return made


def world(rng):
    """Namespaces of every mark, some pods and policies."""
    cluster = FakeCluster()
    for name in (*NAMESPACES, "kube-system"):
        cluster.add_namespace(name, seal=rng.choice(("sealed", "exempt", None)))
        cluster.labels[name] = {"team": rng.choice(("red", "blue"))}
    cluster.pod_list += [msgspec.convert(pod(rng, number), PodObject) for number in range(1, 6)]
    for number in range(rng.randint(0, 4)):
        stand(cluster, stored(policy(rng, f"p{number}")))
    return cluster


def stand(cluster, made):
    """Put a policy there."""
    where = made["metadata"]["namespace"]
    cluster.policies[where, made["metadata"]["name"]] = {k: made[k] for k in ("metadata", "spec")}


def change(rng, cluster):
    """A policy that is made, changed or deleted."""
    new, old = stored(policy(rng, "new")), stored(policy(rng, "new"))
    old["metadata"]["namespace"] = new["metadata"]["namespace"]
    operation = rng.choice(("CREATE", "UPDATE", "DELETE"))
    if operation != "CREATE":
        stand(cluster, old)
    return review(
        operation,
        None if operation == "DELETE" else new,
        None if operation == "CREATE" else old,
    )


@pytest.mark.parametrize("action", ["warn", "deny"])
def test_there_is_an_answer(action, tmp_path, caplog) -> None:
    """Allowed or refused with a reason, within the limits of warnings; nothing fails inside."""
    chosen = {"reopened": "off", "checks": [{"checks": ["*"], "action": action}]}
    (tmp_path / "settings.json").write_text(json.dumps({"networkPolicies": chosen}))
    settings = str(tmp_path / "settings.json")
    environment = load({"POD_NAMESPACE": "portcullis-system", "PORTCULLIS_SETTINGS": settings})
    refused = 0
    for seed in range(150):
        rng = random.Random(seed)
        cluster = world(rng)
        body = json.dumps(change(rng, cluster)).encode()
        made = compose(environment, SilentRecorder(), cluster)
        response = made.validate(decode_review(body), Deadline.after(10))
        refused += not response.allowed

        assert response.allowed or response.code == 403, f"seed {seed}: {response.message}"
        assert len(response.warnings) <= MAX_WARNINGS
        assert sum(map(len, response.warnings)) < MAX_TOTAL_RUNES
        assert all(each.isprintable() for each in response.warnings)
    assert (refused > 0) is (action == "deny")
    assert [each for each in caplog.records if each.levelno >= logging.ERROR] == []
