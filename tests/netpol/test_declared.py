"""What a policy opens by itself, beside what it opens in effect."""

import pytest
import yaml

from webhook.netpol.engine import declared, diff
from webhook.netpol.fields import Field
from webhook.netpol.model import Direction
from webhook.netpol.parse import parse_world
from webhook.netpol.parse_policy import parse_policy

CLUSTER = """
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: blue, labels: {app: client}}
spec: {containers: []}
---
apiVersion: v1
kind: Pod
metadata: {name: server, namespace: red, labels: {app: server}}
spec: {containers: []}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: blue}
spec: {podSelector: {}, policyTypes: [Egress]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: red}
spec: {podSelector: {}}
"""
OPENS = """
metadata: {name: open, namespace: red}
spec:
  podSelector: {matchLabels: {app: server}}
  ingress: [{from: [{namespaceSelector: {}}], ports: [{port: 80}]}]
"""


class TooLateError(Exception):
    """What a caller's checkpoint raises."""


def test_a_caller_may_give_up():
    """A diff asks its checkpoint as it goes, and whatever that raises ends it."""
    before = parse_world(yaml.safe_load_all(CLUSTER))

    def checkpoint():
        raise TooLateError

    with pytest.raises(TooLateError):
        diff(before, before.without_policy("red", "deny"), checkpoint=checkpoint)


def test_an_ineffective_opening():
    """A rule may open what the other side still denies: declared, not effective."""
    before = parse_world(yaml.safe_load_all(CLUSTER))
    after = before.with_policy(parse_policy(Field(yaml.safe_load(OPENS))))
    ingress = declared(before, after, Direction.INGRESS)

    assert [] == list(diff(before, after).opened)
    assert [("blue/client", "red/server", "TCP 80")] == [
        (row.src, row.dst, row.conn) for row in ingress.opened
    ]
    assert [] == list(declared(before, after, Direction.EGRESS).opened)
