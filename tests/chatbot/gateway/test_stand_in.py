"""The client against the stand-in for OpenRouter: each of its errors, and each of its faults at every point of a stream."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from chatassistant_chatbot.errors import GatewayError, for_caller
from chatassistant_chatbot.events import data_of, has_data, is_done
from chatassistant_chatbot.gateway.client import GatewayClient
from chatassistant_operator.local.openrouter.errors import NAMED
from chatassistant_operator.local.openrouter.situations import ACCEPTED
from support.gateway import GatewayProcess
from support.raw_gateway import client_of

ROUTE = "/chat/completions"
REQUEST = {
    "model": "google/gemma-4-31b-it:free",
    "messages": [{"role": "user", "content": "Hello"}],
    "max_tokens": 3,
}
BODY = json.dumps(REQUEST).encode()
STREAM = json.dumps({**REQUEST, "stream": True}).encode()
PIECES = 5  # three words, the reason to stop, the usage


@pytest.fixture
async def client(gateway: GatewayProcess) -> AsyncIterator[GatewayClient]:
    async with client_of(gateway.base_url, key=ACCEPTED.token) as client:
        yield client


async def received(client: GatewayClient) -> tuple[int, int, bool]:
    """How many chunks came of a stream, the status that stands for its end, and whether it is marked as complete."""
    chunks, complete = 0, False
    try:
        async for event in await client.stream(STREAM, "r"):
            complete = is_done(event)
            chunks += has_data(event) and not complete
            assert complete or not has_data(event) or json.loads(data_of(event))["choices"] is not None
    except GatewayError as error:
        return chunks, error.status, complete
    return chunks, 200, complete


@pytest.mark.parametrize("fault", ["error_after", "cut_after"])
async def test_faults_at_every_point_of_a_stream(
    client: GatewayClient, gateway: GatewayProcess, fault: str
) -> None:
    for at in range(PIECES):
        for more in ({}, {"done_after_error": True, "error_code": "server_error"}, {"split_bytes": True}):
            gateway.reset()
            gateway.misbehave(route=ROUTE, **{fault: at}, **more)
            assert await received(client) == (at, 502, False), (at, more)
            assert gateway.requests == {f"POST {ROUTE}": 1 if at else 3}


@pytest.mark.parametrize(
    "fault", [{}, {"split_bytes": True}, {"usage_in_delta": True}, {"token_seconds": 0.02}], ids=str
)
async def test_streams_that_are_right(
    client: GatewayClient, gateway: GatewayProcess, fault: dict[str, Any]
) -> None:
    gateway.misbehave(route=ROUTE, **fault)
    assert await received(client) == (PIECES, 200, True)


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
@pytest.mark.parametrize("name", NAMED)
async def test_each_error(client: GatewayClient, gateway: GatewayProcess, name: str, stream: bool) -> None:
    refusal = NAMED[name]()
    gateway.misbehave(route=ROUTE, error=name)
    with pytest.raises(GatewayError) as failed:
        await (client.stream(STREAM, "r") if stream else client.complete(BODY, "r"))
    error = failed.value
    assert error.status == refusal.status
    assert error.said in {
        refusal.body["error"]["message"],
        refusal.body["error"].get("metadata", {}).get("raw"),
    }
    assert error.model_is_gone == (refusal.status == 404)
    tries = 3 if error.may_pass else 2 if name == "in_flight_budget" else 1
    assert gateway.requests == {f"POST {ROUTE}": tries}
    assert for_caller(error).status in {400, 403, 404, 413, 422, 429, 502, 503, 504}
