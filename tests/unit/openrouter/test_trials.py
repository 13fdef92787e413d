"""The completion of one token that validation.mode Completion asks for: what a refusal of it says, and of what."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from chatassistant_operator import checks
from chatassistant_operator.api.api_key import ApiKey
from chatassistant_operator.api.reasons import ConditionType, Reason
from chatassistant_operator.asking.gateway import AskedGateway
from chatassistant_operator.desired.trial import more_tokens
from chatassistant_operator.local.openrouter import Fault, StandIn
from chatassistant_operator.local.openrouter import situations as known
from chatassistant_operator.observed.gateway import CompletionAnswered, CompletionVerdict
from chatassistant_operator.observed.pending import PENDING
from chatassistant_operator.openrouter.client import OpenRouter
from support.situations import GOOD, assistant
from support.waiting import eventually_async

COMPLETIONS = "/chat/completions"


@pytest.fixture
async def gateway(openrouter: OpenRouter) -> AsyncIterator[AskedGateway]:
    gateway = AskedGateway(openrouter, lambda _: None)
    tasks = [asyncio.create_task(run) for run in gateway.runs()]
    yield gateway
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def verdict(stand_in: StandIn, gateway: AskedGateway) -> CompletionVerdict | None:
    """What comes of a trial with a key that the gateway accepts."""
    subject = assistant(gateway={"baseURL": stand_in.base_url}, validation={"mode": "Completion"})
    key = ApiKey(known.ACCEPTED.token)

    async def answered() -> bool:
        return gateway.completion(subject, key) is not PENDING

    await eventually_async(answered, "it is answered")
    return gateway.completion(subject, key)


def error(status: int, message: str, **more: Any) -> dict[str, Any]:
    return {"error": {"code": status, "message": message, **more}}


def too_few(raw: str) -> dict[str, Any]:
    """OpenAI's refusal of fewer than 16 tokens, as OpenRouter passes it on (vllm-project/guidellm#370)."""
    return error(400, "Provider returned error", metadata={"raw": raw, "provider_name": "OpenAI"})


OPENAI = '{"error": {"message": "Invalid \'max_output_tokens\': integer below minimum value. Expected a value >= 16, but got 1 instead."}}'
REGION = error(
    403,
    "Provider returned error",
    metadata={"raw": '{"error":{"code":"unsupported_country_region_territory"}}'},
)


@pytest.mark.parametrize(
    ("fault", "credentials", "model"),
    [
        ({"error": "moderation"}, Reason.KEY_ACCEPTED, Reason.COMPLETION_REFUSED),
        ({"status": 403, "body": REGION}, Reason.KEY_ACCEPTED, Reason.COMPLETION_REFUSED),
        (
            {"status": 403, "body": error(403, "Limited.", availability={"code": "region_restricted"})},
            Reason.KEY_ACCEPTED,
            Reason.COMPLETION_REFUSED,
        ),
        ({"error": "limit_reached"}, Reason.KEY_LIMIT_REACHED, Reason.MODEL_FOUND),
        ({"error": "no_credit"}, Reason.INSUFFICIENT_CREDITS, Reason.MODEL_FOUND),
        ({"error": "unknown_key"}, Reason.KEY_REJECTED, Reason.MODEL_FOUND),
    ],
    ids=["moderation", "a provider's region", "region", "the key's limit", "no credit", "an unknown key"],
)
async def test_a_refusal_is_of_the_key_or_of_the_model(
    stand_in: StandIn, gateway: AskedGateway, fault: dict[str, Any], credentials: Reason, model: Reason
) -> None:
    stand_in.faults.add(Fault(route=COMPLETIONS, **fault))
    found = checks.run(assistant(), replace(GOOD, completion=await verdict(stand_in, gateway)))
    assert found[ConditionType.CREDENTIALS_VALID].reason is credentials
    assert found[ConditionType.MODEL_AVAILABLE].reason is model


@pytest.mark.parametrize("raw", [OPENAI, "max_tokens must be at least 16"])
async def test_a_model_that_answers_with_no_fewer_than_16_tokens_is_asked_for_16(
    stand_in: StandIn, gateway: AskedGateway, raw: str
) -> None:
    stand_in.faults.add(Fault(route=COMPLETIONS, times=1, status=400, body=too_few(raw)))
    assert await verdict(stand_in, gateway) == CompletionAnswered()
    assert stand_in.requests[f"POST {COMPLETIONS}"] == 2


@pytest.mark.parametrize(("words", "requests"), [(OPENAI, 2), ("top_k must be positive", 1)])
async def test_it_is_asked_for_16_tokens_once_and_only_where_that_may_help(
    stand_in: StandIn, gateway: AskedGateway, words: str, requests: int
) -> None:
    stand_in.faults.add(Fault(route=COMPLETIONS, status=400, body=too_few(words)))
    found = checks.run(assistant(), replace(GOOD, completion=await verdict(stand_in, gateway)))
    assert found[ConditionType.MODEL_AVAILABLE].reason is Reason.COMPLETION_REFUSED
    assert stand_in.requests[f"POST {COMPLETIONS}"] == requests


@pytest.mark.parametrize(
    ("status", "words", "tokens"),
    [(400, OPENAI, 16), (400, "top_k must be positive", None), (402, "fewer max_tokens", None)],
)
def test_what_is_asked_for_then(status: int, words: str, tokens: int | None) -> None:
    asked = more_tokens({"model": "m", "max_tokens": 1}, status, words)
    assert asked == (None if tokens is None else {"model": "m", "max_tokens": tokens})
