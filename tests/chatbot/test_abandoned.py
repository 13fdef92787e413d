"""What an answer costs for whose end nobody waited: the gateway is asked, and until it tells, it is what was reserved."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from support.chatbots import HELLO, Chatbot, configuration
from support.redis import RedisServer
from support.scripted_gateway import ScriptedGateway, scripted_gateway
from support.waiting import eventually_async

DEAR = "a/dear"
# A request reserves 0.30 USD, and the gateway says of each that it cost 0.25: 85% and 71% of the day's budget.
MONEY: dict[str, Any] = {
    "model": {"name": DEAR, "parameters": {"maxTokens": 1000}},
    "prices": {DEAR: {"prompt": "0", "completion": "0.0003"}},
    "budget": {"dailyUSD": "0.35"},
}
RESERVED, TOLD = 80, 50
StartChatbot = Callable[..., Chatbot]


@pytest.fixture
async def gateway() -> AsyncIterator[ScriptedGateway]:
    """A gateway that says the first half of its answer, and then nothing for a long time."""
    async with scripted_gateway() as scripted:
        scripted.pause_seconds = 60
        yield scripted


def settings(gateway: ScriptedGateway, redis: RedisServer) -> tuple[dict[str, Any], dict[str, str]]:
    """Of chatbots that share their accounts."""
    gateway_settings = {"baseURL": gateway.base_url, "timeoutSeconds": 30}
    content = configuration(
        gateway.base_url, uid="abandoned", store={"type": "Redis"}, **MONEY, gateway=gateway_settings
    )
    return content, {"STORE_URL": redis.url, "DRAIN_SECONDS": "1"}


@asynccontextmanager
async def stream(chatbot: Chatbot) -> AsyncGenerator[None, None]:
    """A stream that has begun."""
    async with (
        httpx.AsyncClient(base_url=chatbot.url, timeout=20) as client,
        client.stream("POST", "/v1/chat/completions", json={**HELLO, "stream": True}) as response,
    ):
        assert (await anext(response.aiter_lines())).startswith("data: ")
        yield


async def crossed(chatbot: Chatbot) -> int:
    """How many percent of the day's budget are spent, in the report's steps."""
    report = await asyncio.to_thread(lambda: chatbot.report)
    return int(report["usage"]["crossed"])


async def test_the_gateway_is_asked_what_it_cost(
    gateway: ScriptedGateway, start_chatbot: StartChatbot
) -> None:
    chatbot = start_chatbot(configuration(gateway.base_url, **MONEY))
    async with stream(chatbot):
        pass

    async def asked() -> list[str]:
        return gateway.generations

    assert await eventually_async(asked, "it is asked for the cost", timeout=15) == ["gen-1"]

    async def told() -> bool:
        return await crossed(chatbot) == TOLD

    await eventually_async(told, "what the gateway told is spent", timeout=5)
    assert gateway.abandoned == 1


async def test_who_ends_before_the_gateway_tells_charges_what_was_reserved(
    gateway: ScriptedGateway, redis: RedisServer, start_chatbot: StartChatbot
) -> None:
    content, environment = settings(gateway, redis)
    chatbot, other = (start_chatbot(content, **environment) for _ in range(2))
    async with stream(chatbot):
        pass

    async def abandoned() -> int:
        return gateway.abandoned

    await eventually_async(abandoned, "the gateway is left", timeout=5)
    assert await crossed(other) == 0, "nobody knows yet"
    assert await asyncio.to_thread(chatbot.stop) == 0
    assert not gateway.generations
    assert await crossed(other) == RESERVED


async def test_a_stream_that_the_end_cuts_costs_what_was_reserved(
    gateway: ScriptedGateway, redis: RedisServer, start_chatbot: StartChatbot
) -> None:
    content, environment = settings(gateway, redis)
    chatbot, other = (start_chatbot(content, **environment) for _ in range(2))
    async with stream(chatbot):
        assert await asyncio.to_thread(chatbot.stop) == 0
    assert await crossed(other) == RESERVED
