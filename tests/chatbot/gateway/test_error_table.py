"""The table of errors by itself: what the gateway said, what the caller gets, what the log says."""

from typing import Any, NamedTuple

import orjson
import pytest

from chatassistant_chatbot.errors import GatewayError, for_caller, for_log
from chatassistant_chatbot.gateway.answers import error_of

SAID = "what the gateway said of private matters"


class Row(NamedTuple):
    status: int
    code: str
    log: str
    model_is_gone: bool = False
    is_outage: bool = False
    may_pass: bool = False


def error(status: int, **fields: Any) -> GatewayError:
    body = {"error": {"message": SAID, "code": status, **fields}}
    return error_of(status, {}, orjson.dumps(body), bytes)


IN_FLIGHT = {"metadata": {"limit_source": "openrouter_in_flight_budget"}}
TABLE = [
    (error(400), Row(400, "invalid_request", "the request is refused")),
    (error(413), Row(413, "request_too_large", "the request is too large")),
    (error(422), Row(422, "invalid_request", "cannot be processed")),
    (error(401), Row(502, "assistant_misconfigured", "replace it with one of https://openrouter.ai/settings/keys")),
    (error(402), Row(503, "assistant_out_of_credit", "https://openrouter.ai/settings/credits")),
    (error(402, **IN_FLIGHT), Row(503, "assistant_out_of_credit", "running requests hold all")),
    (error(403), Row(502, "assistant_misconfigured", "see its limit and guardrails")),
    (error(403, metadata={"reasons": ["violence"]}), Row(403, "content_refused", "moderation")),
    (error(404), Row(404, "model_not_found", "name another one", model_is_gone=True)),
    (error(400, message="m is not a valid model ID"), Row(404, "model_not_found", "nobody serves", model_is_gone=True)),
    (error(400, availability={"code": "model_not_found"}), Row(404, "model_not_found", "nobody serves", model_is_gone=True)),
    (error(404, availability={"code": "no_endpoints"}), Row(404, "model_not_found", "nobody serves", model_is_gone=True)),
    (error(400, availability={"code": "bad_parameter"}), Row(400, "invalid_request", "refused")),
    (error(418), Row(502, "gateway_error", "no usable answer")),
    (error(429), Row(429, "rate_limit_exceeded", "a rate limit")),
    (error(408), Row(504, "gateway_timeout", "too long", may_pass=True)),
    (error(500), Row(502, "gateway_error", "internal error", is_outage=True, may_pass=True)),
    (error(502), Row(502, "gateway_error", "no usable answer", is_outage=True, may_pass=True)),
    (error(503), Row(503, "gateway_unavailable", "nobody is there", is_outage=True, may_pass=True)),
    (error(504), Row(504, "gateway_timeout", "no answer in time", is_outage=True, may_pass=True)),
    (error(522), Row(502, "gateway_error", "no usable answer", is_outage=True, may_pass=True)),
    (error(524), Row(504, "gateway_timeout", "no answer in time", is_outage=True, may_pass=True)),
    (error(529), Row(503, "gateway_overloaded", "provider is overloaded", is_outage=True, may_pass=True)),
]  # fmt: skip


@pytest.mark.parametrize(("told", "row"), TABLE, ids=lambda value: str(value)[:40])
def test_each_row(told: GatewayError, row: Row) -> None:
    caller = for_caller(told)
    details = caller.body()["error"]
    assert (caller.status, details["code"]) == (row.status, row.code)
    assert details["type"] in {"invalid_request_error", "api_error", "rate_limit_error"}
    assert details["message"]
    assert (SAID in details["message"]) <= (row.status < 500), (
        "what is the assistant's matter is told in our words"
    )
    assert row.log in for_log(told)
    assert str(told) in for_log(told)
    assert SAID not in for_log(told)
    assert (told.model_is_gone, told.is_outage, told.may_pass) == (
        row.model_is_gone,
        row.is_outage,
        row.may_pass,
    )


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (404, b"<h1>Not found"),
        (404, b"{}"),
        (404, b'{"detail": "Not Found"}'),
        (302, b""),
        (204, b""),
        (600, b""),
    ],
)
def test_what_is_no_answer_of_a_gateway_says_nothing_of_a_model(status: int, content: bytes) -> None:
    told = error_of(status, {}, content, bytes)
    assert (told.status, told.model_is_gone) == (502, False)
    assert str(told) == f"it answered {status}"


@pytest.mark.parametrize(
    ("fields", "headers", "seconds"),
    [
        ({}, {"Retry-After": "7"}, 7.0),
        ({}, {"Retry-After": "0.5"}, 0.5),
        ({"metadata": {"headers": {"Retry-After": "8"}}}, {}, 8.0),
        ({"metadata": {"headers": {"Retry-After": "8"}}}, {"Retry-After": "7"}, 7.0),
        ({"availability": {"code": "capacity_exhausted", "retry_after": 9}}, {}, 9.0),
        ({"availability": {"code": "capacity_exhausted", "retry_after": None}}, {}, None),
        ({"metadata": {"headers": ["Retry-After"]}, "availability": "soon"}, {"Retry-After": "-1"}, None),
        ({}, {"X-RateLimit-Reset": "99999999999999"}, 86400.0),
    ],
    ids=str,
)  # fmt: skip
def test_how_long_to_wait(fields: dict[str, Any], headers: dict[str, str], seconds: float | None) -> None:
    body = {"error": {"message": SAID, "code": 429, **fields}}
    told = error_of(429, headers, orjson.dumps(body), bytes)
    assert told.retry_after == seconds
    answer = for_caller(told).headers().get("Retry-After")
    assert answer == (None if seconds is None else str(max(1, round(seconds + 0.49))))


def test_the_reasons_of_a_moderation_are_told() -> None:
    told = for_caller(error(403, metadata={"reasons": ["violence"], "flagged_input": "…"}))
    assert told.body()["error"]["metadata"] == {"reasons": ["violence"]}
    assert "metadata" not in for_caller(error(400, metadata={"reasons": ["x"]})).body()["error"]
