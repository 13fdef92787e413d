"""An API server over HTTP that has only Widgets, and that fails as it is told to."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

import aiohttp
import orjson
from aiohttp import web

from chatassistant_operator.engine.source import Expired, NotServed, Page, WatchEvent
from unit.engine.widgets import Object, widget


class WidgetServer:
    """Lists and watches. `list_faults` and `watch_faults` are statuses that the next requests get."""

    def __init__(self) -> None:
        self.version = 100
        self.oldest = 0  # older versions have been compacted
        self.objects: dict[str, Object] = {}
        self.history: list[tuple[int, str, Object]] = []
        self.list_faults: deque[int] = deque()
        self.watch_faults: deque[int] = deque()
        self.lists = 0
        self.watches = 0
        self.deaf = False  # streams stay open, and nothing comes through
        self._open: dict[asyncio.Task[object] | None, tuple[web.StreamResponse, asyncio.Event]] = {}

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/widgets", self._answer)
        return app

    @property
    def watching(self) -> int:
        return len(self._open)

    def write(self, name: str) -> Object:
        self.version += 1
        body = self.objects[name] = widget(name, self.version)
        self._record("MODIFIED", body)
        return body

    def delete(self, name: str) -> None:
        self.version += 1
        del self.objects[name]
        self._record("DELETED", widget(name, self.version))

    def bookmark(self) -> None:
        self.version += 1
        self._record("BOOKMARK", {"metadata": {"resourceVersion": str(self.version)}})

    def forget_history(self) -> None:
        """Compact: what a watch would have told of the past is gone."""
        self.oldest = self.version
        self.history.clear()

    async def send(self, line: bytes) -> None:
        """Send bytes to every watch, whatever they mean."""
        for response, _ in list(self._open.values()):
            await response.write(line)

    def cut(self) -> None:
        """Reset every watch."""
        for task in list(self._open):
            if task is not None:
                task.cancel()

    def _record(self, kind: str, body: Object) -> None:
        self.history.append((self.version, kind, body))
        for _, news in self._open.values():
            news.set()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if "watch" in request.query:
            self.watches += 1
            if self.watch_faults:
                return web.Response(status=self.watch_faults.popleft())
            return await self._stream(request)
        self.lists += 1
        if self.list_faults:
            return web.Response(status=self.list_faults.popleft())
        body = {"metadata": {"resourceVersion": str(self.version)}, "items": list(self.objects.values())}
        return web.Response(body=orjson.dumps(body))

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        sent = int(request.query["resourceVersion"])
        if sent < self.oldest:
            return web.Response(status=410)
        response = web.StreamResponse()
        await response.prepare(request)
        news = asyncio.Event()
        task = asyncio.current_task()
        self._open[task] = response, news
        try:
            while True:
                news.clear()
                for version, kind, body in [] if self.deaf else list(self.history):
                    if version > sent:
                        await response.write(orjson.dumps({"type": kind, "object": body}) + b"\n")
                        sent = version
                await news.wait()
        finally:
            del self._open[task]
            if request.transport is not None:
                request.transport.abort()


@dataclass(frozen=True, slots=True)
class HttpSource:
    """The least that can be a source; a silent stream raises after `silence` seconds."""

    session: aiohttp.ClientSession
    url: str
    silence: float = 60.0

    async def list(self) -> Page:
        async with self.session.get(self.url) as response:
            if response.status == 404:
                raise NotServed
            response.raise_for_status()
            body = orjson.loads(await response.read())
            return Page(body["items"], body["metadata"]["resourceVersion"])

    async def watch(self, resource_version: str) -> AsyncGenerator[WatchEvent, None]:
        timeout = aiohttp.ClientTimeout(total=None, sock_read=self.silence)
        query = {"watch": "1", "resourceVersion": resource_version}
        async with self.session.get(self.url, params=query, timeout=timeout) as response:
            if response.status == 410:
                raise Expired
            if response.status == 404:
                raise NotServed
            response.raise_for_status()
            async for line in response.content:
                event = orjson.loads(line)
                if event["type"] == "ERROR" and event["object"]["code"] == 410:
                    raise Expired
                yield WatchEvent(event["type"], event["object"])


async def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for a condition; fails after a time that is far beyond what it takes."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 (what is waited for happens in the other half of a connection)
            await asyncio.sleep(0.005)


@contextmanager
def cpu_budget(seconds: float) -> Generator[None]:
    """Fails when the body takes more CPU time of this process."""
    started = time.process_time()
    yield
    assert time.process_time() - started < seconds
