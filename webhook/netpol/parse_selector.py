"""Read labels and label selectors with the API server's validation.

``metav1validation.ValidateLabelSelector`` and ``content.IsLabelKey/IsLabelValue``
(staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/validation).
"""

import re
from collections.abc import Mapping

from webhook.netpol.fields import Field, quoted
from webhook.netpol.kept import kept
from webhook.netpol.labels import Operator, Requirement, Selector

_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_MAX_SUBDOMAIN = 253
_MAX_NAME = 63
_IN = Operator.IN


def is_subdomain(text: str) -> bool:
    """Tell whether a text is a DNS-1123 subdomain, as names and prefixes of keys must be."""
    return len(text) <= _MAX_SUBDOMAIN and _SUBDOMAIN.fullmatch(text) is not None


@kept(1 << 14, len, _MAX_SUBDOMAIN + 1 + _MAX_NAME)
def _is_key(key: str) -> bool:
    prefix, slash, name = key.rpartition("/")
    if slash and not is_subdomain(prefix):
        return False
    return _NAME.fullmatch(name) is not None


def _is_value(value: str) -> bool:
    return not value or _NAME.fullmatch(value) is not None


def _check_key(at: Field, key: str) -> str:
    if not _is_key(key):
        raise at.error(
            f"Invalid value: {quoted(key)}: a label key must be [prefix/]name: at most 63 letters, "
            "digits, '-', '_' or '.', beginning and ending with a letter or digit"
        )
    return key


def _check_value(at: Field) -> str:
    value = at.text()
    if not _is_value(value):
        raise at.invalid(
            "a label value must be empty or at most 63 letters, digits, '-', '_' or '.', "
            "beginning and ending with a letter or digit"
        )
    return value


def parse_labels(at: Field) -> dict[str, str]:
    """Read a map of labels."""
    labels = {}
    for key in at.mapping():
        value = at.get(key)
        labels[_check_key(value, key)] = _check_value(value)
    return labels


def by_labels(labels: Mapping[str, str]) -> Selector | None:
    """The selector of a ``matchLabels``; None where the API server would refuse it."""
    for key, value in labels.items():
        if not (_is_key(key) and _is_value(value)):
            return None
    return Selector(
        tuple([Requirement(key, _IN, (value,)) for key, value in sorted(labels.items())])
    )


def _parse_expression(at: Field) -> Requirement:
    at.only("key", "operator", "values")
    key = _check_key(at.get("key"), at.get("key").text())
    operator = at.get("operator")
    try:
        kind = Operator(operator.text())
    except ValueError:
        known = ", ".join(Operator)
        raise operator.invalid(f"not a valid selector operator, must be one of {known}") from None
    values = tuple(sorted({_check_value(value) for value in at.get("values").items()}))
    if kind in (Operator.IN, Operator.NOT_IN) and not values:
        raise at.get("values").error(f"Required value: must be specified when `operator` is {kind}")
    if kind in (Operator.EXISTS, Operator.DOES_NOT_EXIST) and values:
        raise at.get("values").error(f"Forbidden: may not be specified when `operator` is {kind}")
    return Requirement(key, kind, values)


def parse_selector(at: Field) -> Selector:
    """Read a ``metav1.LabelSelector``; null reads as empty, which matches everything."""
    at.only("matchLabels", "matchExpressions")
    requirements = {
        Requirement(key, Operator.IN, (value,))
        for key, value in parse_labels(at.get("matchLabels")).items()
    }
    requirements.update(map(_parse_expression, at.get("matchExpressions").items()))
    return Selector(tuple(sorted(requirements)))
