"""An installation in miniature: a clock that jumps, webhook configurations, a leader, replicas."""

from datetime import UTC, datetime, timedelta

from cryptography import x509

from certs.bundle import salvage
from certs.rotation import Rotation
from certs.serving import ServingIdentity
from certs.state import decode
from certs.store import MemoryStore

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
NAMES = ("portcullis.portcullis-system.svc",)


class Clock:
    """A wall clock that is set by hand."""

    def __init__(self, now=START):
        self.now = now

    def __call__(self):
        """Give the time."""
        return self.now

    def advance(self, step):
        """Let time pass, or turn it back."""
        self.now += step


class Configurations:
    """Webhook entries whose caBundles are written together, as a field manager does."""

    def __init__(self, entries=2):
        self.bundles = [b""] * entries
        self.writes = []

    def publish(self, bundle_pem):
        """Write every entry."""
        self.writes.append(bundle_pem)
        self.bundles = [bundle_pem] * len(self.bundles)

    def published(self):
        """Read every entry."""
        return list(self.bundles)

    def trust(self, leaf):
        """Tell whether every entry accepts this leaf."""
        anchor = x509.load_pem_x509_certificate(leaf.authority_pem)
        return all(anchor in salvage(bundle) for bundle in self.bundles)


class World:
    """One leader and two replicas over one Secret."""

    def __init__(self, entries=2):
        self.clock = Clock()
        self.store = MemoryStore()
        self.configurations = Configurations(entries)
        self.rotation = Rotation(self.store, self.configurations, self.clock)
        self.replicas = [ServingIdentity(self.store, NAMES, self.clock) for _ in range(2)]

    @property
    def state(self):
        """Read the Secret."""
        return decode(self.store.secret.data)

    def alive(self, leaf):
        """Tell whether a client would accept the leaf by its dates."""
        return leaf is not None and leaf.not_before <= self.clock.now < leaf.not_after

    def leaves(self):
        """Give the replicas' leaves that are alive."""
        return [leaf for r in self.replicas if self.alive(leaf := r.current())]

    def settle(self):
        """Let the leader finish, with its waits, then let every replica look."""
        for _ in range(4):
            outcome = self.rotation.step()
            self.clock.advance(max(outcome.next_wakeup - self.clock.now, timedelta(seconds=1)))
        for replica in self.replicas:
            replica.refresh()
        return outcome
