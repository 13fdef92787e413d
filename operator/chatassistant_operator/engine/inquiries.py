"""Questions that many ask and that are asked of the world once: what a Secret holds, what a gateway says of a key.

Nobody waits for an answer: `peek` gives the last one at once, and who asked is told when it changes.
"""

import asyncio
import logging
import math
import random
import time
from collections.abc import Awaitable, Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from chatassistant_operator.engine.agenda import NEVER, Agenda
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


@dataclass(frozen=True, slots=True)
class Manner:
    """How somebody asks.

    Attributes:
        patient: Whether the first answer may take `spread_seconds`, so that a restart does not ask everything at once.
        spread_seconds: See `patient`.
        wish: Another value than at the last look has the question asked again at once.
    """

    patient: bool = False
    spread_seconds: float = _PATIENT_SECONDS
    wish: str | None = None


AT_ONCE: Final = Manner()


@dataclass
class _Entry(Generic[A, K]):
    by: set[K] = field(default_factory=set[K])
    answer: A | None = None
    answered_at: float = 0.0
    asked_at: float = -math.inf
    changed_at: float = 0.0
    wanted_at: float | None = None
    not_before: float = 0.0
    hasty_until: float = 0.0
    asking: bool = False
    again: bool = False


@dataclass
class _Asker(Generic[Q]):
    questions: frozenset[Q]
    wish: str | None
    wished_at: float


