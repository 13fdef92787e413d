"""A Redis that dies, hangs and comes back under load."""

import asyncio
import itertools
import logging
import random
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from pydantic import SecretStr

from chatassistant_chatbot.store import Hold, Spending, Store, StoreError, Usage
from chatassistant_chatbot.store.fallback import Fallback
from chatassistant_chatbot.store.memory import Memory
from chatassistant_chatbot.store.redis import Redis
from support.redis import PASSWORD, RedisServer
from support.waiting import eventually_async

ADA = "ada" * 20
DAY = "2026-11-27"
ONE = Usage(1, 100, 20, 5_000)


@pytest.fixture
async def stores(own_redis: RedisServer) -> AsyncIterator[list[Fallback]]:
    """Those of three replicas."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                Fallback(Redis(SecretStr(own_redis.url), "uid", 100), Memory(100))
            )
            for _ in range(3)
        ]


@pytest.fixture
def store(stores: list[Fallback]) -> Fallback:
    return stores[0]


async def in_state(store: Store, state: str) -> None:
    async def reached() -> bool:
        return store.state == state

    await eventually_async(reached, f"the store is {state}", timeout=30)


async def lose(store: Store) -> None:
    """Have it notice that its Redis is away."""
    await store.recall("anything")
    assert store.state == "degraded"


async def test_a_redis_that_is_away_at_the_start_is_waited_for(own_redis: RedisServer) -> None:
    own_redis.kill()
    async with Fallback(Redis(SecretStr(own_redis.url), "uid", 100), Memory(100)) as store:
        assert store.state == "degraded"
        assert (await store.take(ADA, 2, 60)).remaining == 1
        own_redis.start()
        await in_state(store, "ok")
        assert (await store.take(ADA, 2, 60)).remaining == 1
    assert f"chatassistant:uid:window:{ADA}" in own_redis.times_to_live()


async def test_requests_go_on_without_it(store: Fallback, own_redis: RedisServer) -> None:
    await store.cache("key", b"shared", 60)
    own_redis.kill()
    await lose(store)
    assert [(await store.take(ADA, 1, 60)).place is None for _ in range(2)] == [False, True]
    assert await store.cached("key") is None
    await store.cache("key", b"mine", 60)
    assert await store.cached("key") == b"mine"


async def test_one_that_hangs_is_waited_for_once(store: Fallback, own_redis: RedisServer) -> None:
    own_redis.freeze()
    started = time.monotonic()
    await asyncio.gather(*[store.take(ADA, 1_000, 60) for _ in range(200)])
    assert 0.4 < time.monotonic() - started < 1.0
    started = time.monotonic()
    for _ in range(1_000):
        await store.take(ADA, 10_000, 60)
    assert time.monotonic() - started < 0.2, "none of them asks it"
    own_redis.thaw()
    await in_state(store, "ok")


async def test_what_was_spent_is_known_and_carried_over(
    stores: list[Fallback], own_redis: RedisServer
) -> None:
    ours, other, _ = stores
    await other.settle(DAY, None, "m", ONE._replace(nanos=900))
    held = Hold("held", 50)
    assert (await ours.reserve(DAY, held, 1_000)).spent == 900
    own_redis.freeze()
    await asyncio.gather(lose(ours), lose(other))
    assert await ours.settle(DAY, held, "m", ONE._replace(nanos=60)) == 960
    assert await ours.settle(DAY, None, "n", ONE._replace(nanos=30)) == 990
    assert await ours.settle(DAY, None, "n", Usage(cached_requests=1, saved_nanos=30)) == 990
    assert (await ours.reserve(DAY, Hold("b", 20), 1_000)).granted
    assert not (await ours.reserve(DAY, Hold("c", 20), 1_000)).granted
    assert (await ours.spending(DAY)).nanos == 990
    own_redis.thaw()
    await in_state(ours, "ok")
    await in_state(other, "ok")
    n = ONE._replace(nanos=30, cached_requests=1, saved_nanos=30)
    expected = Spending(990, {"m": Usage(2, 200, 40, 960), "n": n})
    assert await other.spending(DAY) == expected
    assert await ours.spending(DAY) == expected


async def test_one_that_is_full_is_as_good_as_none(
    store: Fallback, own_redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    await store.create_conversation(ADA, "old", "Old", {})
    own_redis.fill(True)
    assert await store.append(ADA, "old", b"[1]", "")
    assert store.state == "degraded"
    for number in range(10):
        await store.settle(DAY, None, f"model-{number}", ONE)
    await store.create_conversation(ADA, "new", "New", {})
    await store.append(ADA, "new", b"[2]", "")
    caplog.clear()
    await asyncio.sleep(2.5)
    assert store.state == "degraded", "it answers, and takes nothing"
    assert caplog.messages == [], "nothing goes to and fro"
    own_redis.fill(False)
    await in_state(store, "ok")
    assert (await store.spending(DAY)).models == {f"model-{number}": ONE for number in range(10)}
    for name, turn in (("old", b"[1]"), ("new", b"[2]")):
        found = await store.conversation(ADA, name)
        assert found is not None
        assert found[1] == [turn]


async def test_what_is_spent_while_it_comes_back_is_not_lost(store: Fallback, own_redis: RedisServer) -> None:
    over, settled = asyncio.Event(), 0

    async def spend() -> None:
        nonlocal settled
        while not over.is_set():
            await store.settle(DAY, None, "m", ONE)
            settled += 1
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for _ in range(10):
            group.create_task(spend())
        for _ in range(2):
            own_redis.freeze()
            await in_state(store, "degraded")
            own_redis.thaw()
            await in_state(store, "ok")
        over.set()

    async def all_counted() -> int:
        counted = (await store.spending(DAY)).models["m"].requests
        return counted if counted >= settled else 0

    # Ten may be under way at each failure, and are counted twice then.
    assert await eventually_async(all_counted, "all is counted", timeout=5) <= settled + 20


@pytest.mark.parametrize("noticed", [True, False])
async def test_what_was_spent_outlives_a_redis_that_forgets(
    stores: list[Fallback], own_redis: RedisServer, noticed: bool
) -> None:
    for store in stores:
        await store.settle(DAY, None, "m", ONE._replace(nanos=100))
    own_redis.kill()
    if noticed:
        await asyncio.gather(*[lose(store) for store in stores])
    own_redis.start()
    for number in range(6):
        # Whoever finds a connection broken has to come back first.
        await in_state(stores[number % 3], "ok")
        await stores[number % 3].reserve(DAY, Hold(str(number), 1), 1_000)
    for store in stores:
        await in_state(store, "ok")
    assert [await store.settle(DAY, None, "m", ONE._replace(nanos=1)) for store in stores] == [301, 302, 303]


async def test_what_was_said_is_carried_over(stores: list[Fallback], own_redis: RedisServer) -> None:
    ours, other, _ = stores
    await ours.create_conversation(ADA, "old", "Old", {})
    await ours.append(ADA, "old", b"[1]", "")
    own_redis.freeze()
    await lose(ours)
    for operation in (
        ours.conversation(ADA, "old"),
        ours.change_conversation(ADA, "old", "x", None),
        ours.delete_conversation(ADA, "old"),
    ):
        with pytest.raises(StoreError):
            await operation
    assert await ours.append(ADA, "old", b"[2]", "")
    assert await ours.append(ADA, "old", b"[3]", "")
    await ours.create_conversation(ADA, "new", "", {"k": "v"})
    assert await ours.append(ADA, "new", b"[4]", "First words")
    new = await ours.conversation(ADA, "new")
    assert new is not None
    assert new[1] == [b"[4]"]
    own_redis.thaw()
    await in_state(ours, "ok")
    old, new = await other.conversation(ADA, "old"), await other.conversation(ADA, "new")
    assert old is not None
    assert new is not None
    assert old[0].title == "Old"
    assert old[1] == [b"[1]", b"[2]", b"[3]"]
    assert new[0].title == "First words"
    assert new[0].metadata == {"k": "v"}
    assert new[1] == [b"[4]"]


async def carried_over(server: RedisServer, scripts: int) -> None:
    """So many scripts have run since its start."""

    async def reached() -> bool:
        return server.count("evalsha") >= scripts

    await eventually_async(reached, f"{scripts} scripts have run", timeout=15)


async def test_it_dies_again_while_spending_is_carried_over(store: Fallback, own_redis: RedisServer) -> None:
    own_redis.kill()
    await lose(store)
    for number in range(10_000):
        await store.settle(DAY, None, f"model-{number}", ONE)
    own_redis.start()
    await carried_over(own_redis, 50)
    own_redis.freeze()
    await asyncio.sleep(0.7)
    own_redis.thaw()
    await carried_over(own_redis, 2_000)
    own_redis.kill()
    own_redis.start()
    assert store.state == "degraded"
    await in_state(store, "ok")
    # What was under way when it stopped may have been done, and is done again.
    assert 10_000 * ONE.nanos <= (await store.spending(DAY)).nanos <= 10_002 * ONE.nanos


async def test_it_stops_again_while_conversations_are_carried_over(
    store: Fallback, own_redis: RedisServer
) -> None:
    own_redis.kill()
    await lose(store)
    turns = [b"[%d]" % number for number in range(100)]
    for number in range(60):
        await store.create_conversation(ADA, str(number), f"Number {number}", {})
        for turn in turns:
            await store.append(ADA, str(number), turn, "")
    own_redis.start()
    for scripts in (50, 1_500):
        await carried_over(own_redis, scripts)
        own_redis.freeze()
        await asyncio.sleep(0.7)
        assert store.state == "degraded"
        own_redis.thaw()
    assert await store.append(ADA, "59", b"[last]", "")
    await in_state(store, "ok")
    for number in range(60):
        found = await store.conversation(ADA, str(number))
        assert found is not None
        assert found[0].title == f"Number {number}"
        # What was under way when it stopped may have been done, and is done again.
        assert [turn for turn, _ in itertools.groupby(found[1])] == [*turns, *[b"[last]"] * (number == 59)]


async def test_killed_and_started_under_load(stores: list[Fallback], own_redis: RedisServer) -> None:
    """Nothing fails, and limits are shared again afterwards, to the request."""
    over = asyncio.Event()
    slowest = 0.0

    async def ask(store: Store, number: int) -> None:
        nonlocal slowest
        while not over.is_set():
            started = time.monotonic()
            await store.take(f"user-{number % 7}", 5, 1)
            hold = Hold(f"{number}-{started}", 10)
            await store.reserve(DAY, hold, 10**12)
            await store.cache(f"key-{number}", b"x" * 100, 60)
            await store.cached(f"key-{number}")
            await store.settle(DAY, hold, "m", ONE)
            slowest = max(slowest, time.monotonic() - started)
            await asyncio.sleep(0.001)

    async with asyncio.TaskGroup() as group:
        for number in range(30):
            group.create_task(ask(stores[number % 3], number))
        for _ in range(2):
            await asyncio.sleep(0.5)
            own_redis.kill()
            await asyncio.gather(*[in_state(store, "degraded") for store in stores])
            own_redis.start()
            await asyncio.gather(*[in_state(store, "ok") for store in stores])
        over.set()
    assert slowest < 1.5
    windows = await asyncio.gather(*[store.take("fresh", 10, 60) for store in stores for _ in range(20)])
    assert sum(window.place is not None for window in windows) == 10


async def test_callers_who_give_up_leave_no_disorder(store: Fallback) -> None:
    """A command that is given up midway leaves its answer to nobody else, and whoever gives up is free at once."""
    for number in range(20):
        await store.remember(str(number), b"%d" % number, 60)
    found: list[bool] = []

    async def ask(number: int) -> None:
        while True:
            found.append(await store.recall(str(number)) in {b"%d" % number, None})
            await asyncio.sleep(0)

    for _ in range(60):
        asking = [asyncio.create_task(ask(number)) for number in range(20)]
        await asyncio.sleep(random.uniform(0, 0.02))  # noqa: S311 (no secret)
        for task in asking:
            task.cancel()
        await asyncio.wait_for(asyncio.gather(*asking, return_exceptions=True), 5)
    assert len(found) > 100
    assert all(found)
    await in_state(store, "ok")
    assert [await store.recall(str(number)) for number in range(20)] == [b"%d" % n for n in range(20)]


async def test_no_secret_is_told(own_redis: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    wrong = own_redis.url.replace(PASSWORD, f"not-{PASSWORD}")
    with caplog.at_level(logging.DEBUG):
        async with Fallback(Redis(SecretStr(wrong), "uid", 100), Memory(100)) as store:
            assert store.state == "degraded"
            assert (await store.take(ADA, 2, 60)).remaining == 1
    assert "AuthenticationError" in caplog.text
    assert PASSWORD not in caplog.text
    assert "127.0.0.1" not in "".join(caplog.messages)
