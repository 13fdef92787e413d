"""Who serves a model, who retains nothing, and whether a completion comes."""

from decimal import Decimal
from typing import Any

import pytest

from chatassistant_operator.api.api_key import ApiKey
from chatassistant_operator.desired.trial import trial
from chatassistant_operator.local.openrouter import Fault, StandIn
from chatassistant_operator.local.openrouter import situations as known
from chatassistant_operator.observed.gateway import Endpoint, Endpoints
from chatassistant_operator.openrouter.client import OpenRouter
from chatassistant_operator.openrouter.errors import (
    GatewayError,
    OpenRouterError,
    RateLimitedError,
    RefusedError,
    UnexpectedError,
)
from support.situations import assistant

GOOD = ApiKey(known.ACCEPTED.token)
LLAMA, MINI = "meta-llama/llama-3.3-70b-instruct", "openai/gpt-5-mini"


def hello(model: str = MINI, **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1, **more}


async def test_who_serves_a_model(stand_in: StandIn, openrouter: OpenRouter) -> None:
    offers = (await openrouter.endpoints(stand_in.base_url + "/", LLAMA, 5)).endpoints
    assert {each.model for each in offers} == {stand_in.world.models[LLAMA].permaslug}
    assert [(each.provider, each.tag, each.supports_tools) for each in offers][:2] == [
        ("DeepInfra", "deepinfra/fp8", False),
        ("Novita", "novita/bf16", True),
    ]
    assert offers[0].prompt_price == Decimal("0.0000001")
    assert offers[0].completion_price == Decimal("0.00000032")
    assert [each.provider for each in offers if each.is_of("groq")] == ["Groq"]
    assert "Authorization" not in stand_in.log[0]["headers"]


async def test_who_retains_nothing(stand_in: StandIn, openrouter: OpenRouter) -> None:
    listed = (await openrouter.zero_retention(stand_in.base_url, 5)).endpoints
    row = stand_in.world.models[LLAMA]
    tags = {each.tag for each in listed if each.model in {LLAMA, row.permaslug}}
    assert tags == {"groq"}
    assert "Authorization" not in stand_in.log[0]["headers"]


async def test_a_model_that_nobody_lists_has_no_endpoints(stand_in: StandIn, openrouter: OpenRouter) -> None:
    assert await openrouter.endpoints(stand_in.base_url, "no/such-model", 5) == Endpoints(())


async def test_an_odd_field_hides_no_endpoint(stand_in: StandIn, openrouter: OpenRouter) -> None:
    odd = {"tag": "odd", "pricing": {"prompt": [], "request": "-1"}, "model_id": 5, "new": {}}
    stand_in.faults.add(Fault(body={"data": {"endpoints": [odd, {"provider_name": "Bare"}], "id": MINI}}))
    offers = (await openrouter.endpoints(stand_in.base_url, MINI, 5)).endpoints
    assert offers == (Endpoint("", "", "odd"), Endpoint("", "Bare", ""))


@pytest.mark.parametrize(
    "fault", [Fault(body="<html>"), Fault(body={"data": []}), Fault(status=404, body="<html>")]
)
async def test_a_list_of_something_else(stand_in: StandIn, openrouter: OpenRouter, fault: Fault) -> None:
    stand_in.faults.add(fault)
    with pytest.raises(UnexpectedError):
        await openrouter.endpoints(stand_in.base_url, MINI, 5)


@pytest.mark.parametrize("status", [500, 503])
async def test_a_list_that_cannot_be_had(stand_in: StandIn, openrouter: OpenRouter, status: int) -> None:
    stand_in.faults.add(Fault(status=status))
    for answer in (
        openrouter.endpoints(stand_in.base_url, MINI, 5),
        openrouter.zero_retention(stand_in.base_url, 5),
    ):
        with pytest.raises(GatewayError):
            await answer


async def test_a_completion_comes(stand_in: StandIn, openrouter: OpenRouter) -> None:
    await openrouter.complete(stand_in.base_url, GOOD, hello(), 5)
    (asked,) = stand_in.log
    assert (asked["key"], asked["body"]) == ("accepted", hello())
    assert asked["headers"]["Authorization"] == "Bearer ***"


