"""A gateway that counts what it is asked, and those who ask it, on the event loop's time."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from chatassistant_operator.api.api_key import ApiKey
from chatassistant_operator.asking.gateway import AskedGateway
from chatassistant_operator.asking.questions import Clocks
from chatassistant_operator.observed.gateway import Catalogue, Endpoints, KeyAccepted
from chatassistant_operator.openrouter.client import OpenRouter
from chatassistant_operator.openrouter.errors import OpenRouterError, RefusedError, UnexpectedError
from support.situations import CATALOGUE
from unit.engine.virtual_time import now

START = datetime(2026, 11, 24, tzinfo=UTC)


class Gateway:
    """A gateway that notes what it is asked, and when.

    Attributes:
        fault: What it answers to everything, if not what it should.
        seconds: How long it takes.
        bogus: The keys that it refuses.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[float, str]] = []
        self.fault: Callable[[], OpenRouterError] | None = None
        self.seconds = 0.1
        self.bogus: set[ApiKey] = set()
        self.no_lists = False
        self.under_way = 0
        self.most_under_way = 0

    async def key(self, _base_url: str, api_key: ApiKey, _timeout: float) -> KeyAccepted:
        await self._take("/key")
        if api_key in self.bogus:
            raise RefusedError("User not found.", status=401)
        return KeyAccepted("sk-or-v1-012...def")

    async def models(self, *_: Any) -> Catalogue:
        await self._take("/models")
        return CATALOGUE

    async def endpoints(self, *_: Any) -> Endpoints:
        return await self._list("/models/endpoints")

    async def zero_retention(self, *_: Any) -> Endpoints:
        return await self._list("/endpoints/zdr")

    def since(self, begin: float, route: str = "") -> list[float]:
        """When it was asked since then."""
        return [at for at, asked in self.asked if at > begin and route in asked]

    async def _list(self, route: str) -> Endpoints:
        await self._take(route)
        if self.no_lists:
            raise UnexpectedError(f"{route} answered HTTP 404.", status=404)
        return Endpoints(())

    async def _take(self, route: str) -> None:
        self.asked.append((now(), route))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.under_way -= 1
        if self.fault is not None:
            raise self.fault()


@asynccontextmanager
async def asking(gateway: Gateway) -> AsyncGenerator[AskedGateway]:
    """Those who ask it."""
    clocks = Clocks(lambda: START + timedelta(seconds=now()), now)
    asked = AskedGateway(cast("OpenRouter", gateway), lambda _: None, clocks)
    tasks = [asyncio.create_task(run) for run in asked.runs()]
    try:
        yield asked
        assert not any(task.done() for task in tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
