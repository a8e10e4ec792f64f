"""Manifests that do not say where they belong."""

from collections.abc import Iterator

from webhook.lint.registry import Needs, Problem, Severity, lint
from webhook.lint.subject import Subject


@lint("no-namespace", Severity.WARNING, Subject, "mattfenwick/cyclonus lint", needs=Needs.MANIFESTS)
def no_namespace(subject: Subject) -> Iterator[Problem]:
    """A manifest of a policy names its namespace.

    Why: without one it lands in kubectl's current namespace, and protects other pods than meant. A
    remark where no object of the input names one, as Helm and kustomize write them.

    Fix: `metadata.namespace`.
    """
    metadata = subject.value.get("metadata") or {}
    if not metadata.get("namespace"):
        severity = None if subject.cluster.facts.mentioned else Severity.INFO
        message = "no namespace: this lands in kubectl's current one; write metadata.namespace"
        yield Problem(("metadata",), message, severity=severity)
