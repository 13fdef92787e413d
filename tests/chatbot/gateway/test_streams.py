"""Streams over real sockets: whatever bytes come, and however they come."""

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chatassistant_chatbot.errors import GatewayError
from chatassistant_chatbot.events import data_of, has_data, is_done
from support.raw_gateway import (
    BODY,
    COMMENT,
    DONE,
    EVENTS,
    KEY,
    Asked,
    RawGateway,
    always,
    chunked,
    client_of,
    event,
    head,
    kept,
    received,
    serving,
)


async def streamed(*pieces: bytes) -> tuple[list[bytes], GatewayError | None]:
    """What comes of a body that is sent in these pieces."""
    async with serving(always(head(), *pieces)) as gateway, client_of(gateway.base_url) as client:
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
        assert (await client.complete(BODY, "r")).content == b'{"choices": [{"said": "Bearer ***"}]}'


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
