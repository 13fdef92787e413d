"""What is told of each exchange with the gateway: to who observes it, and to the log."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx
import pytest

from chatassistant_chatbot.errors import GatewayError
from chatassistant_chatbot.gateway.exchange import Exchange
from support.chatbots import Chatbot, configuration
from support.raw_gateway import (
    ANSWER,
    BODY,
    DONE,
    Asked,
    always,
    client_of,
    event,
    head,
    kept,
    never,
    serving,
    whole,
)

URL = "/v1/chat/completions"
USAGE = (
    b'data: {"id": "gen-1", "model": "m-2", "choices": [], '
    b'"usage": {"prompt_tokens": 3, "completion_tokens": 2, "cost": 0.001}}\n\n'
)
STREAM = head() + b": OPENROUTER PROCESSING\n\n" + event() + event() + USAGE + DONE


async def observed(*answers: bytes, stream: bool = False) -> list[Exchange]:
    """What is told of one request whose tries get these answers."""
    left = list(answers)

    async def answer(asked: Asked) -> None:
        await asyncio.sleep(0.02)
        await always(left.pop(0))(asked)

    seen: list[Exchange] = []
    async with serving(answer) as gateway, client_of(gateway.base_url) as client:
        client.observe = seen.append
        with suppress(GatewayError):
            if stream:
                async for _ in await client.stream(BODY, "r-7"):
                    pass
            else:
                await client.complete(BODY, "r-7")
    return seen


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
async def test_an_answer(stream: bool) -> None:
    [exchange] = await observed(STREAM if stream else whole(ANSWER), stream=stream)
    assert (exchange.request_id, exchange.stream, exchange.retries) == ("r-7", stream, 0)
    assert (exchange.status, exchange.complete, exchange.error) == (200, True, None)
    assert (exchange.generation, exchange.model) == ("gen-1", "m-2")
    assert (exchange.usage["prompt_tokens"], exchange.usage["completion_tokens"]) == (3, 2)
    assert exchange.first_byte_seconds is not None
    assert 0.02 <= exchange.first_byte_seconds <= exchange.seconds < 1


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
async def test_each_try_is_one(stream: bool) -> None:
    seen = await observed(whole(b"", status=503), b"", STREAM if stream else whole(ANSWER), stream=stream)
    assert [exchange.retries for exchange in seen] == [0, 1, 2]
    assert [exchange.status for exchange in seen] == [503, None, 200]
    assert [exchange.error and exchange.error.status for exchange in seen] == [503, 502, None]
    assert [exchange.complete for exchange in seen] == [False, False, True]
    assert [exchange.first_byte_seconds is None for exchange in seen] == [True, True, False]


async def test_a_stream_that_breaks() -> None:
    [exchange] = await observed(head() + event(), stream=True)
    assert (exchange.status, exchange.complete) == (200, False)
    assert exchange.error is not None
    assert exchange.generation == "gen-1"


async def test_callers_that_hang_up() -> None:
    seen: list[Exchange] = []

    async def begun(asked: Asked) -> None:
        await asked.send(head() + event())
        await never(asked)

    async with serving(never) as gateway, client_of(gateway.base_url) as client:
        client.observe = seen.append
        asking = asyncio.ensure_future(client.complete(BODY, "r"))
        await asyncio.sleep(0.1)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        gateway.answer = begun
        events = await client.stream(BODY, "r")
        await events.aclose()
    assert [(each.status, each.generation, each.complete, each.error) for each in seen] == [
        (None, None, False, None),
        (200, "gen-1", False, None),
    ]


async def ask(
    chatbot: Chatbot, request_id: str, said: str = "my diagnosis is xyzzy", **fields: Any
) -> httpx.Response:
    async with httpx.AsyncClient(timeout=20) as http:
        body = {"messages": [{"role": "user", "content": said}], **fields}
        return await http.post(chatbot.url + URL, json=body, headers={"X-Request-Id": request_id})


def exchange_of(chatbot: Chatbot, request_id: str) -> list[dict[str, Any]]:
    """What the log says of the exchanges of a request."""
    entries = [entry for entry in chatbot.entries if entry["message"] == "gateway exchange"]
    return [entry for entry in entries if entry["request_id"] == request_id]


async def test_the_log_at_debug(start_chatbot: Callable[..., Chatbot]) -> None:
    async with serving(kept(whole(ANSWER, X_Generation="x"))) as gateway:
        content = configuration(gateway.base_url, observability={"logLevel": "Debug"})
        chatbot = await asyncio.to_thread(start_chatbot, content)
        await ask(chatbot, "json", "long " * 1000)
        gateway.answer = always(STREAM)
        await ask(chatbot, "stream", stream=True)
        gateway.answer = kept(whole(b'{"error": {"message": "no"}}', status=400))
        await ask(chatbot, "refused")
        await gateway.stop()
        await ask(chatbot, "gone")
    assert [asked.request_id for asked in gateway.requests] == ["json", "stream", "refused"]
    for request_id in ("json", "stream"):
        [entry] = exchange_of(chatbot, request_id)
        assert (entry["level"], entry["route"], entry["status"]) == ("DEBUG", "POST /chat/completions", 200)
        assert (entry["generation"], entry["model"], entry["retries"]) == ("gen-1", "m-2", 0)
        assert (entry["prompt_tokens"], entry["completion_tokens"], entry["complete"]) == (3, 2, True)
        assert 0 < entry["first_byte_milliseconds"] <= entry["milliseconds"] < 2000
        assert entry["request_headers"]["Authorization"] == "***"
        assert entry["request_headers"]["X-Request-Id"] == request_id
        assert "Hello" in entry["response_body"]
    assert len(exchange_of(chatbot, "json")[0]["request_body"]) == 2000
    assert exchange_of(chatbot, "stream")[0]["response_body"].endswith("[DONE]\n\n")
    [entry] = exchange_of(chatbot, "refused")
    assert (entry["status"], entry["response_body"]) == (400, '{"error": {"message": "no"}}')
    entries = exchange_of(chatbot, "gone")
    assert [(entry["status"], entry["retries"]) for entry in entries] == [(None, 0), (None, 1), (None, 2)]
    assert "the connection failed" in entries[0]["error"]


async def test_a_key_that_the_gateway_repeats_is_nowhere(start_chatbot: Callable[..., Chatbot]) -> None:
    key, told = "", ""

    async def answer(asked: Asked) -> None:
        nonlocal key
        key = asked.headers["authorization"].removeprefix("Bearer ")
        await asked.send(echo())

    async def ask_for(content: Callable[[], bytes], *, stream: bool = False) -> None:
        nonlocal echo, told
        echo = content
        told += (await ask(chatbot, "echo", stream=stream)).text

    def echo() -> bytes:
        return b""

    def error(status: int, **headers: str) -> Callable[[], bytes]:
        body = (
            '{"error": {"message": "%(key)s", "metadata": {"raw": "Bearer %(key)s", "reasons": ["%(key)s"]}}}'
        )
        return lambda: whole((body % {"key": key}).encode(), status=status, **headers, X_Key=key)

    def answered(text: str, content_type: str = "application/json") -> Callable[[], bytes]:
        return lambda: whole(text.replace("KEY", key).encode(), content_type, X_Generation_Id=key)

    async with serving(answer) as gateway:
        content = configuration(gateway.base_url, observability={"logLevel": "Debug"})
        chatbot = await asyncio.to_thread(start_chatbot, content)
        for status in (400, 401, 402, 403, 404, 413, 422):
            await ask_for(error(status))
            await ask_for(error(status), stream=True)
        await ask_for(error(429, Retry_After="60"))
        await ask_for(
            answered(
                '{"id": "KEY", "model": "KEY", "choices": [{"message": {"content": "KEY"}}], "debug": "KEY"}'
            )
        )
        await ask_for(
            answered(
                'data: {"id": "KEY", "model": "KEY", "choices": [{"delta": {"content": "KEY"}}]}\n\n: KEY\n\ndata: [DONE]\n\n',
                "text/event-stream",
            ),
            stream=True,
        )
        await ask_for(
            answered('data: {"choices": []}\n\ndata: {"error": {"message": "KEY"}}\n\n', "text/event-stream"),
            stream=True,
        )
        await ask_for(answered("<h1>KEY"), stream=True)
    assert key
    assert len(told) > 1000
    assert key not in told
    assert key not in chatbot.log
    assert key[:40] not in chatbot.log
    assert len(exchange_of(chatbot, "echo")) >= 18
    for address in (f"{chatbot.health_url}/metrics", f"{chatbot.health_url}/report"):
        assert key not in (await asyncio.to_thread(httpx.get, address)).text


async def test_at_info_nothing_that_anybody_said(start_chatbot: Callable[..., Chatbot]) -> None:
    said = (
        b'{"error": {"message": "my diagnosis is xyzzy", "metadata": {"raw": "xyzzy", "reasons": ["xyzzy"]}}}'
    )
    async with serving(always(STREAM.replace(b"Hello", b"xyzzy"))) as gateway:
        chatbot = await asyncio.to_thread(start_chatbot, configuration(gateway.base_url))
        await ask(chatbot, "said", stream=True)
        gateway.answer = kept(whole(ANSWER.replace(b"Hello", b"xyzzy")))
        await ask(chatbot, "said")
        for status in (400, 401, 402, 403, 404, 422, 429, 500):
            gateway.answer = kept(whole(said, status=status))
            await ask(chatbot, "said")
            await ask(chatbot, "said", stream=True)
        gateway.answer = always(head() + event("xyzzy") + b'data: {"error": {"message": "xyzzy"}}\n\n')
        await ask(chatbot, "said", stream=True)
        gateway.answer = always(head() + event("xyzzy") + b"data: xyzzy\n\n")
        await ask(chatbot, "said", stream=True)
    assert "xyzzy" not in chatbot.log
    assert "gateway exchange" not in chatbot.log
