"""One connection to a tool server, with the official SDK; nothing but this and `results` knows it.

Importing the SDK takes a second and 40 MB, so this module is imported by `servers` and only when there are servers.
"""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from importlib.metadata import version
from types import TracebackType
from typing import Any, Final, Self, cast

import httpx2
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp.client.subscriptions import ListenNotSupportedError, SubscriptionLost
from mcp_types import (
    CONNECTION_CLOSED,
    HEADER_MISMATCH,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    CallToolRequest,
    CallToolRequestParams,
    CallToolResult,
    Implementation,
    ServerNotification,
    ToolListChangedNotification,
)

from chatassistant_chatbot.addresses import Reach
from chatassistant_chatbot.settings import McpServer
from chatassistant_chatbot.tools.calls import CallProblem, NoResult
from chatassistant_chatbot.tools.results import tool_result
from chatassistant_chatbot.tools.tool import Tool, ToolProblem, ToolResult
from chatassistant_chatbot.tools.transport import EXCHANGE, Exchange, Failure, Transport

logger = logging.getLogger(__name__)

_GOODBYE_SECONDS: Final = 2.0
_DEAF_SECONDS: Final = 5.0
_BURST_SECONDS: Final = 0.5
_MOST_TOOLS: Final = 1000
_LARGEST_LIST_BYTES: Final = 8 * 1024 * 1024
# An answer is read whole before it is cut.
_LARGEST_ANSWER_BYTES: Final = 4 * 1024 * 1024
_REFUSALS: Final = frozenset({401, 403})
_OVERLOADED: Final = frozenset({408, 429})
_FAILURES: Final = {
    Failure.UNREACHABLE: (ToolProblem.UNREACHABLE, CallProblem.BROKEN),
    Failure.OUT_OF_REACH: (ToolProblem.OUT_OF_REACH, CallProblem.OUT_OF_REACH),
    Failure.BROKEN: (ToolProblem.UNREACHABLE, CallProblem.BROKEN),
    Failure.TOO_LARGE: (ToolProblem.NOT_MCP, CallProblem.TOO_LARGE),
    Failure.UNREADABLE: (ToolProblem.NOT_MCP, CallProblem.NOT_UNDERSTOOD),
}
"""What a failure below the SDK says of the server, and of a call that was sent."""
_ERRORS: Final = {
    INVALID_PARAMS: CallProblem.NOT_ACCEPTED,
    METHOD_NOT_FOUND: CallProblem.NOT_ACCEPTED,
    # What the SDK makes of an answer that is none of the protocol's.
    INVALID_REQUEST: CallProblem.NOT_UNDERSTOOD,
    PARSE_ERROR: CallProblem.NOT_UNDERSTOOD,
}


