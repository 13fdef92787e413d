"""How often a user may ask: exact at its edges, in one process and over replicas."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from chatassistant_chatbot.errors import CallerError
from chatassistant_chatbot.limits.rate import Place, RateLimiter
from chatassistant_chatbot.settings.configuration import RateLimit
from chatassistant_chatbot.store import Store
from chatassistant_chatbot.store.fallback import Fallback
from chatassistant_chatbot.store.memory import Memory
from chatassistant_chatbot.store.redis import Redis
from chatassistant_chatbot.store.windows import SlidingWindows
from support.redis import RedisServer

SECOND = 1_000_000_000


class Clock:
    def __init__(self) -> None:
        self.now = 17 * SECOND

    def __call__(self) -> int:
        return self.now


def limiter_of(store: Store, requests: int, seconds: int) -> RateLimiter:
    return RateLimiter(RateLimit.model_validate({"requests": requests, "windowSeconds": seconds}), store)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limiter(clock: Clock) -> RateLimiter:
    return limiter_of(Memory(100, clock), 10, 60)


async def refusal(limiter: RateLimiter, user: str = "ada") -> CallerError:
    with pytest.raises(CallerError) as refused:
        await limiter.take(user)
    return refused.value


async def test_the_eleventh_passes_when_the_first_leaves(limiter: RateLimiter, clock: Clock) -> None:
    started = clock.now
    for number in range(10):
        clock.now = started + number * SECOND
        await limiter.take("ada")
    for early in (started + 59 * SECOND, started + 60 * SECOND - 1):
        clock.now = early
        await refusal(limiter)
    clock.now = started + 60 * SECOND
    await limiter.take("ada")
    await refusal(limiter)
    clock.now = started + 61 * SECOND - 1
    await refusal(limiter)
    clock.now = started + 61 * SECOND
    await limiter.take("ada")


async def test_what_is_told(limiter: RateLimiter, clock: Clock) -> None:
    first = await limiter.take("ada")
    assert first.headers() == {
        "RateLimit-Policy": '"default";q=10;w=60',
        "RateLimit": '"default";r=9;t=60',
    }
    clock.now += 38 * SECOND + 1
    for _ in range(8):
        place = await limiter.take("ada")
    assert place.headers()["RateLimit"] == '"default";r=1;t=22'
    await limiter.take("ada")
    refused = await refusal(limiter)
    assert refused.status == 429
    assert refused.headers() == {
        "RateLimit-Policy": '"default";q=10;w=60',
        "RateLimit": '"default";r=0;t=22',
        "Retry-After": "22",
    }
    error = refused.body()["error"]
    assert (error["type"], error["code"]) == ("rate_limit_error", "rate_limit_exceeded")
    assert "10 completions" in error["message"]


async def test_refusals_do_not_count(limiter: RateLimiter) -> None:
    for _ in range(30):
        place = await limiter.take("ada")
        assert place.headers()["RateLimit"] == '"default";r=9;t=60'
        await place.give_back()
        await place.give_back()
        assert place.headers()["RateLimit"] == '"default";r=10;t=60'
    for _ in range(10):
        await limiter.take("ada")
    for _ in range(30):
        await refusal(limiter)


async def test_users_do_not_share_places(limiter: RateLimiter) -> None:
    for user in ("ada", "bob"):
        for _ in range(10):
            await limiter.take(user)
        await refusal(limiter, user)


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["take", "take", "take", "give back"]),
        st.sampled_from(["ada", "bob"]),
        # Multiples of a third of the window and their neighbours: edges are hit often.
        st.builds(lambda thirds, by: max(0, thirds * SECOND + by), st.integers(0, 4), st.integers(-1, 1)),
    ),
    max_size=60,
)


@given(OPERATIONS, st.integers(1, 4))
def test_as_whoever_counts_them_all(operations: list[tuple[str, str, int]], requests: int) -> None:
    """A window is compared with a list of all that was ever taken."""
    windows, length, now = SlidingWindows(most_users=100), 3, 10 * SECOND
    taken: dict[str, list[int]] = {"ada": [], "bob": []}
    for operation, user, passed in operations:
        now += passed
        mine = taken[user]
        inside = sorted(each for each in mine if now - each < length * SECOND)
        if operation == "give back":
            if mine:
                windows.give_back(user, mine.pop())
            continue
        window = windows.take(user, requests, length, now)
        assert (window.place is not None) == (len(inside) < requests)
        if window.place is not None:
            mine.append(now)
            inside.append(now)
        assert window.remaining == requests - len(inside)
        assert window.seconds == (inside[0] + length * SECOND - now) / SECOND
    for times in taken.values():
        for first in times:
            assert sum(first <= each < first + length * SECOND for each in times) <= requests


def test_idle_users_are_forgotten() -> None:
    windows, now = SlidingWindows(most_users=50_000), 0
    for number in range(10_000):
        now += SECOND
        windows.take(f"forged-{number}", 10, 60, now)
        assert len(windows) <= 61


def test_a_flood_of_users_has_a_bound() -> None:
    windows = SlidingWindows(most_users=1_000)
    for number in range(10_000):
        windows.take(f"forged-{number}", 10, 60, number)
        assert len(windows) <= 1_000
        if number % 500 == 0:
            assert windows.take("ada", 100, 60, number).remaining == 99 - number // 500
    assert windows.take("forged-9999", 10, 60, 10_000).remaining == 8, "whoever asks again and again is known"


@pytest.fixture
async def replicas(redis: RedisServer) -> AsyncIterator[list[Fallback]]:
    """The stores of three replicas."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(Fallback(Redis(SecretStr(redis.url), "uid", 9), Memory(9)))
            for _ in range(3)
        ]


async def test_replicas_share_a_limit_to_the_request(replicas: list[Fallback]) -> None:
    three = [limiter_of(store, 10, 60) for store in replicas]
    for user in ("ada", "bob"):
        found = await asyncio.gather(
            *[each.take(user) for each in three for _ in range(40)], return_exceptions=True
        )
        places = [each for each in found if isinstance(each, Place)]
        assert len(places) == 10
        assert len(found) - len(places) == sum(isinstance(each, CallerError) for each in found)
        assert sorted(each.headers()["RateLimit"].split(";")[1] for each in places) == [
            f"r={left}" for left in range(10)
        ]
        await places[0].give_back()
        again = await asyncio.gather(*[each.take(user) for each in three], return_exceptions=True)
        assert sum(isinstance(each, Place) for each in again) == 1


async def test_no_window_over_replicas_holds_more(replicas: list[Fallback]) -> None:
    """Under pressure for three seconds, each second holds just ten."""
    three = [limiter_of(store, 10, 1) for store in replicas]
    passed: list[tuple[float, float]] = []
    until = time.monotonic() + 3

    async def press(limiter: RateLimiter) -> None:
        while (before := time.monotonic()) < until:
            with contextlib.suppress(CallerError):
                await limiter.take("ada")
                passed.append((before, time.monotonic()))
            await asyncio.sleep(0.002)

    await asyncio.gather(*[press(each) for each in three for _ in range(3)])
    passed.sort()
    # The tenth after a request was let in by the server a whole second after it.
    assert all(later[1] - earlier[0] >= 1 for earlier, later in zip(passed, passed[10:], strict=False))
    assert 30 <= len(passed) <= 40
