"""Whether this replica takes requests: warming → serving → leaving → gone.

::

    WARMING   no certificate or no cluster yet    /readyz 503   reviews 503, retried elsewhere
    SERVING                                       /readyz 200   reviews answered
      … in doubt: the API server would refuse us  /readyz 503   reviews answered
    LEAVING   told to stop, still in rotation     /readyz 503   reviews answered, Connection: close
    GONE      drain time over                     /readyz 503   reviews 503, retried elsewhere

A 503 carries ``Retry-After: 1``: the API server's client then asks again, on a
new connection, within the webhook's timeout (client-go rest/with_retry.go).
Closing connections while leaving moves the API server's kept-alive ones to the
other replicas before this one goes (kubernetes/kubernetes issue 127335).
"""

from dataclasses import dataclass
from enum import Enum


class State(Enum):
    """The states of a replica, in order."""

    WARMING = "warming up"
    SERVING = "serving"
    LEAVING = "leaving"
    GONE = "gone"

    @property
    def answers(self) -> bool:
        """Reviews are answered."""
        return self in {State.SERVING, State.LEAVING}

    @property
    def keeps_connections(self) -> bool:
        """Connections stay open after an answer."""
        return self is State.SERVING


@dataclass(slots=True)
class Lifecycle:
    """The state of this process; written by few, read by every request.

    Args:
        state: the present one.
        reason: why the replica is still warming up, told by /readyz.
        doubt: why the API server would not accept our certificate, though all else is well.
    """

    state: State = State.WARMING
    reason: str = "starting"
    doubt: str = ""

    @property
    def takes_requests(self) -> bool:
        """The replica belongs into the Service's endpoints."""
        return self.state is State.SERVING and not self.doubt

    @property
    def why(self) -> str:
        """Why it does not, told by /readyz."""
        return self.reason or self.doubt

    def waiting(self, reason: str) -> None:
        """Note what is still missing; no effect once serving."""
        if self.state is State.WARMING:
            self.reason = reason

    def ready(self) -> None:
        """Everything is there; a replica that is leaving stays so."""
        if self.state is State.WARMING:
            self.state, self.reason = State.SERVING, ""

    def leave(self) -> None:
        """Told to stop: go on serving, but out of rotation."""
        if self.state is not State.GONE:
            self.state, self.reason = State.LEAVING, "shutting down"

    def go(self) -> None:
        """The drain time is over."""
        self.state, self.reason = State.GONE, "shutting down"
