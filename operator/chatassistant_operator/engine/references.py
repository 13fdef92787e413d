"""Objects that are read by name, because nothing may watch them: Secrets above all."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Collection, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from chatassistant_operator.engine.backoff import Backoff
from chatassistant_operator.engine.pace import Pace
from chatassistant_operator.engine.queue import WorkQueue
from chatassistant_operator.engine.workers import Workers

R = TypeVar("R", bound=Hashable)
V = TypeVar("V")
K = TypeVar("K", bound=Hashable)

_READS_PER_SECOND: Final = 20
# A quarter is kept for those who wait for somebody to mend something.
_ROUTINE_READS_PER_SECOND: Final = 15
_URGENT_SECONDS: Final = 5.0
_URGENT_FOR_SECONDS: Final = 600.0


@dataclass(frozen=True, slots=True)
class Timing:
    """How often each object is read again, in seconds, and the clock and chance that go into it."""

    interval: float = 60.0
    clock: Callable[[], float] = time.monotonic
    random: Callable[[], float] = random.random


_TIMING: Final = Timing()


@dataclass(slots=True)
class _Entry(Generic[V, K]):
    value: V
    subscribers: set[K] = field(default_factory=set[K])
    hurried: set[K] = field(default_factory=set[K])  # those who found this very value urgent


class References(Generic[R, V, K]):
    """The values behind references, each read by one reader at a time for all that subscribe to it.

    `read` maps what may happen to values; an exception is logged, counts as no answer, and is tried again.
    `changed` is called with the subscribers of a value that differs from the one before. `pending` stands for a
    value that has not been read yet.

    At most 20 reads a second in all, each object every `Timing.interval` seconds, or every 5 for as long as
    somebody finds its value urgent, at most 10 minutes. With too many objects for that the intervals grow.
    """

    def __init__(
        self,
        read: Callable[[R], Awaitable[V]],
        changed: Callable[[Iterable[K]], None],
        pending: V,
        timing: Timing = _TIMING,
    ) -> None:
        self._read = read
        self._changed = changed
        self._pending = pending
        self._timing = timing
        self._entries: dict[R, _Entry[V, K]] = {}
        self._subscriptions: dict[K, set[R]] = {}
        self._urgent_until: dict[R, float] = {}
        self._pace = Pace(_READS_PER_SECOND, timing.clock)
        self._first_reads = Pace(_ROUTINE_READS_PER_SECOND, timing.clock)
        backoff = Backoff(first=0.5, longest=timing.interval, random=timing.random)
        self._queue: WorkQueue[R] = WorkQueue(backoff, timing.clock)

    def __len__(self) -> int:
        return len(self._entries)

    def peek(self, reference: R, by: K, *, urgent: bool = False) -> V:
        """The value as last read, or `pending`; never waits. The first peek subscribes and has it read.

        Args:
            reference: what to read.
            by: who is told when it changes.
            urgent: somebody is about to mend it. A subscriber's 10 minutes begin when it first says so of a value.
        """
        entry = self._entries.get(reference)
        if entry is None:
            entry = self._entries[reference] = _Entry(self._pending)
            self._queue.add(reference, self._first_reads.reserve())
        if by not in entry.subscribers:
            entry.subscribers.add(by)
            self._subscriptions.setdefault(by, set()).add(reference)
        if urgent and by not in entry.hurried:
            entry.hurried.add(by)
            self._urgent_until[reference] = self._timing.clock() + _URGENT_FOR_SECONDS
            self._queue.add(reference, self._interval(reference))
        return entry.value

    def now(self, reference: R) -> None:
        """Have a value read again at once, if anybody subscribes to it."""
        if reference in self._entries:
            self._queue.add(reference)

    def release(self, by: K, keep: Collection[R] = ()) -> None:
        """End a subscriber's interest in all but what it keeps; what interests nobody is read no more."""
        kept = {
            reference
            for reference in self._subscriptions.pop(by, set())
            if not self._leave(reference, by, keep)
        }
        if kept:
            self._subscriptions[by] = kept

    async def run(self) -> None:
        """Read until cancelled."""
        await Workers(self._queue, self._refresh, _always, _READS_PER_SECOND).run()

    def _leave(self, reference: R, by: K, keep: Collection[R]) -> bool:
        if reference in keep:
            return False
        entry = self._entries[reference]
        entry.subscribers.discard(by)
        entry.hurried.discard(by)
        if not entry.subscribers:
            del self._entries[reference]
            self._urgent_until.pop(reference, None)
        return True

    async def _refresh(self, reference: R) -> float | None:
        if reference not in self._entries:
            return None
        await asyncio.sleep(self._pace.reserve())
        value = await self._read(reference)
        entry = self._entries.get(reference)
        if entry is None:
            return None
        if value != entry.value:
            entry.value = value
            entry.hurried.clear()
            self._urgent_until.pop(reference, None)
            self._changed(tuple(entry.subscribers))
        return self._interval(reference)

    def _interval(self, reference: R) -> float:
        """The seconds until a value is read again, up to a fifth less than they may be."""
        interval = max(self._timing.interval, len(self._entries) / _ROUTINE_READS_PER_SECOND)
        if self._urgent_until.get(reference, 0.0) > self._timing.clock():
            urgent_rate = _READS_PER_SECOND - _ROUTINE_READS_PER_SECOND
            interval = min(interval, max(_URGENT_SECONDS, len(self._urgent_until) / urgent_rate))
        else:
            self._urgent_until.pop(reference, None)
        return interval * (0.8 + 0.2 * self._timing.random())


async def _always() -> None:
    """Nobody who reads needs to lead."""
