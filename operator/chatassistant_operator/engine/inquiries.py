"""Questions that many ask and that are asked of the world once: what a Secret holds, what a gateway says of a key.

Nobody waits for an answer: `peek` gives the last one at once, and who asked is told when it changes.
"""

import asyncio
import heapq
import logging
import random
import time
from collections.abc import Awaitable, Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from chatassistant_operator.engine.pace import Pace

logger = logging.getLogger(__name__)

Q = TypeVar("Q", bound=Hashable)
A = TypeVar("A")
K = TypeVar("K", bound=Hashable)

_PATIENT_SECONDS: Final = 60.0
_HASTE_PAUSE_SECONDS: Final = 5.0
_HASTE_SECONDS: Final = 600.0
_FAILED_PAUSE_SECONDS: Final = 10.0
# The rest of the pace is for questions that somebody waits for.
_ROUTINE_SHARE: Final = 0.75


@dataclass
class _Entry(Generic[A, K]):
    by: set[K] = field(default_factory=set[K])
    answer: A | None = None
    changed_at: float = 0.0
    hasty_until: float = 0.0
    due: float = float("inf")
    asking: bool = False


class Inquiries(Generic[Q, A, K]):
    """Answers by question, each asked again when its pause is over, as long as anybody wants it.

    Args:
        ask: Asks the world. What can be expected to go wrong is an answer too; an exception is logged and
            counts as no answer.
        pause: Gives the seconds until a question is asked again, from its answer and the seconds since that
            answer was a new one.
        changed: Called with those who want an answer when it is another one than before.
        pace: How many questions a second; shared by those who ask the same server.
        clock: Seconds that only grow.
        draw: A random number between its two arguments, for jitter.
    """

    def __init__(
        self,
        ask: Callable[[Q], Awaitable[A]],
        *,
        pause: Callable[[Q, A, float], float],
        changed: Callable[[Iterable[K]], None],
        pace: Pace,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._ask = ask
        self._pause = pause
        self._tell = changed
        self._pace = pace
        self._clock = clock
        self._draw = draw
        self._entries: dict[Q, _Entry[A, K]] = {}
        self._wanted: dict[K, Q] = {}
        self._heap: list[tuple[float, int, Q]] = []
        self._order = 0
        self._woken = asyncio.Event()

    def __len__(self) -> int:
        """How many questions there are."""
        return len(self._entries)

    def peek(self, question: Q, by: K, *, patient: bool = False) -> A | None:
        """The last answer, None before the first one.

        Each asker has one question at a time: another one takes the place of the one before. A patient asker's
        first answer may take a minute, so that a restart does not ask everything at once.
        """
        if self._wanted.get(by) != question:
            self.release(by)
            self._wanted[by] = question
            self._entries.setdefault(question, _Entry()).by.add(by)
        entry = self._entries[question]
        if entry.answer is None:
            spread = max(_PATIENT_SECONDS, self._routine_seconds())
            delay = self._draw(0.0, spread) if patient and entry.due == float("inf") else 0.0
            if not patient or entry.due == float("inf"):
                self._schedule(question, entry, self._clock() + delay)
        return entry.answer

    def hasten(self, by: K) -> None:
        """Ask every 5 s, for at most 10 minutes after the answer changed: somebody is about to mend something."""
        entry = self._entries.get(self._wanted[by]) if by in self._wanted else None
        if entry is not None and entry.answer is not None and not entry.hasty_until:
            entry.hasty_until = entry.changed_at + _HASTE_SECONDS
            self._schedule(self._wanted[by], entry, self._clock() + _HASTE_PAUSE_SECONDS)

    def ask_now(self, by: K) -> None:
        """Ask again at once."""
        if by in self._wanted:
            self._schedule(self._wanted[by], self._entries[self._wanted[by]], self._clock())

    def release(self, by: K) -> None:
        """Somebody wants no answer any more; a question that nobody wants is forgotten."""
        question = self._wanted.pop(by, None)
        if question is not None:
            entry = self._entries[question]
            entry.by.discard(by)
            if not entry.by:
                del self._entries[question]

    async def run(self) -> None:
        """Ask what is due, until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                question = self._pop()
                if question is not None:
                    await asyncio.sleep(self._pace.reserve())
                    group.create_task(self._inquire(question))
                    continue
                self._woken.clear()
                pause = self._heap[0][0] - self._clock() if self._heap else None
                try:
                    await asyncio.wait_for(self._woken.wait(), pause)
                except TimeoutError:
                    continue

    async def _inquire(self, question: Q) -> None:
        try:
            answer: A | None = await self._ask(question)
        except Exception:
            logger.exception("a question could not be asked")
            answer = None
        entry = self._entries.get(question)
        if entry is None:
            return
        entry.asking = False
        now = self._clock()
        if answer is None:
            self._schedule(question, entry, now + _FAILED_PAUSE_SECONDS)
            return
        if answer != entry.answer:
            entry.answer, entry.changed_at, entry.hasty_until = answer, now, 0.0
            self._tell(tuple(entry.by))
        pause = self._pause(question, answer, now - entry.changed_at)
        if now < entry.hasty_until:
            pause = min(pause, _HASTE_PAUSE_SECONDS)
        if pause > _HASTE_PAUSE_SECONDS:
            pause = max(pause, self._routine_seconds())
        self._schedule(question, entry, now + pause * self._draw(0.8, 1.0))

    def _routine_seconds(self) -> float:
        """How long it takes to ask everything once, so that routine never crowds out what is urgent."""
        return len(self._entries) / (_ROUTINE_SHARE * self._pace.count)

    def _schedule(self, question: Q, entry: _Entry[A, K], when: float) -> None:
        """Have a question asked then, or earlier if it is due earlier already."""
        if entry.asking or when >= entry.due:
            return
        entry.due = when
        self._order += 1
        heapq.heappush(self._heap, (when, self._order, question))
        self._woken.set()

    def _pop(self) -> Q | None:
        """Take a question that is due, leaving out what was brought forward or is wanted no more."""
        while self._heap and self._heap[0][0] <= self._clock():
            when, _, question = heapq.heappop(self._heap)
            entry = self._entries.get(question)
            if entry is not None and entry.due == when:
                entry.due, entry.asking = float("inf"), True
                return question
        return None
