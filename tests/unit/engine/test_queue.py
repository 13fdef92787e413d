"""How the queue waits, and what it costs."""

import asyncio
import time

import pytest

from chatassistant_operator.engine.queue import WorkQueue
from unit.engine.virtual_time import Clock, now, virtual_time


@virtual_time
async def test_get_waits_until_the_key_is_due() -> None:
    queue: WorkQueue[str] = WorkQueue(clock=now)
    queue.add("later", 600.0)
    queue.add("soon", 5.0)
    assert [(await queue.get(), now()), (await queue.get(), now())] == [("soon", 5.0), ("later", 600.0)]


@virtual_time
async def test_an_add_wakes_a_getter_that_waits_for_another_key() -> None:
    queue: WorkQueue[str] = WorkQueue(clock=now)
    queue.add("later", 600.0)
    getting = asyncio.create_task(queue.get())
    await asyncio.sleep(1.0)
    queue.add("urgent")
    assert (await getting, now()) == ("urgent", 1.0)


@virtual_time
async def test_a_key_with_a_worker_waits_for_it() -> None:
    queue: WorkQueue[str] = WorkQueue(clock=now)
    queue.add("a")
    assert await queue.get() == "a"
    queue.add("a")
    second = asyncio.create_task(queue.get())
    await asyncio.sleep(100.0)
    assert not second.done()
    queue.done("a")
    assert (await second, now()) == ("a", 100.0)


@virtual_time
async def test_a_cancelled_getter_takes_nothing_with_it() -> None:
    queue: WorkQueue[str] = WorkQueue(clock=now)
    getters = [asyncio.create_task(queue.get()) for _ in range(3)]
    await asyncio.sleep(0)
    queue.add("a")
    queue.add("b")
    getters[0].cancel()
    assert await asyncio.gather(*getters[1:]) == ["a", "b"]
    assert getters[0].cancelled()


def test_done_without_a_worker_is_an_error() -> None:
    with pytest.raises(KeyError):
        WorkQueue[str]().done("a")


def test_replaced_times_do_not_pile_up() -> None:
    clock = Clock()
    queue: WorkQueue[int] = WorkQueue(clock=clock)
    for round_ in range(1000):
        clock.now = float(round_)
        for key in range(10):
            queue.add(key, 600.0)
            queue.add(key)
            queue.done(queue.take() or 0)
    heap = queue._heap  # pyright: ignore[reportPrivateUsage] (nothing else shows what is left over)
    assert len(heap) <= 2 * len(queue) + 65


def test_5000_keys_are_fast() -> None:
    queue: WorkQueue[tuple[str, str]] = WorkQueue(clock=Clock())
    keys = [("shop", str(number)) for number in range(5000)]
    started = time.process_time()
    for _ in range(4):
        for key in keys:
            queue.add(key)
    taken = 0
    while (due := queue.take()) is not None:
        queue.done(due)
        taken += 1
    assert taken == 5000
    assert time.process_time() - started < 1.0
