"""The way of a review: find its guard, gather, evaluate, ask for an override, answer.

Whatever goes wrong inside becomes a decision: a failure of enforcing refuses
(and says so), a failure of marking allows; nothing is ever raised to the server.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from webhook.admission import answer, journal, override
from webhook.admission.gate import PodGate
from webhook.admission.guard import Case, Guard
from webhook.admission.journal import Judged
from webhook.admission.wishes import Wishes
from webhook.checks import CHECKS
from webhook.checks.registry import Check, Finding, evaluate
from webhook.checks.subjects import ProfileWish
from webhook.controller.plan import Rules
from webhook.deadline import Deadline
from webhook.defaulting import mark_namespace
from webhook.errors import ClusterError, MalformedReviewError
from webhook.interfaces import Authorizer, Events
from webhook.metric_table import cause_of
from webhook.metrics import Recorder
from webhook.model.objects import ObjectMeta
from webhook.model.review import ALLOWED, AdmissionResponse, Attributes, allowed, refused, unjudged
from webhook.model.text import fit_warnings
from webhook.rationed import TRACEBACKS, RationedLog

logger = logging.getLogger(__name__)

NONE = "none"
"""Metric label of reviews that no guard judges."""


@dataclass(frozen=True, slots=True)
class Admission:
    """Decides reviews.

    Args:
        guards: by ``group/resource`` of the request (``/configmaps``), or for one operation alone
            (``DELETE /namespaces``), or for one object (``/configmaps/kube-system/calico-config``);
            the narrower comes first.
        gate: answers Pods; None where default deny is off.
        rules: of default deny, None where it is off.
        authorizer: tells who may override.
        events: where overrides are recorded.
        recorder: counts.
        tells_refusals: record refusals as Events, too.
        checks: what is evaluated.
        log: takes what reviews alone can cause, so much of it.
        bugs: takes what only a bug causes, in any review; their tracebacks are long.
    """

    guards: Mapping[str, Guard]
    gate: PodGate | None
    rules: Rules | None
    authorizer: Authorizer
    events: Events
    recorder: Recorder
    tells_refusals: bool = False
    checks: Sequence[Check[Any]] = field(default=CHECKS)
    log: RationedLog = field(default_factory=lambda: RationedLog(logger))
    bugs: RationedLog = field(default_factory=lambda: RationedLog(logger, TRACEBACKS))

    def validate(self, attributes: Attributes, deadline: Deadline) -> AdmissionResponse:
        """Answer a validating review; never raises."""
        key = f"{attributes.resource.group}/{attributes.resource.resource}"
        operation_key = f"{attributes.operation} {key}"
        if key == "/pods" and self.gate is not None:
            gate = self.gate
            return self._decided(
                gate.name, attributes, lambda: Judged(gate.answer(attributes, deadline))
            )
        object_key = f"{key}/{attributes.namespace}/{attributes.name}"
        guards = self.guards
        guard = guards.get(object_key) or guards.get(operation_key) or guards.get(key)
        if guard is None:
            return self._decided(NONE, attributes, lambda: Judged(ALLOWED))
        return self._decided(
            guard.name, attributes, lambda: self._judge(guard, attributes, deadline)
        )

    def mutate(self, attributes: Attributes, deadline: Deadline) -> AdmissionResponse:
        """Answer a mutating review: marks new Namespaces; never raises, never refuses."""
        response = self._decided(
            "marking", attributes, lambda: Judged(self._mark(attributes, deadline))
        )
        return response if response.allowed else allowed(audit={"not-marked": response.message})

    def _decided(
        self, name: str, attributes: Attributes, decide: Callable[[], Judged]
    ) -> AdmissionResponse:
        started = time.perf_counter()
        judged = _explicit(decide, attributes)
        seconds = time.perf_counter() - started
        self.recorder.review(
            name, attributes.operation, judged.verdict, dry_run=attributes.dry_run, seconds=seconds
        )
        if judged.error is not None:
            self.recorder.unjudged(name, cause_of(judged.error))
        journal.write(name, attributes, judged, seconds)
        return judged.response

    def _mark(self, attributes: Attributes, deadline: Deadline) -> AdmissionResponse:
        is_namespace = (attributes.resource.group, attributes.resource.resource) == (
            "",
            "namespaces",
        )
        if self.rules is None or not is_namespace or attributes.operation != "CREATE":
            return ALLOWED
        metadata = attributes.metadata()
        wish = self._wish(attributes, metadata, deadline)
        if wish is None:
            return allowed(patch=mark_namespace(metadata, self.rules))
        findings = evaluate(self.checks, wish)
        replaced = [answer.replaced(finding, wish.setting) for finding in findings]
        patch = mark_namespace(metadata, self.rules, None if replaced else wish.profile)
        return allowed(patch=patch, warnings=fit_warnings(replaced))

    def _wish(
        self, attributes: Attributes, metadata: ObjectMeta, deadline: Deadline
    ) -> ProfileWish | None:
        """The profile that its author wishes; none that may have one if that cannot be asked."""
        if self.rules is None:
            return None
        try:
            wishes = Wishes(self.rules, self.authorizer)
            return wishes.of_new(metadata, attributes.user, deadline)
        except ClusterError as error:
            told = {"uid": attributes.uid, "error": str(error)}
            self.log.tell("wish not judged", told)
            return None

    def _judge(self, guard: Guard, attributes: Attributes, deadline: Deadline) -> Judged:
        case = guard.gather(attributes, deadline)
        if case is None:
            return Judged(ALLOWED)
        findings = [f for each in case.subjects for f in evaluate(self.checks, each)]
        findings += case.findings
        if not findings and not case.permitted:
            _admit(case, attributes)
            response = answer.judged((), override.NONE, case.warnings)
            return Judged(self._advised(case, attributes, response))
        granted = override.ask(self.authorizer, attributes.user, case.metadata, findings, deadline)
        stays = granted.granted and attributes.operation != "DELETE"
        further = (*case.overridden, *([override.STAYS] if stays else []))
        warnings = (*case.warnings, *(further if granted.granted else ()))
        response = answer.judged(findings, granted, warnings, case.permitted)
        ids = [finding.check_id for finding in findings]
        if response.allowed:
            _admit(case, attributes)
            ids += [each.check_id for each in case.permitted]
        judged = Judged(self._advised(case, attributes, response), ids, granted.reason)
        self._record(attributes, case, findings, granted, judged)
        return judged

    def _advised(
        self, case: Case, attributes: Attributes, response: AdmissionResponse
    ) -> AdmissionResponse:
        """The answer with advice; advice is never a reason to refuse."""
        if case.advise is None or not response.allowed:
            return response
        try:
            advice = case.advise()
        except Exception as error:  # noqa: BLE001 - told with its traceback
            self.bugs.tell("no advice", {"uid": attributes.uid}, error)
            return response
        for check_id in advice.warned:
            self.recorder.finding(check_id, "warned")
        return answer.advised(response, advice)

    def _record(
        self,
        attributes: Attributes,
        case: Case,
        findings: Sequence[Finding],
        granted: override.Override,
        judged: Judged,
    ) -> None:
        allowed = judged.response.allowed
        for finding in findings:
            overridden = allowed and granted.covers(finding)
            self.recorder.finding(finding.check_id, "overridden" if overridden else "refused")
        for permitted in case.permitted if allowed else ():
            self.recorder.finding(permitted.check_id, "overridden")
        if (allowed or self.tells_refusals) and not attributes.dry_run:
            self.events.record(journal.event(attributes, case.metadata, judged))


def _admit(case: Case, attributes: Attributes) -> None:
    if case.admitted and not attributes.dry_run:
        case.admitted()


def _explicit(decide: Callable[[], Judged], attributes: Attributes) -> Judged:
    """Run a decision; what it raises becomes one."""
    try:
        return decide()
    except MalformedReviewError as error:
        return Judged(refused(str(error), code=400, reason="BadRequest"), error=error)
    except ClusterError as error:
        message = f"portcullis could not judge this change: {error}; try again"
        return Judged(unjudged(message), error=error)
    except Exception as error:  # noqa: BLE001 - the journal logs it, with its traceback
        message = (
            "portcullis failed inside and refuses what it cannot judge; its log has request uid "
            f"{attributes.uid}"
        )
        return Judged(unjudged(message), error=error)
