"""A tool server made with the official SDK's own server: `python mcp_server.py PORT OPTIONS`, OPTIONS in JSON.

`POST /control` changes the options while it runs, and clients hear of other tools, as from any server.
`"streams": 0` ends the streams on which they hear it. `GET /control` tells what it was asked.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import mcp_types as types
import uvicorn
from mcp.server.lowlevel import Server
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ToolsListChanged
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

OBJECT = {"type": "object", "properties": {"text": {"type": "string"}}}


@dataclass
class Options:
    tools: Sequence[str] = ("add_task", "list_tasks")
    page_size: int = 100
    delay_seconds: float = 0.0
    legacy: bool = False
    """Whether it speaks the protocol as it was before 2026-07-28, with a handshake and sessions."""
    authorization: str | None = None
    """The header's value that it wants to see."""
    other_answers: dict[str, Any] = field(default_factory=dict)
    """By path: `status`, `text` and `content_type` of what is no MCP at all."""
    mute: bool = False
    """Whether it answers nothing any more."""
    silent: bool = False
    """Whether it keeps to itself that its tools have changed."""


@dataclass
class ToolServer:
    options: Options
    listings: int = 0
    farewells: int = 0
    sessions: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._bus = InMemorySubscriptionBus()
        self._listen = ListenHandler(self._bus)
        server = Server("tools", on_list_tools=self._list, on_subscriptions_listen=self._listen)
        if self.options.legacy:
            server.add_request_handler("server/discover", types.RequestParams, self._discover)
        self._app = server.streamable_http_app()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        answer = await self._answer(request)
        self.farewells += request.method == "DELETE"
        await (answer or self._app)(scope, receive, send)

    async def _answer(self, request: Request) -> Response | None:
        options, path = self.options, request.url.path
        if path == "/control":
            return await self._control(request)
        if options.mute:
            await asyncio.Event().wait()
        if path in options.other_answers:
            other = options.other_answers[path]
            return Response(other["text"], other["status"], media_type=other["content_type"])
        if options.authorization and request.headers.get("Authorization") != options.authorization:
            return Response(status_code=401, headers={"WWW-Authenticate": "Bearer"})
        return None

    async def _control(self, request: Request) -> Response:
        if request.method == "POST":
            changes = await request.json()
            for name in changes.keys() - {"streams"}:
                setattr(self.options, name, changes[name])
            if "tools" in changes and not self.options.silent:
                await self._bus.publish(ToolsListChanged())
                for session in self.sessions:
                    await session.send_tool_list_changed()
            if changes.get("streams") == 0:
                self._listen.close()
        listeners = len(self._listen._streams)
        return JSONResponse({"listings": self.listings, "farewells": self.farewells, "listeners": listeners})

    async def _list(self, ctx: Any, params: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        options = self.options
        self.listings += 1
        if options.legacy and ctx.session not in self.sessions:
            self.sessions.append(ctx.session)
        await asyncio.sleep(options.delay_seconds)
        start = int(params.cursor) if params and params.cursor else 0
        end = start + options.page_size
        tools = [
            types.Tool(name=name, description=f"Does {name}.", input_schema=OBJECT)
            for name in options.tools[start:end]
        ]
        return types.ListToolsResult(tools=tools, next_cursor=str(end) if end < len(options.tools) else None)

    async def _discover(self, _: Any, __: types.RequestParams) -> types.DiscoverResult:
        return types.DiscoverResult(
            supported_versions=list(HANDSHAKE_PROTOCOL_VERSIONS), capabilities=types.ServerCapabilities()
        )


if __name__ == "__main__":
    uvicorn.run(
        ToolServer(Options(**json.loads(sys.argv[2]))),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        timeout_graceful_shutdown=1,
    )
