"""A queue of keys that are due at some time, after the model of client-go's workqueue."""

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable, Hashable
from contextlib import suppress
from typing import Final, Generic, TypeVar

from chatassistant_operator.engine.backoff import Backoff

K = TypeVar("K", bound=Hashable)

_BACKOFF: Final = Backoff(first=0.5, longest=300.0)
# Entries that an earlier time replaced stay in the heap; so many more than keys are let be.
_SPARE_ENTRIES: Final = 64


class WorkQueue(Generic[K]):
    """Keys to work on, each at most once in the queue and never with two workers.

    A key that is added again keeps its earliest time. A key that is added while it is worked on becomes due after
    `done`. `clock` gives seconds; it must run as fast as the event loop's own, or `get` wakes at wrong times.
    """

    def __init__(self, backoff: Backoff = _BACKOFF, clock: Callable[[], float] = time.monotonic) -> None:
        self._backoff = backoff
        self._clock = clock
        self._due: dict[K, float] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._order = itertools.count()
        self._running: dict[K, float | None] = {}  # the value: when it is due again once it is done
        self._failures: dict[K, int] = {}
        self._turn = asyncio.Lock()
        self._news = asyncio.Event()

    def __len__(self) -> int:
        """How many keys wait, those that are due later included; those being worked on are not."""
        return len(self._due)

    @property
    def running(self) -> int:
        """How many keys are being worked on."""
        return len(self._running)

    def due(self) -> int:
        """How many keys could be worked on now."""
        now = self._clock()
        return sum(due <= now for due in self._due.values())

    def oldest_age(self) -> float:
        """For how many seconds the longest waiting key has been due; 0.0 when none is."""
        due = self._next_due()
        return 0.0 if due is None else max(0.0, self._clock() - due)

    def add(self, key: K, delay: float = 0.0) -> None:
        """Make a key due in `delay` seconds, unless it is due earlier anyway."""
        self._add_at(key, self._clock() + max(0.0, delay))

    def take(self) -> K | None:
        """The key that has been due the longest, from now on being worked on; None when none is due."""
        due = self._next_due()
        if due is None or due > self._clock():
            return None
        _, _, key = heapq.heappop(self._heap)
        del self._due[key]
        self._running[key] = None
        return key

    async def get(self) -> K:
        """As `take`, but waits until a key is due."""
        async with self._turn:  # one getter watches the clock, the others stand in line
            while (key := self.take()) is None:
                self._news.clear()
                due = self._next_due()
                with suppress(TimeoutError):
                    async with asyncio.timeout(None if due is None else due - self._clock()):
                        await self._news.wait()
            return key

    def done(self, key: K) -> None:
        """The work on a key has ended; whatever was added meanwhile counts now.

        Raises:
            KeyError: when nobody works on the key.
        """
        again = self._running.pop(key)
        if again is not None:
            self._add_at(key, again)

    def retry(self, key: K, after: float | None = None) -> float:
        """Add a key that failed, later with each failure in a row, and not before `after` seconds.

        Returns:
            The delay in seconds.
        """
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        delay = self._backoff.delay(failures, after)
        self.add(key, delay)
        return delay

    def forget(self, key: K) -> None:
        """The key works: its next failure is a first one. What is queued stays queued."""
        self._failures.pop(key, None)

    def _add_at(self, key: K, due: float) -> None:
        if key in self._running:
            again = self._running[key]
            self._running[key] = due if again is None else min(due, again)
            return
        known = self._due.get(key)
        if known is not None and known <= due:
            return
        self._due[key] = due
        heapq.heappush(self._heap, (due, next(self._order), key))
        if len(self._heap) > 2 * len(self._due) + _SPARE_ENTRIES:
            self._heap = [(at, next(self._order), waiting) for waiting, at in self._due.items()]
            heapq.heapify(self._heap)
        self._news.set()

    def _next_due(self) -> float | None:
        """When the first key is due, or None; clears the heap's head of entries that were replaced."""
        while self._heap:
            due, _, key = self._heap[0]
            if self._due.get(key) == due:
                return due
            heapq.heappop(self._heap)
        return None
