"""How many requests are with the gateway at a time, and how many wait for their turn."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from chatassistant_chatbot.errors import CallerError
from chatassistant_chatbot.settings.configuration import Limits

# How much the last request counts in the estimate of how long one takes.
_WEIGHT: Final = 0.1
_LONGEST_RETRY_SECONDS: Final = 60.0


class Queue:
    """First come, first served.

    A slot goes from who leaves to who waits for longest, without ever being free in between: so nobody overtakes, and
    a waiting caller who is cancelled, even in the moment of being served, loses no slot.

    Attributes:
        running: How many are inside.
    """

    def __init__(self, settings: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self._concurrent = settings.concurrent
        self._longest = settings.queue
        self._clock = clock
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._seconds_inside = 1.0
        self.running = 0

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return len(self._waiters)

    async def enter(self) -> Callable[[], None]:
        """Wait for a slot; gives what has to be called once, to hand it on.

        Raises:
            CallerError: 503 when too many wait already.
        """
        if self.running < self._concurrent:
            self.running += 1
        else:
            await self._wait()
        entered = self._clock()

        def leave() -> None:
            self._seconds_inside += _WEIGHT * (self._clock() - entered - self._seconds_inside)
            self._hand_on()

        return leave

    async def _wait(self) -> None:
        if len(self._waiters) >= self._longest:
            raise self._overloaded()
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                # The slot had come already.
                self._hand_on()
            elif waiter in self._waiters:
                self._waiters.remove(waiter)
            raise

    def _hand_on(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        self.running -= 1

    def _overloaded(self) -> CallerError:
        ahead = len(self._waiters) + 1
        estimate = ahead * self._seconds_inside / self._concurrent
        return CallerError(
            503,
            "overloaded",
            f"The assistant answers {self.running} requests and {ahead - 1} are waiting: come again later.",
            type="api_error",
            retry_after=min(estimate, _LONGEST_RETRY_SECONDS),
        )
