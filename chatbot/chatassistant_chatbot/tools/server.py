"""One tool server: connected to in the background, listed when it changes, called by whoever wants to."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from chatassistant_chatbot.addresses import Reach
from chatassistant_chatbot.settings import McpServer
from chatassistant_chatbot.tools.calls import CallProblem, NoResult
from chatassistant_chatbot.tools.functions import Function, function
from chatassistant_chatbot.tools.offer import MOST_FUNCTIONS
from chatassistant_chatbot.tools.tool import Tool, ToolProblem, ToolResult

if TYPE_CHECKING:
    from chatassistant_chatbot.tools.connection import Connection

logger = logging.getLogger(__name__)

_OLDEST_SECONDS: Final = 60.0
_RETRY_SECONDS: Final = 5.0
_AGAIN_SECONDS: Final = 1.0
# How long a call waits for another connection: until the next attempt, and some.
_PATIENCE_SECONDS: Final = 8.0
_LONGEST_NAME: Final = 128
_MOST_TOOLS: Final = 1000
_SHORTEST_SECRET: Final = 8


class Server:
    """A server and what is known of it; `keep` has to run.

    Attributes:
        known: Whether it has been asked to the end yet.
        tools: Those that may be called; none while they cannot be had.
        functions: As many of them as a model can be offered.
    """

    def __init__(
        self, settings: McpServer, headers: Mapping[str, str], reach: Reach, changed: Callable[[], None]
    ) -> None:
        self._settings = settings
        self._headers = headers
        self._reach = reach
        self._changed = changed
        self.tools: list[Tool] = []
        self._missing: list[str] = []
        self._problem: ToolProblem | None = None
        self._connection: Connection | None = None
        self._settled = asyncio.Event()
        self._calls: set[asyncio.Task[ToolResult | NoResult]] = set()
        self.known = False
        self.functions: list[Function] = []

    async def keep(self, connection: "type[Connection]") -> None:
        """Stay connected; attempts begin some seconds apart, whatever becomes of them."""
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            listed = await self._attempt(connection(self._settings, self._headers, self._reach))
            # One that was connected may be waited for by a call.
            pause = _AGAIN_SECONDS if listed else _RETRY_SECONDS
            await asyncio.sleep(began + pause - loop.time())

    def report(self) -> dict[str, Any]:
        """What is known of it."""
        return {
            "server": self._settings.name,
            "names": sorted(tool.name for tool in self.tools),
            "missing": self._missing,
            "problem": self._problem,
        }

    async def call(self, tool: str, arguments: dict[str, Any], request_id: str) -> ToolResult:
        """What a tool gives within the server's time, or fixed words on why it gives nothing."""
        loop = asyncio.get_running_loop()
        began, seconds = loop.time(), self._settings.timeout_seconds
        outcome, connection = await self._call(tool, arguments, began + seconds)
        if (
            isinstance(outcome, NoResult)
            and outcome.again
            and await self._reconnected(connection, began + seconds)
        ):
            outcome, connection = await self._call(tool, arguments, began + seconds)
        facts = {
            "server": self._settings.name,
            "tool": tool,
            "seconds": round(loop.time() - began, 3),
            "request_id": request_id,
        }
        if isinstance(outcome, NoResult):
            logger.warning("a tool gave no result", extra={**facts, "problem": outcome.problem.name})
            if connection is not None:
                connection.doubt()
            return outcome.told(self._settings.name, seconds)
        logger.info("a tool was called", extra={**facts, "failed": outcome.failed})
        return ToolResult(self._without_secrets(outcome.content), outcome.failed)

    async def _call(
        self, tool: str, arguments: dict[str, Any], deadline: float
    ) -> "tuple[ToolResult | NoResult, Connection | None]":
        """Call it once on the connection that there is; gives that too."""
        connection = self._connection
        if connection is None:
            return NoResult(CallProblem.NOT_REACHED, again=self._problem is None), None
        # In a task of its own: the SDK may take seconds to tell the server that nobody waits any more.
        call = asyncio.create_task(connection.call(tool, arguments, deadline))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        try:
            await asyncio.wait({call}, timeout=deadline - asyncio.get_running_loop().time())
            return call.result() if call.done() else NoResult(CallProblem.TIMED_OUT), connection
        finally:
            call.cancel()

    async def _reconnected(self, old: "Connection | None", deadline: float) -> bool:
        """Have another connection made; gives whether there is one."""
        if self._connection is old:
            if old is not None:
                old.lose()
            settled = self._settled
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(
                    min(deadline, asyncio.get_running_loop().time() + _PATIENCE_SECONDS)
                ):
                    await settled.wait()
        return self._connection is not None and self._connection is not old

    async def _attempt(self, connection: "Connection") -> bool:
        """List the tools as long as the connection lasts; gives whether that was possible at all.

        One that breaks says nothing of the server yet, which may have been restarted: the next one tells.
        """
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._settings.timeout_seconds) as patience, connection:
                while True:
                    await self._learn(await connection.list_tools())
                    self._connection = connection
                    self._settle()
                    patience.reschedule(None)
                    await connection.news(_OLDEST_SECONDS)
                    patience.reschedule(loop.time() + self._settings.timeout_seconds)
        except Exception as error:  # noqa: BLE001 (whatever a stranger's answer makes the SDK raise)
            if self._connection is None:
                self._fail(connection.problem(error))
                return False
        finally:
            self._connection = None
        return True

    async def _learn(self, listed: Sequence[Tool]) -> None:
        offered = {tool.name: tool for tool in listed[:_MOST_TOOLS] if 0 < len(tool.name) <= _LONGEST_NAME}
        allowed = self._settings.allowed_tools or tuple(offered)
        before = (self._problem, self.tools, self.known)
        tools = [offered[name] for name in dict.fromkeys(allowed) if name in offered]
        self._missing = sorted(set(allowed) - offered.keys())
        if before != (None, tools, True):
            # Schemas are a stranger's, and may take long to be read.
            functions = await asyncio.to_thread(lambda: [function(tool) for tool in tools[:MOST_FUNCTIONS]])
            self._problem, self.tools, self.known, self.functions = None, tools, True, functions
            facts = {"server": self._settings.name, "tools": len(tools), "missing": self._missing}
            logger.info("a tool server lists its tools", extra=facts)
            self._changed()

    def _fail(self, problem: ToolProblem) -> None:
        if self._problem != problem:
            logger.warning(
                "a tool server fails", extra={"server": self._settings.name, "problem": problem.value}
            )
        self.tools, self._missing, self.functions = [], [], []
        self._problem, self.known = problem, True
        self._changed()
        self._settle()

    def _settle(self) -> None:
        """Whether there is a connection has been found out."""
        settled, self._settled = self._settled, asyncio.Event()
        settled.set()

    def _without_secrets(self, text: str) -> str:
        """A result in which the server tells nobody the headers that it was sent."""
        for value in self._headers.values():
            for secret in (value, value.rpartition(" ")[2]):
                if len(secret) >= _SHORTEST_SECRET:
                    text = text.replace(secret, "…")
        return text
