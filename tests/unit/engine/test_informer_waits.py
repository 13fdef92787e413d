"""How long the informer waits after what, in virtual time."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress

import pytest

from chatassistant_operator.engine.informer import Informer
from chatassistant_operator.engine.source import Expired, Page, WatchEvent
from chatassistant_operator.engine.store import Key, Store
from unit.engine.virtual_time import now, virtual_time
from unit.engine.widgets import Object, widget


class ThrottledError(Exception):
    retry_after = 25.0


class ScriptedSource:
    """Each LIST and each WATCH does what its script says next; the last line of a script is repeated."""

    def __init__(
        self, lists: Sequence[Exception | None], watches: Sequence[tuple[float, Exception | None]]
    ) -> None:
        self._lists = deque(lists)
        self._watches = deque(watches)
        self.listed: list[float] = []
        self.watched: list[float] = []
        self.closed = 0

    async def list(self) -> Page:
        self.listed.append(now())
        fault = self._lists.popleft() if len(self._lists) > 1 else self._lists[0]
        if fault is not None:
            raise fault
        return Page([], "100")

    async def watch(self, resource_version: str) -> AsyncGenerator[WatchEvent, None]:
        self.watched.append(now())
        lives, fault = self._watches.popleft() if len(self._watches) > 1 else self._watches[0]
        try:
            body = widget("a", int(resource_version) + 1)
            yield WatchEvent("MODIFIED", body)
            await asyncio.sleep(lives)
            if fault is not None:
                raise fault
        finally:
            self.closed += 1


def _nothing(_: Object) -> None:
    """Nothing of a widget is needed here."""


def _unheard(_: Key, __: None, ___: None) -> None:
    """Nobody wants to know what changes."""


async def _run(source: ScriptedSource, seconds: float) -> Informer[None]:
    informer = Informer("widgets", source, Store(_nothing, _unheard), clock=now)
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await informer.run()
    return informer


@virtual_time
async def test_an_error_storm_is_no_busy_loop() -> None:
    source = ScriptedSource([OSError("down")], [(0.0, None)])
    informer = await _run(source, 600.0)
    assert 75 <= len(source.listed) <= 160
    assert not informer.synced.is_set()
    assert informer.age() == 600.0


@pytest.mark.parametrize("fault", [None, Expired(), OSError("reset")])
@virtual_time
async def test_watches_that_end_at_once_are_no_busy_loop(fault: Exception | None) -> None:
    source = ScriptedSource([None], [(0.0, fault)])
    await _run(source, 600.0)
    assert 75 <= len(source.watched) <= 160
    assert source.closed == len(source.watched)


@virtual_time
async def test_lists_that_expire_at_once_are_no_busy_loop() -> None:
    source = ScriptedSource([Expired()], [(0.0, None)])
    await _run(source, 600.0)
    assert 75 <= len(source.listed) <= 160


@pytest.mark.parametrize("fault", [None, OSError("reset")])
@virtual_time
async def test_the_end_of_a_steady_watch_is_answered_at_once(fault: Exception | None) -> None:
    source = ScriptedSource([None], [(300.0, fault)])
    await _run(source, 1000.0)
    assert source.watched == [0.0, 300.0, 600.0, 900.0]
    assert source.listed == [0.0]


@virtual_time
async def test_410_lists_at_once() -> None:
    source = ScriptedSource([None], [(300.0, Expired()), (1e6, None)])
    await _run(source, 1000.0)
    assert source.listed == [0.0, 300.0]
    assert source.watched == [0.0, 300.0]


@virtual_time
async def test_410_after_an_outage_lists_at_once() -> None:
    source = ScriptedSource([None], [(300.0, OSError("reset")), (0.0, Expired()), (1e6, None)])
    await _run(source, 1000.0)
    assert source.listed == [0.0, 300.0]


@virtual_time
async def test_retry_after_is_honoured_also_after_a_steady_watch() -> None:
    source = ScriptedSource([ThrottledError(), None], [(300.0, ThrottledError()), (1e6, None)])
    await _run(source, 1000.0)
    assert source.listed == [0.0, 25.0]
    assert source.watched == [25.0, 350.0]


@virtual_time
async def test_the_age_is_that_of_the_last_sign_of_life() -> None:
    source = ScriptedSource([None], [(1e6, None)])
    informer = await _run(source, 70.0)
    assert informer.age() == 70.0
    assert informer.synced.is_set()


@virtual_time
async def test_after_a_steady_watch_the_next_failure_is_a_first_one() -> None:
    reset = OSError("reset")
    source = ScriptedSource([None], [(0.0, reset)] * 4 + [(300.0, reset), (0.0, reset), (1e6, None)])
    await _run(source, 1000.0)
    fifth, sixth, seventh = source.watched[4:]
    assert sixth == pytest.approx(fifth + 300.0)
    assert 0.25 <= seventh - sixth <= 0.5
