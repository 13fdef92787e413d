"""Callers who go away before the end of their answer: the gateway's work ends too, as it costs money."""

import json
from typing import Any

import pytest

from support.callers import connection, request
from support.chatbots import HELLO, Chatbot
from support.gateway import GatewayProcess
from support.waiting import eventually_async

ROUTE = "/chat/completions"


def completions(gateway: GatewayProcess) -> int:
    """How many it was asked for; it may also be asked what an earlier one cost."""
    return gateway.requests.get(f"POST {ROUTE}", 0)


async def gateway_is_asked(gateway: GatewayProcess) -> None:
    async def asked() -> bool:
        return completions(gateway) == 1

    await eventually_async(asked, "the gateway is asked", timeout=5)


async def hang_up_is_seen(gateway: GatewayProcess) -> None:
    async def seen() -> bool:
        return gateway.hang_ups == 1

    await eventually_async(seen, "the gateway sees the hang-up", timeout=0.5)


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
@pytest.mark.parametrize("fault", [{"black_hole": True}, {"delay_seconds": 2.5}], ids=str)
async def test_before_the_first_byte(
    chatbot: Chatbot, gateway: GatewayProcess, fault: dict[str, Any], stream: bool
) -> None:
    gateway.misbehave(route=ROUTE, **fault)
    async with connection(chatbot) as (_, writer):
        writer.write(request(json.dumps({**HELLO, "stream": stream}).encode()))
        await gateway_is_asked(gateway)
        assert gateway.hang_ups == 0
    await hang_up_is_seen(gateway)
    assert completions(gateway) == 1, "nobody waits for a retry"


async def test_in_the_middle_of_a_stream(chatbot: Chatbot, gateway: GatewayProcess) -> None:
    gateway.misbehave(route=ROUTE, token_seconds=0.3)
    before = chatbot.metric("chatassistant_chatbot_hang_ups_total")
    async with connection(chatbot) as (reader, writer):
        writer.write(request(json.dumps({**HELLO, "stream": True}).encode()))
        await reader.readuntil(b"chat.completion.chunk")
        assert gateway.hang_ups == 0
    await hang_up_is_seen(gateway)

    async def counted() -> bool:
        assert chatbot.metric("chatassistant_chatbot_running_requests") == 0
        return chatbot.metric("chatassistant_chatbot_hang_ups_total") == before + 1

    await eventually_async(counted, "the hang-up is counted, and nothing runs", timeout=5)


async def test_between_two_tries(chatbot: Chatbot, gateway: GatewayProcess) -> None:
    gateway.misbehave(route=ROUTE, status=429, headers={"Retry-After": "1"})
    async with connection(chatbot) as (_, writer):
        writer.write(request(json.dumps(HELLO).encode()))
        await gateway_is_asked(gateway)
    running = "chatassistant_chatbot_running_requests"

    async def ended() -> bool:
        return chatbot.metric(running) == 0

    await eventually_async(ended, "nobody is waited for", timeout=0.5)
    assert completions(gateway) == 1


async def test_in_the_middle_of_the_request(chatbot: Chatbot, gateway: GatewayProcess) -> None:
    sample = 'chatassistant_chatbot_requests_total{route="/v1/chat/completions",status="499"}'
    before = chatbot.metric(sample)
    async with connection(chatbot) as (_, writer):
        writer.write(request(b'{"messages": [', length=1000))
        await writer.drain()

    async def counted() -> bool:
        return chatbot.metric(sample) == before + 1

    await eventually_async(counted, "the request has ended", timeout=5)
    assert gateway.requests == {}
