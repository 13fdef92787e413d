"""The tool servers of an assistant: asked in the background what they offer, so that nothing waits for them."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from pydantic import SecretStr

from chatassistant_chatbot.settings import McpServer
from chatassistant_chatbot.tools.tool import Tool, ToolProblem

if TYPE_CHECKING:
    from chatassistant_chatbot.tools.connection import Connection

logger = logging.getLogger(__name__)

_OLDEST_SECONDS: Final = 60.0
_RETRY_SECONDS: Final = 5.0


class ToolServers:
    """What all servers offer now; `keep` has to run."""

    def __init__(self, servers: Sequence[McpServer], header_values: Mapping[str, SecretStr]) -> None:
        self._servers = [
            _Server(
                each, {header.name: header_values[header.env].get_secret_value() for header in each.headers}
            )
            for each in servers
        ]

    async def keep(self) -> None:
        """Stay connected to all servers; ends only when there are none."""
        if not self._servers:
            return
        # It takes a second, in which requests are answered.
        connection = await asyncio.to_thread(_import_connection)
        async with asyncio.TaskGroup() as group:
            for server in self._servers:
                group.create_task(server.keep(connection))

    def tools(self) -> list[Tool]:
        """The tools that may be called: of servers that answer, and allowed by the configuration."""
        return [tool for server in self._servers for tool in server.tools]

    def report(self) -> list[dict[str, Any]]:
        """What is known of each server, for the operator; nothing of one that has not been asked to the end yet."""
        return [server.report() for server in self._servers if server.known]


class _Server:
    """One server and what is known of it."""

    def __init__(self, settings: McpServer, headers: Mapping[str, str]) -> None:
        self._settings = settings
        self._headers = headers
        self._missing: list[str] = []
        self._problem: ToolProblem | None = None
        self.known = False
        self.tools: list[Tool] = []

    async def keep(self, connection: "type[Connection]") -> None:
        """Stay connected; attempts begin some seconds apart, whatever becomes of them."""
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            await self._attempt(connection(self._settings, self._headers))
            await asyncio.sleep(began + _RETRY_SECONDS - loop.time())

    def report(self) -> dict[str, Any]:
        """What is known of it."""
        return {
            "server": self._settings.name,
            "names": sorted(tool.name for tool in self.tools),
            "missing": self._missing,
            "problem": self._problem,
        }

    async def _attempt(self, connection: "Connection") -> None:
        """List the tools as long as the connection lasts.

        One that breaks says nothing of the server yet, which may have been restarted: the next one tells.
        """
        listed = False
        try:
            async with asyncio.timeout(self._settings.timeout_seconds) as patience, connection:
                while True:
                    self._learn(await connection.list_tools())
                    listed = True
                    patience.reschedule(None)
                    await connection.news(_OLDEST_SECONDS)
                    patience.reschedule(asyncio.get_running_loop().time() + self._settings.timeout_seconds)
        except Exception as error:  # noqa: BLE001 (whatever a stranger's answer makes the SDK raise)
            if not listed:
                self._fail(connection.problem(error))

    def _learn(self, offered: Sequence[Tool]) -> None:
        by_name = {tool.name: tool for tool in offered}
        allowed = self._settings.allowed_tools or tuple(by_name)
        before = (self._problem, self.tools, self.known)
        self.tools = [by_name[name] for name in dict.fromkeys(allowed) if name in by_name]
        self._missing = sorted(set(allowed) - by_name.keys())
        self._problem, self.known = None, True
        if before != (self._problem, self.tools, self.known):
            facts = {"server": self._settings.name, "tools": len(self.tools), "missing": self._missing}
            logger.info("a tool server lists its tools", extra=facts)

    def _fail(self, problem: ToolProblem) -> None:
        if self._problem != problem:
            logger.warning(
                "a tool server fails", extra={"server": self._settings.name, "problem": problem.value}
            )
        self.tools, self._missing = [], []
        self._problem, self.known = problem, True


def _import_connection() -> "type[Connection]":
    from chatassistant_chatbot.tools.connection import Connection  # noqa: PLC0415 (see there)

    return Connection
