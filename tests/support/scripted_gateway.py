"""A gateway whose answers a test writes down beforehand, in the order in which they are asked for."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15, "cost": 0.001}


def text(content: str) -> dict[str, Any]:
    """The model says something."""
    return {"role": "assistant", "content": content}


def calls(*names: str, content: str | None = None, arguments: str = "{}") -> dict[str, Any]:
    """The model calls tools, all with the same arguments."""
    asked = [
        {
            "id": f"call_{number}",
            "type": "function",
            "function": {"name": name, "arguments": arguments},
        }
        for number, name in enumerate(names)
    ]
    return {"role": "assistant", "content": content, "tool_calls": asked}


@dataclass
class Fails:
    """The gateway answers with an error."""

    status: int
    error: dict[str, Any]


@dataclass
class ScriptedGateway:
    """Answers with the next message of `script`, in one piece or streamed; the last one stays.

    Attributes:
        requests: The bodies that came, in order.
        headers: Their headers.
        hold: Cleared to let nothing be answered until it is set.
        abandoned: How many callers went away before they had their answer.
    """

    base_url: str = ""
    script: Sequence[dict[str, Any] | Fails] = (text("Hello!"),)
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    hold: asyncio.Event = field(default_factory=asyncio.Event)
    pause_seconds: float = 0.0
    abandoned: int = 0
    generations: list[str] = field(default_factory=list)

    def says(self, *script: dict[str, Any] | Fails) -> None:
        """What it says from now on, and nothing was asked yet."""
        self.script = script
        self.requests.clear()
        self.headers.clear()

    async def complete(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.requests.append(body)
        self.headers.append(dict(request.headers))
        said = self.script[min(len(self.requests), len(self.script)) - 1]
        try:
            await self.hold.wait()
            if isinstance(said, Fails):
                return web.json_response({"error": said.error}, status=said.status)
            return await (self._stream(request, body, said) if body["stream"] else self._whole(body, said))
        except (asyncio.CancelledError, ConnectionError):
            self.abandoned += 1
            raise

    async def generation(self, request: web.Request) -> web.Response:
        self.generations.append(request.query["id"])
        return web.json_response({"data": {"id": request.query["id"], "total_cost": 0.25}})

    async def _whole(self, body: dict[str, Any], message: dict[str, Any]) -> web.Response:
        await asyncio.sleep(self.pause_seconds)
        choice = {"index": 0, "message": message, "finish_reason": _reason(message)}
        return web.json_response({**self._frame(body), "choices": [choice], "usage": USAGE})

    async def _stream(
        self, request: web.Request, body: dict[str, Any], message: dict[str, Any]
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        frame = {**self._frame(body), "object": "chat.completion.chunk"}
        for delta in _deltas(message):
            chunk = {**frame, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
            await response.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
            await asyncio.sleep(self.pause_seconds)
        last = {"index": 0, "delta": {"content": ""}, "finish_reason": _reason(message)}
        for chunk in ({**frame, "choices": [last]}, {**frame, "choices": [], "usage": USAGE}):
            await response.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
        await response.write(b"data: [DONE]\n\n")
        return response

    def _frame(self, body: dict[str, Any]) -> dict[str, Any]:
        number = len(self.requests)
        return {"id": f"gen-{number}", "object": "chat.completion", "created": number, "model": body["model"]}


@asynccontextmanager
async def scripted_gateway() -> AsyncIterator[ScriptedGateway]:
    """One that listens on a free port of this machine."""
    gateway = ScriptedGateway()
    gateway.hold.set()
    app = web.Application(client_max_size=8 * 1024 * 1024)
    app.router.add_post("/api/v1/chat/completions", gateway.complete)
    app.router.add_get("/api/v1/generation", gateway.generation)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    gateway.base_url = f"http://{host}:{port}/api/v1"
    try:
        yield gateway
    finally:
        gateway.hold.set()
        await runner.cleanup()


def _reason(message: dict[str, Any]) -> str:
    return "tool_calls" if message.get("tool_calls") else "stop"


def _deltas(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message.get("content") or ""
    middle = len(content) // 2
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": content[:middle]}]
    if content:
        deltas.append({"content": content[middle:]})
    for index, call in enumerate(message.get("tool_calls") or ()):
        function = call["function"]
        begun = {"index": index, "id": call["id"], "type": "function"}
        deltas.append({"tool_calls": [{**begun, "function": {"name": function["name"], "arguments": ""}}]})
        deltas += [
            {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
            for piece in (function["arguments"][:3], function["arguments"][3:])
        ]
    return deltas
