"""The caBundle of certificates that somebody else signs: published, with an overlap.

Replicas on different nodes see a changed Secret up to minutes apart (the kubelet's sync period and
cache), so the former CA stays in every caBundle until the last of them has the new certificate.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509

from certs.bundle import normalise, parse_bundle, salvage, unexpired
from certs.files import AUTHORITY_FILE, read_file
from certs.reason import Decision, Reason
from certs.renewal import Step, compare_bundle
from certs.rotation import Action, BundlePublisher, Outcome, Timing

OVERLAP = timedelta(minutes=10)
"""How long a CA stays that is no longer named: the kubelet is behind by two minutes at most."""


@dataclass(frozen=True, slots=True)
class AnchorInput:
    """The state of the world that decides on the caBundles.

    Attributes:
        now: wall clock.
        named: the CAs to trust, as the file or the value names them now.
        published: the live caBundles.
        leaving: CAs that were named, each with the moment when that was first found to be over.
    """

    now: datetime
    named: tuple[x509.Certificate, ...]
    published: tuple[bytes, ...]
    leaving: Mapping[x509.Certificate, datetime]


def noticed(world: AnchorInput) -> dict[x509.Certificate, datetime]:
    """Note which CAs are not named any more, and since when.

    A clock that was set back starts the wait anew, so that it is never endless.
    """
    live = dict.fromkeys(c for bundle in world.published for c in salvage(bundle))
    known = dict.fromkeys((*live, *world.leaving))
    since = {c: min(world.leaving.get(c, world.now), world.now) for c in known}
    return {
        certificate: moment
        for certificate, moment in since.items()
        if certificate not in world.named and (certificate in live or _stays(moment, world.now))
    }


def overlap(
    leaving: Mapping[x509.Certificate, datetime], now: datetime
) -> tuple[x509.Certificate, ...]:
    """Give those that stay in the caBundles for now."""
    return unexpired((c for c, since in leaving.items() if _stays(since, now)), now)


def _stays(since: datetime, now: datetime) -> bool:
    return now < since + OVERLAP


def named_anchors(value: str, directory: Path) -> tuple[x509.Certificate, ...]:
    """Read the CAs of a serving certificate that is not ours.

    Args:
        value: PEM; empty for the file.
        directory: of `AUTHORITY_FILE`.

    Raises:
        BundleError: there is something else than certificates.
        FilesError: the file cannot be read.
    """
    return parse_bundle(value.encode() or read_file(directory / AUTHORITY_FILE))


class Announcer:
    """Keeps every caBundle true to CAs that are named elsewhere; steps as `Rotation` does.

    Args:
        named: the CAs to trust, read afresh.
        publisher: the caBundles.
        clock: wall clock.
        timing: how often to look.
    """

    def __init__(
        self,
        named: Callable[[], Iterable[x509.Certificate]],
        publisher: BundlePublisher,
        clock: Callable[[], datetime],
        timing: Timing | None = None,
    ) -> None:
        self._named = named
        self._publisher = publisher
        self._clock = clock
        self._timing = timing or Timing(poll=timedelta(seconds=30))
        self._leaving: Mapping[x509.Certificate, datetime] = {}

    def step(self) -> Outcome:
        """Publish if a live caBundle differs; errors of the publisher go to the caller."""
        published = tuple(self._publisher.published())
        now = self._clock()
        wake = now + self._timing.poll
        try:
            named = unexpired(self._named(), now)
        except ValueError as error:  # BundleError, FilesError
            return Outcome(wake, refused=Decision(Reason.CORRUPTED, f"no CA to publish: {error}"))
        if not named:
            message = "no CA to publish: none is named that is valid"
            return Outcome(wake, refused=Decision(Reason.MISSING, message))
        self._leaving = noticed(AnchorInput(now, named, published, self._leaving))
        wanted = dict.fromkeys((*named, *overlap(self._leaving, now)))
        differing = (compare_bundle(it, wanted.keys(), "a caBundle") for it in published)
        decision = next((it for it in differing if it), None)
        if decision is None:
            return Outcome(wake, expires=max(c.not_valid_after_utc for c in named))
        self._publisher.publish(normalise(wanted, now))
        # Read again soon: what was written may have been undone meanwhile.
        return Outcome(now + self._timing.retry, (Action(Step.PUBLISH, decision),))
