"""The error table, row by row; retries; and what goes wrong in the middle of a stream."""

import json
import time
from typing import Any, NamedTuple

import httpx
import pytest

from support.chatbots import HELLO, Chatbot
from support.gateway import GatewayProcess

URL = "/v1/chat/completions"
ROUTE = "/chat/completions"


class Row(NamedTuple):
    fault: dict[str, Any]
    status: int
    code: str
    tries: int
    says: str = ""


INVALID_MODEL = {"error": {"message": "m is not a valid model ID", "code": 400}, "user_id": "user_x"}
UNKNOWN_MODEL = {
    "error": {"message": "What is m?", "availability": {"code": "model_not_found", "retryable": False}}
}
TABLE = {
    "bad parameter": Row({"status": 400}, 400, "invalid_request", 1, "HTTP 400"),
    "too large": Row({"error": "too_large"}, 413, "request_too_large", 1, "Request body too large"),
    "unprocessable": Row({"error": "unprocessable"}, 422, "invalid_request", 1, "cannot be processed"),
    "our key is refused": Row({"error": "unknown_key"}, 502, "assistant_misconfigured", 1, "key"),
    "our key's limit": Row({"error": "limit_reached"}, 502, "assistant_misconfigured", 1, "key"),
    "no credit": Row({"error": "no_credit"}, 503, "assistant_out_of_credit", 1, "credit"),
    "credit in flight": Row({"error": "in_flight_budget"}, 503, "assistant_out_of_credit", 2, "credit"),
    "moderation": Row({"error": "moderation"}, 403, "content_refused", 1, "moderation"),
    "model": Row({"error": "data_policy"}, 404, "model_not_found", 1, "No endpoints available"),
    "a name that is no model's": Row({"status": 400, "body": INVALID_MODEL}, 404, "model_not_found", 1, "valid model ID"),
    "a model by its code": Row({"status": 400, "body": UNKNOWN_MODEL}, 404, "model_not_found", 1, "What is m?"),
    "base URL of a website": Row({"status": 404, "body": "<h1>Not found"}, 502, "gateway_error", 3),
    "timeout of the gateway's": Row({"error": "timeout"}, 504, "gateway_timeout", 3),
    "internal": Row({"error": "internal"}, 502, "gateway_error", 3),
    "bad gateway": Row({"error": "bad_gateway"}, 502, "gateway_error", 3),
    "bad gateway in HTML": Row({"status": 502, "body": "<h1>Bad gateway"}, 502, "gateway_error", 3),
    "unavailable": Row({"error": "unavailable"}, 503, "gateway_unavailable", 3),
    "provider's timeout": Row({"error": "gateway_timeout"}, 504, "gateway_timeout", 3),
    "edge's timeout": Row({"error": "edge_timeout"}, 504, "gateway_timeout", 3),
    "overloaded": Row({"error": "overloaded"}, 503, "gateway_overloaded", 3),
    "no connection": Row({"hang_up": True}, 502, "gateway_error", 3),
    "another status": Row({"status": 418}, 502, "gateway_error", 1),
    "rate limit of a provider": Row({"error": "upstream_rate_limit"}, 429, "rate_limit_exceeded", 1, "upstream"),
    "free tier's day": Row({"error": "free_models_per_day"}, 429, "rate_limit_exceeded", 1, "per-day"),
    "short limit": Row({"status": 429, "headers": {"Retry-After": "1"}}, 429, "rate_limit_exceeded", 2),
    "200 with an error": Row({"status": 200, "error": "bad_gateway"}, 502, "gateway_error", 3),
    "200 with no choices": Row({"body": {"id": "gen-1", "choices": []}}, 502, "gateway_error", 3),
    "200 with a choice's error": Row({"body": {"choices": [{"error": {"code": 502}}]}}, 502, "gateway_error", 3),
    "200 with HTML": Row({"body": "<h1>Welcome"}, 502, "gateway_error", 3),
    "200 with nothing": Row({"body": {}}, 502, "gateway_error", 3),
    "a redirect": Row(
        {"status": 302, "body": "", "headers": {"Location": "/elsewhere"}}, 502, "gateway_error", 3
    ),
}  # fmt: skip


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE)
async def test_what_the_caller_gets(
    http: httpx.AsyncClient, gateway: GatewayProcess, row: Row, stream: bool
) -> None:
    gateway.misbehave(route=ROUTE, **row.fault)
    response = await http.post(URL, json={**HELLO, "stream": stream})

    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (row.status, row.code)
    assert row.says in error["message"]
    assert error["message"]
    assert set(error) >= {"message", "type", "param", "code"}
    assert gateway.requests == {f"POST {ROUTE}": row.tries}


async def test_moderation_tells_its_reasons(http: httpx.AsyncClient, gateway: GatewayProcess) -> None:
    gateway.misbehave(route=ROUTE, error="moderation")
    error = (await http.post(URL, json=HELLO)).json()["error"]
    assert error["metadata"] == {"reasons": ["violence"]}


