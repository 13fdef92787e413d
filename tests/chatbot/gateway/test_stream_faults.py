"""What is wrong with a stream over real sockets, at every point of it: cut, silent, malformed, or broken as HTTP."""

import asyncio
import gzip
import time
from collections.abc import Callable

import pytest

from chatassistant_chatbot.errors import GatewayError
from support.raw_gateway import (
    BODY,
    COMMENT,
    DONE,
    EVENTS,
    Asked,
    always,
    chunked,
    client_of,
    head,
    received,
    serving,
)


async def test_an_answer_cut_after_every_byte() -> None:
    right = [COMMENT + EVENTS[0], EVENTS[1], DONE]
    begun = head(Transfer_Encoding="chunked") + chunked(right[0][:40]) + chunked(right[0][40:])
    answer = begun + chunked(right[1]) + chunked(right[2]) + chunked(b"")
    # An event is there with its last byte.
    there = [answer.index(last) + len(last) for last in (EVENTS[0][-30:], EVENTS[1], DONE)]

    async def cut(asked: Asked) -> None:
        await asked.send(answer[: int(asked.request_id)])
        asked.cut()

    async with serving(cut) as gateway, client_of(gateway.base_url, timeout=60) as client:
        places = range(len(answer) + 1)
        results = await asyncio.gather(*(received(client, str(at)) for at in places))
        tries = [sum(asked.request_id == str(at) for asked in gateway.requests) for at in places]
    for at, (came, error) in enumerate(results):
        assert came == right[: sum(at >= place for place in there)], at
        assert (error is None) == (at >= there[-1]), at
        assert error is None or error.status == 502
        assert tries[at] == (1 if came else 3), at


WRONG: dict[str, bytes | None] = {
    "silence": None,
    "the end": b"",
    "an error": b'data: {"choices": [{"delta": {}, "finish_reason": "error"}], "error": {"code": 502, "message": "m"}}\n\n',
    "an error and then the mark": b'data: {"error": {"code": "server_error", "message": "m"}}\n\n' + DONE,
    "a choice's error": b'data: {"choices": [{"index": 0, "delta": {}, "error": {"code": 502}}]}\n\n',
    "an error with a name": b'event: error\ndata: {"error": "overloaded"}\n\n',
    "half of an event": b'data: {"choices": [{"delta": {"cont',
    "half of an event, and more": b'data: {"choices": [{"delta": {"cont\n\n' + EVENTS[0],
    "no JSON": b"data: nonsense\n\n" + EVENTS[0],
    "no object": b"data: [1]\n\n" + EVENTS[0],
    "HTML": b"<h1>Bad gateway</h1>\n\n",
    "invalid UTF-8": b'data: {"choices": [{"delta": {"content": "\xff"}}]}\n\n',
    "half of a character": b'data: {"choices": [{"delta": {"content": "\xc3"}}]}\n\n',
    "NUL": b'data: {"choices": [\x00]}\n\n',
    "an event without end": b"data: " + b"x" * 5_000_000,
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
async def test_what_goes_wrong_at_every_point(wrong: str) -> None:
    fault = WRONG[wrong]

    async def answer(asked: Asked) -> None:
        await asked.send(head() + b"".join(EVENTS[: int(asked.request_id)]))
        if fault is None:
            await asked.gone.wait()
        else:
            await asked.send(fault)
        asked.cut()

    started, timeout = time.monotonic(), 1.0 if wrong == "silence" else 30.0
    async with serving(answer) as gateway, client_of(gateway.base_url, timeout) as client:
        results = await asyncio.gather(*(received(client, str(number)) for number in range(6)))
        tries = [sum(asked.request_id == str(number) for asked in gateway.requests) for number in range(6)]
        async with asyncio.timeout(0.5):
            await asyncio.gather(*(asked.gone.wait() for asked in gateway.requests))
    for number, (came, error) in enumerate(results):
        assert came == EVENTS[:number]
        assert error is not None
        assert error.status == (504 if wrong == "silence" else 502)
    assert tries == [1 if wrong == "silence" else 3, 1, 1, 1, 1, 1]
    assert time.monotonic() - started < timeout + 2


BROKEN: dict[str, Callable[[], bytes]] = {
    "no HTTP": lambda: b"\x16\x03\x01 nonsense\r\n\r\n",
    "no status": lambda: b"HTTP/1.1\r\n\r\n",
    "a header without end": lambda: b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000,
    "half of a header": lambda: b"HTTP/1.1 200 OK\r\nContent-Ty",
    "a chunk's size that is none": lambda: head(Transfer_Encoding="chunked") + b"zz\r\n",
    "a chunk of another size": lambda: head(Transfer_Encoding="chunked") + b"5\r\nabcdefgh\r\n",
    "a length that is none": lambda: head(Content_Length="many") + EVENTS[0],
    "two lengths": lambda: head(Content_Length="5") [:-2] + b"Content-Length: 6\r\n\r\nabcdef",
    "no gzip": lambda: head(Content_Encoding="gzip") + b"plain text, and not what was said",
    "half of a gzip": lambda: head(Content_Encoding="gzip") + gzip.compress(EVENTS[0] * 9)[:40],
    "nothing": lambda: b"",
}  # fmt: skip


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
async def test_broken_http_is_a_failed_connection(broken: str, stream: bool) -> None:
    async with serving(always(BROKEN[broken]())) as gateway, client_of(gateway.base_url) as client:
        with pytest.raises(GatewayError) as failed:
            await (client.stream(BODY, "r") if stream else client.complete(BODY, "r"))
        assert failed.value.status == 502
        assert len(gateway.requests) == 3


@pytest.mark.parametrize("broken", [b"zz\r\n", b"5\r\nabcdefgh\r\n", b"-1\r\n"])
async def test_a_broken_chunk_in_the_middle(broken: bytes) -> None:
    first_came = asyncio.Event()

    async def answer(asked: Asked) -> None:
        await asked.send(head(Transfer_Encoding="chunked") + chunked(EVENTS[0]))
        await first_came.wait()
        await always(broken)(asked)

    async with serving(answer) as gateway, client_of(gateway.base_url, timeout=0.5) as client:
        events = await client.stream(BODY, "r")
        assert await anext(events) == EVENTS[0]
        first_came.set()
        # aiohttp's parser in C says nothing of it: then it is silence.
        with pytest.raises(GatewayError) as failed:
            await asyncio.wait_for(anext(events), 2.5)
        assert len(gateway.requests) == 1
    assert failed.value.status in {502, 504}
