import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

from chatassistant_operator.engine.inquiries import Inquiries, Manner
from chatassistant_operator.engine.pace import Pace
from unit.engine.virtual_time import now, virtual_time


class World:
    """What is asked, and when; jitter always draws the upper end. Askers are called team/name, and teams take turns."""

    def __init__(
        self,
        a_second: int = 20,
        at_once: int = 16,
        draw: Callable[[float, float], float] = lambda _, most: most,
    ) -> None:
        self.under_way = 0
        self.most_under_way = 0
        self.answers: dict[str, str] = {}
        self.asked: list[tuple[float, str]] = []
        self.told: list[tuple[float, set[str]]] = []
        self.faults: list[Exception] = []
        self.seconds = 0.0
        self.inquiries: Inquiries[str, str, str] = Inquiries(
            self.ask,
            pause=lambda _, answer, age: 60.0 if answer != "absent" or age > 600.0 else 5.0,
            changed=self.tell,
            pace=Pace(a_second, now),
            share=lambda by: by.partition("/")[0],
            at_once=at_once,
            clock=now,
            draw=draw,
        )

    async def ask(self, question: str, last: str | None) -> str:
        self.asked.append((now(), question))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.under_way -= 1
        if self.faults:
            raise self.faults.pop(0)
        return self.answers.get(question, "absent")

    def tell(self, askers: Iterable[str]) -> None:
        self.told.append((now(), set(askers)))

    def gaps(self, question: str) -> list[float]:
        times = [at for at, asked in self.asked if asked == question]
        return [round(later - earlier, 3) for earlier, later in pairwise(times)]


@asynccontextmanager
async def world(**manners: Any) -> AsyncGenerator[World]:
    it = World(**manners)
    task = asyncio.create_task(it.inquiries.run())
    try:
        yield it
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.wait([task])


@virtual_time
async def test_a_question_of_many_is_asked_once_and_all_are_told() -> None:
    async with world() as it:
        it.answers["q"] = "one"
        it.seconds = 2.0
        assert [it.inquiries.peek("q", by) for by in "xyz"] == [None, None, None]
        await asyncio.sleep(3.0)
        assert [it.inquiries.peek("q", by) for by in "xyz"] == ["one"] * 3
        assert len(it.asked) == 1
        assert it.told == [(2.0, {"x", "y", "z"})]


@virtual_time
async def test_it_is_asked_again_after_its_pause_and_told_only_when_it_differs() -> None:
    async with world() as it:
        it.answers["q"] = "one"
        it.inquiries.peek("q", "x")
        await asyncio.sleep(130.0)
        assert it.gaps("q") == [60.0, 60.0]
        assert len(it.told) == 1
        it.answers["q"] = "two"
        await asyncio.sleep(60.0)
        assert it.inquiries.peek("q", "x") == "two"
        assert len(it.told) == 2


@virtual_time
async def test_what_is_missing_is_looked_for_every_5_seconds_for_10_minutes() -> None:
    async with world() as it:
        it.inquiries.peek("q", "x")
        await asyncio.sleep(900.0)
        gaps = it.gaps("q")
        assert set(gaps[:119]) == {5.0}
        assert set(gaps[-3:]) == {60.0}


@virtual_time
async def test_haste_lasts_until_the_answer_changes() -> None:
    async with world() as it:
        it.answers["q"] = "refused"
        it.inquiries.peek("q", "x")
        await asyncio.sleep(1.0)
        it.inquiries.hasten("x")
        await asyncio.sleep(30.0)
        assert it.gaps("q")[1:] == [5.0] * 4
        it.answers["q"] = "mended"
        await asyncio.sleep(70.0)
        assert it.gaps("q")[-1] == 60.0


@virtual_time
async def test_another_question_takes_the_place_of_the_one_before() -> None:
    async with world() as it:
        it.inquiries.peek("old", "x")
        await asyncio.sleep(1.0)
        it.inquiries.peek("new", "x")
        asked = len(it.asked)
        await asyncio.sleep(100.0)
        assert {question for _, question in it.asked[asked:]} == {"new"}
        assert len(it.inquiries) == 1
        it.inquiries.release("x")
        assert len(it.inquiries) == 0


