"""What callers of `/v1` get, over real HTTP."""

import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import openai
import pytest

from support.gateway import GatewayProcess
from support.waiting import eventually

from .conftest import Chatbot

USER = [{"role": "user", "content": "Hello"}]


def _error(response: httpx.Response) -> dict[str, Any]:
    error: dict[str, Any] = response.json()["error"]
    assert set(error) >= {"message", "type", "param", "code"}
    return error


def test_an_answer_in_one_piece(chatbot: Chatbot, gateway: GatewayProcess) -> None:
    response = chatbot.ask("Hello", user="somebody", temperature=0.1, top_p=0.5)
    assert response.status_code == 200
    assert "Hello" in response.json()["choices"][0]["message"]["content"]
    sent = gateway.log[-1]
    assert sent["body"]["messages"][0] == {"role": "system", "content": "You are a helpful assistant"}
    assert sent["body"]["model"] == "openrouter/free"
    assert (sent["body"]["temperature"], sent["body"]["top_p"], sent["body"]["max_tokens"]) == (
        0.1,
        0.5,
        1024,
    )
    assert "user" not in sent["body"]


def test_a_stream_ends_with_done(chatbot: Chatbot) -> None:
    response = chatbot.ask("Hello", stream=True)
    assert response.headers["content-type"].startswith("text/event-stream")
    events = [line.removeprefix("data: ") for line in response.text.splitlines() if line.startswith("data: ")]
    assert events[-1] == "[DONE]"
    chunks = [json.loads(event) for event in events[:-1]]
    text = "".join(chunk["choices"][0]["delta"]["content"] for chunk in chunks if chunk["choices"])
    assert "Hello" in text
    assert chunks[-1]["usage"]["total_tokens"] > 0


def test_the_configuration_reaches_the_gateway(
    start_chatbot: Callable[..., Chatbot], gateway: GatewayProcess
) -> None:
    chatbot = start_chatbot(
        model={
            "name": "openai/gpt-4o-mini",
            "parameters": {"temperature": 0.2, "topK": 5, "maxTokens": 50, "stop": ["X"]},
        },
        systemPrompt="Be brief",
        gateway={
            "baseURL": gateway.base_url,
            "timeoutSeconds": 2,
            "referer": "https://todo.example.com",
            "title": "Todo",
        },
    )
    assert chatbot.ask(max_tokens=9999).status_code == 200
    sent = gateway.log[-1]
    assert sent["body"]["messages"][0]["content"] == "Be brief"
    expected = {
        "model": "openai/gpt-4o-mini",
        "temperature": 0.2,
        "top_k": 5,
        "max_tokens": 50,
        "stop": ["X"],
    }
    assert {name: sent["body"][name] for name in expected} == expected
    headers = {name.lower(): value for name, value in sent["headers"].items()}
    assert headers["http-referer"] == "https://todo.example.com"
    assert headers["x-openrouter-title"] == headers["x-title"] == "Todo"
    assert chatbot.ask(max_tokens=7).status_code == 200
    assert gateway.log[-1]["body"]["max_tokens"] == 7


def test_a_request_id_goes_through(chatbot: Chatbot, gateway: GatewayProcess) -> None:
    response = httpx.post(
        f"{chatbot.url}/v1/chat/completions", json={"messages": USER}, headers={"X-Request-Id": "abc-1"}
    )
    assert response.headers["x-request-id"] == "abc-1"
    headers = {name.lower(): value for name, value in gateway.log[-1]["headers"].items()}
    assert headers["x-request-id"] == "abc-1"
    eventually(lambda: '"abc-1"' in chatbot.log, "the log has it")
    assert len(chatbot.ask().headers["x-request-id"]) == 32


@pytest.mark.parametrize("model", [None, "default", "openrouter/free"])
def test_names_of_the_main_model(chatbot: Chatbot, model: str | None) -> None:
    assert chatbot.ask(**({"model": model} if model else {})).status_code == 200
    names = [each["id"] for each in httpx.get(f"{chatbot.url}/v1/models").json()["data"]]
    assert names == ["openrouter/free", "default"]


