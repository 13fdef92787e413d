"""Traces, as an OTLP receiver gets them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from support.chatbots import Chatbot, configuration
from support.scripted_gateway import Fails, ScriptedGateway, calls, scripted_gateway, text
from support.tool_servers import ToolServerProcess

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SECRET_WORDS = "the-users-own-words"


@dataclass
class Receiver:
    """A receiver of OTLP over HTTP."""

    url: str = ""
    spans: list[Span] = field(default_factory=list)
    resource: dict[str, str] = field(default_factory=dict)
    raw: bytes = b""

    async def take(self, request: web.Request) -> web.Response:
        content = await request.read()
        assert request.headers["Content-Type"] == "application/x-protobuf"
        self.raw += content
        for resource in ExportTraceServiceRequest.FromString(content).resource_spans:
            self.resource = _texts(resource.resource.attributes)
            self.spans += [span for scope in resource.scope_spans for span in scope.spans]
        return web.Response(body=b"", content_type="application/x-protobuf")

    def named(self, name: str) -> Span:
        return next(span for span in self.spans if span.name == name)


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    taking = Receiver()
    app = web.Application()
    app.router.add_post("/v1/traces", taking.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    taking.url = "http://{}:{}".format(*runner.addresses[0][:2])
    yield taking
    await runner.cleanup()


async def chat(chatbot: Chatbot, stream: bool) -> httpx.Response:
    async with httpx.AsyncClient(base_url=chatbot.url, timeout=20) as client:
        body = {"messages": [{"role": "user", "content": SECRET_WORDS}], "stream": stream}
        return await client.post(
            "/v1/chat/completions", json=body, headers={"traceparent": f"00-{TRACE}-{PARENT}-01"}
        )


def starts(
    gateway: ScriptedGateway, taking: Receiver, start_chatbot: Callable[..., Chatbot], **more: object
) -> Chatbot:
    content = configuration(gateway.base_url, observability={"otlpEndpoint": taking.url}, **more)
    return start_chatbot(content, CHATASSISTANT_ALLOWED_ENDPOINTS='["*"]')


async def test_a_turn_is_a_trace(start_chatbot: Callable[..., Chatbot], tmp_path: Path) -> None:
    tools = ToolServerProcess(tmp_path)
    tools.start()
    async with receiver() as taking, scripted_gateway() as gateway:
        servers = [{"name": "todo", "url": tools.url}]
        chatbot = starts(gateway, taking, start_chatbot, tools={"mcpServers": servers})

        await chatbot.lists_tools()
        gateway.says(calls("todo__list_tasks", arguments=f'{{"text": "{SECRET_WORDS}"}}'), text(SECRET_WORDS))
        assert (await chat(chatbot, stream=True)).status_code == 200
        # What was not sent yet is sent at the end.
        assert await asyncio.to_thread(chatbot.stop) == 0
    tools.stop()
    turn = taking.named("POST /v1/chat/completions")
    assert (turn.trace_id.hex(), turn.parent_span_id.hex()) == (TRACE, PARENT)
    below = [span for span in taking.spans if span.parent_span_id == turn.span_id]
    model = "chat google/gemma-4-31b-it:free"
    assert [span.name for span in below] == [model, "execute_tool todo__list_tasks", model]
    assert all(span.end_time_unix_nano >= span.start_time_unix_nano for span in taking.spans)
    numbers = {each.key: each.value.int_value for each in turn.attributes}
    assert (numbers["gen_ai.usage.input_tokens"], numbers["gen_ai.usage.output_tokens"]) == (20, 10)
    assert _texts(below[0].attributes)["gen_ai.operation.name"] == "chat"
    assert (taking.resource["service.namespace"], taking.resource["service.name"]) == ("todo-chatbot", "todo")
    assert SECRET_WORDS.encode() not in taking.raw


async def test_what_failed_is_marked(start_chatbot: Callable[..., Chatbot]) -> None:
    async with receiver() as taking, scripted_gateway() as gateway:
        chatbot = starts(gateway, taking, start_chatbot)
        gateway.says(Fails(400, {"code": 400, "message": SECRET_WORDS}))
        assert (await chat(chatbot, stream=False)).status_code == 400
        assert await asyncio.to_thread(chatbot.stop) == 0
    asked = taking.named("chat google/gemma-4-31b-it:free")
    assert asked.status.code == Status.StatusCode.STATUS_CODE_ERROR
    assert _texts(asked.attributes)["error.type"] == "gateway_400"
    assert SECRET_WORDS.encode() not in taking.raw


async def test_a_receiver_that_is_away_disturbs_nobody(start_chatbot: Callable[..., Chatbot]) -> None:
    async with scripted_gateway() as gateway:
        chatbot = starts(gateway, Receiver("http://127.0.0.1:1"), start_chatbot)
        assert (await chat(chatbot, stream=False)).status_code == 200
        assert await asyncio.to_thread(chatbot.stop) == 0


def _texts(attributes: Iterable[Any]) -> dict[str, str]:
    return {each.key: each.value.string_value for each in attributes}
