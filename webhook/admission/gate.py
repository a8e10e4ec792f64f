"""The Pod gate: no pod object before the policies of its namespace."""

from dataclasses import dataclass
from typing import Protocol

from webhook.controller.plan import Plan
from webhook.deadline import Deadline
from webhook.errors import ClusterError
from webhook.metric_table import cause_of
from webhook.metrics import Recorder
from webhook.model.review import ALLOWED, AdmissionResponse, Attributes, refused


class Sealing(Protocol):
    """Makes a namespace sealed; `webhook.controller.sealer.Sealer` does."""

    def seal(self, name: str, deadline: Deadline) -> Plan | None:
        """Carry out the namespace's plan, None where it is gone."""


@dataclass(frozen=True, slots=True)
class PodGate:
    """Answers a Pod's CREATE once its namespace's policies stand.

    The API server sends only pods of namespaces that are marked pending, or
    not marked at all. Denying a pod here makes its ReplicaSet back off for up
    to 1,000 seconds, so the gate applies the policies itself, and denies only
    where that truly fails.
    """

    sealing: Sealing
    recorder: Recorder
    name: str = "gate"

    def answer(self, attributes: Attributes, deadline: Deadline) -> AdmissionResponse:
        """Seal the namespace if it is not, then allow; nothing is done on a dry run."""
        if attributes.dry_run or attributes.operation != "CREATE":
            return ALLOWED
        try:
            plan = self.sealing.seal(attributes.namespace, deadline)
        except ClusterError as error:
            self.recorder.unjudged(self.name, cause_of(error))
            return _not_sealed(attributes.namespace, error)
        if plan is None:
            return _gone(attributes.namespace)
        if not plan.idle:
            self.recorder.seal("gate", plan.reason)
        return ALLOWED


def _gone(namespace: str) -> AdmissionResponse:
    """A pod that outlives its Namespace would stand in the next one of that name first."""
    return refused(f'namespace "{namespace}" is gone, or going', code=404, reason="NotFound")


def _not_sealed(namespace: str, error: ClusterError) -> AdmissionResponse:
    return refused(
        f'namespace "{namespace}" has no default-deny NetworkPolicies yet, and they could not be '
        f"applied: {error}; the pod would start unprotected, so it has to wait: try again",
        code=503,
        reason="ServiceUnavailable",
    )
