"""Keeps a store true by LIST and WATCH, whatever the API server and the network do."""

import asyncio
import logging
import math
import time
from collections.abc import Callable
from contextlib import aclosing
from typing import Final, Generic, NoReturn, TypeVar

from chatassistant_operator.engine.backoff import Backoff
from chatassistant_operator.engine.failures import FailureLog
from chatassistant_operator.engine.source import Expired, NotServed, Source, WatchEvent
from chatassistant_operator.engine.store import Store

T = TypeVar("T")

_logger: Final = logging.getLogger(__name__)
# A few informers are no load for an API server, and everything waits for them when it is back.
_BACKOFF: Final = Backoff(first=0.5, longest=8.0)
# What held for so long was sound: whatever ends it is answered at once. Shorter, and it would be a busy loop.
_STEADY_SECONDS: Final = 5.0
# After so many failures in a row the version itself may be at fault, say after etcd was restored.
_FAILURES_BEFORE_RELIST: Final = 5


class Informer(Generic[T]):
    """Fills a store from a source, for ever.

    `name` is the kind in the plural, for the log. `synced` is set once the store has been filled.
    """

    def __init__(
        self,
        name: str,
        source: Source,
        store: Store[T],
        backoff: Backoff = _BACKOFF,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.store: Final = store
        self.synced: Final = asyncio.Event()
        self.name: Final = name
        self._source = source
        self._backoff = backoff
        self._clock = clock
        self._version: str | None = None
        self._failures = 0
        self._failure_log = FailureLog(_logger)
        self._listed_at = -math.inf
        self._alive_at = clock()

    def age(self) -> float:
        """Seconds since the API server last told something: a LIST, an event or a bookmark."""
        return self._clock() - self._alive_at

    async def run(self) -> NoReturn:
        """List and watch until cancelled."""
        while True:
            steady_since = math.inf
            error: Exception | None = None
            try:
                if self._version is None:
                    self._version = await self._list()
                steady_since = self._clock()
                await self._watch(self._version)
            except Expired as expired:
                self._version = None
                steady_since, error = self._listed_at, expired
            except NotServed as gone:
                # The API server has told something, and there is nothing more to know until the kind comes back.
                self._version, self._alive_at = None, self._clock()
                error = gone
            except Exception as broken:  # noqa: BLE001 (whatever the source raises, the watch must go on)
                error = broken
            await self._pause(steady_since, error)

    async def _list(self) -> str:
        self._listed_at = self._clock()
        page = await self._source.list()
        self.store.replace(page.items, page.resource_version)
        self._proved_alive()
        self.synced.set()
        _logger.debug("%s: %d listed", self.name, len(self.store))
        return page.resource_version

    async def _watch(self, version: str) -> None:
        async with aclosing(self._source.watch(version)) as events:
            async for event in events:
                self._take_in(event)
                self._version = event.object["metadata"]["resourceVersion"]
                self._proved_alive()

    def _take_in(self, event: WatchEvent) -> None:
        match event.type:
            case "ADDED" | "MODIFIED":
                self.store.update(event.object)
            case "DELETED":
                self.store.delete(event.object)
            case "BOOKMARK":
                self.store.reach(event.object["metadata"]["resourceVersion"])
            case _:
                raise ValueError(
                    f"a watch of {self.name} told of an event of the unknown type {event.type!r}"
                )

    def _proved_alive(self) -> None:
        self._alive_at = self._clock()
        self._failure_log.clear(self.name)

    async def _pause(self, steady_since: float, error: Exception | None) -> None:
        """Wait before the next try: not at all after a steady time, unless the server asks for it."""
        after = getattr(error, "retry_after", None)
        steady = self._clock() - steady_since >= _STEADY_SECONDS
        if steady:
            self._failures = 0
        delay = 0.0 if steady and after is None else self._backoff.delay(self._failures, after)
        if error is not None and not steady:
            self._failure_log.report(self.name, error, delay)
        self._failures += not steady
        if self._failures >= _FAILURES_BEFORE_RELIST:
            self._version = None
        await asyncio.sleep(delay)
