"""Check that flannel can start with its net-conf.json."""

from collections.abc import Iterator

from webhook.checks.registry import Violation, check
from webhook.checks.subjects import NetConfChange
from webhook.netconf import NetConfError


@check("netconf-readable", NetConfChange)
def netconf_readable(change: NetConfChange) -> Iterator[Violation]:
    """net-conf.json must be what flanneld can start with.

    Why: flanneld reads the file once, when it starts, and exits when it cannot
    use it. Nothing happens at the change itself; each node loses its network
    at its next restart of the flannel pod (main.go, pkg/subnet/kube/kube.go).

    Allowed: anything that flanneld reads, such as keys in another case;
    leaving a file that was unreadable before as it is.

    Fix: correct the place that the message shows. `portcullis netconf FILE`
    tells the same before anything is applied.
    """
    error = change.new
    if isinstance(error, NetConfError):
        told = error.discreet()
        field = f"{change.field}.{told.key}" if told.key else change.field
        yield Violation("FieldValueInvalid", field, _explain(told))


def _explain(error: NetConfError) -> str:
    lines = [
        f"{error.detail} (line {error.line}, column {error.column})",
        "flanneld exits on this at its next start, and the node loses its network",
    ]
    if not error.tells_secrets:
        lines.insert(1, error.caret())
    return "\n".join(lines)