class Connection:
    """An async context manager, left by the task that entered it; the caller bounds the time of all but the end.

    Any task may `call`, several at a time. All but `call` raise what the SDK raises, which `problem` puts into a word.
    """

    def __init__(self, server: McpServer, headers: Mapping[str, str], reach: Reach) -> None:
        self._server = server
        self._asked = Exchange(_LARGEST_LIST_BYTES)
        self._changed = asyncio.Event()
        self._lost = False
        self._listening: asyncio.Task[None] | None = None
        # No proxy, no .netrc: the headers are for this server alone.
        self._http = httpx2.AsyncClient(
            headers={**headers, "Accept-Encoding": "identity"}, transport=Transport(reach), trust_env=False
        )
        self._client = Client(
            streamable_http_client(server.url, http_client=self._http, max_sse_event_size=None),
            message_handler=self._hear,
            client_info=Implementation(name="chatassistant-chatbot", version=version("chatassistant")),
            cache=None,
        )
        self._open = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        EXCHANGE.set(self._asked)
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
        self._asked = Exchange(_LARGEST_LIST_BYTES)
        EXCHANGE.set(self._asked)
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

    async def call(self, tool: str, arguments: Mapping[str, Any], deadline: float) -> ToolResult | NoResult:
        """Call a tool; cancelling this tells the server. `deadline` is in the event loop's time."""
        exchange = Exchange(_LARGEST_ANSWER_BYTES, deadline)
        EXCHANGE.set(exchange)
        params = CallToolRequestParams(name=tool, arguments=dict(arguments))

        async def progressed(progress: float, total: float | None, message: str | None) -> None:
            del message  # A stranger's words.
            facts = {"server": self._server.name, "tool": tool, "progress": progress, "total": total}
            logger.debug("a tool makes progress", extra=facts)

        try:
            # Not the SDK's `call_tool`: it holds results to schemas of the server's, whose patterns may never end.
            result = await self._client.session.send_request(
                CallToolRequest(params=params), CallToolResult, progress_callback=progressed
            )
            return tool_result(result)
        except Exception as error:  # noqa: BLE001 (whatever a stranger's answer makes the SDK raise)
            return _no_result(error, exchange)

    def doubt(self) -> None:
        """A call went wrong: have the list read again, which tells whether the server is still there."""
        self._changed.set()

    def lose(self) -> None:
        """Have `news` fail: nothing more can be asked on this connection."""
        self._lost = True
        self._changed.set()

    async def news(self, seconds: float) -> None:
        """Wait until the list of tools should be read again, at most so long.

        Raises:
            ConnectionError: when a call found the connection lost.
        """
        if self._listening is None:
            self._listening = asyncio.create_task(self._listen())
            self._open.push_async_callback(_end, self._listening)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()
                if not self._lost:
                    # One who has news all the time is not asked all the time.
                    await asyncio.sleep(_BURST_SECONDS)
        if self._lost:
            raise ConnectionError
        self._changed.clear()

    def problem(self, error: BaseException) -> ToolProblem:
        """What an error says of the server."""
        if isinstance(error, BaseExceptionGroup):
            return self.problem(cast("BaseExceptionGroup[BaseException]", error).exceptions[0])
        if isinstance(error, TimeoutError):
            return ToolProblem.TIMED_OUT
        if self._asked.failure is not None:
            return _FAILURES[self._asked.failure][0]
        status = self._asked.status
        if status in _REFUSALS:
            return ToolProblem.REFUSED
        failed = isinstance(error, MCPError) and error.code in {CONNECTION_CLOSED, INTERNAL_ERROR}
        if status in _OVERLOADED or status >= 500 or (status < 400 and failed):  # noqa: PLR2004 (HTTP's own)
            return ToolProblem.UNREACHABLE
        return ToolProblem.NOT_MCP

    async def _hear(self, message: ServerNotification | Exception) -> None:
        if isinstance(message, ToolListChangedNotification):
            self._changed.set()

    async def _listen(self) -> None:
        """Ask a server of 2026-07-28 or later for its news, again and again; an older one sends them unasked."""
        EXCHANGE.set(None)
        with contextlib.suppress(ListenNotSupportedError, MCPError):
            while True:
                with contextlib.suppress(SubscriptionLost):
                    async with self._client.listen(tools_list_changed=True) as news:
                        # What changed while nobody listened.
                        self._changed.set()
                        async for _ in news:
                            self._changed.set()
                await asyncio.sleep(_DEAF_SECONDS)


def _no_result(error: Exception, exchange: Exchange) -> NoResult:
    """What an error says of a call."""
    code = error.code if isinstance(error, MCPError) else PARSE_ERROR
    if exchange.failure == Failure.OUT_OF_REACH:
        return NoResult(CallProblem.OUT_OF_REACH)
    # By the protocol's page on transports, 404 stands for a session that the server knows no more.
    forgotten = exchange.status == 404 and code != METHOD_NOT_FOUND  # noqa: PLR2004 (HTTP's own)
    if not exchange.sent or forgotten or code == HEADER_MISMATCH:
        return NoResult(CallProblem.NOT_REACHED, again=True)
    if exchange.failure is not None:
        return NoResult(_FAILURES[exchange.failure][1])
    if exchange.status in _REFUSALS:
        return NoResult(CallProblem.REFUSED)
    closed = code == CONNECTION_CLOSED and exchange.status == 0
    return NoResult(CallProblem.BROKEN if closed else _ERRORS.get(code, CallProblem.FAILED))


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
