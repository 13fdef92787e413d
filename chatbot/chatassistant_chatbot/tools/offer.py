"""What a model may call in one turn."""

from collections.abc import Awaitable, Callable, Iterable
from itertools import zip_longest
from typing import Any, Final

from chatassistant_chatbot.tools.functions import ArgumentsError, Function
from chatassistant_chatbot.tools.tool import ToolResult

Call = Callable[[str, dict[str, Any], str], Awaitable[ToolResult]]
"""Calls a tool of one server: its name, its arguments, the request's id."""

MOST_FUNCTIONS: Final = 128
"""OpenAI refuses a request with more (keinsaasforever/better-chatbot#197)."""
_LONGEST_NAME: Final = 64


class Offer:
    """The functions of all servers at one moment, at most 128; it stays what it is while servers come and go.

    When there are more, each server has its share.

    Attributes:
        functions: The entries of OpenAI's `tools`, shared by all turns: not to be changed.
    """

    def __init__(self, servers: Iterable[tuple[Call, Iterable[Function]]] = ()) -> None:
        by_server = [[(function, call) for function in functions] for call, functions in servers]
        offered = [each for functions in by_server for each in functions]
        if len(offered) > MOST_FUNCTIONS:
            offered = [each for row in zip_longest(*by_server) for each in row if each is not None]
        self._by_name: dict[str, tuple[Function, Call]] = {}
        for function, call in offered[:MOST_FUNCTIONS]:
            self._by_name.setdefault(function.name, (function, call))
        self.functions: list[dict[str, Any]] = [function.entry for function, _ in self._by_name.values()]

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def server_and_tool(self, name: str) -> tuple[str, str]:
        """The server of a function, and what it calls the tool."""
        tool = self._by_name[name][0].tool
        return tool.server, tool.name

    async def call(self, name: str, arguments: str, request_id: str) -> ToolResult:
        """What a tool gives, or why it gives nothing: words for the model. `arguments` are JSON, as the model wrote it."""
        if name not in self._by_name:
            return ToolResult(
                f"There is no tool {name[:_LONGEST_NAME]!r}. Use only the tools that you were given.",
                failed=True,
            )
        function, call = self._by_name[name]
        try:
            given = function.arguments(arguments)
        except ArgumentsError as error:
            return ToolResult(str(error), failed=True)
        return await call(function.tool.name, given, request_id)
