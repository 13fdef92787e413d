"""Who asks how: several questions at a time, in turn with others, with patience, or at once."""

import asyncio
import random
from collections.abc import Callable

import pytest

from chatassistant_operator.engine.inquiries import Inquiries, Manner
from chatassistant_operator.engine.pace import Pace
from unit.engine.test_inquiries import world
from unit.engine.virtual_time import now, virtual_time


def chance() -> Callable[[float, float], float]:
    """Jitter that is the same each time."""
    return random.Random(7).uniform  # noqa: S311 (chance in a test, no secret)


@virtual_time
async def test_several_questions_of_one_asker() -> None:
    async with world() as it:
        it.answers |= {"a": "one", "b": "two", "c": "three"}
        assert it.inquiries.peek_all(("a", "b"), "x") == (None, None)
        await asyncio.sleep(1.0)
        assert it.inquiries.peek_all(("b", "a"), "x") == ("two", "one"), (
            "in the order in which they are asked"
        )
        assert [who for _, who in it.told] == [{"x"}, {"x"}]
        assert it.inquiries.peek_all(("b", "c"), "x") == ("two", None), (
            "what is still wanted is not forgotten"
        )
        await asyncio.sleep(100.0)
        assert len(it.inquiries) == 2
        assert len(it.gaps("a")) == 0
        assert it.inquiries.peek_all((), "x") == ()
        assert len(it.inquiries) == 0


@virtual_time
async def test_a_question_lives_as_long_as_anybody_wants_it() -> None:
    async with world() as it:
        it.answers["q"] = "one"
        it.inquiries.peek_all(("q", "r"), "x")
        it.inquiries.peek("q", "y")
        await asyncio.sleep(1.0)
        assert {question: answer for question, answer, _ in it.inquiries.answers()} == {
            "q": "one",
            "r": "absent",
        }
        it.inquiries.release("x")
        it.inquiries.release("x")
        ((question, _, askers),) = it.inquiries.answers()
        assert (question, askers) == ("q", {"y"})
        it.answers["q"] = "two"
        await asyncio.sleep(60.0)
        assert it.told[-1][1] == {"y"}


@virtual_time
async def test_an_answer_to_a_question_that_nobody_wants_any_more_is_told_to_nobody() -> None:
    async with world() as it:
        it.seconds = 10.0
        it.inquiries.peek("q", "x")
        await asyncio.sleep(1.0)
        it.inquiries.release("x")
        await asyncio.sleep(1.0)
        assert it.inquiries.peek("q", "y") is None
        await asyncio.sleep(9.0)
        assert it.told == []
        assert it.inquiries.peek("q", "y") is None, "y has its own question under way"
        await asyncio.sleep(10.0)
        assert it.inquiries.peek("q", "y") == "absent"


@virtual_time
async def test_hundreds_of_one_team_delay_another_by_less_than_a_minute() -> None:
    async with world(a_second=5) as it:
        it.seconds = 0.5
        for number in range(500):
            it.inquiries.peek(f"bogus{number}", f"many/{number}")
        await asyncio.sleep(10.0)
        wanted_at = now()
        for number in range(5):
            it.inquiries.peek(f"good{number}", f"few/{number}")
        await asyncio.sleep(200.0)
        first = {question: at - wanted_at for at, question in reversed(it.asked)}
        assert max(first[f"good{number}"] for number in range(5)) < 10.0
        assert len({question for _, question in it.asked}) == 505, "the many have their turns too"


@virtual_time
async def test_no_more_are_under_way_than_may_be() -> None:
    async with world(at_once=3) as it:
        it.seconds = 30.0
        for number in range(10):
            it.inquiries.peek(f"q{number}", f"x/{number}")
        await asyncio.sleep(29.0)
        assert it.under_way == 3
        await asyncio.sleep(100.0)
        assert it.most_under_way == 3
        assert len({question for _, question in it.asked}) == 10


@virtual_time
async def test_how_long_somebody_has_waited() -> None:
    async with world() as it:
        it.seconds = 50.0
        assert it.inquiries.waited("q") == 0.0
        it.inquiries.peek("q", "x", Manner(patient=True, spread_seconds=20.0))
        await asyncio.sleep(10.0)
        assert it.inquiries.waited("q") == 0.0, "the patient wait for nothing"
        it.inquiries.peek("q", "y")
        await asyncio.sleep(30.0)
        it.inquiries.peek("q", "y")
        assert it.inquiries.waited("q") == pytest.approx(30.0)
        await asyncio.sleep(30.0)
        assert it.inquiries.peek("q", "y") == "absent"
        assert it.inquiries.waited("q") == 0.0


@virtual_time
async def test_how_long_somebody_has_waited_from_the_first_moment_on() -> None:
    async with world() as it:
        it.seconds = 50.0
        for _ in range(3):
            it.inquiries.peek("q", "x")
            await asyncio.sleep(10.0)
        assert it.inquiries.waited("q") == pytest.approx(30.0)


