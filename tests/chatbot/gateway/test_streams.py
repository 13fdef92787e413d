"""Streams over real sockets: right ones however they arrive, and what is wrong with them at every point."""

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator, Callable

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chatassistant_chatbot.errors import GatewayError
from chatassistant_chatbot.gateway.client import GatewayClient
from chatassistant_chatbot.gateway.events import data_of, has_data, is_done
from support.raw_gateway import (
    BODY,
    DONE,
    KEY,
    Asked,
    RawGateway,
    always,
    chunked,
    client_of,
    event,
    head,
    kept,
    serving,
)

EVENTS = [event(str(number)) for number in range(5)]
COMMENT = b": OPENROUTER PROCESSING\n\n"


async def received(client: GatewayClient, request_id: str = "r") -> tuple[list[bytes], GatewayError | None]:
    """What came, and the error that ended it."""
    pieces: list[bytes] = []
    try:
        events = await client.stream(BODY, request_id)
        async for piece in events:
            pieces.append(piece)  # noqa: PERF401 (what came before an error counts)
    except GatewayError as error:
        return pieces, error
    return pieces, None


async def streamed(
    *pieces: bytes, timeout: float = 5.0, chunks: bool = False
) -> tuple[list[bytes], GatewayError | None]:
    """What comes of a body that is sent in these pieces."""
    sent = (
        [head(Transfer_Encoding="chunked"), *map(chunked, pieces), chunked(b"")]
        if chunks
        else [head(), *pieces]
    )
    async with serving(always(*sent)) as gateway, client_of(gateway.base_url, timeout) as client:
        return await received(client)


_PIECES = [
    *EVENTS[:2], DONE, COMMENT, b"\n", b"\r", b"\r\n", b"\n\n", b"data:", b"data: {}\n\n", b"data: null\n\n", b"data: 1",
    b"event: ping\n", b"id: \x00\n", b"retry: 9\n\n", b": c\r", b"\xef\xbb\xbf", b"\xff", b"\x00", b'{"error": 1}',
    b'data: {"error": {"code": 429, "message": "m"}}\n\n', b'data: {"choices":\ndata: []}\n\n', b"data: [DONE]", b"x" * 9,
    'data: {"choices": [], "x": "ü€😀"}\n\n'.encode(), b'data: {"choices": [{"error": {"message": "m"}}]}\n\n',
]  # fmt: skip


bodies = st.tuples(
    st.lists(st.sampled_from(_PIECES) | st.binary(max_size=6), max_size=8).map(b"".join),
    st.integers(1, 7),
    st.booleans(),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(bodies, min_size=1, max_size=10))
@example([(b"\xef\xbb\xbf" + b"".join(EVENTS) + DONE, 1, chunks) for chunks in (False, True)])
def test_whatever_is_sent_gives_whole_chunks_or_a_typed_error(sent: list[tuple[bytes, int, bool]]) -> None:
    async def scenario() -> list[tuple[list[bytes], GatewayError | None]]:
        begun: set[str] = set()

        async def answer(asked: Asked) -> None:
            if asked.request_id in begun:
                # Whatever began no stream: that it is asked for again is not what this is about.
                return await always(head(status=418))(asked)
            begun.add(asked.request_id)
            text, size, chunks = sent[int(asked.request_id)]
            pieces = [text[at : at + size] for at in range(0, len(text), size)]
            whole = [head(Transfer_Encoding="chunked"), *map(chunked, pieces), chunked(b"")]
            return await always(*(whole if chunks else [head(), *pieces]))(asked)

        async with serving(answer) as gateway, client_of(gateway.base_url) as client:
            return await asyncio.gather(*(received(client, str(number)) for number in range(len(sent))))

    for came, error in asyncio.run(scenario()):
        assert (error is None) == bool(came and is_done(came[-1]))
        for number, piece in enumerate(came):
            assert piece.endswith(b"\n\n")
            last = piece[:-2].rpartition(b"\n\n")[2] + b"\n\n"
            if has_data(last) and not is_done(last):
                chunk = json.loads(data_of(last))
                assert isinstance(chunk, dict)
                assert not chunk.get("error")
            assert number or "choices" in json.loads(data_of(last))


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


async def test_a_stream_that_flows_may_last_longer_than_silence() -> None:
    async def answer(asked: Asked) -> None:
        await asked.send(head())
        for piece in EVENTS * 3:
            await asked.send(COMMENT + piece)
            await asyncio.sleep(0.05)
        await always(DONE)(asked)

    async with serving(answer) as gateway, client_of(gateway.base_url, timeout=0.3) as client:
        started = time.monotonic()
        came, error = await received(client)
    assert time.monotonic() - started > 0.6
    assert (len([piece for piece in came if has_data(piece)]), error) == (16, None)


