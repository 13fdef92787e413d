"""A tool server made with the official SDK's own server: `python mcp_server.py PORT OPTIONS`, OPTIONS in JSON.

`POST /control` changes the options while it runs, and clients hear of other tools, as from any server.
`"streams": 0` ends the streams on which they hear it. `GET /control` tells what it was asked, `DELETE` has it forget.

A tool does what its name says, see `TOOLS`; any other gives its arguments back. What `lies.py` has is answered as no
server of the SDK would.
"""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import mcp_types as types
import uvicorn
from lies import LIES
from mcp import MCPError
from mcp.server.lowlevel import Server
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ToolsListChanged
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send

OBJECT = {"type": "object", "properties": {"text": {"type": "string"}}}
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@dataclass
class Options:
    tools: Sequence[str] = ("add_task", "list_tasks")
    schemas: dict[str, Any] = field(default_factory=dict)
    """Input schemas by tool, in the place of a plain one."""
    descriptions: dict[str, str] = field(default_factory=dict)
    page_size: int = 100
    delay_seconds: float = 0.0
    call_seconds: float = 0.0
    """How long each call takes, besides what the tool itself does."""
    legacy: bool = False
    """Whether it speaks the protocol as it was before 2026-07-28, with a handshake and sessions."""
    authorization: str | None = None
    """The header's value that it wants to see."""
    other_answers: dict[str, Any] = field(default_factory=dict)
    """By path: `status`, `text`, `content_type` and `location` of what is no MCP at all."""
    mute: bool = False
    """Whether it answers nothing any more."""
    mute_notifications: bool = False
    """Whether it answers no notification."""
    certificate: str | None = None
    """A file with a certificate and its key, with which it speaks TLS."""
    silent: bool = False
    """Whether it keeps to itself that its tools have changed."""


@dataclass
class Call:
    """A call that came; `state` is running, done or cancelled."""

    tool: str
    arguments: dict[str, Any]
    state: str = "running"