async def test_the_completion_that_the_operator_tries_is_one_that_the_gateway_takes(
    stand_in: StandIn, openrouter: OpenRouter
) -> None:
    parameters = {"temperature": 0.1, "topP": 0.9, "topK": 5, "stop": ["END"], "seed": 7, "maxTokens": 99}
    provider = {"order": ["azure"], "allowFallbacks": True, "sort": "price", "maxPrice": {"prompt": 0.5}}
    request = trial(assistant(model={"name": MINI, "parameters": parameters, "provider": provider}))
    assert (request["max_tokens"], request["top_p"], list(request["stop"])) == (1, 0.9, ["END"])
    assert request["provider"]["max_price"] == {"prompt": "0.5"}
    await openrouter.complete(stand_in.base_url, GOOD, request, 5)
    await openrouter.complete(stand_in.base_url, GOOD, trial(assistant()), 5)
    assert stand_in.models == {MINI: 2}


@pytest.mark.parametrize(
    ("key", "model", "status", "words"),
    [
        (known.UNKNOWN, MINI, 401, "User not found."),
        (known.NO_CREDIT, MINI, 402, "Insufficient credits."),
        (known.NO_CREDIT, "google/gemma-4-31b-it:free", 402, "Insufficient credits."),
        (known.LIMIT_REACHED, MINI, 403, "Key limit exceeded (monthly limit)."),
        (known.ACCEPTED, "no/such-model", 400, "no/such-model is not a valid model ID"),
        (known.ACCEPTED, "google/gemini-flash-1.5", 404, "No endpoints found for google/gemini-flash-1.5."),
        (known.ACCEPTED, "mistralai/devstral-2512:free", 404, "unavailable for free"),
    ],
)
async def test_a_completion_that_is_refused(
    stand_in: StandIn, openrouter: OpenRouter, key: known.KeySituation, model: str, status: int, words: str
) -> None:
    with pytest.raises(RefusedError) as caught:
        await openrouter.complete(stand_in.base_url, ApiKey(key.token), hello(model), 5)
    assert caught.value.status == status
    assert words in str(caught.value)


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 422])
async def test_what_is_definite_about_a_completion(
    stand_in: StandIn, openrouter: OpenRouter, status: int
) -> None:
    stand_in.faults.add(Fault(status=status, body={"error": {"message": "No.", "code": status}}))
    with pytest.raises(RefusedError, match=r"No\.") as caught:
        await openrouter.complete(stand_in.base_url, GOOD, hello(), 5)
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(error="in_flight_budget"), RateLimitedError),
        (Fault(error="free_models_per_day"), RateLimitedError),
        (Fault(error="upstream_rate_limit"), RateLimitedError),
        (Fault(status=408), GatewayError),
        (Fault(status=500), GatewayError),
        (Fault(status=529), GatewayError),
        (Fault(status=405), UnexpectedError),
        (Fault(body={"choices": []}), UnexpectedError),
        (Fault(body={"error": {"message": "Overloaded"}, "choices": []}), GatewayError),
    ],
)
async def test_what_says_nothing_of_a_completion(
    stand_in: StandIn, openrouter: OpenRouter, fault: Fault, error: type[OpenRouterError]
) -> None:
    stand_in.faults.add(fault)
    with pytest.raises(error):
        await openrouter.complete(stand_in.base_url, GOOD, hello(), 5)


async def test_each_request_is_told_by_its_route_and_what_came_of_it(stand_in: StandIn) -> None:
    told: list[tuple[str, str]] = []
    async with OpenRouter(lambda route, result: told.append((route, result))) as openrouter:
        await openrouter.endpoints(stand_in.base_url, "no/such-model", 5)
        await openrouter.zero_retention(stand_in.base_url, 5)
        await openrouter.complete(stand_in.base_url, GOOD, hello(), 5)
        stand_in.faults.add(Fault(black_hole=True))
        with pytest.raises(OpenRouterError):
            await openrouter.key(stand_in.base_url, GOOD, 0.1)
    assert told == [
        ("/models/endpoints", "404"),
        ("/endpoints/zdr", "200"),
        ("/chat/completions", "200"),
        ("/key", "unreachable"),
    ]
