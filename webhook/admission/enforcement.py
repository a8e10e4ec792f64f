"""Whether the cluster enforces NetworkPolicies, asked now and then."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Final, Protocol

from webhook.deadline import Deadline
from webhook.enforcement import Verdict, judge
from webhook.errors import ClusterError
from webhook.interfaces import DaemonSets, Nodes
from webhook.waiting import holding

logger = logging.getLogger(__name__)

FRESH_SECONDS: Final = 300.0
"""How long a verdict is good for: network plugins change seldom, and it is but a warning."""
FAILED_SECONDS: Final = 30.0
"""How long a failure is: a cluster that cannot be asked is not asked by every review."""
ASK_SECONDS: Final = 1.0
"""Time for the question; the review that waits for it has two seconds in all."""


class PluginReader(DaemonSets, Nodes, Protocol):
    """What is asked of the cluster."""


class Enforcement:
    """Knows the verdict; thread-safe.

    Args:
        cluster: lists DaemonSets, and Nodes where no DaemonSet tells.
        clock: seconds on a scale that does not jump.
    """

    def __init__(self, cluster: PluginReader, clock: Callable[[], float] = time.monotonic) -> None:
        self._cluster = cluster
        self._clock = clock
        self._lock = threading.Lock()
        self._verdict: Verdict | None = None
        self._until = -float("inf")

    def warning(self, deadline: Deadline) -> str | None:
        """What the author of a NetworkPolicy should know; never raises, None where in doubt."""
        with holding(self._lock):
            if self._clock() >= self._until:
                self._ask(deadline)
            return self._verdict.warning if self._verdict else None

    def _ask(self, deadline: Deadline) -> None:
        short = Deadline.after(min(ASK_SECONDS, deadline.remaining()))
        try:
            self._verdict = verdict(self._cluster, short)
            self._until = self._clock() + FRESH_SECONDS
        except ClusterError as error:
            self._until = self._clock() + FAILED_SECONDS
            logger.info("network plugin not known", extra={"error": str(error)})
            return
        fields = {"cni": self._verdict.cni, "enforced": self._verdict.enforced}
        logger.info("network plugin", extra={**fields, "evidence": self._verdict.evidence})


def verdict(cluster: PluginReader, deadline: Deadline) -> Verdict:
    """Ask the cluster; Nodes are read only where no DaemonSet tells.

    Raises:
        ClusterError: it could not be asked.
    """
    return judge(cluster.daemon_sets(deadline), cluster.nodes(deadline))