class Inquiries(Generic[Q, A, K]):
    """Answers by question, each asked again when its pause is over, as long as anybody wants it.

    Args:
        ask: Asks the world, given the last answer. What can be expected to go wrong is an answer too; an exception
            is logged and counts as no answer.
        pause: Gives the seconds until a question is asked again, from its answer and the seconds since that
            answer was a new one.
        changed: Called with those who want an answer when it is another one than before, or they wished for it.
        pace: How many questions a second; shared by those who ask the same server.
        share: Says in whose name somebody asks: when many questions are due, all names have their turn.
        settled: Whether an answer fulfils a wish; one that is to be asked again soon may not.
        at_once: How many questions are under way at most.
        clock: Seconds that only grow.
        draw: A random number between its two arguments, for jitter.
    """

    def __init__(  # noqa: PLR0913 (each has a default or is what the class is for)
        self,
        ask: Callable[[Q, A | None], Awaitable[A]],
        *,
        pause: Callable[[Q, A, float], float],
        changed: Callable[[Iterable[K]], None],
        pace: Pace,
        share: Callable[[K], Hashable] = lambda _: None,
        settled: Callable[[A], bool] = lambda _: True,
        at_once: int = 16,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._ask = ask
        self._pause = pause
        self._tell = changed
        self._pace = pace
        self._settled = settled
        self._at_once = at_once
        self._clock = clock
        self._draw = draw
        self._entries: dict[Q, _Entry[A, K]] = {}
        self._askers: dict[K, _Asker[Q]] = {}
        self._agenda: Agenda[Q] = Agenda(
            lambda question: share(next(iter(self._entries[question].by))), clock
        )
        self._woken = asyncio.Event()

    def __len__(self) -> int:
        """How many questions there are."""
        return len(self._entries)

    def answers(self) -> Iterable[tuple[Q, A, frozenset[K]]]:
        """Each question that has been answered, its last answer, and who wants it."""
        for question, entry in list(self._entries.items()):
            if entry.answer is not None:
                yield question, entry.answer, frozenset(entry.by)

    def peek(self, question: Q, by: K, manner: Manner = AT_ONCE) -> A | None:
        """The last answer, None before the first one; the question takes the place of what the asker wanted before."""
        return self.peek_all((question,), by, manner)[0]

    def peek_all(self, questions: tuple[Q, ...], by: K, manner: Manner = AT_ONCE) -> tuple[A | None, ...]:
        """The last answers to several questions, which take the place of what the asker wanted before."""
        wanted, asker = frozenset(questions), self._askers.get(by)
        before = asker.questions if asker else frozenset[Q]()
        for question in before - wanted:
            self._drop(question, by)
        for question in wanted - before:
            self._entries.setdefault(question, _Entry()).by.add(by)
        wished_at = asker.wished_at if asker else -math.inf
        if asker is not None and manner.wish != asker.wish:
            wished_at = self._clock()
            for question in wanted & before:
                self._ask_soon(question)
        self._askers[by] = _Asker(wanted, manner.wish, wished_at)
        return tuple(self._answer(question, manner) for question in questions)

    def fulfilled(self, by: K) -> bool:
        """Whether all that somebody wants has been asked since their last wish, and answered."""
        asker = self._askers.get(by)
        entries = [self._entries[question] for question in asker.questions] if asker else []
        return asker is None or all(
            entry.answer is not None and entry.asked_at >= asker.wished_at for entry in entries
        )

    def waited(self, question: Q) -> float:
        """For how many seconds somebody has been waiting for a first answer."""
        entry = self._entries.get(question)
        if entry is None or entry.answer is not None or entry.wanted_at is None:
            return 0.0
        return self._clock() - entry.wanted_at

    def hasten(self, by: K) -> None:
        """Ask every 5 s, for at most 10 minutes after the answer changed: somebody is about to mend something."""
        asker = self._askers.get(by)
        for question in asker.questions if asker else ():
            entry = self._entries[question]
            if entry.answer is not None and not entry.hasty_until:
                entry.hasty_until = entry.changed_at + _HASTE_SECONDS
                if self._clock() < entry.hasty_until:
                    self._schedule(question, self._clock() + _HASTE_PAUSE_SECONDS)

    def learn(self, question: Q, answer: A) -> None:
        """Take over an answer that somebody has from elsewhere, such as a write of their own.

        It is newer than any that is under way; nobody is told.
        """
        before = self._entries.get(question)
        if before is not None:
            now = self._clock()
            entry = _Entry(by=before.by, answer=answer, answered_at=now, asked_at=now, changed_at=now)
            self._entries[question] = entry
            self._agenda.remove(question)
            self._schedule(question, now + self._next_pause(question, entry, answer, now))

    def refresh(self, by: K, age: float) -> None:
        """Ask again once the answer is so many seconds old: something contradicts it."""
        asker = self._askers.get(by)
        for question in asker.questions if asker else ():
            entry = self._entries[question]
            if entry.answer is not None:
                self._schedule(question, max(self._clock(), entry.answered_at + age))

    def release(self, by: K) -> None:
        """Somebody wants no answer any more; a question that nobody wants is forgotten."""
        asker = self._askers.pop(by, None)
        for question in asker.questions if asker else ():
            self._drop(question, by)

    async def run(self) -> None:
        """Ask what is due, until cancelled."""
        free = asyncio.Semaphore(self._at_once)
        async with asyncio.TaskGroup() as group:
            while True:
                await self._until_due()
                await free.acquire()
                await asyncio.sleep(self._pace.reserve())
                question = self._agenda.take()
                if question is None:
                    free.release()
                    continue
                self._entries[question].asking = True
                task = group.create_task(self._inquire(question, self._entries[question]))
                task.add_done_callback(lambda _: free.release())

    def _drop(self, question: Q, by: K) -> None:
        entry = self._entries[question]
        entry.by.discard(by)
        if not entry.by:
            del self._entries[question]
            self._agenda.remove(question)

    def _answer(self, question: Q, manner: Manner) -> A | None:
        entry = self._entries[question]
        if entry.answer is not None:
            return entry.answer
        now = self._clock()
        if not manner.patient:
            entry.wanted_at = now if entry.wanted_at is None else entry.wanted_at
            self._schedule(question, max(now, entry.not_before))
        elif self._agenda.when(question) == NEVER:
            spread = max(manner.spread_seconds, self._routine_seconds())
            self._schedule(question, now + self._draw(0.0, spread))
        return None

    def _ask_soon(self, question: Q) -> None:
        entry = self._entries[question]
        entry.again = entry.asking
        self._schedule(question, self._clock())

    async def _until_due(self) -> None:
        while pause := self._seconds_to_wait():
            self._woken.clear()
            try:
                await asyncio.wait_for(self._woken.wait(), None if pause == NEVER else pause)
            except TimeoutError:
                continue

    def _seconds_to_wait(self) -> float:
        pause = self._agenda.pause()
        return NEVER if pause is None else max(0.0, pause)

    async def _inquire(self, question: Q, entry: _Entry[A, K]) -> None:
        asked_at = self._clock()
        try:
            answer: A | None = await self._ask(question, entry.answer)
        except Exception:
            logger.exception("a question could not be asked")
            answer = None
        if self._entries.get(question) is not entry:
            return
        entry.asking = False
        now = self._clock()
        if answer is None:
            entry.not_before = now + _FAILED_PAUSE_SECONDS
            self._schedule(question, entry.not_before)
            return
        differs, entry.answer, entry.answered_at = answer != entry.answer, answer, now
        wishing: list[K] = []
        if self._settled(answer):
            wishing = [by for by in entry.by if entry.asked_at < self._askers[by].wished_at <= asked_at]
            entry.asked_at = asked_at
        if differs:
            entry.changed_at, entry.hasty_until = now, 0.0
        if differs or wishing:
            self._tell(tuple(entry.by if differs else wishing))
        self._schedule(question, now + self._next_pause(question, entry, answer, now))

    def _next_pause(self, question: Q, entry: _Entry[A, K], answer: A, now: float) -> float:
        if entry.again:
            entry.again = False
            return 0.0
        pause = self._pause(question, answer, now - entry.changed_at)
        if now < entry.hasty_until:
            pause = min(pause, _HASTE_PAUSE_SECONDS)
        if pause > _HASTE_PAUSE_SECONDS:
            pause = max(pause, self._routine_seconds())
        return pause * self._draw(0.8, 1.0)

    def _routine_seconds(self) -> float:
        """How long it takes to ask everything once, so that routine never crowds out what is urgent."""
        return len(self._entries) / (_ROUTINE_SHARE * self._pace.count)

    def _schedule(self, question: Q, when: float) -> None:
        """Have a question asked then, or earlier if it is due earlier already."""
        if not self._entries[question].asking and self._agenda.put(question, when):
            self._woken.set()
