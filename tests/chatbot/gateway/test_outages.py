"""Gateways that die, hang and come back, and the breaker in front of them."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from chatassistant_chatbot.errors import GatewayError
from chatassistant_chatbot.gateway.breaker import Breaker, State
from chatassistant_chatbot.gateway.client import GatewayClient
from support.chatbots import HELLO, Chatbot, configuration
from support.raw_gateway import (
    ANSWER,
    BODY,
    DONE,
    Answer,
    Asked,
    RawGateway,
    always,
    client_of,
    event,
    head,
    kept,
    never,
    serving,
    whole,
)
from support.waiting import eventually_async

URL = "/v1/chat/completions"
WELL = kept(whole(ANSWER))
BUSY = always(whole(b"", status=503))


def breaker(pause: float = 0.4, patience: float = 1.0) -> Breaker:
    """One with less patience than the usual one."""
    return Breaker(5, pause, patience)


async def outcome(client: GatewayClient, *, stream: bool = False) -> int:
    """200, or the status that stands for what went wrong."""
    try:
        if stream:
            async for _ in await client.stream(BODY, "r"):
                pass
        else:
            await client.complete(BODY, "r")
    except GatewayError as error:
        return error.status
    return 200


async def outcomes(client: GatewayClient, number: int, *, stream: bool = False) -> list[int]:
    """Those of so many at once."""
    return await asyncio.gather(*(outcome(client, stream=stream) for _ in range(number)))


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
async def test_a_gateway_that_dies_is_left_alone_and_found_again(stream: bool) -> None:
    right = always(head(Connection="close"), event(), DONE) if stream else WELL
    async with serving(right) as gateway, client_of(gateway.base_url, 5, breaker()) as client:
        assert await outcome(client, stream=stream) == 200
        await gateway.stop()
        assert await outcomes(client, 4) == [502] * 4
        assert client.breaker.state is State.CLOSED
        assert await outcome(client, stream=stream) == 502
        assert client.breaker.state is State.OPEN

        started = time.monotonic()
        with pytest.raises(GatewayError) as refused:
            await (client.stream(BODY, "r") if stream else client.complete(BODY, "r"))
        assert time.monotonic() - started < 0.1
        assert refused.value.status == 503
        assert refused.value.retry_after is not None
        assert 0 < refused.value.retry_after <= 0.4

        await gateway.start()
        started = time.monotonic()

        async def answered() -> bool:
            return await outcome(client, stream=stream) == 200

        await eventually_async(answered, "it is asked again", timeout=5)
        assert time.monotonic() - started < 1.5
        assert client.breaker.state is State.CLOSED
        assert await outcomes(client, 10, stream=stream) == [200] * 10


async def test_one_alone_asks_whether_it_is_well() -> None:
    let_go = asyncio.Event()

    async def slow(asked: Asked) -> None:
        await let_go.wait()
        await WELL(asked)

    async with serving(BUSY) as gateway, client_of(gateway.base_url, 5, breaker(0.2, 30)) as client:
        await outcomes(client, 5)
        gateway.answer = slow
        gateway.requests.clear()
        await asyncio.sleep(0.25)
        asking = [asyncio.ensure_future(outcome(client)) for _ in range(20)]
        await eventually_async(_asked(gateway, 1), "one is let through", timeout=2)
        assert client.breaker.state is State.HALF_OPEN
        done, waiting = await asyncio.wait(asking, timeout=0.3)
        assert [each.result() for each in done] == [503] * 19
        assert len(gateway.requests) == 1
        let_go.set()
        assert [await each for each in waiting] == [200]
        assert client.breaker.state is State.CLOSED


def _asked(gateway: RawGateway, number: int) -> Callable[[], Any]:
    async def asked() -> bool:
        return len(gateway.requests) == number

    return asked


async def test_a_try_that_hangs_hides_for_no_long_that_the_gateway_is_well() -> None:
    async with serving(BUSY) as gateway, client_of(gateway.base_url, 30, breaker(0.2, 0.5)) as client:
        await outcomes(client, 5)
        gateway.answer = never
        gateway.requests.clear()
        await asyncio.sleep(0.25)
        hanging = asyncio.ensure_future(outcome(client))
        await eventually_async(_asked(gateway, 1), "it is tried", timeout=2)
        assert await outcome(client) == 503
        gateway.answer = WELL

        async def answered() -> bool:
            return await outcome(client) == 200

        await eventually_async(answered, "another one tries", timeout=2)
        assert client.breaker.state is State.CLOSED
        hanging.cancel()
        await asyncio.gather(hanging, return_exceptions=True)
        assert client.breaker.state is State.CLOSED


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
async def test_a_try_whose_caller_hangs_up_lets_the_next_one_try(stream: bool) -> None:
    async with serving(BUSY) as gateway, client_of(gateway.base_url, 30, breaker(0.2, 30)) as client:
        await outcomes(client, 5)
        gateway.answer = never
        await asyncio.sleep(0.25)
        for _ in range(3):
            gateway.requests.clear()
            trying = asyncio.ensure_future(outcome(client, stream=stream))
            await eventually_async(_asked(gateway, 1), "it is tried", timeout=2)
            trying.cancel()
            await asyncio.gather(trying, return_exceptions=True)
        gateway.answer = WELL
        assert await outcome(client) == 200


async def hang_up(client: GatewayClient) -> None:
    asking = asyncio.ensure_future(outcome(client))
    await asyncio.sleep(0.02)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 422, 429])
async def test_what_is_no_outage_does_not_count(status: int) -> None:
    refusal = kept(whole(b'{"error": {"message": "m"}}', status=status))
    async with serving(refusal) as gateway, client_of(gateway.base_url, 5, breaker()) as client:
        assert await outcomes(client, 10) == [status] * 10
        assert client.breaker.state is State.CLOSED


async def test_hang_ups_and_streams_that_break_do_not_count() -> None:
    async with serving(never) as gateway, client_of(gateway.base_url, 5, breaker()) as client:
        for _ in range(10):
            await hang_up(client)
        gateway.answer = always(head(Connection="close"), event())
        assert await outcomes(client, 10, stream=True) == [502] * 10
        assert client.breaker.state is State.CLOSED


OUTAGES: dict[str, Answer] = {
    "503": BUSY,
    "a proxy's page": kept(whole(b"<h1>Bad gateway", "text/html", 502)),
    "an edge's status": kept(whole(b"", status=522)),
    "an error in a 200": kept(whole(b'{"error": {"code": 502}}')),
    "no JSON": kept(whole(b"<h1>Welcome", "text/html")),
    "a cut": always(),
    "silence": never,
}


@pytest.mark.parametrize("outage", OUTAGES)
async def test_what_is_an_outage(outage: str) -> None:
    async with serving(OUTAGES[outage]) as gateway, client_of(gateway.base_url, 1.5, breaker()) as client:
        await outcomes(client, 5)
        assert client.breaker.state is State.OPEN


async def test_a_refusal_shows_that_it_is_well() -> None:
    async with serving(BUSY) as gateway, client_of(gateway.base_url, 5, breaker(0.2)) as client:
        await outcomes(client, 5)
        gateway.answer = kept(whole(b'{"error": {"message": "m"}}', status=401))
        await asyncio.sleep(0.25)
        assert await outcome(client) == 401
        assert client.breaker.state is State.CLOSED


async def test_a_moment_without_connections_is_no_outage() -> None:
    """Requests under way when a gateway restarts are tried again, however many they are."""
    async with serving(never) as gateway, client_of(gateway.base_url, 5, breaker()) as client:
        asking = [asyncio.ensure_future(outcome(client)) for _ in range(50)]
        await eventually_async(_asked(gateway, 50), "all are under way", timeout=5)
        await gateway.stop()
        gateway.answer = WELL
        await gateway.start()
        assert await asyncio.gather(*asking) == [200] * 50


async def test_the_whole_chatbot_in_front_of_a_gateway_that_dies(
    start_chatbot: Callable[..., Chatbot],
) -> None:
    async with serving(WELL) as gateway:
        chatbot = await asyncio.to_thread(start_chatbot, configuration(gateway.base_url))
        async with httpx.AsyncClient(base_url=chatbot.url, timeout=20) as http:
            assert (await http.post(URL, json=HELLO)).status_code == 200
            await gateway.stop()
            failed = await asyncio.gather(*(http.post(URL, json=HELLO) for _ in range(5)))
            assert [each.status_code for each in failed] == [502] * 5

            for stream in (False, True):
                refused = await http.post(URL, json={**HELLO, "stream": stream})
                assert refused.elapsed.total_seconds() < 0.5
                assert (refused.status_code, refused.json()["error"]["code"]) == (503, "gateway_unavailable")
                assert 1 <= int(refused.headers["Retry-After"]) <= 3
            assert (await http.get(f"{chatbot.health_url}/readyz")).status_code == 200, "it can say so itself"

            await gateway.start()
            started = time.monotonic()

            async def answered() -> bool:
                return (await http.post(URL, json=HELLO)).status_code == 200

            await eventually_async(answered, "it is found again", timeout=12)
            assert time.monotonic() - started < 10
            assert json.loads(gateway.requests[-1].body)["messages"][-1] == HELLO["messages"][0]