@pytest.mark.parametrize(
    ("fault", "least", "most"),
    [
        ({"status": 429, "headers": {"Retry-After": "60"}}, 60, 60),
        ({"status": 503, "headers": {"Retry-After": "60"}}, 60, 60),
        ({"status": 429, "headers": {"Retry-After": "Wed, 01 Jan 2098 00:00:00 GMT"}}, 86400, 86400),
        ({"error": "free_models_per_minute"}, 50, 60),
        ({"error": "in_flight_budget", "headers": {"Retry-After": "7"}}, 7, 7),
    ],
)
async def test_a_long_wait_is_told_at_once(
    http: httpx.AsyncClient, gateway: GatewayProcess, fault: dict[str, Any], least: int, most: int
) -> None:
    gateway.misbehave(route=ROUTE, **fault)
    response = await http.post(URL, json=HELLO)
    assert least <= int(response.headers["Retry-After"]) <= most
    assert response.elapsed.total_seconds() < 2
    assert gateway.requests == {f"POST {ROUTE}": 1}


@pytest.mark.parametrize("wait", ["²", "-1", "nan", "9" * 400, "soon"])
async def test_a_senseless_wait_is_ignored(
    http: httpx.AsyncClient, gateway: GatewayProcess, wait: str
) -> None:
    gateway.misbehave(route=ROUTE, error="upstream_rate_limit", headers={"Retry-After": wait})
    response = await http.post(URL, json=HELLO)
    assert response.status_code == 429
    assert "Retry-After" not in response.headers


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
@pytest.mark.parametrize(
    ("fault", "times"),
    [
        ({"error": "bad_gateway"}, 2),
        ({"hang_up": True}, 2),
        ({"status": 429, "headers": {"Retry-After": "1"}}, 1),
        ({"error": "in_flight_budget"}, 1),
        ({"status": 200, "error": "bad_gateway"}, 2),
    ],
    ids=str,
)
async def test_what_passes_is_not_noticed(
    http: httpx.AsyncClient, gateway: GatewayProcess, fault: dict[str, Any], times: int, stream: bool
) -> None:
    gateway.misbehave(route=ROUTE, times=times, **fault)
    response = await http.post(URL, json={**HELLO, "stream": stream})
    assert response.status_code == 200, response.text
    assert gateway.requests == {f"POST {ROUTE}": times + 1}


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
async def test_silence_ends_in_time(http: httpx.AsyncClient, gateway: GatewayProcess, stream: bool) -> None:
    gateway.misbehave(route=ROUTE, black_hole=True)
    response = await http.post(URL, json={**HELLO, "stream": stream})
    assert (response.status_code, response.json()["error"]["code"]) == (504, "gateway_timeout")
    assert 3 <= response.elapsed.total_seconds() < 5


async def test_retries_are_within_the_time_too(http: httpx.AsyncClient, gateway: GatewayProcess) -> None:
    gateway.misbehave(route=ROUTE, error="bad_gateway", delay_seconds=2)
    started = time.monotonic()
    response = await http.post(URL, json=HELLO)
    assert response.status_code in {502, 504}
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"error_after": 2}, "gateway_error"),
        ({"error_after": 2, "error_code": "server_error", "done_after_error": True}, "gateway_error"),
        ({"cut_after": 2}, "gateway_error"),
    ],
    ids=str,
)
async def test_a_stream_that_breaks_ends_with_an_error_and_never_as_if_complete(
    http: httpx.AsyncClient, gateway: GatewayProcess, chatbot: Chatbot, fault: dict[str, Any], code: str
) -> None:
    gateway.misbehave(route=ROUTE, **fault)
    response = await http.post(URL, json={**HELLO, "stream": True}, headers={"X-Request-Id": str(fault)})

    assert response.status_code == 200
    events = [line.removeprefix("data: ") for line in response.text.splitlines() if line.startswith("data: ")]
    assert "[DONE]" not in events
    *pieces, last = map(json.loads, events)
    assert last["error"]["code"] == code
    assert last["error"]["type"] == "api_error"
    assert [piece["object"] for piece in pieces] == ["chat.completion.chunk"] * 2
    assert gateway.requests == {f"POST {ROUTE}": 1}, "no retry after the first byte"
    told = await chatbot.entries_of(str(fault), 2)
    assert [entry["level"] for entry in told] == ["WARNING", "INFO"]


async def test_silence_in_the_middle_of_a_stream(http: httpx.AsyncClient, gateway: GatewayProcess) -> None:
    gateway.misbehave(route=ROUTE, token_seconds=30)
    response = await http.post(URL, json={**HELLO, "stream": True})
    # The comment that the stand-in sends first is no event.
    assert response.status_code == 504
    assert 3 <= response.elapsed.total_seconds() < 5


async def test_errors_are_counted(http: httpx.AsyncClient, gateway: GatewayProcess, chatbot: Chatbot) -> None:
    sample = 'chatassistant_chatbot_gateway_errors_total{status="402"}'
    before = chatbot.metric(sample)
    gateway.misbehave(route=ROUTE, error="no_credit")
    await http.post(URL, json=HELLO)
    assert chatbot.metric(sample) == before + 1


async def test_retries_are_counted(
    http: httpx.AsyncClient, gateway: GatewayProcess, chatbot: Chatbot
) -> None:
    sample = "chatassistant_chatbot_gateway_retries_total"
    before = chatbot.metric(sample)
    gateway.misbehave(route=ROUTE, error="bad_gateway", times=2)
    assert (await http.post(URL, json=HELLO)).status_code == 200
    # It may also be asked what an earlier one cost.
    assert gateway.requests[f"POST {ROUTE}"] == 3
    assert chatbot.metric(sample) == before + 2
