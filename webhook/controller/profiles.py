"""Takes over the profiles that the platform team writes, one by one, each only if it is valid."""

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Protocol

from webhook.deadline import Deadline
from webhook.errors import ClusterError, PortcullisError, RefusedError
from webhook.interfaces import Event, Events, ObjectReference
from webhook.manifest_profiles import ProfileError, profile_name, read_profile
from webhook.model.objects import ObjectMeta
from webhook.model.profiles import Manifest
from webhook.own_profiles import OwnProfiles
from webhook.stop import Stop

CALL_SECONDS = 10.0
RETRY_SECONDS = 5.0

logger = logging.getLogger(__name__)


class Source(Protocol):
    """Where profiles are written, and who tells whether one is valid."""

    def read(self, deadline: Deadline) -> Mapping[str, str]:
        """Texts by key."""

    def tried(self, policy: Manifest, deadline: Deadline) -> Manifest:
        """The policy as it would be stored."""


Changed = Callable[[str, tuple[Manifest, ...]], None]
"""Told of each profile that consists of other policies now."""


class ProfileKeeper:
    """Level-triggered: whatever is told, the whole ConfigMap is read.

    Args:
        source: of the texts.
        own: where valid ones are kept.
        events: where invalid ones are told.
        changed: told of what changed.
    """

    def __init__(self, source: Source, own: OwnProfiles, events: Events, changed: Changed) -> None:
        self._source = source
        self._own = own
        self._events = events
        self._changed = changed
        self._woken = threading.Event()
        self._about = ObjectReference("v1", "ConfigMap", "", "")

    def observe(self, kind: str, metadata: ObjectMeta) -> None:
        """Take a watch event of the ConfigMap."""
        logger.debug("profiles changed", extra={"type": kind})
        about = ObjectReference("v1", "ConfigMap", metadata.namespace, metadata.name, metadata.uid)
        self._about = about
        self._woken.set()

    def run(self, stop: Stop) -> None:
        """Load at each change until told to stop."""
        self._woken.set()  # the ConfigMap may have gone while nobody watched
        with stop.interrupting(self._woken.set):
            while not stop.is_set():
                self._woken.wait()
                self._woken.clear()
                if stop.is_set():
                    return
                try:
                    self.load()
                except ClusterError as error:
                    logger.warning("profiles not loaded", extra={"error": str(error)})
                    stop.wait(RETRY_SECONDS)
                    self._woken.set()

    def load(self) -> None:
        """Take over what is valid and leave the rest as it was.

        Raises:
            ClusterError: the API server could not be asked.
        """
        before = self._own.all()
        after: dict[str, tuple[Manifest, ...]] = {}
        for key, text in self._source.read(Deadline.after(CALL_SECONDS)).items():
            try:
                name = profile_name(key)
            except ProfileError as error:
                self._refuse(error)
                continue
            made = self._made(key, text) or before.get(name)
            if made is not None:
                after[name] = made
        if after != before:
            self._own.keep(after, Deadline.after(CALL_SECONDS))
            self._tell(before, after)

    def _made(self, key: str, text: str) -> tuple[Manifest, ...] | None:
        """The policies as they would be stored; None where the profile is invalid."""
        deadline = Deadline.after(CALL_SECONDS)
        try:
            return tuple(self._source.tried(it, deadline) for it in read_profile(key, text))
        except (ProfileError, RefusedError) as error:
            said = error if isinstance(error, ProfileError) else ProfileError(f"{key}: {error}")
            self._refuse(said)
            return None

    def _refuse(self, error: PortcullisError) -> None:
        logger.error("profile refused", extra={"error": str(error)})
        if self._about.name:
            message = f"{error}; what was valid before stays"
            self._events.record(Event(self._about, "Warning", "ProfileInvalid", message))

    def _tell(
        self,
        before: Mapping[str, tuple[Manifest, ...]],
        after: Mapping[str, tuple[Manifest, ...]],
    ) -> None:
        logger.info("profiles taken over", extra={"profiles": sorted(after)})
        for name, policies in after.items():
            if before.get(name) != policies:
                self._changed(name, policies)
