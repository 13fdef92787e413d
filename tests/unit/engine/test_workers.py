import asyncio
import logging
import random
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest

from chatassistant_operator.engine.queue import WorkQueue
from chatassistant_operator.engine.workers import Workers
from unit.engine.virtual_time import now, virtual_time

Key = tuple[str, str]
A: Key = ("shop", "a")


class ThrottledError(Exception):
    retry_after = 120.0


async def always() -> None:
    """The gate stands open."""


@asynccontextmanager
async def running(
    queue: WorkQueue[Key],
    handle: Callable[[Key], Awaitable[float | None]],
    gate: Callable[[], Awaitable[Any]] = always,
) -> AsyncGenerator[None]:
    task = asyncio.create_task(Workers(queue, handle, gate).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()


@virtual_time
async def test_no_key_has_two_workers_and_no_add_is_lost() -> None:
    queue: WorkQueue[Key] = WorkQueue(clock=now)
    chance = random.Random(7)  # noqa: S311 (the same in each run)
    busy: set[Key] = set()
    added: dict[Key, float] = {}
    begun: dict[Key, float] = {}
    overlaps: list[Key] = []
    at_once: list[int] = []

    async def handle(key: Key) -> None:
        if key in busy:
            overlaps.append(key)
        busy.add(key)
        at_once.append(len(busy))
        begun[key] = now()
        await asyncio.sleep(chance.uniform(0, 3))
        busy.discard(key)
        if chance.random() < 0.2:
            raise OSError("the network is down")

    async with running(queue, handle):
        for _ in range(3000):
            key = ("shop", str(chance.randrange(40)))
            queue.add(key)
            added[key] = now()
            await asyncio.sleep(chance.uniform(0, 0.05))
        while queue.running or queue.due():  # noqa: ASYNC110 (in virtual time)
            await asyncio.sleep(1.0)
    assert not overlaps
    assert max(at_once) == 16
    assert all(begun[key] >= added[key] for key in added)


@virtual_time
async def test_the_result_says_when_to_look_again() -> None:
    queue: WorkQueue[Key] = WorkQueue(clock=now)
    seen: list[float] = []

    async def handle(_: Key) -> float | None:
        seen.append(now())
        return 60.0 if len(seen) < 3 else None

    async with running(queue, handle):
        queue.add(A)
        await asyncio.sleep(1000.0)
    assert seen == [0.0, 60.0, 120.0]


@virtual_time
async def test_failures_back_off_and_success_forgets_them() -> None:
    queue: WorkQueue[Key] = WorkQueue(clock=now)
    seen: list[float] = []

    async def handle(_: Key) -> float | None:
        seen.append(now())
        if len(seen) in {11, 13}:
            return 1000.0 if len(seen) == 11 else None
        raise OSError("the network is down")

    async with running(queue, handle):
        queue.add(A)
        await asyncio.sleep(3000.0)
    gaps = [later - earlier for earlier, later in pairwise(seen)]
    full = [min(300.0, 0.5 * 2**failures) for failures in range(10)]
    assert all(most / 2 <= gap <= most for gap, most in zip(gaps, full, strict=False))
    assert gaps[10] == pytest.approx(1000.0)
    assert gaps[11] <= 0.5
    assert len(seen) == 13


@virtual_time
async def test_retry_after_is_honoured() -> None:
    queue: WorkQueue[Key] = WorkQueue(clock=now)
    seen: list[float] = []

    async def handle(_: Key) -> None:
        seen.append(now())
        if len(seen) == 1:
            raise ThrottledError

    async with running(queue, handle):
        queue.add(A)
        await asyncio.sleep(1000.0)
    assert seen == [0.0, 120.0]


@virtual_time
async def test_a_cancellation_inside_the_work_is_a_failure_and_not_the_end() -> None:
    queue: WorkQueue[Key] = WorkQueue(clock=now)
    seen: list[float] = []

    async def handle(_: Key) -> None:
        seen.append(now())
        if len(seen) <= 20:  # more than there are workers
            shared = asyncio.ensure_future(asyncio.sleep(10.0))
            asyncio.get_running_loop().call_later(1.0, shared.cancel)
            await shared

    async with running(queue, handle):
        queue.add(A)
        await asyncio.sleep(10_000.0)
    assert len(seen) == 21


@virtual_time
async def test_who_does_not_lead_waits() -> None:
    queue: WorkQueue[Key] = WorkQueue(clock=now)
    leads = asyncio.Event()
    seen: Counter[Key] = Counter()

    async def handle(key: Key) -> None:
        seen[key] += 1

    async with running(queue, handle, leads.wait):
        for number in range(40):
            queue.add(("shop", str(number)))
        await asyncio.sleep(100.0)
        assert not seen
        leads.set()
        await asyncio.sleep(0.1)
        assert len(seen) == 40
        leads.clear()
        queue.add(A)
        await asyncio.sleep(100.0)
        assert A not in seen


@virtual_time
async def test_work_that_was_cut_off_by_the_end_is_still_queued() -> None:
    queue: WorkQueue[Key] = WorkQueue(clock=now)

    async def handle(_: Key) -> None:
        await asyncio.sleep(1000.0)

    async with running(queue, handle):
        queue.add(A)
        await asyncio.sleep(1.0)
        assert queue.running == 1
    assert queue.take() == A


@virtual_time
async def _fail_with(errors: list[Exception]) -> None:
    queue: WorkQueue[Key] = WorkQueue(clock=now)

    async def handle(_: Key) -> None:
        if errors:
            raise errors.pop(0)

    async with running(queue, handle):
        queue.add(A)
        await asyncio.sleep(1000.0)


def test_each_failure_is_logged_once_with_its_key(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        _fail_with([OSError("down"), OSError("down"), OSError("refused"), OSError("down")])
    texts = [record.message.split(";")[0] for record in caplog.records]
    assert texts == ["shop/a: OSError: down", "shop/a: OSError: refused", "shop/a: OSError: down"]


def test_only_a_defect_gets_a_traceback(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        _fail_with([ThrottledError(), TimeoutError(), KeyError("metadata")])
    assert [record.exc_info is not None for record in caplog.records] == [False, False, True]
