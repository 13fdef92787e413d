"""One connection to a tool server, with the official SDK; nothing else knows it.

Importing the SDK takes a second and 25 MB, so this module is imported by `servers` and only when there are servers.
"""

import asyncio
import contextlib
import functools
import ssl
from collections.abc import Mapping
from importlib.metadata import version
from types import TracebackType
from typing import Final, Self, cast

import httpx2
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp.client.subscriptions import ListenNotSupportedError, SubscriptionLost
from mcp_types import (
    CONNECTION_CLOSED,
    INTERNAL_ERROR,
    Implementation,
    ServerNotification,
    ToolListChangedNotification,
)

from chatassistant_chatbot.settings import McpServer
from chatassistant_chatbot.tools.tool import Tool, ToolProblem

_CONNECT_SECONDS: Final = 5.0
_GOODBYE_SECONDS: Final = 2.0
_DEAF_SECONDS: Final = 5.0
_BURST_SECONDS: Final = 0.5
_MOST_TOOLS: Final = 1000


class Connection:
    """An async context manager, left by the task that entered it; the caller bounds the time of all but the end.

    Any of it raises what the SDK raises, which `problem` puts into a word.
    """

    def __init__(self, server: McpServer, headers: Mapping[str, str]) -> None:
        self._server = server
        self._status = 200
        self._changed = asyncio.Event()
        self._listening: asyncio.Task[None] | None = None
        # No proxy, no .netrc: the headers are for this server alone.
        self._http = httpx2.AsyncClient(
            headers=dict(headers),
            timeout=httpx2.Timeout(None, connect=_CONNECT_SECONDS),
            event_hooks={"response": [self._remember]},
            verify=_tls(),
            trust_env=False,
        )
        self._client = Client(
            streamable_http_client(server.url, http_client=self._http),
            message_handler=self._hear,
            client_info=Implementation(name="chatassistant-chatbot", version=version("chatassistant")),
            cache=None,
        )
        self._open = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as entered:
            await entered.enter_async_context(self._http)
            await entered.enter_async_context(self._client)
            self._open = entered.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        # The SDK takes leave of the server, which may be the one that never answers.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GOODBYE_SECONDS):
                return await self._open.__aexit__(kind, error, traceback) or False
        return False

    async def list_tools(self) -> list[Tool]:
        """All tools, of all pages."""
        tools: list[Tool] = []
        cursor: str | None = None
        while True:
            page = await self._client.list_tools(cursor=cursor)
            tools += [
                Tool(self._server.name, each.name, each.description or "", each.input_schema)
                for each in page.tools
            ]
            cursor = page.next_cursor
            if not cursor:
                return tools
            if len(tools) >= _MOST_TOOLS:
                raise ValueError("a list of tools without end")

    async def news(self, seconds: float) -> None:
        """Wait until the server says that its tools have changed, at most so long."""
        if self._listening is None:
            self._listening = asyncio.create_task(self._listen())
            self._open.push_async_callback(_end, self._listening)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()
                # One who has news all the time is not asked all the time.
                await asyncio.sleep(_BURST_SECONDS)
        self._changed.clear()

    def problem(self, error: BaseException) -> ToolProblem:
        """What an error says of the server."""
        if isinstance(error, BaseExceptionGroup):
            return self.problem(cast("BaseExceptionGroup[BaseException]", error).exceptions[0])
        if isinstance(error, TimeoutError):
            return ToolProblem.TIMED_OUT
        if isinstance(error, httpx2.TransportError):
            return ToolProblem.UNREACHABLE
        if self._status in {401, 403}:
            return ToolProblem.REFUSED
        failed = isinstance(error, MCPError) and error.code in {CONNECTION_CLOSED, INTERNAL_ERROR}
        if self._status in {408, 429} or self._status >= 500 or (self._status < 400 and failed):  # noqa: PLR2004 (HTTP's own)
            return ToolProblem.UNREACHABLE
        return ToolProblem.NOT_MCP

    async def _remember(self, response: httpx2.Response) -> None:
        """Keep the status, which the SDK's errors do not tell."""
        if response.request.method == "POST":
            self._status = response.status_code

    async def _hear(self, message: ServerNotification | Exception) -> None:
        if isinstance(message, ToolListChangedNotification):
            self._changed.set()

    async def _listen(self) -> None:
        """Ask a server of 2026-07-28 or later for its news, again and again; an older one sends them unasked."""
        with contextlib.suppress(ListenNotSupportedError, MCPError):
            while True:
                with contextlib.suppress(SubscriptionLost):
                    async with self._client.listen(tools_list_changed=True) as news:
                        # What changed while nobody listened.
                        self._changed.set()
                        async for _ in news:
                            self._changed.set()
                await asyncio.sleep(_DEAF_SECONDS)


@functools.cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
