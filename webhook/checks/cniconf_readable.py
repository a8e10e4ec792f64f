"""Check that the CNI configuration can be loaded."""

from collections.abc import Iterator

from webhook.checks.registry import Violation, check
from webhook.checks.subjects import CniChange


@check("cniconf-readable", CniChange)
def cniconf_readable(change: CniChange) -> Iterator[Violation]:
    """cni-conf.json, and canal's cni_network_config, must be what libcni can load.

    Why: an init container copies the file onto each node without a look at
    it, over the good one that stands there. From then on the runtime reports
    that CNI is not initialised, and no new pod starts (libcni
    `ConfListFromBytes`; flannel-io/cni-plugin forbids `delegate.name` and
    `delegate.ipam`).

    Allowed: placeholders such as `__CNI_MTU__` in canal's template; a file
    that is left as it was.

    Fix: correct the key that the message names.
    """
    for field, fault in change.faults:
        if fault.fatal:
            path = f"{field}.{fault.key}" if fault.key else field
            yield Violation(
                "FieldValueInvalid",
                path,
                f"{fault.message}; each node copies it when its flannel pod restarts next, and "
                "starts no new pod from then on",
            )
