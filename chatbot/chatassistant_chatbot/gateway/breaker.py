"""A gateway that is down is left alone, but for one request now and then. Pure: the clock is handed in."""

import time
from collections.abc import Callable
from enum import StrEnum

from chatassistant_chatbot.errors import GatewayError


class State(StrEnum):
    """Whether the gateway is asked."""

    CLOSED = "closed"
    """It is."""

    OPEN = "open"
    """It is not."""

    HALF_OPEN = "half-open"
    """By one request only, which shows whether it is well again."""


class Permit:
    """Leave to ask once; whoever has it tells what came of it, whatever that is."""


class Breaker:
    """Opens after failures in a row; then one request at a time may try, until one shows that the gateway is well.

    Args:
        failures: How many in a row, with no answer between them, are an outage.
        pause: For how many seconds the gateway is left alone after a failure.
        patience: For how many seconds a try keeps others from trying: after that it is taken for lost, so that a
            try which hangs does not hide that the gateway is well again.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        failures: int = 5,
        pause: float = 3.0,
        patience: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = failures
        self._pause = pause
        self._patience = patience
        self._clock = clock
        self._failures = 0
        self._alone_until = 0.0
        self._trying: Permit | None = None

    @property
    def state(self) -> State:
        """Whether the gateway is asked."""
        if not self.is_open:
            return State.CLOSED
        return State.HALF_OPEN if self._trying else State.OPEN

    @property
    def is_open(self) -> bool:
        """Whether it is taken for down: open, or half-open."""
        return self._failures >= self._most

    def admit(self) -> Permit:
        """Leave to ask.

        Raises:
            GatewayError: 503, when the gateway is left alone; with the seconds until it is asked again.
        """
        permit = Permit()
        if self.is_open:
            now = self._clock()
            if now < self._alone_until:
                left = self._alone_until - now
                raise GatewayError(503, "it was not asked, as it failed again and again", retry_after=left)
            self._trying = permit
            self._alone_until = now + self._patience
        return permit

    def succeeded(self) -> None:
        """It answered a request as it should."""
        self._failures, self._trying = 0, None

    def refused(self, permit: Permit) -> None:
        """It answered, and be it with an error: no failure; for a try, all that was to be known."""
        if permit is self._trying:
            self.succeeded()

    def failed(self, permit: Permit) -> None:
        """It did not answer, or only to say that it cannot."""
        if not self.is_open:
            self._failures += 1
        elif permit is not self._trying:
            return
        self._trying = None
        self._alone_until = self._clock() + self._pause

    def given_up(self, permit: Permit) -> None:
        """Nobody waits for its answer any more: the next request may try."""
        if permit is self._trying:
            self._trying = None
            self._alone_until = self._clock()