@pytest.mark.parametrize(
    ("body", "status", "code", "param"),
    [
        ({"messages": USER, "model": "gpt-4"}, 404, "model_not_found", "model"),
        ({"messages": USER, "models": ["a/b"]}, 400, "parameter_not_allowed", "models"),
        ({"messages": USER, "provider": {"only": ["x"]}}, 400, "parameter_not_allowed", "provider"),
        ({"messages": USER, "plugins": [{"id": "web"}]}, 400, "parameter_not_allowed", "plugins"),
        ({"messages": USER, "route": "fallback"}, 400, "parameter_not_allowed", "route"),
        ({"messages": USER, "n": 2}, 400, "parameter_not_allowed", "n"),
        ({"messages": []}, 400, "invalid_request", "messages"),
        ({}, 400, "invalid_request", "messages"),
        ({"messages": [{"role": "king", "content": "x"}]}, 400, "invalid_request", "messages.0.role"),
        ({"messages": USER, "temperature": 3}, 400, "invalid_request", "temperature"),
        ({"messages": USER * 10_000}, 400, "invalid_request", "messages"),
        ([], 400, "invalid_request", None),
    ],
)  # fmt: skip
def test_what_callers_may_not_ask(
    chatbot: Chatbot, body: Any, status: int, code: str, param: str | None
) -> None:
    response = httpx.post(f"{chatbot.url}/v1/chat/completions", json=body)
    error = _error(response)
    assert (response.status_code, error["code"], error["param"]) == (status, code, param)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (("GET", "/v1/nothing", b"", "application/json"), 404),
        (("GET", "/v1/chat/completions", b"", "application/json"), 405),
        (("POST", "/v1/chat/completions", b"{}", "text/plain"), 415),
        (("POST", "/v1/chat/completions", b" " * (2 * 1024 * 1024 + 1), "application/json"), 413),
        (("POST", "/v1/chat/completions", b"{", "application/json"), 400),
        (("POST", "/v1/chat/completions", b'{"messages":' + b"[" * 300, "application/json"), 400),
    ],
    ids=["404", "405", "415", "413", "no JSON", "too deep"],
)
def test_errors_have_openais_shape_everywhere(
    chatbot: Chatbot, request_: tuple[str, str, bytes, str], status: int
) -> None:
    method, path, body, content_type = request_
    response = httpx.request(
        method, chatbot.url + path, content=body, headers={"Content-Type": content_type}, timeout=10
    )
    assert response.status_code == status
    assert _error(response)["type"] == "invalid_request_error"


RATE = {"error": {"message": "Rate limit exceeded: free-models-per-min. ", "code": 429}}
MODERATED = {"error": {"message": "flagged", "code": 403, "metadata": {"reasons": ["violence"]}}}


