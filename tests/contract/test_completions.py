"""The stand-in's chat completions: as strict as OpenRouter's, and in their shape."""

import json
from typing import Any

import httpx
import pytest

from chatassistant_operator.local.openrouter import errors
from chatassistant_operator.local.openrouter import situations as known
from chatassistant_operator.local.openrouter.errors import Refusal
from chatassistant_operator.local.openrouter.situations import KeySituation

HELLO: dict[str, Any] = {
    "model": "openrouter/free",
    "messages": [{"role": "user", "content": "Grüße, how is the weather?"}],
}
WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {
                "place": {"type": "string"},
                "days": {"type": "integer"},
                "unit": {"enum": ["C", "F"]},
            },
            "required": ["place", "days", "unit"],
        },
    },
}


def events(text: str) -> list[dict[str, Any]]:
    """The chunks of a stream, which has to end with `[DONE]`."""
    lines = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


async def test_an_answer_quotes_and_owns_up(http: httpx.AsyncClient) -> None:
    response = await http.post("/chat/completions", json=HELLO)
    answer = response.json()

    assert answer["object"] == "chat.completion"
    assert answer["model"] == "google/gemma-4-31b-it:free", "a router names the model that it chose"
    assert answer["id"] == response.headers["X-Generation-Id"]
    choice = answer["choices"][0]
    assert choice["finish_reason"] == choice["native_finish_reason"] == "stop"
    assert "“Grüße, how is the weather?”" in choice["message"]["content"]
    assert "stand-in" in choice["message"]["content"]
    usage = answer["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["cost"] == 0
    generation = (await http.get("/generation", params={"id": answer["id"]})).json()["data"]
    assert generation["tokens_completion"] == usage["completion_tokens"]
    assert (await http.get("/generation", params={"id": "gen-none"})).status_code == 404


async def test_a_paid_model_costs_and_has_a_dated_name(http: httpx.AsyncClient) -> None:
    answer = (await http.post("/chat/completions", json={**HELLO, "model": "~openai/gpt-mini-latest"})).json()
    assert answer["model"] == "openai/gpt-5-mini-20260601"
    assert answer["usage"]["cost"] > 0


async def test_max_tokens_ends_an_answer(http: httpx.AsyncClient) -> None:
    answer = (await http.post("/chat/completions", json={**HELLO, "max_tokens": 1})).json()
    choice = answer["choices"][0]
    assert (choice["finish_reason"], choice["message"]["content"]) == ("length", "You ")
    assert answer["usage"]["completion_tokens"] == 1


async def test_a_stream_in_pieces(http: httpx.AsyncClient) -> None:
    response = await http.post("/chat/completions", json={**HELLO, "stream": True})
    whole = (await http.post("/chat/completions", json=HELLO)).json()["choices"][0]["message"]["content"]

    assert response.headers["Content-Type"] == "text/event-stream"
    assert response.text.startswith(": OPENROUTER PROCESSING\n\n")
    *pieces, finish, usage = events(response.text)
    assert len(pieces) > 5
    assert "".join(piece["choices"][0]["delta"]["content"] for piece in pieces) == whole
    assert finish["choices"][0]["finish_reason"] == "stop"
    assert usage["choices"] == []
    assert usage["usage"]["completion_tokens"] == len(pieces)
    envelope = {(chunk["id"], chunk["object"], chunk["model"]) for chunk in events(response.text)}
    assert envelope == {
        (response.headers["X-Generation-Id"], "chat.completion.chunk", "google/gemma-4-31b-it:free")
    }


async def test_a_tool_is_asked_for_and_its_result_used(http: httpx.AsyncClient) -> None:
    asked = {**HELLO, "tools": [WEATHER]}
    message = (await http.post("/chat/completions", json=asked)).json()["choices"][0]["message"]
    call = message["tool_calls"][0]
    arguments = json.loads(call["function"]["arguments"])
    assert call["function"]["name"] == "get_weather"
    assert arguments == {"place": HELLO["messages"][0]["content"], "days": 1, "unit": "C"}

    result = {"role": "tool", "tool_call_id": call["id"], "content": "Rain."}
    then = {**asked, "messages": [*HELLO["messages"], message, result]}
    choice = (await http.post("/chat/completions", json=then)).json()["choices"][0]
    assert (choice["finish_reason"], choice["message"]["content"]) == ("stop", "The tool says: Rain.")


async def test_a_tools_call_comes_in_pieces(http: httpx.AsyncClient) -> None:
    body = {**HELLO, "tools": [WEATHER], "stream": True}
    *pieces, finish, _ = events((await http.post("/chat/completions", json=body)).text)
    parts = [piece["choices"][0]["delta"]["tool_calls"][0] for piece in pieces]

    assert [("id" in part, "name" in part["function"]) for part in parts] == [
        (True, True),
        (False, False),
        (False, False),
    ]
    arguments = "".join(part["function"]["arguments"] for part in parts)
    assert json.loads(arguments)["days"] == 1
    assert finish["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize(
    ("said", "choice", "calls"),
    [
        ("Weather?", "none", False),
        ("Hello", "auto", False),
        ("Hello", "required", True),
        ("Hello", {"type": "function", "function": {"name": "get_weather"}}, True),
    ],
)
async def test_the_choice_of_a_tool(http: httpx.AsyncClient, said: str, choice: object, calls: bool) -> None:
    body = {
        **HELLO,
        "messages": [{"role": "user", "content": said}],
        "tools": [WEATHER],
        "tool_choice": choice,
    }
    message = (await http.post("/chat/completions", json=body)).json()["choices"][0]["message"]
    assert ("tool_calls" in message) is calls


def todo(name: str, **required: str) -> dict[str, Any]:
    properties = {argument: {"type": kind} for argument, kind in required.items()}
    parameters = {"type": "object", "properties": properties, "required": list(required)}
    return {"type": "function", "function": {"name": f"todo__{name}", "parameters": parameters}}


@pytest.mark.parametrize(
    ("said", "name", "arguments"),
    [
        ("What is on my list?", "list_tasks", {}),
        ("Which tasks do I have?", "list_tasks", {}),
        ("Add milk to my list", "add_task", {"text": "milk"}),
        ("Please add a task: call Bob, please", "add_task", {"text": "call Bob, please"}),
        ("Add “read the README” to the list", "add_task", {"text": "read the README"}),
        ("add", "add_task", {"text": "add"}),
        ("Complete task 12.", "complete_task", {"number": 12}),
        ("My task is complete", "complete_task", {"number": 1}),
    ],
)
async def test_a_wish_becomes_a_call(
    http: httpx.AsyncClient, said: str, name: str, arguments: dict[str, Any]
) -> None:
    tools = [todo("list_tasks"), todo("add_task", text="string"), todo("complete_task", number="integer")]
    body = {**HELLO, "messages": [{"role": "user", "content": said}], "tools": tools}
    message = (await http.post("/chat/completions", json=body)).json()["choices"][0]["message"]
    [call] = message["tool_calls"]
    assert call["function"]["name"] == f"todo__{name}"
    assert json.loads(call["function"]["arguments"]) == arguments


async def test_an_answer_has_all_results(http: httpx.AsyncClient) -> None:
    calls = [
        {"id": each, "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
        for each in ("a", "b")
    ]
    results = [{"role": "tool", "tool_call_id": each, "content": f"Rain at {each}."} for each in ("a", "b")]
    asked = {"role": "assistant", "content": None, "tool_calls": calls}
    body = {**HELLO, "messages": [*HELLO["messages"], asked, *results], "tools": [WEATHER]}
    choice = (await http.post("/chat/completions", json=body)).json()["choices"][0]
    assert choice["message"]["content"] == "The tool says: Rain at a.; Rain at b."


USER = HELLO["messages"][0]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"messages": []}, "messages"),
        ({"messages": None}, "messages"),
        ({"messages": ["hello"]}, "messages.0"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user"}]}, "content is required"),
        ({"messages": [USER, {"role": "tool", "tool_call_id": "a", "content": "x"}]}, "must answer a call"),
        ({"temperature": 3}, "temperature"),
        ({"top_p": -1}, "top_p"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"stream": "yes"}, "stream"),
        ({"models": ["a/a", "b/b", "c/c", "d/d"]}, "models"),
        ({"provider": {"cheapest": True}}, "provider.cheapest"),
        ({"provider": {"max_price": {"prompt": 1}}}, "provider.max_price.prompt"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools.0.function.name"),
        ({"tools": [{"type": "function", "function": {"name": "a" * 65}}]}, "tools.0.function.name"),
        ({"session_id": "a" * 257}, "session_id"),
        ({"metadata": {str(number): "" for number in range(17)}}, "metadata"),
        ({"model": None}, "No models provided"),
        ({"model": "openai/gpt-99"}, "openai/gpt-99 is not a valid model ID"),
    ],
    ids=str,
)
async def test_a_bad_request(http: httpx.AsyncClient, change: dict[str, Any], named: str) -> None:
    answer = await http.post("/chat/completions", json={**HELLO, **change})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == 400
    assert named in answer.json()["error"]["message"]


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff"])
async def test_a_body_that_is_no_request(http: httpx.AsyncClient, content: bytes) -> None:
    answer = await http.post("/chat/completions", content=content)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 400)


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        (
            {"model": "meta-llama/llama-3.1-8b-instruct:free"},
            errors.free_variant_ended("meta-llama/llama-3.1-8b-instruct"),
        ),
        ({"model": "google/gemini-flash-1.5"}, errors.no_endpoints("google/gemini-flash-1.5")),
        (
            {"model": "gryphe/mythomax-l2-13b", "tools": [WEATHER]},
            errors.no_tools(),
        ),
    ],
)
async def test_a_model_that_cannot_serve(
    http: httpx.AsyncClient, change: dict[str, Any], refusal: Refusal
) -> None:
    answer = await http.post("/chat/completions", json={**HELLO, **change})
    assert answer.status_code == 404
    assert answer.json() == refusal.body


@pytest.mark.parametrize("model", ["openai/gpt-5-mini:floor", "openai/gpt-5-mini:online"])
async def test_variants_and_fallbacks(http: httpx.AsyncClient, model: str) -> None:
    assert (await http.post("/chat/completions", json={**HELLO, "model": model})).status_code == 200
    gone = {**HELLO, "model": "google/gemini-flash-1.5", "models": [model]}
    assert (await http.post("/chat/completions", json=gone)).json()["model"] == "openai/gpt-5-mini-20260601"


@pytest.mark.parametrize(
    ("key", "status", "message"),
    [
        (known.NO_CREDIT, 402, "Insufficient credits"),
        (known.LIMIT_REACHED, 403, "Key limit exceeded (monthly limit)"),
        (known.MANAGEMENT, 401, ""),
    ],
    ids=lambda value: value.name if isinstance(value, KeySituation) else None,
)
async def test_a_key_that_cannot_pay(
    http: httpx.AsyncClient, key: KeySituation, status: int, message: str
) -> None:
    answer = await http.post(
        "/chat/completions", json=HELLO, headers={"Authorization": f"Bearer {key.token}"}
    )
    assert answer.status_code == status
    assert answer.json()["error"]["message"].startswith(message)
