"""Gateways that the stand-in is too well-behaved to play: byte by byte what comes over the wire."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
from aiohttp import web

from support.chatbots import HELLO, Chatbot, configuration

CHUNK = 'data: {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": "Grüße"}}]}'
URL = "/v1/chat/completions"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def served(handler: Handler) -> AsyncIterator[str]:
    """A gateway that answers everything with one handler; gives its base URL."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def sending(*pieces: bytes, content_type: str = "text/event-stream") -> Handler:
    """Sends a stream in these pieces."""

    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": content_type})
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
            # Let each piece leave before the next one.
            await asyncio.sleep(0.01)
        return response

    return handle


class Wire:
    """A chatbot whose gateway is exchanged from test to test: its address stays, what it does changes."""

    def __init__(self) -> None:
        self.handler: Handler = sending()
        self.requests: list[web.Request] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        await request.read()
        return await self.handler(request)


@pytest.fixture
async def wire() -> Wire:
    return Wire()


@pytest.fixture
async def http(wire: Wire, start_chatbot: Callable[..., Chatbot]) -> AsyncIterator[httpx.AsyncClient]:
    async with served(wire.handle) as base_url:
        chatbot = await asyncio.to_thread(start_chatbot, configuration(base_url))
        async with httpx.AsyncClient(base_url=chatbot.url, timeout=20) as http:
            yield http


async def streamed(http: httpx.AsyncClient) -> httpx.Response:
    return await http.post(URL, json={**HELLO, "stream": True})


async def test_streams_that_are_right_however_they_are_written(wire: Wire, http: httpx.AsyncClient) -> None:
    text = f"{CHUNK}\n\n: comment\n\n{CHUNK}\n\ndata: [DONE]\n\n"
    right = f"{CHUNK}\n\n: comment\n\n{CHUNK}\n\ndata: [DONE]\n\n"
    crlf = text.replace("\n", "\r\n").encode()
    for pieces in (
        [text.encode()],
        [crlf],
        [crlf[i : i + 1] for i in range(len(crlf))],
        [b"\xef\xbb", b"\xbf" + text.encode()],
        [text.encode().rstrip()],
        [text.encode(), b'data: {"after": "the end"}\n\n'],
    ):
        wire.handler = sending(*pieces)
        response = await streamed(http)
        assert (response.status_code, response.text) == (200, right), pieces[:3]


async def test_no_space_after_the_colon_and_fields_of_all_kinds(wire: Wire, http: httpx.AsyncClient) -> None:
    text = f"event: message\nid: 1\n{CHUNK.replace('data: ', 'data:')}\n\ndata:[DONE]\n\n"
    wire.handler = sending(text.encode())
    assert (await streamed(http)).text == text


@pytest.mark.parametrize(
    "pieces",
    [
        [],
        [b": comment\n\n"],
        [b"data: [DONE]\n\n"],
        [b"data: nonsense\n\ndata: [DONE]\n\n"],
        [CHUNK.encode()],
        [b'data: {"error": {"code": 502, "message": "Provider returned error"}}\n\n'],
    ],
    ids=str,
)
async def test_streams_that_never_began(wire: Wire, http: httpx.AsyncClient, pieces: list[bytes]) -> None:
    wire.handler = sending(*pieces)
    response = await streamed(http)
    assert (response.status_code, response.json()["error"]["code"]) == (502, "gateway_error")
    assert len(wire.requests) == 3


@pytest.mark.parametrize(
    "end",
    [
        b"",
        b'data: {"choices": [{"delta": {"cont',
        b'data: {"choices": [{"index": 0, "delta": {}, "error": {"code": 502}}]}\n\ndata: [DONE]\n\n',
        b"data: " + b"x" * (5 * 1024 * 1024),
    ],
    ids=lambda end: str(end[:40]),
)
async def test_streams_that_break(wire: Wire, http: httpx.AsyncClient, end: bytes) -> None:
    begun = f"{CHUNK}\n\n"
    wire.handler = sending(begun.encode(), end)
    response = await streamed(http)
    assert response.text.startswith(f'{begun}data: {{"error":')
    assert "[DONE]" not in response.text
    assert len(wire.requests) == 1


async def test_words_that_look_like_an_error_are_none(wire: Wire, http: httpx.AsyncClient) -> None:
    content = r'{"choices": [{"delta": {"content": "{\"error\": \"[DONE]\"}"}}], "error": null}'
    usage = '{"choices": [], "usage": {"total_tokens": 3}, "error": null}'
    text = f"data: {content}\n\ndata: {usage}\n\ndata: [DONE]\n\n"
    wire.handler = sending(text.encode())
    assert (await streamed(http)).text == text


async def test_comments_alone_are_silence(wire: Wire, http: httpx.AsyncClient) -> None:
    wire.handler = sending(f"{CHUNK}\n\n".encode(), *[b": OPENROUTER PROCESSING\n\n"] * 1000)
    response = await streamed(http)
    assert "gateway_timeout" in response.text
    assert response.text.count("OPENROUTER PROCESSING") > 100, "they are handed on as keep-alives"
    assert 3 <= response.elapsed.total_seconds() < 5


async def test_a_caller_who_reads_slowly_is_no_silence(wire: Wire, http: httpx.AsyncClient) -> None:
    chunk = CHUNK.replace("Grüße", "x" * 1024 * 1024) + "\n\n"
    wire.handler = sending(*[chunk.encode()] * 30, b"data: [DONE]\n\n")
    size, last = 0, b""
    async with http.stream("POST", URL, json={**HELLO, "stream": True}) as response:
        # Longer than the gateway may be silent, with more to come than all buffers on the way hold.
        await asyncio.sleep(3.5)
        async for piece in response.aiter_bytes():
            size += len(piece)
            last = piece
    assert size > 30 * 1024 * 1024
    assert last.endswith(b"data: [DONE]\n\n")


async def test_no_redirect_is_followed_and_no_cookie_kept(wire: Wire, http: httpx.AsyncClient) -> None:
    strangers: list[web.Request] = []

    async def stranger(request: web.Request) -> web.StreamResponse:
        strangers.append(request)
        return web.json_response({"choices": [{"message": {"content": "your key, please"}}]})

    async with served(stranger) as elsewhere:

        async def redirect(_: web.Request) -> web.StreamResponse:
            response = web.Response(status=307, headers={"Location": elsewhere})
            response.set_cookie("caller", "the-first")
            return response

        wire.handler = redirect
        assert (await http.post(URL, json=HELLO)).status_code == 502
    assert strangers == []
    assert [dict(request.cookies) for request in wire.requests] == [{}] * 3


async def test_a_gateway_that_is_not_there(start_chatbot: Callable[..., Chatbot]) -> None:
    chatbot = await asyncio.to_thread(start_chatbot, configuration("http://127.0.0.1:1/api/v1"))
    async with httpx.AsyncClient(base_url=chatbot.url, timeout=10) as http:
        response = await http.post(URL, json=HELLO, headers={"X-Request-Id": "nobody"})
    assert (response.status_code, response.json()["error"]["code"]) == (502, "gateway_error")
    told = await chatbot.entries_of("nobody", 4)
    assert "the connection failed (ConnectionRefusedError)" in told[0]["message"]
