"""The chatbot's MCP client, as the conformance suite runs it: lists the tools of the server at a URL, and calls them.

The URL is the last argument. The scenario's context may name the calls; else each tool is called once, with a value
for each of its arguments.
"""

import asyncio
import json
import logging
import os
import sys
from collections.abc import Mapping
from typing import Any, Final

from chatassistant_chatbot.addresses import Endpoints
from chatassistant_chatbot.settings import McpServer
from chatassistant_chatbot.tools.connection import Connection
from chatassistant_chatbot.tools.tool import Tool

_SECONDS: Final = 10.0
_RECONNECTS: Final = "sse-retry"
_ECHO: Final = "json_schema_echo"
_ECHOED: Final = "json_schema_2020_12_tool"
_EXAMPLES: Final[Mapping[str, Any]] = {
    "string": "Hello",
    "number": 5,
    "integer": 5,
    "boolean": True,
    "array": [],
    "object": {},
}


class _Stream(logging.Handler):
    """Whether the server has begun to answer with the stream of its own messages, as the HTTP library logs it."""

    def __init__(self) -> None:
        super().__init__()
        self.is_open = asyncio.Event()
        logger = logging.getLogger("httpx2")
        logger.setLevel(logging.INFO)
        logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Look at a line."""
        if "GET" in record.getMessage():
            self.is_open.set()


async def main(url: str) -> None:
    """List the tools and call them."""
    stream = _Stream()
    server = McpServer.model_validate({"name": "conformance", "url": url})
    reach = Endpoints("", ["*"]).reach(url)
    async with Connection(server, {}, reach) as connection:
        tools = await connection.list_tools()
        if os.environ.get("MCP_CONFORMANCE_SCENARIO") == _RECONNECTS:
            # It takes a first stream that comes after the call for one that comes back too early.
            await asyncio.wait_for(stream.is_open.wait(), _SECONDS)
        for name, arguments in _calls(tools):
            deadline = asyncio.get_running_loop().time() + _SECONDS
            await connection.call(name, arguments, deadline)


def _calls(tools: list[Tool]) -> list[tuple[str, dict[str, Any]]]:
    context = json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT", "{}"))
    if "toolCalls" in context:
        return [(each["name"], each["arguments"]) for each in context["toolCalls"]]
    schemas = {tool.name: tool.input_schema for tool in tools}
    if _ECHO in schemas:
        # It wants to see what was understood of another tool's schema.
        return [(_ECHO, {"schema": dict(schemas[_ECHOED])})]
    return [(name, _arguments(schema)) for name, schema in schemas.items()]


def _arguments(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A value for each property that a schema of an object has."""
    properties: dict[str, dict[str, Any]] = schema.get("properties", {})
    return {name: _EXAMPLES.get(each.get("type", "")) for name, each in properties.items()}


if __name__ == "__main__":
    asyncio.run(main(sys.argv[-1]))
