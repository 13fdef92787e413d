"""OpenAI's official SDK for JavaScript is at home here too."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final

import pytest

from support.chatbots import HELLO, MODEL, Chatbot, configuration
from support.gateway import GatewayProcess
from support.npm import installed, node
from support.scripted_gateway import ScriptedGateway, calls, scripted_gateway, text

_ROUTE: Final = "/chat/completions"
_CLIENT: Final = Path(__file__).parent.with_name("support") / "openai_js/client.js"
_ASKED: Final = {"model": "default", **HELLO}
_SUM: Final = {
    "type": "object",
    "properties": {"sum": {"type": "number"}},
    "required": ["sum"],
    "additionalProperties": False,
}


@pytest.fixture
async def scripted() -> AsyncIterator[ScriptedGateway]:
    async with scripted_gateway() as gateway:
        yield gateway


async def sdk(chatbot: Chatbot, method: str, request: Any = None, **options: Any) -> dict[str, Any]:
    """What a method of `client.js` gives: `answer` or `error`."""
    installed("openai_js", "openai")
    given = {"baseURL": f"{chatbot.url}/v1", "apiKey": "any", "maxRetries": 0, "timeout": 10_000, **options}
    asked = json.dumps({"method": method, "options": given, "request": request})
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(node(), _CLIENT, asked, stdout=pipe, stderr=pipe)
    output, problems = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, problems.decode()
    outcome: dict[str, Any] = json.loads(output)
    return outcome


async def test_models(chatbot: Chatbot) -> None:
    models = (await sdk(chatbot, "models"))["answer"]
    assert [model["id"] for model in models] == [MODEL, "default"]


async def test_in_one_piece(chatbot: Chatbot) -> None:
    answer = (await sdk(chatbot, "create", _ASKED))["answer"]
    assert "Hello" in answer["choices"][0]["message"]["content"]
    assert answer["usage"]["total_tokens"] > 0


async def test_as_a_stream(chatbot: Chatbot) -> None:
    pieces = (await sdk(chatbot, "pieces", _ASKED))["answer"]
    assert len(pieces) > 2
    assert "Hello" in "".join(pieces)
    whole = (await sdk(chatbot, "stream", _ASKED))["answer"]
    assert whole["choices"][0]["message"]["content"] == "".join(pieces)
    assert whole["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize("stream", [False, True])
async def test_tools_of_the_caller(
    scripted: ScriptedGateway, start_chatbot: Callable[..., Chatbot], *, stream: bool
) -> None:
    chatbot = start_chatbot(configuration(scripted.base_url))
    scripted.says(calls("add", arguments='{"a": 20, "b": 22}'), text("It is 42."))
    answer = (await sdk(chatbot, "runTools", {**_ASKED, "stream": stream}))["answer"]
    assert answer["content"] == "It is 42."
    first, second = scripted.requests
    assert [tool["function"]["name"] for tool in first["tools"]] == ["add"]
    *_, result = second["messages"]
    assert (result["role"], result["tool_call_id"], result["content"]) == ("tool", "call_0", "42")


async def test_structured_output(scripted: ScriptedGateway, start_chatbot: Callable[..., Chatbot]) -> None:
    chatbot = start_chatbot(configuration(scripted.base_url))
    scripted.says(text('{"sum": 42}'))
    wanted = {"type": "json_schema", "json_schema": {"name": "sum", "strict": True, "schema": _SUM}}
    answer = (await sdk(chatbot, "parse", {**_ASKED, "response_format": wanted}))["answer"]
    assert json.loads(answer["content"]) == {"sum": 42}
    assert [request["response_format"] for request in scripted.requests] == [wanted]


async def test_who_shows_no_good_token(
    gateway: GatewayProcess, start_chatbot: Callable[..., Chatbot]
) -> None:
    content = configuration(gateway.base_url, access={"mode": "Token"})
    chatbot = start_chatbot(content, ACCESS_TOKEN="letmein")
    error = (await sdk(chatbot, "create", _ASKED))["error"]
    assert (error["name"], error["status"], error["code"]) == ("AuthenticationError", 401, "invalid_token")
    assert "answer" in await sdk(chatbot, "create", _ASKED, apiKey="letmein")


async def test_another_model(chatbot: Chatbot) -> None:
    error = (await sdk(chatbot, "create", {**_ASKED, "model": "gpt-4"}))["error"]
    assert error["requestID"]
    assert {key: error[key] for key in ("name", "status", "code", "type", "param")} == {
        "name": "NotFoundError",
        "status": 404,
        "code": "model_not_found",
        "type": "invalid_request_error",
        "param": "model",
    }


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        ({"status": 429, "headers": {"Retry-After": "60"}}, "RateLimitError"),
        ({"status": 400}, "BadRequestError"),
        ({"error": "unknown_key"}, "InternalServerError"),
    ],
    ids=str,
)
async def test_errors(chatbot: Chatbot, gateway: GatewayProcess, fault: dict[str, Any], name: str) -> None:
    gateway.misbehave(route=_ROUTE, **fault)
    assert (await sdk(chatbot, "create", _ASKED))["error"]["name"] == name


@pytest.mark.parametrize("fault", [{"cut_after": 3}, {"error_after": 3}], ids=str)
async def test_a_broken_stream_throws(
    chatbot: Chatbot, gateway: GatewayProcess, fault: dict[str, int]
) -> None:
    gateway.misbehave(route=_ROUTE, **fault)
    assert (await sdk(chatbot, "pieces", _ASKED))["error"]["name"] == "APIError"


async def test_it_comes_again_when_it_was_told_to(chatbot: Chatbot, gateway: GatewayProcess) -> None:
    gateway.misbehave(route=_ROUTE, times=1, status=429, headers={"Retry-After": "4"})
    assert "answer" in await sdk(chatbot, "create", _ASKED, maxRetries=1)
    first, second = (seconds for seconds, route in gateway.times if route.endswith(_ROUTE))
    # By itself it would wait for a second at most, and the chatbot waits for no more than 3.
    assert second - first >= 4


async def test_its_own_retries_work(chatbot: Chatbot, gateway: GatewayProcess) -> None:
    gateway.misbehave(route=_ROUTE, times=3, error="bad_gateway")
    assert "answer" in await sdk(chatbot, "create", _ASKED, maxRetries=1)
    assert gateway.requests[f"POST {_ROUTE}"] == 4