async def test_comments_are_silence_and_a_slow_reader_is_none() -> None:
    async def comments(asked: Asked) -> None:
        await asked.send(head() + EVENTS[0])
        while not asked.gone.is_set():
            await asked.send(COMMENT)
            await asyncio.sleep(0.02)

    async with serving(comments) as gateway, client_of(gateway.base_url, timeout=0.5) as client:
        came, error = await received(client)
    assert len(came) > 10
    assert error is not None
    assert (error.status, str(error)) == (504, "it was silent for 0.5 s")

    large = event("x" * 200_000)
    async with (
        serving(always(head(), *[large] * 20, DONE)) as gateway,
        client_of(gateway.base_url, timeout=0.5) as client,
    ):
        read = 0
        async for _ in await client.stream(BODY, "r"):
            read += 1
            if read in {1, 10}:
                # With more to come than all buffers on the way hold.
                await asyncio.sleep(1.2)
    assert read == 21


async def test_what_clients_would_trip_over_is_left_out() -> None:
    sent = [
        b"event: ping\n\n",
        b"data:\n\n",
        b"id: 1\nretry: 5\n\n",
        EVENTS[0],
        b"event: ping\ndata: \n\n",
        COMMENT,
        DONE,
    ]
    assert await streamed(*sent) == ([EVENTS[0], COMMENT, DONE], None)


async def test_what_comes_before_the_first_choices_begins_nothing() -> None:
    note = b'data: {"id": "gen-1", "provider": "P"}\n\n'
    came, error = await streamed(note, COMMENT, EVENTS[0], DONE)
    assert (came, error) == ([note + COMMENT + EVENTS[0], DONE], None)
    for pieces in ([note, DONE], [note]):
        came, error = await streamed(*pieces)
        assert (came, str(error)) == ([], "it sent a stream with nothing in it")


async def test_several_data_lines_are_one_chunk() -> None:
    parts = b'event: message\ndata: {"choices":\ndata: [{"delta": {"content": "x"}}]}\nid: 1\n\n'
    assert await streamed(parts, DONE) == ([parts, DONE], None)
    broken = b'data: {"choices": [{"delta": {"con\ndata: tent": "x"}}]}\n\n'
    came, error = await streamed(EVENTS[0], broken, DONE)
    assert came == EVENTS[:1]
    assert error is not None


@pytest.mark.parametrize("late", [0.0, 0.02])
async def test_a_connection_carries_one_stream_after_the_other(late: float) -> None:
    async def answer(asked: Asked) -> None:
        await asked.send(head(Transfer_Encoding="chunked") + chunked(EVENTS[0]) + chunked(DONE))
        await asyncio.sleep(late)
        await asked.send(chunked(b""))

    async with serving(answer) as gateway, client_of(gateway.base_url) as client:
        for _ in range(5):
            assert await received(client) == ([EVENTS[0], DONE], None)
        assert gateway.connections == 1


async def test_who_keeps_the_connection_open_after_the_end_keeps_nobody_waiting() -> None:
    sent = head(Transfer_Encoding="chunked") + chunked(EVENTS[0] + DONE)
    async with serving(kept(sent)) as gateway, client_of(gateway.base_url) as client:
        started = time.monotonic()
        assert await received(client) == ([EVENTS[0], DONE], None)
        assert time.monotonic() - started < 0.5
        await asyncio.wait_for(gateway.requests[0].gone.wait(), 0.5)


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


async def test_a_compressed_stream() -> None:
    body = gzip.compress(b"".join(EVENTS) + DONE)
    async with (
        serving(always(head(Content_Encoding="gzip"), body)) as gateway,
        client_of(gateway.base_url) as client,
    ):
        assert await received(client) == ([*EVENTS, DONE], None)


async def test_a_key_that_the_gateway_repeats_goes_no_further() -> None:
    said = b'data: {"choices": [], "debug": {"authorization": "Bearer %b"}, "other": "sk-or-v1-example"}\n\n'
    came, _ = await streamed(said % KEY.encode(), DONE)
    assert came[0] == said % b"***", "what only looks like a key is the model's own words"

    async def answer(asked: Asked) -> None:
        await always(
            head("application/json"),
            b'{"choices": [{"said": "%b"}]}' % asked.headers["authorization"].encode(),
        )(asked)

    async with serving(answer) as gateway, client_of(gateway.base_url) as client:
        assert await client.complete(BODY, "r") == b'{"choices": [{"said": "Bearer ***"}]}'


async def test_hundreds_of_streams_at_once(gateway_of_many: RawGateway) -> None:
    async with client_of(gateway_of_many.base_url) as client:
        results = await asyncio.gather(*(received(client, str(number)) for number in range(300)))
    for number, (came, error) in enumerate(results):
        assert (came, error) == ([event(f"{number}-{each}") for each in range(5)] + [DONE], None)


@pytest.fixture
async def gateway_of_many() -> AsyncIterator[RawGateway]:
    """A gateway whose streams say who asked."""

    async def answer(asked: Asked) -> None:
        await asked.send(head())
        for each in range(5):
            text = event(f"{asked.request_id}-{each}")
            half = len(text) // 2
            await asked.send(text[:half])
            await asked.send(text[half:])
        await always(DONE)(asked)

    async with serving(answer) as gateway:
        yield gateway
