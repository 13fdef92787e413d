"""What the gateway is asked, and what the caller gets, when all goes well."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from support.chatbots import HELLO, MODEL, Chatbot, configuration
from support.gateway import GatewayProcess

URL = "/v1/chat/completions"


def sent(gateway: GatewayProcess) -> dict[str, Any]:
    """The body of the last request that the gateway got."""
    body: dict[str, Any] = gateway.log[-1]["body"]
    return body


async def test_an_answer_in_one_piece(http: httpx.AsyncClient) -> None:
    response = await http.post(URL, json=HELLO)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    answer = response.json()
    assert "Hello" in answer["choices"][0]["message"]["content"]
    assert answer["usage"]["total_tokens"] > 0


async def test_an_answer_as_a_stream(http: httpx.AsyncClient) -> None:
    whole = (await http.post(URL, json=HELLO)).json()["choices"][0]["message"]["content"]
    response = await http.post(URL, json={**HELLO, "stream": True})
    assert response.headers["Content-Type"].startswith("text/event-stream")
    lines = [line for line in response.text.splitlines() if line.startswith("data: ")]
    assert lines[-1] == "data: [DONE]"
    assert response.text.startswith(": "), "the gateway's comments pass, as keep-alives"
    chunks = [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]
    pieces = [choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"]]
    assert "".join(pieces) == whole
    assert chunks[-1]["usage"]["total_tokens"] > 0


async def test_newlines_before_a_slow_answer_are_no_harm(
    http: httpx.AsyncClient, gateway: GatewayProcess
) -> None:
    gateway.misbehave(route="/chat/completions", leading_newlines=True)
    response = await http.post(URL, json=HELLO)
    assert response.text.startswith("{")


async def test_a_stream_that_flows_may_last_longer_than_silence(
    http: httpx.AsyncClient, gateway: GatewayProcess
) -> None:
    gateway.misbehave(route="/chat/completions", token_seconds=0.25)
    response = await http.post(URL, json={**HELLO, "stream": True})
    assert response.elapsed.total_seconds() > 3
    assert response.text.endswith("data: [DONE]\n\n")


async def test_the_gateway_gets_the_assistants_settings(
    http: httpx.AsyncClient, gateway: GatewayProcess
) -> None:
    await http.post(URL, json=HELLO)
    assert sent(gateway) == {
        "model": MODEL,
        "messages": [{"role": "system", "content": "You keep a list of tasks."}, *HELLO["messages"]],
        "temperature": 0.2,
        "top_p": 0.9,
        "max_tokens": 64,
        "stream": False,
    }
    headers = httpx.Headers(gateway.log[-1]["headers"])
    assert headers["http-referer"] == "https://todo.example"
    assert headers["x-openrouter-title"] == headers["x-title"] == "Todo"
    assert gateway.log[-1]["key"] == "accepted"


@pytest.mark.parametrize(
    ("asked", "handed_on"),
    [
        ({"temperature": 1.5}, {"temperature": 1.5}),
        ({"top_p": 0.5, "seed": 7, "stop": ["\n"]}, {"top_p": 0.5, "seed": 7, "stop": ["\n"]}),
        ({"max_tokens": 10}, {"max_tokens": 10}),
        ({"max_completion_tokens": 10}, {"max_tokens": 10}),
        ({"max_tokens": 100_000}, {"max_tokens": 64}),
        ({"max_tokens": None, "temperature": None, "stream": None, "models": None}, {"max_tokens": 64}),
        (
            {"response_format": {"type": "json_object"}, "reasoning_effort": "low"},
            {"response_format": {"type": "json_object"}, "reasoning_effort": "low"},
        ),
        ({"model": "default"}, {"model": MODEL}),
        ({"model": MODEL}, {"model": MODEL}),
        ({"n": 1}, {"n": None}),
        ({"user": "mallory"}, {"user": None}),
        ({"no_such_parameter": 1, "transforms": []}, {"no_such_parameter": None, "transforms": None}),
    ],
    ids=str,
)
async def test_the_callers_parameters(
    http: httpx.AsyncClient, gateway: GatewayProcess, asked: dict[str, Any], handed_on: dict[str, Any]
) -> None:
    response = await http.post(URL, json={**HELLO, **asked})
    assert response.status_code == 200, response.text
    assert {name: sent(gateway).get(name) for name in handed_on} == handed_on


async def test_messages_are_handed_on_as_they_are_after_the_system_prompt(
    http: httpx.AsyncClient, gateway: GatewayProcess
) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "clock", "arguments": "{}"}}
    messages = [
        {"role": "system", "content": "Speak French."},
        {"role": "user", "content": [{"type": "text", "text": "What time is it?"}]},
        {"role": "assistant", "content": None, "tool_calls": [call], "reasoning_details": [{"text": "hm"}]},
        {"role": "tool", "tool_call_id": "call_1", "content": "noon"},
    ]
    response = await http.post(URL, json={"messages": messages})
    assert response.status_code == 200, response.text
    assert sent(gateway)["messages"][0]["content"] == "You keep a list of tasks."
    assert sent(gateway)["messages"][1:] == messages


async def test_a_request_id_goes_all_the_way(
    http: httpx.AsyncClient, gateway: GatewayProcess, chatbot: Chatbot
) -> None:
    response = await http.post(URL, json=HELLO, headers={"X-Request-Id": "trace-7"})
    assert response.headers["X-Request-Id"] == "trace-7"
    assert httpx.Headers(gateway.log[-1]["headers"])["X-Request-Id"] == "trace-7"
    [entry] = await chatbot.entries_of("trace-7", 1)
    assert (entry["route"], entry["status"]) == (URL, 200)


@pytest.mark.parametrize("given", [None, "", "x" * 129, "a\tb"])
async def test_a_request_id_is_made_where_none_is_usable(http: httpx.AsyncClient, given: str | None) -> None:
    headers = {} if given is None else {"X-Request-Id": given}
    made = (await http.post(URL, json=HELLO, headers=headers)).headers["X-Request-Id"]
    assert len(made) == 32
    assert made != given


async def test_the_models_that_may_be_named(http: httpx.AsyncClient) -> None:
    models = (await http.get("/v1/models")).json()
    assert models["object"] == "list"
    assert [model["id"] for model in models["data"]] == [MODEL, "default"]


def test_models_in_each_others_place(start_chatbot: Callable[..., Chatbot], gateway: GatewayProcess) -> None:
    ended, fallback, simple = "google/gemini-flash-1.5", "openai/gpt-4o-mini", "openai/gpt-5-mini"
    model = {
        "name": ended,
        "fallbacks": [fallback],
        "simpleQueries": {"name": simple, "maxCharacters": 5},
        "provider": {"allowFallbacks": True, "maxPrice": {"prompt": 100}},
    }
    chatbot = start_chatbot(configuration(gateway.base_url, model=model))

    def answering(said: str, **asked: Any) -> str:
        messages = [{"role": "user", "content": said}]
        response = httpx.post(chatbot.url + URL, json={"messages": messages, **asked}, timeout=10)
        assert response.status_code == 200, response.text
        name: str = response.json()["model"]
        return name

    assert answering("Hello, assistant").startswith(fallback)
    assert sent(gateway)["provider"] == {"allow_fallbacks": True, "max_price": {"prompt": "100"}}
    assert answering("Hello").startswith(simple)
    assert answering("Hello, assistant", model=simple).startswith(simple)
    assert answering("Hello", model=fallback).startswith(fallback)
    assert httpx.post(chatbot.url + URL, json={**HELLO, "model": ended + ":free"}).status_code == 404
    models = httpx.get(f"{chatbot.url}/v1/models").json()["data"]
    assert [each["id"] for each in models] == [ended, "default", fallback, simple]


async def test_openapi_describes_the_request(http: httpx.AsyncClient) -> None:
    document = (await http.get("/openapi.json")).json()
    body = document["paths"][URL]["post"]["requestBody"]["content"]["application/json"]["schema"]
    schemas = document["components"]["schemas"]

    def resolve(reference: dict[str, str]) -> dict[str, Any]:
        found: dict[str, Any] = schemas[reference["$ref"].removeprefix("#/components/schemas/")]
        return found

    request = resolve(body)
    assert request["required"] == ["messages"]
    assert resolve(request["properties"]["messages"]["items"])["required"] == ["role"]


async def test_nobodys_words_are_in_the_log(http: httpx.AsyncClient, chatbot: Chatbot) -> None:
    secret = {"messages": [{"role": "user", "content": "my diagnosis is xyzzy"}]}
    response = await http.post(URL, json=secret, headers={"X-Request-Id": "secret"})
    assert "xyzzy" in response.json()["choices"][0]["message"]["content"]
    await chatbot.entries_of("secret", 1)
    assert "xyzzy" not in chatbot.log
