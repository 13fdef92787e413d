"""What is tried again, how often, with which pauses, and that it ends in time."""

import asyncio
import time
from itertools import pairwise

import pytest
from pydantic import SecretStr

from chatassistant_chatbot.credentials import Credential
from chatassistant_chatbot.errors import GatewayError
from chatassistant_chatbot.gateway.client import GatewayClient
from chatassistant_chatbot.settings import Gateway
from support.raw_gateway import (
    ANSWER,
    BODY,
    DONE,
    KEY,
    Answer,
    Asked,
    always,
    client_of,
    event,
    head,
    never,
    serving,
    whole,
)

pytestmark = pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])


async def ask(client: GatewayClient, stream: bool, request_id: str = "r") -> bytes:
    """An answer, however it comes."""
    if not stream:
        return (await client.complete(BODY, request_id)).content
    return b"".join([piece async for piece in await client.stream(BODY, request_id)])


def right(stream: bool, content: str = "Hello") -> bytes:
    """The bytes of a right answer."""
    return head() + event(content) + DONE if stream else whole(ANSWER.replace(b"Hello", content.encode()))


def failing(times: int, first: bytes, stream: bool, seen: list[float] | None = None) -> Answer:
    """Fails so many times, then answers."""
    left = times

    async def answer(asked: Asked) -> None:
        nonlocal left
        if seen is not None:
            seen.append(time.monotonic())
        left -= 1
        await always(first if left >= 0 else right(stream))(asked)

    return answer


async def test_pauses_grow_and_differ(stream: bool) -> None:
    seen: dict[str, list[float]] = {str(number): [] for number in range(20)}

    async def answer(asked: Asked) -> None:
        seen[asked.request_id].append(time.monotonic())
        await always(whole(b"", status=502, Connection="close"))(asked)

    async with serving(answer) as gateway, client_of(gateway.base_url) as client:
        results = await asyncio.gather(*(ask(client, stream, each) for each in seen), return_exceptions=True)
    assert all(isinstance(each, GatewayError) and each.status == 502 for each in results)
    pauses = [[after - before for before, after in pairwise(times)] for times in seen.values()]
    assert all(len(each) == 2 for each in pauses)
    assert all(0.18 < first < 5 and 0.37 < second < 5 for first, second in pauses)
    assert len({round(first, 2) for first, _ in pauses}) > 5, "they are jittered"


@pytest.mark.parametrize("status", [429, 503])
async def test_a_wait_that_is_asked_for_is_kept(stream: bool, status: int) -> None:
    seen: list[float] = []
    first = whole(b"{}", status=status, Retry_After="1")
    async with serving(failing(1, first, stream, seen)) as gateway, client_of(gateway.base_url) as client:
        await ask(client, stream)
    assert 1 <= seen[1] - seen[0] < 1.5


@pytest.mark.parametrize(
    ("first", "tries"),
    [
        (whole(b"{}", status=429, Retry_After="5"), 1),
        (whole(b"{}", status=503, Retry_After="5"), 1),
        (whole(b"{}", status=429, Retry_After="0.1"), 2),
        (whole(b"{}", status=429), 1),
        (whole(b'{"error": {"metadata": {"limit_source": "openrouter_in_flight_budget"}}}', status=402, Retry_After="0.1"), 2),
        (whole(b'{"error": {"metadata": {"limit_source": "openrouter_in_flight_budget"}}}', status=402), 1),
        (whole(b"{}", status=402, Retry_After="0.1"), 1),
        (whole(b"{}", status=400, Retry_After="0.1"), 1),
        (whole(b"{}", status=503, Retry_After="0.1"), 3),
        (whole(b"{}", status=408), 3),
    ],
    ids=lambda value: str(value)[:60],
)  # fmt: skip
async def test_how_often(stream: bool, first: bytes, tries: int) -> None:
    async with serving(always(first)) as gateway, client_of(gateway.base_url, timeout=3) as client:
        started = time.monotonic()
        with pytest.raises(GatewayError):
            await ask(client, stream)
        assert time.monotonic() - started < 2.5
        assert len(gateway.requests) == tries


async def slow_failure(asked: Asked) -> None:
    await asyncio.sleep(0.5)
    await always(whole(b"", status=502))(asked)


async def no_end(asked: Asked) -> None:
    """As OpenRouter sends newlines before the JSON of a slow answer, and comments before a slow stream."""
    await asked.send(head("application/json"))
    while not asked.gone.is_set():
        await asked.send(b"\n")
        await asyncio.sleep(0.05)


async def no_end_of_an_error(asked: Asked) -> None:
    await asked.send(head("application/json", status=502) + b'{"error":')
    await never(asked)


async def comments(asked: Asked) -> None:
    await asked.send(head())
    while not asked.gone.is_set():
        await asked.send(b": OPENROUTER PROCESSING\n\n")
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("silence", [never, slow_failure, no_end, no_end_of_an_error, comments])
async def test_all_ends_within_the_time_retries_included(stream: bool, silence: Answer) -> None:
    async with serving(silence) as gateway, client_of(gateway.base_url, timeout=1.2) as client:
        started = time.monotonic()
        with pytest.raises(GatewayError) as failed:
            await ask(client, stream)
        assert time.monotonic() - started < 1.2 + 2
        assert failed.value.status in ({502, 504} if silence is slow_failure else {504})
        await asyncio.wait_for(gateway.requests[-1].gone.wait(), 0.5)


async def test_a_late_failure_leaves_less_time_for_the_next_try(stream: bool) -> None:
    async def answer(asked: Asked) -> None:
        if len(gateway.requests) > 1:
            await never(asked)
        await asyncio.sleep(1.0)
        await always(whole(b"", status=502))(asked)

    async with serving(answer) as gateway, client_of(gateway.base_url, timeout=1.5) as client:
        started = time.monotonic()
        with pytest.raises(GatewayError):
            await ask(client, stream)
        assert time.monotonic() - started < 2.4
        assert len(gateway.requests) == 2


async def test_each_try_carries_the_key_of_its_moment(stream: bool) -> None:
    credential = Credential(SecretStr(KEY))

    async def answer(asked: Asked) -> None:
        if len(gateway.requests) == 1:
            credential.replace(SecretStr("sk-or-v1-another"))
            return await always(whole(b"", status=502))(asked)
        return await always(right(stream, f"The keys are {KEY} and sk-or-v1-another"))(asked)

    async with serving(answer) as gateway:
        settings = Gateway.model_validate({"baseURL": gateway.base_url})
        async with GatewayClient(settings, credential) as client:
            answered = await ask(client, stream)
    assert b"The keys are *** and ***" in answered
    keys = [asked.headers["authorization"] for asked in gateway.requests]
    assert keys == [f"Bearer {KEY}", "Bearer sk-or-v1-another"]
    assert {asked.headers["x-request-id"] for asked in gateway.requests} == {"r"}


async def test_an_answer_without_end_is_given_up(stream: bool) -> None:
    async def endless(asked: Asked) -> None:
        await asked.send(head("application/json", status=200))
        while not asked.gone.is_set():
            await asked.send(b" " * 1_000_000)

    async with serving(endless) as gateway, client_of(gateway.base_url, timeout=20) as client:
        with pytest.raises(GatewayError, match="without end"):
            await ask(client, stream)
