"""Check that policyTypes holds directions and nothing else."""

from collections.abc import Iterator
from itertools import islice

from webhook.checks.registry import Violation, check
from webhook.checks.subjects import PolicyChange
from webhook.model.text import quoted

_DIRECTIONS = ("Egress", "Ingress")
_MOST = 16
"""Wrong values that are told: whoever sends a review may send 100,000."""


@check("networkpolicy-policytypes-valid", PolicyChange)
def networkpolicy_policytypes_valid(change: PolicyChange) -> Iterator[Violation]:
    """Each of `spec.policyTypes` must be exactly Ingress or Egress.

    Why: the API server rejects anything else without telling what was meant.
    The commonest slip is a remark that YAML takes for a part of the value.

    Seen: in reviews sent by hand and in `make run`; offline `portcullis lint`
    tells the same. Not in a live cluster: the API server validates before it
    asks validating webhooks, so it refuses first (`The NetworkPolicy "web" is
    invalid: spec.policyTypes[0]: Unsupported value: …`), without the hint.

    Allowed: policies that were like this before, and are left so.

    Fix: in YAML a remark starts with ` #`, a blank before it.
    """
    if change.new is None:
        return
    wrong = (it for it in enumerate(change.new.policy_types) if it[1] not in _DIRECTIONS)
    found = list(islice(wrong, _MOST))
    if found and not (change.old is not None and change.old.says_as(change.new)):
        for index, value in found:
            told = quoted(str(value))
            message = f'Unsupported value: {told}: supported values: "Egress", "Ingress"'
            field = f"spec.policyTypes[{index}]"
            yield Violation("FieldValueNotSupported", field, message + _hint(value), final=True)


def _hint(value: object) -> str:
    meant = next((d for d in _DIRECTIONS if str(value).lower().startswith(d.lower())), None)
    if meant is None:
        return ""
    rest = str(value)[len(meant) :].strip()
    remark = (
        f'; {quoted(rest)} was probably meant as a remark, which YAML begins with " #"'
        if rest
        else ""
    )
    return f'; probably meant is "{meant}"{remark}'
