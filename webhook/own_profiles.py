"""The profiles that a platform team wrote, as they were last found valid.

They are kept as text in our ConfigMap (`webhook.interfaces.Memory`), written by the controller
alone, so that an invalid edit never replaces a valid profile, not even over a restart.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping

import msgspec

from webhook.deadline import Deadline
from webhook.errors import UnavailableError
from webhook.interfaces import Memory
from webhook.model.profiles import OWN_PREFIX, Manifest
from webhook.waiting import holding

KEY = "profiles"
"""Of the memory."""
FRESH_SECONDS = 5.0
"""How long what was read is believed."""
CALL_SECONDS = 3.0

Profiles = Mapping[str, tuple[Manifest, ...]]

_decoder = msgspec.json.Decoder(dict[str, tuple[dict[str, msgspec.Raw], ...]])


def encode(profiles: Profiles) -> str:
    """As text."""
    return msgspec.json.encode(profiles, order="sorted").decode()


def decode(text: str | None) -> Profiles:
    """From text.

    Raises:
        UnavailableError: somebody else wrote it.
    """
    try:
        found = _decoder.decode(text or "{}")
    except msgspec.MsgspecError as error:
        raise UnavailableError(f"the accepted profiles cannot be read: {error}") from error
    return {
        name: tuple({key: msgspec.json.decode(raw) for key, raw in it.items()} for it in policies)
        for name, policies in found.items()
    }


class OwnProfiles(Mapping[str, tuple[Manifest, ...]]):
    """Profiles by name, read when one of them is asked for; thread-safe.

    Nothing is read for names that cannot be one of them, so where nobody wrote profiles, nobody
    asks. A look-up may raise ClusterError.

    Args:
        memory: where they are kept.
        clock: monotonic seconds.
    """

    def __init__(self, memory: Memory, clock: Callable[[], float] = time.monotonic) -> None:
        self._memory = memory
        self._clock = clock
        self._lock = threading.Lock()
        self._profiles: Profiles = {}
        self._read_at: float | None = None

    def __getitem__(self, name: str) -> tuple[Manifest, ...]:
        if not name.startswith(OWN_PREFIX):
            raise KeyError(name)
        return self.all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.all())

    def __len__(self) -> int:
        return len(self.all())

    def all(self) -> Profiles:
        """Every profile.

        Raises:
            ClusterError: they could not be read.
        """
        with holding(self._lock):
            now = self._clock()
            if self._read_at is None or now - self._read_at >= FRESH_SECONDS:
                self._profiles = decode(self._memory.recall(KEY, Deadline.after(CALL_SECONDS)))
                self._read_at = now
            return self._profiles

    def keep(self, profiles: Profiles, deadline: Deadline) -> None:
        """Write them, to be what everybody reads from now on.

        Raises:
            ClusterError: they could not be written.
        """
        self._memory.remember(KEY, encode(profiles), deadline)
        with self._lock:
            self._profiles, self._read_at = profiles, self._clock()
