"""Check that a live cluster is not split by its net-conf.json."""

from collections.abc import Iterator

from webhook.checks.ratings import rated
from webhook.checks.registry import Violation, check
from webhook.checks.subjects import NetConfChange
from webhook.netconf import Rating


@check("netconf-split-live", NetConfChange)
def netconf_split_live(change: NetConfChange) -> Iterator[Violation]:
    """A live cluster's net-conf.json must not change so that its nodes lose each other's packets.

    Why: flanneld reads the file once, when it starts. After a change of VNI,
    Port, GBP, of the backend's type or of a shared key, nodes that restarted
    and nodes that did not drop each other's packets (rating X of
    docs/flannel.md, most rows measured with v0.28.10 and a kernel).

    Allowed: on a cluster where flannel never ran; the same effective value in
    another spelling; a repair of a file that flannel could not read.

    Fix: plan it. Drain what matters, override, change the ConfigMap, restart
    all flannel pods at once, test pod to pod across nodes.
    """
    yield from rated(change, Rating.SPLIT)
