"""The informer against a real HTTP server that fails in every way that watches fail."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from chatassistant_operator.engine.backoff import Backoff
from chatassistant_operator.engine.informer import Informer
from chatassistant_operator.engine.store import Key, Store
from unit.engine.widget_server import HttpSource, WidgetServer, cpu_budget, until
from unit.engine.widgets import Object, widget

Change = tuple[str, int | None, int | None]


def _version(body: Object) -> int:
    return int(body["metadata"]["resourceVersion"])


@dataclass(frozen=True, slots=True)
class Scene:
    server: WidgetServer
    informer: Informer[int]
    changes: list[Change]

    def holds(self, **versions: int) -> bool:
        store = self.informer.store
        keys = store.keys()
        return {name: store.get((namespace, name)) for namespace, name in keys} == versions

    def agrees(self) -> bool:
        return self.holds(**{name: _version(body) for name, body in self.server.objects.items()})


@asynccontextmanager
async def scene(silence: float = 60.0, **objects: int) -> AsyncGenerator[Scene]:
    """A server with some widgets and an informer that has listed them and watches."""
    server = WidgetServer()
    server.objects = {name: widget(name, version) for name, version in objects.items()}
    changes: list[Change] = []

    def changed(key: Key, old: int | None, new: int | None) -> None:
        changes.append((key[1], old, new))

    async with TestServer(server.app()) as web_server, aiohttp.ClientSession() as session:
        source = HttpSource(session, str(web_server.make_url("/widgets")), silence)
        informer = Informer("widgets", source, Store(_version, changed), Backoff(0.01, 0.05))
        task = asyncio.create_task(informer.run())
        try:
            await informer.synced.wait()
            await until(lambda: server.watching == 1)
            yield Scene(server, informer, changes)
            assert not task.done()
        finally:
            task.cancel()
            await asyncio.wait([task])


async def test_events_reach_the_store() -> None:
    async with scene(a=1) as it:
        it.server.write("a")
        it.server.write("b")
        it.server.delete("a")
        await until(lambda: len(it.changes) == 4)
        assert it.changes == [("a", None, 1), ("a", 1, 101), ("b", None, 102), ("a", 101, None)]
        assert it.holds(b=102)


async def test_after_410_it_lists_again_and_tells_what_vanished() -> None:
    async with scene(a=1, b=2, c=3) as it:
        it.changes.clear()
        it.server.deaf = True
        it.server.delete("a")
        it.server.write("b")
        it.server.forget_history()
        it.server.deaf = False
        it.server.cut()
        await until(it.agrees)
        assert sorted(it.changes) == [("a", 1, None), ("b", 2, 102)]
        assert it.server.lists == 2


async def test_410_as_an_event_lists_again() -> None:
    async with scene(a=1) as it:
        it.server.deaf = True
        it.server.delete("a")
        it.server.forget_history()
        it.server.deaf = False
        await it.server.send(b'{"type": "ERROR", "object": {"code": 410}}\n')
        await until(it.agrees)
        assert it.server.lists == 2


async def test_a_cut_in_mid_line_loses_nothing() -> None:
    async with scene(a=1) as it:
        it.server.deaf = True
        it.server.write("a")
        it.server.write("b")
        await it.server.send(b'{"type": "MODIFIED", "object": {"metadata": {"name": "a", "resour')
        it.server.deaf = False
        it.server.cut()
        await until(it.agrees)
        assert it.server.lists == 1


async def test_a_half_open_socket_is_noticed() -> None:
    async with scene(silence=0.2, a=1) as it:
        it.server.deaf = True
        it.server.write("a")
        await until(lambda: it.server.watches >= 3)
        assert it.holds(a=1)
        it.server.deaf = False
        await until(it.agrees)


@pytest.mark.parametrize(
    "line",
    [
        b"not JSON\n",
        b'{"type": "ERROR", "object": {"code": 500}}\n',
        b'{"type": "PARTY", "object": {"metadata": {"resourceVersion": "500"}}}\n',
        b'{"type": "MODIFIED", "object": {}}\n',
    ],
)
async def test_a_line_that_makes_no_sense_is_survived(line: bytes) -> None:
    async with scene(a=1) as it:
        await it.server.send(line)
        await until(lambda: it.server.watches == 2)
        it.server.write("a")
        await until(it.agrees)


async def test_errors_on_list_and_watch_are_survived() -> None:
    async with scene(a=1) as it:
        it.server.write("a")
        it.server.forget_history()
        it.server.list_faults.extend([500, 503, 403, 429])
        it.server.watch_faults.extend([500, 403, 410])
        it.server.cut()
        await until(lambda: it.server.lists >= 6 and it.server.watching == 1)
        it.server.write("b")
        await until(it.agrees)


async def test_watches_that_always_fail_lead_to_a_new_list() -> None:
    async with scene(a=1) as it:
        it.server.watch_faults.extend([504] * 6)
        it.server.cut()
        await until(lambda: it.server.lists == 2)


async def test_a_kind_that_is_gone_is_no_deafness_and_is_heard_when_it_is_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with scene(a=1) as it:
        it.server.delete("a")
        await until(it.holds)
        it.server.watch_faults.append(404)
        it.server.list_faults.extend([404] * 40)
        it.server.cut()
        before = it.server.lists
        await until(lambda: it.server.lists > before + 10)
        assert it.informer.age() < 0.2
        it.server.list_faults.clear()
        it.server.write("b")
        await until(lambda: it.holds(b=it.server.version))
    assert sum("NotServed" in each.getMessage() for each in caplog.records) == 1


async def test_500_resets_leave_it_hearing() -> None:
    async with scene() as it:
        for number in range(500):
            it.server.write(f"w{number % 7}")
            if number % 3 == 0 and f"w{(number + 1) % 7}" in it.server.objects:
                it.server.delete(f"w{(number + 1) % 7}")
            it.server.cut()
            await asyncio.sleep(0)
        await until(it.agrees)
        it.server.write("last")
        await until(it.agrees)


async def test_an_own_write_is_seen_at_once_and_its_late_echo_is_nothing() -> None:
    async with scene(a=1) as it:
        it.server.deaf = True
        it.server.write("a")
        answer = it.server.write("a")
        it.informer.store.put(answer)
        assert it.holds(a=102)
        it.changes.clear()
        it.server.deaf = False
        it.server.write("b")
        await until(it.agrees)
        # The write before ours was not ours: it is told, and ours stays.
        assert it.changes == [("a", 102, 102), ("b", None, 103)]


async def test_a_bookmark_is_where_the_next_watch_begins() -> None:
    async with scene(a=1) as it:
        it.server.bookmark()
        it.server.write("a")
        await until(it.agrees)
        it.server.oldest = 102
        it.server.cut()
        await until(lambda: it.server.watches == 2 and it.server.watching == 1)
        assert it.server.lists == 1


async def test_a_bookmark_outdates_the_answers_before_it() -> None:
    async with scene(a=1) as it:
        store = it.informer.store

        def ignored() -> bool:
            store.put(widget("deleted since", 101))
            known = store.get(("shop", "deleted since"))
            store.drop(("shop", "deleted since"))
            return known is None

        assert not ignored()
        it.server.bookmark()
        await until(ignored)


async def test_an_outage_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    async with scene(a=1) as it:
        it.server.watch_faults.extend([500] * 4)
        it.server.cut()
        with caplog.at_level(logging.WARNING):
            await until(lambda: it.server.watches == 6)
    outage = [record for record in caplog.records if "500" in record.message]
    assert len(outage) == 1
    assert outage[0].message.startswith("widgets: ")


async def test_5000_objects_are_fast() -> None:
    with cpu_budget(5.0):
        async with scene(**{f"w{number}": number + 1 for number in range(5000)}) as it:
            it.server.forget_history()
            it.server.cut()
            it.server.watch_faults.append(410)
            await until(lambda: it.server.lists == 2)
            assert it.agrees()
            assert len(it.changes) == 5000
