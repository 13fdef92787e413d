"""How long to wait before trying again."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

# 2 to this power is beyond any limit, and still no overflow.
_MOST_DOUBLINGS: Final = 60


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential backoff in seconds: `first`, doubled after each failure in a row, up to `longest`.

    Each delay is multiplied by a number between one half and one, so that those who failed together do not come
    back together. `random` gives numbers from 0 to 1.
    """

    first: float
    longest: float
    random: Callable[[], float] = random.random

    def delay(self, failures: int, after: float | None = None) -> float:
        """The seconds to wait after so many earlier failures; never less than `after`, a server's Retry-After."""
        full = min(self.longest, self.first * 2.0 ** min(failures, _MOST_DOUBLINGS))
        return max(full * (0.5 + 0.5 * self.random()), after or 0.0)