@pytest.mark.parametrize(
    ("fault", "status", "code", "asked"),
    [
        ({"status": 400}, 400, "invalid_request", 1),
        ({"status": 422}, 422, "invalid_request", 1),
        ({"status": 401}, 502, "assistant_misconfigured", 1),
        ({"status": 402}, 503, "assistant_out_of_credit", 1),
        ({"status": 403}, 502, "assistant_misconfigured", 1),
        ({"status": 403, "body": MODERATED}, 403, "content_refused", 1),
        ({"status": 404}, 404, "model_not_found", 1),
        ({"status": 408}, 504, "gateway_timeout", 3),
        ({"status": 500}, 502, "gateway_error", 3),
        ({"status": 502, "body": "<html>"}, 502, "gateway_error", 3),
        ({"status": 503}, 503, "gateway_unavailable", 3),
        ({"status": 504}, 504, "gateway_timeout", 3),
        ({"status": 524}, 504, "gateway_timeout", 3),
        ({"status": 529}, 503, "gateway_overloaded", 3),
        ({"status": 429, "body": RATE}, 429, "rate_limit_exceeded", 1),
        ({"status": 429, "body": RATE, "headers": {"Retry-After": "1"}}, 429, "rate_limit_exceeded", 2),
        ({"status": 429, "body": RATE, "headers": {"Retry-After": "60"}}, 429, "rate_limit_exceeded", 1),
        ({"status": 200, "body": {"error": {"message": "x", "code": 500}}}, 502, "gateway_error", 3),
        ({"status": 200, "body": {"id": "1", "choices": []}}, 502, "gateway_error", 3),
        ({"status": 200, "body": "<html>Hello</html>"}, 502, "gateway_error", 3),
        ({"status": 302, "headers": {"Location": "http://127.0.0.1:1/"}}, 502, "gateway_error", 3),
        ({"hang_up": True}, 502, "gateway_error", 3),
        ({"black_hole": True}, 504, "gateway_timeout", 1),
    ],
    ids=lambda value: str(value)[:50],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_the_gateway_says_and_the_caller_gets(
    chatbot: Chatbot,
    gateway: GatewayProcess,
    fault: dict[str, Any],
    status: int,
    code: str,
    asked: int,
    stream: bool,
) -> None:
    gateway.misbehave(route="/chat/completions", **fault)
    started = time.monotonic()
    response = chatbot.ask(stream=stream)
    assert (response.status_code, _error(response)["code"]) == (status, code)
    assert gateway.requests["POST /chat/completions"] == asked
    assert time.monotonic() - started < 4.0
    if "Retry-After" in fault.get("headers", {}):
        assert response.headers["retry-after"] == fault["headers"]["Retry-After"]


@pytest.mark.parametrize("stream", [False, True])
def test_a_failure_that_passes_is_not_seen(chatbot: Chatbot, gateway: GatewayProcess, stream: bool) -> None:
    gateway.misbehave(route="/chat/completions", status=503, times=2)
    assert chatbot.ask(stream=stream).status_code == 200


@pytest.mark.parametrize("fault", [{"cut_after": 3}, {"error_after": 3}], ids=["cut", "error"])
def test_a_stream_that_breaks_never_looks_complete(
    chatbot: Chatbot, gateway: GatewayProcess, fault: dict[str, int]
) -> None:
    gateway.misbehave(route="/chat/completions", **fault)
    response = chatbot.ask(stream=True)
    events = [line.removeprefix("data: ") for line in response.text.splitlines() if line.startswith("data: ")]
    assert response.status_code == 200
    assert json.loads(events[-1])["error"]["code"] == "gateway_error"
    assert "[DONE]" not in response.text
    assert gateway.requests["POST /chat/completions"] == 1
    with pytest.raises(openai.APIError):
        list(_sdk(chatbot).chat.completions.create(model="default", messages=USER, stream=True))  # type: ignore[call-overload]  # plain dicts


def test_a_stream_that_falls_silent_ends_typed(chatbot: Chatbot, gateway: GatewayProcess) -> None:
    gateway.misbehave(route="/chat/completions", token_seconds=30)
    started = time.monotonic()
    response = chatbot.ask(stream=True)
    assert time.monotonic() - started < 4.0
    assert "gateway_timeout" in response.text


def test_a_stream_that_flows_may_last_longer_than_the_timeout(
    chatbot: Chatbot, gateway: GatewayProcess
) -> None:
    gateway.misbehave(route="/chat/completions", token_seconds=0.2)
    started = time.monotonic()
    assert "[DONE]" in chatbot.ask("x " * 5, stream=True).text
    assert time.monotonic() - started > 2.5


@pytest.mark.parametrize("fault", [{"split_bytes": True}, {"usage_in_delta": True}], ids=["split", "usage"])
def test_forms_of_a_stream_that_are_right_too(
    chatbot: Chatbot, gateway: GatewayProcess, fault: dict[str, bool]
) -> None:
    gateway.misbehave(route="/chat/completions", **fault)
    assert "[DONE]" in chatbot.ask("Grüße aus Köln", stream=True).text


def test_newlines_before_the_json_do_no_harm(chatbot: Chatbot, gateway: GatewayProcess) -> None:
    gateway.misbehave(route="/chat/completions", leading_newlines=True)
    assert chatbot.ask().json()["choices"]


@pytest.mark.parametrize("stream", [False, True], ids=["JSON", "stream"])
@pytest.mark.parametrize("fault", [{"black_hole": True}, {"token_seconds": 0.5}], ids=["before", "during"])
def test_a_caller_who_hangs_up_ends_the_gateways_work(
    chatbot: Chatbot, gateway: GatewayProcess, fault: dict[str, Any], stream: bool
) -> None:
    if not stream and "token_seconds" in fault:
        fault = {"delay_seconds": 5}
    gateway.misbehave(route="/chat/completions", **fault)
    with pytest.raises(httpx.TimeoutException):
        httpx.post(
            f"{chatbot.url}/v1/chat/completions", json={"messages": USER, "stream": stream}, timeout=0.4
        )
    eventually(lambda: gateway.hang_ups == 1, "the gateway sees the hang-up", timeout=0.5)


def _sdk(chatbot: Chatbot) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{chatbot.url}/v1", api_key="any", max_retries=0, timeout=10)


def test_the_openai_sdk_is_at_home(chatbot: Chatbot, gateway: GatewayProcess) -> None:
    client = _sdk(chatbot)
    answer = client.chat.completions.create(model="default", messages=[{"role": "user", "content": "Hello"}])
    assert "Hello" in (answer.choices[0].message.content or "")
    stream = client.chat.completions.create(
        model="default", messages=[{"role": "user", "content": "Hello"}], stream=True
    )
    assert "Hello" in "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
    assert [model.id for model in client.models.list()] == ["openrouter/free", "default"]
    gateway.misbehave(route="/chat/completions", status=429, body=RATE, headers={"Retry-After": "60"})
    with pytest.raises(openai.RateLimitError):
        client.chat.completions.create(model="default", messages=[{"role": "user", "content": "Hello"}])


def test_metrics_count_and_name_no_user(chatbot: Chatbot) -> None:
    chatbot.ask("A secret of mine")
    text = httpx.get(f"{chatbot.metrics_url}/metrics").text
    assert 'chatassistant_chatbot_requests_total{route="/v1/chat/completions",status="200"} 1.0' in text
    assert "secret of mine" not in text + chatbot.log


def test_debug_logs_exchanges_with_the_key_masked(start_chatbot: Callable[..., Chatbot]) -> None:
    chatbot = start_chatbot(observability={"logLevel": "Debug"})
    chatbot.ask("Hello")
    line = next(json.loads(each) for each in chatbot.log.splitlines() if "gateway exchange" in each)
    assert line["request_headers"]["Authorization"] == "***"
    assert line["status"] == 200
    assert line["generation"].startswith("gen-")


def test_access_by_token(start_chatbot: Callable[..., Chatbot]) -> None:
    chatbot = start_chatbot({"ACCESS_TOKEN": "letmein"}, access={"mode": "Token"})
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "letmein"}):
        for response in (
            httpx.post(f"{chatbot.url}/v1/chat/completions", json={"messages": USER}, headers=headers),
            httpx.get(f"{chatbot.url}/v1/models", headers=headers),
        ):
            assert response.status_code == 401
            assert response.headers["www-authenticate"] == "Bearer"
            assert _error(response)["code"] == "invalid_token"
    right = {"Authorization": "Bearer letmein"}
    assert httpx.get(f"{chatbot.url}/v1/models", headers=right).status_code == 200
    assert "letmein" not in chatbot.log
