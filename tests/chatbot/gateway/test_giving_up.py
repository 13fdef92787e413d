"""Whoever is not waited for any more is left within half a second, wherever it is just then."""

import asyncio
import socket
from contextlib import ExitStack

import pytest

from chatassistant_chatbot.gateway.client import GatewayClient
from support.raw_gateway import (
    ANSWER,
    BODY,
    DONE,
    Answer,
    Asked,
    RawGateway,
    chunked,
    client_of,
    event,
    head,
    never,
    serving,
    whole,
)
from support.waiting import eventually_async

SECONDS = 0.5


def then_never(content: bytes) -> Answer:
    """Sends so much, and nothing more."""

    async def answer(asked: Asked) -> None:
        await asked.send(content)
        await never(asked)

    return answer


async def endless(asked: Asked) -> None:
    await asked.send(head())
    while not asked.gone.is_set():
        await asked.send(event("x" * 100_000))


PLACES: dict[str, Answer] = {
    "before the headers": never,
    "in the headers": then_never(b"HTTP/1.1 200 OK\r\nContent-Ty"),
    "after the headers": then_never(head("application/json")),
    "in the answer": then_never(whole(ANSWER)[:-5]),
    "in an error": then_never(head("application/json", status=500) + b'{"error"'),
    "after the headers of a stream": then_never(head()),
    "after a comment": then_never(head() + b": OPENROUTER PROCESSING\n\n"),
    "in the first event": then_never(head() + event()[:20]),
}


async def is_asked(gateway: RawGateway) -> None:
    async def asked() -> bool:
        return len(gateway.requests) == 1

    await eventually_async(asked, "the gateway is asked", timeout=5)
    await asyncio.sleep(0.05)
    assert not gateway.requests[0].gone.is_set()


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
@pytest.mark.parametrize("place", PLACES)
async def test_before_there_is_anything(place: str, stream: bool) -> None:
    async with serving(PLACES[place]) as gateway, client_of(gateway.base_url, 30) as client:
        asking = asyncio.ensure_future(client.stream(BODY, "r") if stream else client.complete(BODY, "r"))
        await is_asked(gateway)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        assert asking.cancelled()
        await asyncio.wait_for(gateway.requests[0].gone.wait(), SECONDS)
        assert len(gateway.requests) == 1


async def read_on(client: GatewayClient) -> None:
    async for _ in await client.stream(BODY, "r"):
        pass


@pytest.mark.parametrize(
    "place", [then_never(head() + event()), then_never(head() + event() + event()[:30]), endless]
)
async def test_in_the_middle_of_a_stream(place: Answer) -> None:
    async with serving(place) as gateway, client_of(gateway.base_url, 30) as client:
        reading = asyncio.ensure_future(read_on(client))
        await is_asked(gateway)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await asyncio.wait_for(gateway.requests[0].gone.wait(), SECONDS)


async def test_a_stream_that_is_closed_or_forgotten() -> None:
    async with serving(endless) as gateway, client_of(gateway.base_url, 30) as client:
        events = await client.stream(BODY, "r")
        await anext(events)
        await events.aclose()
        await asyncio.wait_for(gateway.requests[0].gone.wait(), SECONDS)

        events = await client.stream(BODY, "r")
        del events
        await asyncio.wait_for(gateway.requests[1].gone.wait(), SECONDS)


async def test_at_the_end_of_a_stream() -> None:
    sent = head(Transfer_Encoding="chunked") + chunked(event() + DONE)
    async with serving(then_never(sent)) as gateway, client_of(gateway.base_url, 30) as client:
        events = await client.stream(BODY, "r")
        assert [await anext(events), await anext(events)] == [event(), DONE]
        await events.aclose()
        await asyncio.wait_for(gateway.requests[0].gone.wait(), SECONDS)


async def test_between_two_tries() -> None:
    async with (
        serving(then_never(whole(b"", status=429, Retry_After="20"))) as gateway,
        client_of(gateway.base_url, 30) as client,
    ):
        asking = asyncio.ensure_future(client.complete(BODY, "r"))
        await eventually_async(lambda: _answered(gateway), "it is asked", timeout=5)
        await asyncio.sleep(0.1)
        asking.cancel()
        await asyncio.wait_for(asyncio.gather(asking, return_exceptions=True), SECONDS)
        assert len(gateway.requests) == 1


async def _answered(gateway: RawGateway) -> bool:
    return len(gateway.requests) == 1


async def test_while_it_connects() -> None:
    # A listener that accepts nobody, with a queue that is full: who comes next waits for the connection.
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, ExitStack() as queue:
        address = listener.getsockname()
        for _ in range(3):
            waiting = queue.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(address)
        async with client_of(f"http://127.0.0.1:{address[1]}", 30) as client:
            asking = asyncio.ensure_future(client.complete(BODY, "r"))
            done, _ = await asyncio.wait({asking}, timeout=0.2)
            assert not done
            asking.cancel()
            await asyncio.wait_for(asyncio.gather(asking, return_exceptions=True), SECONDS)
            assert asking.cancelled()
