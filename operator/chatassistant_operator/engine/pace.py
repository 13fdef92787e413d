"""At most so many a second."""

import time
from collections import deque
from collections.abc import Callable


class Pace:
    """Gives out turns, at most `count` in any span of one second; the first `count` need not wait."""

    __slots__ = ("_clock", "_turns")

    def __init__(self, count: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._turns: deque[float] = deque(maxlen=count)

    @property
    def count(self) -> int:
        """How many turns a second there are."""
        return self._turns.maxlen or 1

    def reserve(self) -> float:
        """Take the next turn; gives the seconds until it comes."""
        now = self._clock()
        full = len(self._turns) == self._turns.maxlen
        turn = max(now, self._turns[0] + 1.0) if full else now
        self._turns.append(turn)
        return turn - now
