"""How much may be spent, in one process and over replicas."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from chatassistant_chatbot.errors import CallerError
from chatassistant_chatbot.limits.budget import Budget, Reservation, tokens_of
from chatassistant_chatbot.settings import Configuration
from chatassistant_chatbot.store import Store, Usage
from chatassistant_chatbot.store.bounds import HOLD_SECONDS
from chatassistant_chatbot.store.fallback import Fallback
from chatassistant_chatbot.store.memory import Memory
from chatassistant_chatbot.store.redis import Redis
from chatassistant_chatbot.turn import Opening
from support.redis import RedisServer

CHEAP, DEAR, FREE = "a/cheap", "a/dear", "a/cheap:free"
PRICES = {
    CHEAP: {"prompt": "0.00000015", "completion": "0.0000006"},
    DEAR: {"prompt": "0.000003", "completion": "0.000015"},
    FREE: {"prompt": "0", "completion": "0"},
}
NOON = datetime(2026, 11, 27, 12, tzinfo=UTC).timestamp()


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now

    def nanoseconds(self) -> int:
        return round(self.now * 1e9)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> Memory:
    return Memory(100, clock.nanoseconds, clock)


def budget_of(store: Store, clock: Clock, usd: float | str | None = 1, **changes: Any) -> Budget:
    content = {"budget": {"dailyUSD": usd, **changes}, "prices": PRICES, "store": {"type": "Memory"}}
    return Budget(Configuration.model_validate(content), store, clock)


async def refused(budget: Budget, *models: str) -> CallerError:
    with pytest.raises(CallerError) as error:
        await budget.reserve(4_000, 1_000, models or (DEAR,))
    return error.value


async def test_what_is_reserved_is_the_most_that_it_may_cost(store: Memory, clock: Clock) -> None:
    """1,000 tokens of prompt and 1,000 of an answer, by the dearest: 0.003 + 0.015 USD."""
    budget = budget_of(store, clock)
    reservation = await budget.reserve(4_000, 1_000, (CHEAP, DEAR, "a/unknown"))
    await reservation.settle(None, DEAR)
    spent = await budget.spent()
    assert spent.today.nanos == 18_000_000
    assert spent.today.models == {DEAR: Usage(1, 0, 0, 18_000_000)}


async def test_what_is_settled_takes_the_reservations_place(store: Memory, clock: Clock) -> None:
    budget = budget_of(store, clock, usd="0.02")
    reservation = await budget.reserve(4_000, 1_000, (DEAR,))
    await budget.reserve(4_000, 1_000, (DEAR,))
    await refused(budget)
    reservation.used(812, 93)
    await reservation.settle(0.00012195, DEAR)
    await budget.reserve(4_000, 1_000, (DEAR,))
    await refused(budget)
    assert (await budget.spent()).today.models == {DEAR: Usage(1, 812, 93, 121_950)}


async def test_what_becomes_known_later_is_corrected(store: Memory, clock: Clock) -> None:
    budget = budget_of(store, clock)
    reservation = await budget.reserve(4_000, 1_000, (DEAR,))
    reservation.used(10, 2)
    await reservation.settle(None, DEAR)
    assert (await budget.spent()).today.nanos == 18_000_000
    await reservation.settle(0.0001, DEAR)
    assert (await budget.spent()).today.models == {DEAR: Usage(1, 10, 2, 100_000)}


async def test_the_refusal_names_midnight(store: Memory, clock: Clock) -> None:
    budget = budget_of(store, clock, usd="0.01")
    clock.now += 3_600.25
    await (await budget.reserve(4_000, 1_000, (DEAR,))).settle(0.01, DEAR)
    error = await refused(budget)
    assert error.status == 429
    assert error.body()["error"]["code"] == "budget_exceeded"
    assert error.headers() == {"Retry-After": str(11 * 3_600)}
    clock.now = NOON + 12 * 3_600 - 0.5
    assert (await refused(budget)).headers() == {"Retry-After": "1"}
    clock.now = NOON + 12 * 3_600
    await budget.reserve(4_000, 1_000, (DEAR,))


async def test_what_is_free_always_passes(store: Memory, clock: Clock) -> None:
    budget = budget_of(store, clock, usd=0)
    for _ in range(3):
        await (await budget.reserve(4_000, 1_000, (FREE,))).settle(0.0, FREE)
    await refused(budget, CHEAP)
    await refused(budget, FREE, CHEAP)
    await refused(budget, FREE, "a/unknown")
    assert (await budget.spent()).today.models[FREE].requests == 3


async def test_unknown_prices_hold_nothing_and_count(store: Memory, clock: Clock) -> None:
    budget = budget_of(store, clock, usd="0.01")
    several = [await budget.reserve(4_000, 1_000, ("a/unknown",)) for _ in range(20)]
    await several[0].settle(None, "a/unknown")
    await several[1].settle(0.01, "a/unknown")
    await refused(budget, "a/unknown")
    assert (await budget.spent()).today.models == {"a/unknown": Usage(2, 0, 0, 10_000_000)}


async def test_without_a_budget_it_is_only_counted(store: Memory, clock: Clock) -> None:
    budget = budget_of(store, clock, usd=None)
    for _ in range(3):
        await (await budget.reserve(4_000, 1_000, (DEAR,))).settle(1_000.0, DEAR)
    spent = await budget.spent()
    assert spent.today.nanos == 3_000 * 10**9
    assert spent.crossed == 0


async def test_what_a_dead_process_held_is_free_again(store: Memory, clock: Clock) -> None:
    budget = budget_of(store, clock, usd="0.01")
    late = await budget.reserve(4_000, 1_000, (DEAR,))
    clock.now += HOLD_SECONDS - 1
    await refused(budget)
    clock.now += 1
    await budget.reserve(4_000, 1_000, (DEAR,))
    await refused(budget)
    await late.settle(0.005, DEAR)
    assert (await budget.spent()).today.nanos == 5_000_000, "who lives after all is counted"


async def test_a_request_over_midnight_counts_where_it_began(store: Memory, clock: Clock) -> None:
    budget = budget_of(store, clock)
    clock.now = NOON + 12 * 3_600 - 1
    reservation = await budget.reserve(4_000, 1_000, (DEAR,))
    clock.now += 2
    reservation.used(5, 3)
    await reservation.settle(0.0123, DEAR)
    assert await budget.report() == {
        "day": "2026-11-28",
        "crossed": 0,
        "shared": False,
        "finished": {
            "day": "2026-11-27", "requests": 1, "promptTokens": 5, "completionTokens": 3, "usd": "0.012300000",
            "cachedRequests": 0, "savedUsd": "0.000000000",
        },
    }  # fmt: skip


async def test_what_the_cache_saved_is_no_spending(store: Memory, clock: Clock) -> None:
    budget = budget_of(store, clock, usd="0.01")
    for _ in range(3):
        await budget.save(0.004, DEAR)
    await budget.save(0.0, "a/other")
    assert (await budget.spent()).today.nanos == 0
    await budget.reserve(4_000, 1_000, (DEAR,))
    clock.now += 86_400
    finished = (await budget.report())["finished"]
    assert (finished["day"], finished["requests"], finished["usd"]) == ("2026-11-27", 0, "0.000000000")
    assert (finished["cachedRequests"], finished["savedUsd"]) == (4, "0.012000000")


async def test_the_report_stands_still(store: Memory, clock: Clock) -> None:
    """It differs only when a threshold is crossed, or the day."""
    budget = budget_of(store, clock)
    crossed: list[int] = []
    spending = (await budget.reserve(0, 0, (DEAR,))).settle
    for tenths in range(11):
        await spending(tenths / 10, DEAR)
        report = await budget.report()
        assert report["finished"] is None
        crossed.append(report["crossed"])
    assert crossed == [0] * 5 + [50] * 3 + [80] * 2 + [100]
    clock.now += 4 * 86_400
    report = await budget.report()
    assert report["day"] == "2026-12-01"
    assert report["crossed"] == 0
    assert report["finished"]["day"] == "2026-11-27"
    assert report["finished"]["usd"] == "1.000000000"


def opening_of(asked: int, characters: int) -> Opening:
    """A request for so long an answer, with a prompt of so many characters."""
    frame = len('[{"role":"user","content":""}]')
    message = {"role": "user", "content": "x" * (characters - frame)}
    opening = Opening(Configuration(), (DEAR,), (message,), {}, asked, stream=False)
    assert opening.characters == characters
    return opening


@pytest.mark.parametrize(
    ("most", "asked", "characters", "given"),
    [(None, 500, 10**6, 500), (100, 500, 80, 80), (100, 50, 80, 50), (100, 500, 396, 1), (100, 500, 81, 79)],
)
def test_prompt_and_answer_keep_to_the_tokens_of_a_request(
    store: Memory, clock: Clock, most: int | None, asked: int, characters: int, given: int
) -> None:
    budget = budget_of(store, clock, tokensPerRequest=most)
    assert budget.within(opening_of(asked, characters)).max_tokens == given


def test_a_prompt_that_is_too_long_is_refused(store: Memory, clock: Clock) -> None:
    with pytest.raises(CallerError) as error:
        budget_of(store, clock, tokensPerRequest=100).within(opening_of(10, 397))
    assert error.value.status == 400
    told = error.value.body()["error"]
    assert (told["code"], told["param"]) == ("tokens_per_request_exceeded", "messages")
    assert "100" in told["message"]


def test_tokens_are_estimated() -> None:
    assert [tokens_of(characters) for characters in (0, 1, 4, 5)] == [0, 1, 1, 2]


async def test_a_hundred_at_once_go_beyond_it_by_less_than_one(store: Memory, clock: Clock) -> None:
    await _a_hundred_at_once([budget_of(store, clock, usd="0.1")])


async def test_replicas_share_a_budget(redis: RedisServer, clock: Clock) -> None:
    async with AsyncExitStack() as stack:
        stores = [await stack.enter_async_context(_shared(redis)) for _ in range(3)]
        budgets = [budget_of(store, clock, usd="0.1") for store in stores]
        await _a_hundred_at_once(budgets)
        assert len({(await each.spent()).today.nanos for each in budgets}) == 1


def _shared(redis: RedisServer) -> Fallback:
    return Fallback(Redis(SecretStr(redis.url), "uid", 9), Memory(9))


async def _a_hundred_at_once(budgets: list[Budget]) -> None:
    """Reservations of 0.018 USD, each of which is spent to the last."""

    async def ask(budget: Budget) -> bool:
        try:
            reservation = await budget.reserve(4_000, 1_000, (DEAR,))
        except CallerError:
            return False
        await asyncio.sleep(0.01)
        await reservation.settle(0.018, DEAR)
        return True

    passed = sum(await asyncio.gather(*[ask(budgets[number % len(budgets)]) for number in range(100)]))
    spent = (await budgets[0].spent()).today.nanos
    assert spent == passed * 18_000_000
    assert 100_000_000 <= spent < 118_000_000
    assert (await budgets[0].spent()).crossed == 100
    await refused(budgets[0])


@pytest.fixture
async def shared(redis: RedisServer) -> AsyncIterator[Fallback]:
    async with _shared(redis) as store:
        yield store


async def test_what_a_dead_replica_held_is_free_again(
    shared: Fallback, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatassistant_chatbot.store.redis.HOLD_SECONDS", 1)
    budget = budget_of(shared, clock, usd="0.01")
    late = await budget.reserve(4_000, 1_000, (DEAR,))
    await refused(budget)
    await asyncio.sleep(1.1)
    await budget.reserve(4_000, 1_000, (DEAR,))
    await refused(budget)
    await late.settle(0.005, DEAR)
    await refused(budget)
    assert (await budget.spent()).today.nanos == 5_000_000


async def test_cheap_tokens_add_up_without_a_loss(shared: Fallback, clock: Clock) -> None:
    budget = budget_of(shared, clock)
    reservations: list[Reservation] = [await budget.reserve(4, 1, (CHEAP,)) for _ in range(50)]
    for reservation in reservations:
        await reservation.settle(0.00000075, CHEAP)
    assert (await budget.spent()).today.nanos == 50 * 750
