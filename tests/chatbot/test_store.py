"""What every store does, whichever it is."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from chatassistant_chatbot.store import Hold, Reserved, Spending, Store, Usage
from chatassistant_chatbot.store.bounds import (
    CONVERSATION_SECONDS,
    LARGEST_CONVERSATION,
    MOST_CONVERSATIONS,
    MOST_TURNS,
)
from chatassistant_chatbot.store.fallback import Fallback
from chatassistant_chatbot.store.memory import Memory
from chatassistant_chatbot.store.redis import Redis
from support.redis import RedisServer

UID = "0d6e8a0e-35a5-4f26-9d6b-6a0a3f0f1c11"
ADA, BOB = "ada" * 20, "bob" * 20
DAY = "2026-11-27"
ONE = Usage(1, 100, 20, 5_000)


@pytest.fixture(params=["memory", "redis"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    if request.param == "memory":
        yield Memory(most_cached=3)
        return
    server: RedisServer = request.getfixturevalue("redis")
    async with Fallback(Redis(SecretStr(server.url), UID, most_cached=3), Memory(3)) as shared:
        yield shared
        assert shared.state == "ok"
    times = server.times_to_live()
    assert [key for key in times if not key.startswith(f"chatassistant:{UID}:")] == []
    assert [key for key, seconds in times.items() if not 0 <= seconds <= CONVERSATION_SECONDS] == []


async def test_a_window_has_so_many_places(store: Store) -> None:
    windows = [await store.take(ADA, 3, 60) for _ in range(5)]
    assert [window.remaining for window in windows] == [2, 1, 0, 0, 0]
    assert [window.place is None for window in windows] == [False, False, False, True, True]
    assert all(59 < window.seconds <= 60 for window in windows)
    assert (await store.take(BOB, 3, 60)).remaining == 2


async def test_a_place_that_is_given_back_was_never_taken(store: Store) -> None:
    first, second = await store.take(ADA, 2, 60), await store.take(ADA, 2, 60)
    assert first.place is not None
    assert second.place is not None
    await store.give_back(ADA, first.place)
    await store.give_back(ADA, first.place)
    await store.give_back(BOB, second.place)
    assert [(await store.take(ADA, 2, 60)).place is None for _ in range(2)] == [False, True]


async def test_a_window_slides(store: Store) -> None:
    first = await store.take(ADA, 2, 1)
    await asyncio.sleep(0.5)
    await store.take(ADA, 2, 1)
    full = await store.take(ADA, 2, 1)
    assert 0.9 < first.seconds <= 1
    assert 0 < full.seconds <= 0.5
    await asyncio.sleep(full.seconds)
    again = [await store.take(ADA, 2, 1) for _ in range(2)]
    assert [window.place is None for window in again] == [False, True]


async def test_after_a_limit_was_lowered_enough_have_to_leave(store: Store) -> None:
    times: list[float] = []
    for _ in range(4):
        times.append(time.monotonic())
        await store.take(ADA, 4, 60)
        await asyncio.sleep(0.02)
    before = time.monotonic()
    lowered = await store.take(ADA, 2, 60)
    assert lowered.place is None
    # The third of the four has to leave before only one is left.
    assert times[2] + 60 - time.monotonic() <= lowered.seconds < times[3] + 60 - before


async def test_places_of_one_moment_are_different_ones(store: Store) -> None:
    windows = await asyncio.gather(*[store.take(ADA, 10, 60) for _ in range(40)])
    assert sum(window.place is not None for window in windows) == 10


async def test_a_budget_is_held_and_spent(store: Store) -> None:
    assert await store.reserve(DAY, Hold("a", 600), 1_000) == Reserved(True, 0)
    assert await store.reserve(DAY, Hold("b", 600), 1_000) == Reserved(True, 0)
    assert await store.reserve(DAY, Hold("c", 600), 1_000) == Reserved(False, 0)
    assert await store.settle(DAY, Hold("a", 600), "m:free", ONE._replace(nanos=100)) == 100
    assert await store.reserve(DAY, Hold("d", 200), 1_000) == Reserved(True, 100)
    assert await store.reserve(DAY, Hold("e", 600), 1_000) == Reserved(True, 100)
    assert await store.reserve(DAY, Hold("f", 600), 1_000) == Reserved(False, 100)
    for _ in range(2):
        await store.settle(DAY, Hold("e", 600), "m:free", Usage())
    assert await store.reserve(DAY, Hold("g", 600), 1_000) == Reserved(True, 100)
    assert await store.reserve("2026-11-28", Hold("h", 600), 1_000) == Reserved(True, 0)
    assert await store.spending(DAY) == Spending(100, {"m:free": ONE._replace(nanos=100)})


async def test_what_is_settled_adds_up_by_model(store: Store) -> None:
    await store.settle(DAY, None, "a/b:free", ONE)
    await store.settle(DAY, None, "a/b:free", Usage(nanos=-1_000))
    assert await store.settle(DAY, None, "c", ONE) == 9_000
    for _ in range(2):
        assert await store.settle(DAY, None, "c", Usage(cached_requests=1, saved_nanos=700)) == 9_000
    assert await store.spending(DAY) == Spending(
        9_000,
        {"a/b:free": Usage(1, 100, 20, 4_000), "c": ONE._replace(cached_requests=2, saved_nanos=1_400)},
    )
    assert await store.spending("2026-11-26") == Spending(0, {})


async def test_what_is_cached_ends_by_itself(store: Store) -> None:
    await store.cache("a", b"\x00\xff", 60)
    await store.cache("b", b"B", 0.05)
    assert [await store.cached(key) for key in "abc"] == [b"\x00\xff", b"B", None]
    await asyncio.sleep(0.06)
    assert [await store.cached(key) for key in "abc"] == [b"\x00\xff", None, None]


async def test_no_more_is_cached_than_was_asked_for(store: Store) -> None:
    for number in range(5):
        await store.cache(str(number), b"x", 60)
        await asyncio.sleep(0.002)
    await store.cache("4", b"y", 60)
    assert [await store.cached(str(number)) for number in range(5)] == [None, None, b"x", b"x", b"y"]


async def test_what_is_remembered_is_no_cache(store: Store) -> None:
    for number in range(5):
        await store.remember(str(number), b"x", 60)
    await store.remember("short", b"x", 0.05)
    assert [await store.recall(str(number)) for number in range(5)] == [b"x"] * 5
    assert await store.cached("0") is None
    await asyncio.sleep(0.06)
    assert await store.recall("short") is None


async def test_a_conversation_is_its_users(store: Store) -> None:
    begun = await store.create_conversation(ADA, "one", "Tasks", {"k": "ü"})
    assert begun.title == "Tasks"
    assert await store.append(ADA, "one", b"[1]", "")
    assert not await store.append(BOB, "one", b"[2]", "")
    found = await store.conversation(ADA, "one")
    assert found is not None
    assert found[0].metadata == {"k": "ü"}
    assert found[0].created_at == begun.created_at
    assert found[1] == [b"[1]"]
    assert await store.conversation(BOB, "one") is None
    assert await store.change_conversation(BOB, "one", "x", None) is None
    assert not await store.delete_conversation(BOB, "one")
    assert await store.delete_conversation(ADA, "one")
    assert not await store.delete_conversation(ADA, "one")
    assert await store.conversation(ADA, "one") is None
    assert not await store.append(ADA, "one", b"[3]", ""), "it does not come to life again"
    assert await store.conversations(ADA, 9, None) == ([], False)
    again = await store.create_conversation(ADA, "one", "Again", {})
    assert await store.conversation(ADA, "one") == (again, [])


async def test_a_conversation_is_changed(store: Store) -> None:
    await store.create_conversation(ADA, "one", "", {"k": "v"})
    await store.append(ADA, "one", b"[1]", "First words")
    await store.append(ADA, "one", b"[2]", "Other words")
    titled = await store.change_conversation(ADA, "one", None, None)
    assert titled is not None
    assert titled.title == "First words"
    renamed = await store.change_conversation(ADA, "one", "Tasks ✓", {})
    assert renamed == titled._replace(title="Tasks ✓", metadata={})
    found = await store.conversation(ADA, "one")
    assert found == (renamed, [b"[1]", b"[2]"])


async def test_conversations_are_listed_by_their_last_turn(store: Store) -> None:
    for name in "abcde":
        await store.create_conversation(ADA, name, name.upper(), {})
    await store.create_conversation(BOB, "f", "", {})
    await store.append(ADA, "b", b"[]", "")
    first = await store.conversations(ADA, 3, None)
    assert first is not None
    assert [each.title for each in first.conversations] == ["B", "E", "D"]
    assert first.has_more
    second = await store.conversations(ADA, 2, "d")
    assert second is not None
    assert [each.id for each in second.conversations] == ["c", "a"]
    assert not second.has_more
    assert await store.conversations(ADA, 2, "a") == ([], False)
    assert await store.conversations(ADA, 2, "f") is None
    await store.delete_conversation(ADA, "c")
    third = await store.conversations(ADA, 3, "e")
    assert third is not None
    assert [each.id for each in third.conversations] == ["d", "a"]
    assert await store.conversations(ADA, 1, "d") == (third.conversations[1:], False)


async def test_a_user_has_so_many_conversations(store: Store) -> None:
    for number in range(MOST_CONVERSATIONS):
        await store.create_conversation(ADA, str(number), "", {})
    await store.append(ADA, "0", b"[]", "")
    await store.create_conversation(BOB, "bob", "", {})
    await store.create_conversation(ADA, "new", "", {})
    page = await store.conversations(ADA, 200, None)
    assert page is not None
    assert len(page.conversations) == MOST_CONVERSATIONS
    assert [each.id for each in page.conversations][:2] == ["new", "0"]
    assert await store.conversation(ADA, "1") is None
    assert await store.conversation(BOB, "bob") is not None


async def test_a_conversation_has_so_many_turns_and_bytes(store: Store) -> None:
    await store.create_conversation(ADA, "long", "", {})
    for number in range(MOST_TURNS + 2):
        await store.append(ADA, "long", b"%d" % number, "")
    found = await store.conversation(ADA, "long")
    assert found is not None
    assert found[1] == [b"%d" % number for number in range(2, MOST_TURNS + 2)]
    half = b"x" * (LARGEST_CONVERSATION // 2)
    for _ in range(3):
        await store.append(ADA, "long", half, "")
    found = await store.conversation(ADA, "long")
    assert found is not None
    assert found[1] == [half, half]


async def test_turns_that_come_together_are_all_kept(store: Store) -> None:
    await store.create_conversation(ADA, "busy", "", {})
    turns = [b"[%d]" % number for number in range(100)]
    await asyncio.gather(*[store.append(ADA, "busy", turn, "") for turn in turns])
    found = await store.conversation(ADA, "busy")
    assert found is not None
    assert sorted(found[1]) == sorted(turns)
