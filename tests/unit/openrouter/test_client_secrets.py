"""Keys go to the gateway and nowhere else, whatever it answers."""

import logging

import pytest

from chatassistant_operator.api.api_key import ApiKey
from chatassistant_operator.local.openrouter import Fault, StandIn
from chatassistant_operator.openrouter.client import OpenRouter
from chatassistant_operator.openrouter.errors import GatewayError, OpenRouterError

CANARY = "sk-or-v1-" + "c0ffee" * 10


@pytest.mark.parametrize("status", [200, 401, 404, 429, 500])
@pytest.mark.parametrize("token", [CANARY, "another/gateway=key"])
async def test_a_key_that_the_gateway_repeats_goes_nowhere(
    stand_in: StandIn,
    openrouter: OpenRouter,
    caplog: pytest.LogCaptureFixture,
    status: int,
    token: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    error = {"message": f"Bad key {token}!", "metadata": {"raw": f"What is {token}?"}}
    stand_in.faults.add(Fault(status=status, body={"error": error, "data": {"label": token}}))
    try:
        told = repr(await openrouter.key(stand_in.base_url, ApiKey(token), 5))
    except OpenRouterError as caught:
        told = f"{caught} {caught!r} {caught.__context__!r}"
    assert token not in told
    assert token not in caplog.text
    assert token not in str(stand_in.log[0]["headers"])


async def test_nobodys_key_is_in_an_errors_text(stand_in: StandIn, openrouter: OpenRouter) -> None:
    stand_in.faults.add(Fault(status=500, body={"error": {"message": f"{CANARY} is busy {'x' * 1_000}"}}))
    with pytest.raises(GatewayError, match=r"HTTP 500: sk-\*\*\* is busy x+$") as caught:
        await openrouter.models(stand_in.base_url, 5)
    assert len(str(caught.value)) == 300
