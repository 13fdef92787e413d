"""What the operator reads of a pod, and what completions have to do with it."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from chatassistant_chatbot.errors import GatewayError
from chatassistant_chatbot.standing import Standing
from support.chatbots import HELLO, Chatbot
from support.gateway import GatewayProcess

URL = "/v1/chat/completions"
ROUTE = "/chat/completions"
QUIET = {
    "gateway": {"problem": None},
    "credentials": {"newKeyRefused": False},
    "access": {"problem": None, "admits": True},
    "tools": [],
}


@pytest.fixture
async def http(http: httpx.AsyncClient, gateway: GatewayProcess) -> AsyncIterator[httpx.AsyncClient]:
    """Of a chatbot that has no problem, and has none after the test."""
    yield http
    gateway.reset()
    assert (await http.post(URL, json=HELLO)).status_code == 200


def problems_of(chatbot: Chatbot) -> dict[str, Any]:
    """The report without what was used."""
    return {part: told for part, told in chatbot.report.items() if part != "usage"}


def test_nothing_is_wrong(chatbot: Chatbot, http: httpx.AsyncClient) -> None:
    assert problems_of(chatbot) == QUIET
    assert httpx.get(f"{chatbot.url}/report").status_code == 404, "it is not for callers"


async def test_what_was_used_stands_still_for_the_day(chatbot: Chatbot, http: httpx.AsyncClient) -> None:
    before = chatbot.report["usage"]
    assert (await http.post(URL, json=HELLO)).status_code == 200
    assert chatbot.report["usage"] == before
    assert before["finished"] is None
    assert (before["crossed"], before["shared"]) == (0, False)


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        ({"error": "unknown_key"}, "KeyRejected"),
        ({"error": "no_credit"}, "InsufficientCredits"),
        ({"error": "too_many_tokens"}, "InsufficientCredits"),
        ({"error": "limit_reached"}, "KeyLimitReached"),
        ({"error": "in_flight_budget"}, None),
        ({"error": "moderation"}, None),
        ({"status": 403, "body": {"error": {"code": 403, "message": "Not in your region"}}}, None),
        ({"error": "free_models_per_day"}, None),
        ({"error": "bad_gateway"}, None),
    ],
    ids=str,
)
async def test_what_a_completion_met(
    http: httpx.AsyncClient,
    gateway: GatewayProcess,
    chatbot: Chatbot,
    fault: dict[str, Any],
    problem: str | None,
    stream: bool,
) -> None:
    gateway.misbehave(route=ROUTE, **fault)
    assert (await http.post(URL, json={**HELLO, "stream": stream})).status_code >= 400
    assert problems_of(chatbot) == {**QUIET, "gateway": {"problem": problem}}


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
async def test_a_success_clears_it_and_nothing_else_does(
    http: httpx.AsyncClient, gateway: GatewayProcess, chatbot: Chatbot, stream: bool
) -> None:
    gateway.misbehave(route=ROUTE, error="no_credit")
    await http.post(URL, json=HELLO)
    gateway.misbehave(route=ROUTE, error="unavailable")
    await http.post(URL, json=HELLO)
    await http.post(URL, json={**HELLO, "model": "gpt-4"})
    assert chatbot.report["gateway"] == {"problem": "InsufficientCredits"}
    gateway.reset()
    assert (await http.post(URL, json={**HELLO, "stream": stream})).status_code == 200
    assert problems_of(chatbot) == QUIET


async def test_the_last_one_counts(
    http: httpx.AsyncClient, gateway: GatewayProcess, chatbot: Chatbot
) -> None:
    for error in ("unknown_key", "limit_reached"):
        gateway.misbehave(route=ROUTE, error=error)
        await http.post(URL, json=HELLO)
    assert chatbot.report["gateway"] == {"problem": "KeyLimitReached"}


def test_after_ten_minutes_nobody_knows_any_more() -> None:
    now = 0.0
    standing = Standing(clock=lambda: now)
    standing.met(GatewayError(401, "it answered 401"))
    now = 599.0
    assert standing.problem == "KeyRejected"
    standing.met(GatewayError(401, "it answered 401"))
    now = 1198.0
    assert standing.problem == "KeyRejected", "counted from when it was met last"
    standing.met(GatewayError(502, "it answered 502"))
    now = 1199.0
    assert standing.problem is None
