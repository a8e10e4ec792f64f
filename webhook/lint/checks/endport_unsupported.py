"""Port ranges where an agent knows none."""

import re
from collections.abc import Iterator

from webhook.lint.facts import Image
from webhook.lint.registry import Needs, Problem, Severity, lint
from webhook.lint.subject import Subject

_WITHOUT = ("weave-npc", "azure-npm", "aci-containers-host", "aci-containers-controller")
_CILIUM = re.compile(r"v?(\d+)\.(\d+)")
_CILIUM_RANGES = (1, 16)


@lint(
    "endport-unsupported",
    Severity.WARNING,
    Subject,
    "cilium/cilium#28684",
    "Azure/azure-container-networking#2313",
    "noironetworks/aci-containers#1653",
    "kubernetes/kubernetes#110868",
    needs=Needs.MANIFESTS,
)
def endport_unsupported(subject: Subject) -> Iterator[Problem]:
    """The cluster's agent knows port ranges.

    Why: an agent that does not know `endPort` opens only `port`. Told only where the DaemonSets of
    the input show one: weave-npc, azure-npm, ACI, Cilium before 1.16.

    Fix: renew the agent, or list the ports one by one.
    """
    agent = next(filter(_lacks, subject.cluster.facts.images), None)
    for at in subject.rules:
        for path, _, raw in at.ports:
            if agent is not None and raw.get("endPort") not in (None, raw.get("port")):
                message = (
                    f"{agent.name} does not know endPort and opens {raw['port']} only: "
                    "list the ports"
                )
                yield Problem((*path, "endPort"), message)


def _lacks(image: Image) -> bool:
    if image.name != "cilium":
        return image.name in _WITHOUT
    version = _CILIUM.match(image.tag)
    return version is not None and (int(version[1]), int(version[2])) < _CILIUM_RANGES
