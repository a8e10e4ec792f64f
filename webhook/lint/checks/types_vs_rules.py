"""Rules that policyTypes leaves without effect, and policyTypes left over from former rules."""

from collections.abc import Iterator

from webhook.lint.evidence import sticky
from webhook.lint.registry import Needs, Problem, Severity, lint
from webhook.lint.subject import Subject
from webhook.lint.traits import Trait
from webhook.netpol.model import Direction

_TYPES = ("spec", "policyTypes")
_UNENFORCED = (
    "egress rules are not enforced: policyTypes, once left out, stays [Ingress]; add Egress to it"
)
_DENIED = (
    "all egress is denied: policyTypes, once left out, keeps Egress of removed rules; set [Ingress]"
)


@lint(
    "types-vs-rules",
    Severity.ERROR,
    Subject,
    "hashicorp/vault-helm#662",
    "aws/amazon-network-policy-controller-k8s#229",
    "cilium/cilium#48703",
    needs=Needs.POLICY,
    all_of={Trait.TYPES_AMISS},
)
def types_vs_rules(subject: Subject) -> Iterator[Problem]:
    """The policyTypes are exactly the directions that the author means.

    Why: rules of a direction that policyTypes leaves out are ignored (the AWS controller and Cilium
    enforce them anyway, so the same policy does different things). `sticky`: the API server fills
    in policyTypes once. Left out of the manifest, it stays as it was when egress rules are added
    (which are then not enforced) or removed (all egress is then denied). That is told from the old
    and the new version, from the manifest that `kubectl apply` keeps in an annotation, or from
    managedFields, in which nobody owns policyTypes.

    Fix: write policyTypes out, always: `policyTypes: [Ingress, Egress]`.
    """
    policy = subject.policy
    left_over = sticky(subject.stored, subject.old)
    if left_over is not None:
        message = _UNENFORCED if left_over.lacks_egress else _DENIED
        severity = None if left_over.lacks_egress or left_over.proven else Severity.WARNING
        yield Problem(_TYPES, message, "sticky", severity)
    for direction in Direction:
        told = left_over is not None and direction is Direction.EGRESS
        if policy.rules(direction) and direction not in policy.types and not told:
            name = direction.lower()
            message = f"{name} rules are ignored: policyTypes lacks {direction}; add {direction}"
            yield Problem(("spec", name), message)