@virtual_time
async def test_a_wish_is_heard_once_and_by_each_who_has_it() -> None:
    async with world() as it:
        it.answers["q"] = "one"
        it.inquiries.peek("q", "x", Manner(wish="at noon"))
        it.inquiries.peek("q", "y")
        await asyncio.sleep(10.0)
        assert it.gaps("q") == [], "a wish from before the first look, as after a restart, is none"
        for by in "xyx":
            it.inquiries.peek("q", by, Manner(wish="at one"))
            await asyncio.sleep(5.0)
        assert it.gaps("q") == [10.0, 5.0]


@virtual_time
async def test_a_wish_while_it_is_being_asked_has_it_asked_again() -> None:
    async with world() as it:
        it.seconds = 10.0
        it.answers["q"] = "one"
        it.inquiries.peek("q", "x")
        await asyncio.sleep(5.0)
        it.inquiries.peek("q", "x", Manner(wish="now"))
        await asyncio.sleep(1.0)
        it.answers["q"] = "two"
        await asyncio.sleep(15.0)
        assert it.gaps("q") == [10.0]
        assert it.inquiries.peek("q", "x", Manner(wish="now")) == "two"
        await asyncio.sleep(60.0)
        assert it.gaps("q") == [10.0, 70.0]


@virtual_time
async def test_the_patient_are_spread_over_their_time() -> None:
    async with world(draw=chance()) as it:
        for number in range(300):
            it.answers[f"q{number}"] = "there"
            it.inquiries.peek(f"q{number}", f"x/{number}", Manner(patient=True, spread_seconds=600.0))
        await asyncio.sleep(600.0)
        first = {question: at for at, question in reversed(it.asked)}
        minutes = [sum(60 * n <= at < 60 * (n + 1) for at in first.values()) for n in range(10)]
        assert len(first) == 300
        assert 10 <= min(minutes) <= max(minutes) <= 50


@virtual_time
async def test_the_next_time_is_up_to_a_fifth_earlier_by_chance() -> None:
    async with world(draw=chance()) as it:
        for number in range(50):
            it.answers[f"q{number}"] = "there"
            it.inquiries.peek(f"q{number}", f"x/{number}")
        await asyncio.sleep(300.0)
        gaps = [gap for number in range(50) for gap in it.gaps(f"q{number}")]
        assert 48.0 <= min(gaps) < 50.0
        assert 58.0 < max(gaps) <= 61.0


@virtual_time
async def test_a_wish_is_fulfilled_by_an_answer_that_was_asked_for_after_it() -> None:
    async with world() as it:
        it.answers["q"] = "one"
        it.seconds = 2.0
        it.inquiries.peek("q", "x")
        it.inquiries.peek("q", "y")
        assert not it.inquiries.fulfilled("x"), "nothing is answered yet"
        await asyncio.sleep(3.0)
        assert it.inquiries.fulfilled("x")
        it.inquiries.peek("q", "x", Manner(wish="now"))
        assert not it.inquiries.fulfilled("x")
        assert it.inquiries.fulfilled("y"), "who wished for nothing has what they want"
        await asyncio.sleep(1.0)
        assert not it.inquiries.fulfilled("x"), "it is under way"
        await asyncio.sleep(2.0)
        assert it.inquiries.fulfilled("x")
        assert it.told[1:] == [(5.0, {"x"})], "the same answer is news for who wished for it"
        await asyncio.sleep(100.0)
        assert len(it.told) == 2


@virtual_time
async def test_a_wish_while_it_is_asked_is_fulfilled_by_the_next_answer() -> None:
    async with world() as it:
        it.answers["q"] = "one"
        it.inquiries.peek("q", "x")
        await asyncio.sleep(1.0)
        it.seconds = 2.0
        it.inquiries.peek("q", "x", Manner(wish="first"))
        await asyncio.sleep(1.0)
        it.inquiries.peek("q", "x", Manner(wish="second"))
        await asyncio.sleep(1.5)
        assert not it.inquiries.fulfilled("x"), "what was under way began before the wish"
        await asyncio.sleep(2.0)
        assert it.inquiries.fulfilled("x")


@virtual_time
async def test_an_answer_that_settles_nothing_fulfils_no_wish() -> None:
    async with world() as it:
        it.inquiries = Inquiries(
            it.ask,
            pause=lambda *_: 5.0,
            changed=it.tell,
            pace=Pace(20, now),
            settled=lambda answer: answer != "perhaps",
            clock=now,
        )
        running = asyncio.create_task(it.inquiries.run())
        it.answers["q"] = "one"
        it.inquiries.peek("q", "x")
        await asyncio.sleep(1.0)
        it.answers["q"] = "perhaps"
        it.inquiries.peek("q", "x", Manner(wish="now"))
        await asyncio.sleep(1.0)
        assert not it.inquiries.fulfilled("x")
        it.answers["q"] = "one"
        await asyncio.sleep(6.0)
        assert it.inquiries.fulfilled("x")
        running.cancel()
