"""The API server's own clock of its webhooks, read from its metrics: a Prometheus histogram.

``apiserver_admission_webhook_admission_duration_seconds`` tells the sum of all calls and how many
of them were done within each of a few bounds (5, 25, 100, 500 ms), as k8s.io/apiserver's
admission/metrics has them. A quantile of it is an estimate, made as ``histogram_quantile`` of
PromQL makes it, and no finer than the bounds.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf

_SAMPLE = re.compile(
    r"^apiserver_admission_webhook_admission_duration_seconds_(sum|count|bucket)"
    r"\{(.*)\} (\S+)$",
    re.MULTILINE,
)
_BOUND = re.compile(r'\ble="([^"]+)"')


@dataclass(frozen=True)
class Calls:
    """Calls of all webhooks.

    Args:
        seconds: that they took.
        count: how many there were.
        within: how many took at most so many seconds, by the bound.
    """

    seconds: float = 0.0
    count: float = 0.0
    within: Mapping[float, float] = field(default_factory=dict)

    def __sub__(self, earlier: "Calls") -> "Calls":
        """The calls since an earlier reading."""
        return Calls(
            self.seconds - earlier.seconds,
            self.count - earlier.count,
            {bound: n - earlier.within.get(bound, 0.0) for bound, n in self.within.items()},
        )

    @property
    def mean(self) -> float:
        """Seconds of a call; 0 where there was none."""
        return self.seconds / self.count if self.count else 0.0

    def share(self, bound: float) -> float:
        """The part of the calls that took at most so many seconds, which must be a bound."""
        return self.within.get(bound, 0.0) / self.count if self.count else 0.0

    def quantile(self, part: float) -> float:
        """Seconds within which a part of the calls was done; linear between two bounds."""
        rank, low, below = part * self.count, 0.0, 0.0
        for bound in sorted(self.within):
            upto = self.within[bound]
            if upto >= rank and upto > below:
                inside = (rank - below) / (upto - below)
                return low if bound == inf else low + (bound - low) * inside
            low, below = bound, upto
        return 0.0


def read(metrics: str) -> Calls:
    """Add up all webhooks in the text that an API server's ``/metrics`` gives."""
    seconds = count = 0.0
    within: defaultdict[float, float] = defaultdict(float)
    for kind, labels, value in _SAMPLE.findall(metrics):
        if kind == "sum":
            seconds += float(value)
        elif kind == "count":
            count += float(value)
        elif bound := _BOUND.search(labels):
            within[float(bound[1])] += float(value)
    return Calls(seconds, count, within)
