"""How long to wait after failures. PURE: the randomness comes as an argument."""

from dataclasses import dataclass

_MAX_EXPONENT = 32


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential, with jitter, bounded.

    Args:
        base: seconds after the first failure.
        cap: seconds that no pause exceeds.
    """

    base: float
    cap: float

    def pause(self, failures: int, chance: float) -> float:
        """Seconds to wait after so many failures in a row.

        Half of the pause is fixed and half is chance, so that replicas that failed together come
        back apart, yet none at once ("equal jitter").

        Args:
            failures: at least 1.
            chance: from 0 to 1, drawn by the caller.
        """
        exponent = min(failures - 1, _MAX_EXPONENT)
        full = min(self.cap, self.base * 2.0**exponent)
        return full * (1 + chance) / 2