@virtual_time
async def test_never_more_than_its_pace() -> None:
    async with world() as it:
        for number in range(200):
            it.inquiries.peek(f"q{number}", f"x{number}")
        await asyncio.sleep(30.0)
        times = [at for at, _ in it.asked]
        assert len(times) >= 200
        assert all(later - earlier >= 0.999 for earlier, later in zip(times, times[20:], strict=False))


@virtual_time
async def test_thousands_leave_room_for_what_is_new() -> None:
    async with world() as it:
        for number in range(3000):
            it.answers[f"q{number}"] = "there"
            it.inquiries.peek(f"q{number}", f"x{number}")
        await asyncio.sleep(400.0)
        it.inquiries.peek("new", "y")
        asked_at = now()
        await asyncio.sleep(20.0)
        assert next(at for at, question in it.asked if question == "new") - asked_at < 5.0


@virtual_time
async def test_the_patient_wait_a_minute_unless_somebody_is_not() -> None:
    async with world() as it:
        it.inquiries.peek("q", "x", Manner(patient=True))
        await asyncio.sleep(30.0)
        assert it.asked == []
        it.inquiries.peek("q", "y")
        await asyncio.sleep(1.0)
        assert len(it.asked) == 1


@virtual_time
async def test_a_question_that_cannot_be_asked_is_no_answer_and_asked_again() -> None:
    async with world() as it:
        it.faults = [RuntimeError("boom")]
        it.answers["q"] = "one"
        it.inquiries.peek("q", "x")
        await asyncio.sleep(5.0)
        assert it.inquiries.peek("q", "x") is None
        await asyncio.sleep(10.0)
        assert it.inquiries.peek("q", "x") == "one"


@virtual_time
async def test_asked_at_once_when_somebody_wants_it() -> None:
    async with world() as it:
        it.answers["q"] = "one"
        it.inquiries.peek("q", "x")
        await asyncio.sleep(10.0)
        it.inquiries.peek("q", "x", Manner(wish="now"))
        it.inquiries.peek("q", "x", Manner(wish="now"))
        await asyncio.sleep(1.0)
        assert it.gaps("q") == [10.0]


@virtual_time
async def test_what_is_learnt_elsewhere_takes_the_place_of_an_older_answer() -> None:
    async with world() as it:
        it.seconds = 3.0
        it.inquiries.learn("a", "made")
        assert it.inquiries.peek("a", "team/one") is None, "nobody wanted it"
        await asyncio.sleep(1.0)
        assert it.asked == [(0.0, "a")]
        # The answer that is under way was given before the write.
        it.inquiries.learn("a", "made")
        assert it.inquiries.peek("a", "team/one") == "made"
        await asyncio.sleep(10.0)
        assert it.inquiries.peek("a", "team/one") == "made"
        assert it.told == []
        it.answers["a"] = "read"
        await asyncio.sleep(60.0)
        assert it.inquiries.peek("a", "team/one") == "read"
        assert len(it.asked) == 2


@virtual_time
async def test_what_is_doubted_is_asked_again_once_its_answer_is_old_enough() -> None:
    async with world() as it:
        it.answers["q"] = "one"
        it.inquiries.refresh("x", 20.0)
        it.inquiries.peek("q", "x")
        it.inquiries.refresh("x", 20.0)
        await asyncio.sleep(5.0)
        for _ in range(3):
            it.inquiries.refresh("x", 20.0)
        await asyncio.sleep(25.0)
        assert it.gaps("q") == [20.0], "once, and not before its answer was that old"
        it.inquiries.refresh("x", 5.0)
        await asyncio.sleep(1.0)
        assert it.gaps("q") == [20.0, 10.0], "at once, as it is older"
        it.inquiries.refresh("x", 500.0)
        await asyncio.sleep(70.0)
        assert it.gaps("q")[-1] == 60.0, "never later than it would have been"
