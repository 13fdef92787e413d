"""So many at a time, in the order in which they came, whoever gives up in between."""

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from chatassistant_chatbot.errors import CallerError
from chatassistant_chatbot.limits.queue import Queue
from chatassistant_chatbot.settings.configuration import Limits


def queue_of(concurrent: int, queue: int) -> Queue:
    return Queue(Limits(concurrent=concurrent, queue=queue))


@asynccontextmanager
async def place(queue: Queue) -> AsyncGenerator[None, None]:
    leave = await queue.enter()
    try:
        yield
    finally:
        leave()


class Guests:
    """Enter a queue and stay until they are let go; note who came in when."""

    def __init__(self, queue: Queue) -> None:
        self.queue = queue
        self.entered: list[int] = []
        self.tasks: dict[int, asyncio.Task[None]] = {}
        self.leaves: dict[int, asyncio.Event] = {}

    async def come(self, number: int) -> None:
        self.leaves[number] = asyncio.Event()
        self.tasks[number] = asyncio.create_task(self._stay(number))
        await asyncio.sleep(0)

    async def leave(self, number: int) -> None:
        self.leaves[number].set()
        await self.tasks[number]
        await asyncio.sleep(0)

    async def _stay(self, number: int) -> None:
        async with place(self.queue):
            self.entered.append(number)
            await self.leaves[number].wait()


async def test_first_come_first_served() -> None:
    queue = queue_of(2, 3)
    guests = Guests(queue)
    for number in range(5):
        await guests.come(number)
    assert guests.entered == [0, 1]
    assert (queue.running, queue.waiting) == (2, 3)
    await guests.leave(1)
    await guests.come(5)
    assert guests.entered == [0, 1, 2]
    for number in (0, 2, 3, 4, 5):
        await guests.leave(number)
    assert guests.entered == [0, 1, 2, 3, 4, 5]
    assert (queue.running, queue.waiting) == (0, 0)


async def test_who_finds_it_full_is_told_when_to_come_again() -> None:
    now = 0.0
    queue = Queue(Limits(concurrent=2, queue=3), lambda: now)
    for _ in range(200):
        async with place(queue):
            now += 10.0
    guests = Guests(queue)
    for number in range(5):
        await guests.come(number)
    with pytest.raises(CallerError) as refused:
        async with place(queue):
            pass
    assert refused.value.status == 503
    assert refused.value.body()["error"]["code"] == "overloaded"
    # Four are ahead of the one after it, two are served at a time, each for 10 seconds.
    assert refused.value.headers() == {"Retry-After": "20"}
    for number in range(5):
        await guests.leave(number)


async def test_there_may_be_no_queue() -> None:
    queue = queue_of(1, 0)
    async with place(queue):
        with pytest.raises(CallerError):
            await place(queue).__aenter__()
    async with place(queue):
        assert queue.running == 1


async def test_a_failure_inside_frees_the_slot() -> None:
    queue = queue_of(1, 1)
    with pytest.raises(ZeroDivisionError):
        async with place(queue):
            raise ZeroDivisionError
    assert queue.running == 0


async def test_who_gives_up_waiting_leaves_at_once() -> None:
    queue = queue_of(1, 2)
    guests = Guests(queue)
    for number in range(3):
        await guests.come(number)
    guests.tasks[1].cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert queue.waiting == 1
    await guests.leave(0)
    assert guests.entered == [0, 2]
    await guests.leave(2)
    assert queue.running == 0


async def test_who_gives_up_in_the_moment_of_being_served_hands_it_on() -> None:
    queue = queue_of(1, 3)
    guests = Guests(queue)
    for number in range(4):
        await guests.come(number)
    # The slot is given to 1 in the same step in which it gives up, and to 2, and to 3.
    guests.leaves[0].set()
    await asyncio.sleep(0)
    assert guests.tasks[0].done()
    guests.tasks[1].cancel()
    guests.tasks[2].cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert guests.entered == [0, 3]
    await guests.leave(3)
    assert (queue.running, queue.waiting) == (0, 0)


async def test_both_ways_of_giving_up_in_one_step() -> None:
    """A waiter is cancelled, and the slot is handed on before its task has noticed."""
    queue = queue_of(1, 3)
    guests = Guests(queue)
    for number in range(3):
        await guests.come(number)
    guests.leaves[0].set()
    guests.tasks[1].cancel()
    await guests.tasks[0]
    await asyncio.wait([guests.tasks[1]])
    assert guests.tasks[1].cancelled()
    await asyncio.sleep(0)
    assert guests.entered == [0, 2]
    await guests.leave(2)
    assert (queue.running, queue.waiting) == (0, 0)


@pytest.mark.parametrize("seed", range(20))
async def test_no_slot_is_ever_lost(seed: int) -> None:
    """A thousand come, wait, stay, fail and are cancelled at any moment."""
    chance = random.Random(seed)  # noqa: S311 (no secret)
    queue = queue_of(concurrent := chance.randint(1, 5), chance.randint(0, 40))
    inside = most = refused = served = 0

    async def guest() -> None:
        nonlocal inside, most, refused, served
        try:
            async with place(queue):
                inside += 1
                most = max(most, inside)
                try:
                    for _ in range(chance.randint(0, 3)):
                        await asyncio.sleep(0)
                    if chance.random() < 0.1:
                        raise ZeroDivisionError
                finally:
                    inside -= 1
                served += 1
        except CallerError:
            refused += 1

    tasks: list[asyncio.Task[None]] = []
    for _ in range(1_000):
        tasks.append(asyncio.create_task(guest()))
        if chance.random() < 0.5:
            chance.choice(tasks[-30:]).cancel()
        if chance.random() < 0.3:
            await asyncio.sleep(0)
    await asyncio.gather(*tasks, return_exceptions=True)
    assert (queue.running, queue.waiting, inside) == (0, 0, 0)
    assert most == concurrent
    assert served > 100
    guests = Guests(queue)
    for number in range(concurrent):
        await guests.come(number)
    assert len(guests.entered) == concurrent
    for number in range(concurrent):
        await guests.leave(number)