@dataclass
class ToolServer:
    options: Options
    listings: int = 0
    farewells: int = 0
    cancellations: int = 0
    introductions: int = 0
    calls: list[Call] = field(default_factory=list)
    sessions: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._bus = InMemorySubscriptionBus()
        self._listen = ListenHandler(self._bus)
        server = Server(
            "tools", on_list_tools=self._list, on_call_tool=self._call, on_subscriptions_listen=self._listen
        )
        if self.options.legacy:
            server.add_request_handler("server/discover", types.RequestParams, self._discover)
        # By any name: what a client says is for its own tests to judge.
        self._app = server.streamable_http_app(host="0.0.0.0")  # noqa: S104 (nothing is bound here)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        body = await request.body()
        answer = await self._answer(request, body)
        self.farewells += request.method == "DELETE"
        await (answer or self._app)(scope, _again(body, receive), send)

    async def _answer(self, request: Request, body: bytes) -> Callable[..., Awaitable[None]] | None:
        options, path = self.options, request.url.path
        if path == "/control":
            return await self._control(request)
        message = json.loads(body or b"{}")
        method = message.get("method", "")
        self.cancellations += method == "notifications/cancelled"
        self.introductions += method in {"server/discover", "initialize"}
        if options.mute or (options.mute_notifications and method == "notifications/cancelled"):
            await asyncio.Event().wait()
        if path in options.other_answers:
            other = options.other_answers[path]
            headers = {"Location": other["location"]} if "location" in other else None
            return Response(other["text"], other["status"], headers, other["content_type"])
        if options.authorization and request.headers.get("Authorization") != options.authorization:
            return Response(status_code=401, headers={"WWW-Authenticate": "Bearer"})
        if method == "tools/call" and message["params"]["name"] in LIES:
            self.calls.append(Call(message["params"]["name"], message["params"].get("arguments", {})))
            return LIES[message["params"]["name"]](message, request)
        return None

    async def _control(self, request: Request) -> Response:
        if request.method == "DELETE":
            self.calls, self.cancellations = [], 0
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
        return JSONResponse(
            {
                "listings": self.listings,
                "farewells": self.farewells,
                "listeners": len(self._listen._streams),
                "cancellations": self.cancellations,
                "introductions": self.introductions,
                "calls": [asdict(call) for call in self.calls],
                "running": sum(call.state == "running" for call in self.calls if call.tool not in LIES),
            }
        )

    async def _list(self, ctx: Any, params: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        options = self.options
        self.listings += 1
        if options.legacy and ctx.session not in self.sessions:
            self.sessions.append(ctx.session)
        await asyncio.sleep(options.delay_seconds)
        start = int(params.cursor) if params and params.cursor else 0
        end = start + options.page_size
        tools = [
            types.Tool(
                name=name,
                description=options.descriptions.get(name, f"Does {name}."),
                input_schema=options.schemas.get(name, OBJECT),
            )
            for name in options.tools[start:end]
        ]
        return types.ListToolsResult(tools=tools, next_cursor=str(end) if end < len(options.tools) else None)

    async def _call(self, ctx: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        call = Call(params.name, params.arguments or {})
        self.calls.append(call)
        try:
            await asyncio.sleep(self.options.call_seconds)
            result = await TOOLS.get(params.name, _echo)(ctx, call.arguments)
        except BaseException as error:
            call.state = "cancelled" if isinstance(error, asyncio.CancelledError) else "failed"
            raise
        call.state = "done"
        return result

    async def _discover(self, _: Any, __: types.RequestParams) -> types.DiscoverResult:
        return types.DiscoverResult(
            supported_versions=list(HANDSHAKE_PROTOCOL_VERSIONS), capabilities=types.ServerCapabilities()
        )


def _again(body: bytes, receive: Receive) -> Receive:
    """Give a body that was read already, then what comes."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return messages.pop() if messages else await receive()

    return again


def _text(text: str) -> types.TextContent:
    return types.TextContent(text=text)


async def _echo(_: Any, arguments: dict[str, Any]) -> types.CallToolResult:
    return types.CallToolResult(content=[_text(json.dumps(arguments))])


async def _slow(ctx: Any, arguments: dict[str, Any]) -> types.CallToolResult:
    for _ in range(arguments.get("progress", 0)):
        await ctx.session.report_progress(0.5, 1.0, "half of it")
    await asyncio.sleep(arguments.get("seconds", 60))
    return await _echo(ctx, arguments)


async def _long(_: Any, arguments: dict[str, Any]) -> types.CallToolResult:
    return types.CallToolResult(content=[_text("ä" * arguments["characters"])])


async def _fail(_: Any, arguments: dict[str, Any]) -> types.CallToolResult:
    content = [_text(arguments["text"])] if "text" in arguments else []
    return types.CallToolResult(content=content, is_error=True)


async def _refuse(_: Any, arguments: dict[str, Any]) -> types.CallToolResult:
    raise MCPError(arguments["code"], "refused, internals: /srv/secret.py")


async def _crash(_: Any, __: dict[str, Any]) -> types.CallToolResult:
    raise RuntimeError("internals: /srv/secret.py")


async def _mixed(_: Any, __: dict[str, Any]) -> types.CallToolResult:
    resource = types.TextResourceContents(uri="file:///notes.txt", text="Notes.")
    blob = types.BlobResourceContents(uri="file:///a.bin", mime_type="application/zip", blob=PIXEL)
    content: list[types.ContentBlock] = [
        _text("First."),
        types.ImageContent(data=PIXEL, mime_type="image/png"),
        types.AudioContent(data=PIXEL, mime_type="audio/wav"),
        types.ResourceLink(name="report", uri="https://example.com/r", mime_type="text/html"),
        types.EmbeddedResource(resource=resource),
        types.EmbeddedResource(resource=blob),
    ]
    return types.CallToolResult(content=content)


async def _structured(_: Any, arguments: dict[str, Any]) -> types.CallToolResult:
    """`structured` as it is, and `texts` before it."""
    content = [_text(each) for each in arguments.get("texts", [])]
    return types.CallToolResult(content=content, structured_content=arguments.get("structured"))


async def _headers(ctx: Any, _: dict[str, Any]) -> types.CallToolResult:
    return types.CallToolResult(content=[_text(json.dumps(dict(ctx.request.headers)))])


async def _die(_: Any, __: dict[str, Any]) -> types.CallToolResult:
    os._exit(1)


TOOLS: dict[str, Callable[[Any, dict[str, Any]], Awaitable[types.CallToolResult]]] = {
    "slow": _slow,
    "long": _long,
    "fail": _fail,
    "refuse": _refuse,
    "crash": _crash,
    "mixed": _mixed,
    "structured": _structured,
    "headers": _headers,
    "die": _die,
}


if __name__ == "__main__":
    options = Options(**json.loads(sys.argv[2]))
    uvicorn.run(
        ToolServer(options),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        timeout_graceful_shutdown=1,
        ssl_certfile=options.certificate,
    )
