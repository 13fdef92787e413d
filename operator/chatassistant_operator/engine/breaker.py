"""A server that is down is left alone, but for one try now and then."""

import time
from collections.abc import Callable
from typing import Final

from chatassistant_operator.engine.backoff import Backoff

_FAILURES: Final = 3
_BACKOFF: Final = Backoff(first=20.0, longest=60.0)


class Breaker:
    """Opens after failures in a row; then one request at a time may try, ever more rarely, until one succeeds.

    Args:
        backoff: How long to leave the server alone, the first time and at most.
        clock: Seconds that only grow.
    """

    def __init__(self, backoff: Backoff = _BACKOFF, clock: Callable[[], float] = time.monotonic) -> None:
        self._backoff = backoff
        self._clock = clock
        self._failures = 0
        self._closed_at = 0.0
        self._trying = False

    @property
    def is_open(self) -> bool:
        """Whether the server is taken for down."""
        return self._failures >= _FAILURES

    def wait(self) -> float:
        """Seconds to wait before asking; 0.0 lets this caller ask, who then tells what came of it."""
        if not self.is_open:
            return 0.0
        left = self._closed_at - self._clock()
        if left > 0:
            return left
        if self._trying:
            return self._backoff.first
        self._trying = True
        return 0.0

    def succeeded(self) -> None:
        """The server answers."""
        self._failures, self._trying = 0, False

    def failed(self, after: float | None = None) -> None:
        """The server does not answer, or not now; `after` is for how many seconds it wants to be left alone."""
        self._failures += 1
        self._trying = False
        if self.is_open:
            longest = self._backoff.longest
            delay = self._backoff.delay(self._failures - _FAILURES, min(after or 0.0, longest))
            self._closed_at = max(self._closed_at, self._clock() + delay)

    def given_up(self) -> None:
        """Nothing came of the try, not even a failure."""
        self._trying = False
