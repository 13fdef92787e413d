"""Turns in which tools of a real tool server are called, from the caller's request to the answer."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import openai
import pytest
import pytest_asyncio

from support.chatbots import Chatbot, configuration
from support.scripted_gateway import USAGE, Fails, ScriptedGateway, calls, scripted_gateway, text
from support.tool_servers import ToolServerProcess
from support.waiting import eventually_async

CLOCK = {"type": "function", "function": {"name": "clock", "parameters": {"type": "object"}}}


# One gateway, one chatbot and one tool server for all: each test says what the model says.
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def scripted() -> AsyncIterator[ScriptedGateway]:
    async with scripted_gateway() as gateway:
        yield gateway


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ToolServerProcess]:
    server = ToolServerProcess(tmp_path_factory.mktemp("tools"))
    server.start()
    yield server
    server.stop()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def chatbot(
    scripted: ScriptedGateway, tools: ToolServerProcess, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Chatbot]:
    servers = [{"name": "todo", "url": tools.url, "timeoutSeconds": 2}]
    content = configuration(scripted.base_url, tools={"mcpServers": servers, "maxRounds": 3})
    environment = {"CHATASSISTANT_ALLOWED_ENDPOINTS": '["*"]'}
    chatbot = Chatbot(tmp_path_factory.mktemp("chatbot"), content, environment)
    await chatbot.lists_tools()
    yield chatbot
    assert chatbot.stop() == 0
    assert "Traceback" not in chatbot.log


@pytest_asyncio.fixture(loop_scope="module")
async def chat(chatbot: Chatbot) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=chatbot.url, timeout=20) as client:
        yield client


async def ask(client: httpx.AsyncClient, stream: bool = False, **more: Any) -> dict[str, Any]:
    """The answer, and for a stream what its chunks add up to; `news` has what was told of tools."""
    body = {"messages": [{"role": "user", "content": "What is on my list?"}], "stream": stream, **more}
    response = await client.post("/v1/chat/completions", json=body)
    assert response.status_code == 200, response.text
    if not stream:
        answer: dict[str, Any] = response.json()
        return {
            **answer["choices"][0]["message"],
            **answer["choices"][0],
            "usage": answer["usage"],
            "news": [],
        }
    events = [line.removeprefix("data: ") for line in response.text.splitlines() if line.startswith("data: ")]
    assert events[-1] == "[DONE]", events
    chunks = [json.loads(event) for event in events[:-1]]
    assert len({chunk["id"] for chunk in chunks}) == 1, "one stream has one id"
    choices = [chunk["choices"][0] for chunk in chunks if chunk["choices"]]
    reasons = [choice["finish_reason"] for choice in choices if choice["finish_reason"]]
    assert len(reasons) == 1, "one stream ends once"
    return {
        "content": "".join(choice["delta"].get("content") or "" for choice in choices),
        "tool_calls": [call for choice in choices for call in choice["delta"].get("tool_calls") or ()],
        "finish_reason": reasons[0],
        "usage": next(chunk["usage"] for chunk in chunks if chunk.get("usage")),
        "news": [chunk["chatassistant"] for chunk in chunks if "chatassistant" in chunk],
    }


@pytest.mark.parametrize("stream", [False, True])
async def test_a_question_is_answered_through_a_tool(
    chat: httpx.AsyncClient, scripted: ScriptedGateway, stream: bool
) -> None:
    scripted.says(calls("todo__list_tasks", content="Let me look. "), text("You need milk."))
    answer = await ask(chat, stream)
    assert answer["content"].endswith("You need milk.")
    assert answer["finish_reason"] == "stop"
    assert not answer.get("tool_calls")
    assert answer["usage"]["total_tokens"] == 2 * USAGE["total_tokens"]
    first, second = scripted.requests
    assert {each["function"]["name"] for each in first["tools"]} >= {"todo__list_tasks", "todo__add_task"}
    assert first["tools"] == second["tools"]
    asked, result = second["messages"][-2:]
    assert (asked["role"], asked["content"]) == ("assistant", "Let me look. ")
    assert (result["role"], result["tool_call_id"]) == ("tool", "call_0")
    if stream:
        assert answer["content"] == "Let me look. You need milk."
        assert [(each["tool"], each["server"], each["state"]) for each in answer["news"]] == [
            ("list_tasks", "todo", "running"),
            ("list_tasks", "todo", "done"),
        ]


@pytest.mark.parametrize("stream", [False, True])
async def test_several_tools_run_and_their_results_keep_their_order(
    chat: httpx.AsyncClient, scripted: ScriptedGateway, stream: bool
) -> None:
    scripted.says(
        calls("todo__list_tasks", "nobody", "todo__add_task", arguments='{"text": "x"}'), text("Done.")
    )
    answer = await ask(chat, stream)
    assert answer["content"] == "Done."
    results = scripted.requests[1]["messages"][-3:]
    assert [each["tool_call_id"] for each in results] == ["call_0", "call_1", "call_2"]
    assert "no tool called nobody" in results[1]["content"]


@pytest.mark.parametrize("stream", [False, True])
async def test_the_rounds_have_an_end(
    chat: httpx.AsyncClient, scripted: ScriptedGateway, stream: bool
) -> None:
    scripted.says(calls("todo__list_tasks"))
    answer = await ask(chat, stream)
    assert "used up" in answer["content"]
    assert answer["finish_reason"] == "stop"
    assert [each.get("tool_choice") for each in scripted.requests] == [None, None, None, "none"]


@pytest.mark.parametrize("stream", [False, True])
async def test_calls_of_both_sides(chat: httpx.AsyncClient, scripted: ScriptedGateway, stream: bool) -> None:
    scripted.says(calls("clock", "todo__list_tasks"), text("It is nine, and you need milk."))
    answer = await ask(chat, stream, tools=[CLOCK])
    assert answer["finish_reason"] == "tool_calls"
    assert [each["function"]["name"] for each in answer["tool_calls"]] == ["clock"]
    assert len(scripted.requests) == 1
    ours = [{name: value for name, value in each.items() if name != "index"} for each in answer["tool_calls"]]
    history = [
        {"role": "user", "content": "What is on my list?"},
        {"role": "assistant", "content": None, "tool_calls": ours},
        {"role": "tool", "tool_call_id": ours[0]["id"], "content": "nine"},
    ]
    answer = await ask(chat, stream, tools=[CLOCK], messages=history)
    assert answer["content"] == "It is nine, and you need milk."
    _, _, asked, theirs, mine = scripted.requests[1]["messages"]
    assert [each["function"]["name"] for each in asked["tool_calls"]] == ["clock", "todo__list_tasks"]
    assert (theirs["role"], theirs["tool_call_id"]) == ("tool", "call_1")
    assert (mine["tool_call_id"], mine["content"]) == ("call_0", "nine")


async def test_a_gateway_that_fails_between_the_rounds(
    chat: httpx.AsyncClient, scripted: ScriptedGateway
) -> None:
    scripted.says(
        calls("todo__list_tasks", content="Let me look."), Fails(400, {"code": 400, "message": "no"})
    )
    response = await chat.post("/v1/chat/completions", json={"messages": [{"role": "user", "content": "?"}]})
    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_request")
    scripted.says(
        calls("todo__list_tasks", content="Let me look."), Fails(400, {"code": 400, "message": "no"})
    )
    body = {"messages": [{"role": "user", "content": "?"}], "stream": True}
    response = await chat.post("/v1/chat/completions", json=body)
    assert response.status_code == 200
    assert "[DONE]" not in response.text
    assert json.loads(response.text.split("data: ")[-1])["error"]["code"] == "invalid_request"


async def test_a_dead_server_gives_the_model_an_error_and_the_user_an_answer(
    chat: httpx.AsyncClient, scripted: ScriptedGateway, tools: ToolServerProcess, chatbot: Chatbot
) -> None:
    scripted.says(calls("todo__list_tasks"), text("The list cannot be read now."))
    tools.stop()
    try:
        answer = await ask(chat, stream=True)
    finally:
        tools.start()
        await chatbot.lists_tools()
    assert answer["content"] == "The list cannot be read now."
    assert answer["news"][-1]["state"] == "failed"
    assert "todo" in scripted.requests[1]["messages"][-1]["content"]


async def test_a_name_of_the_assistants_own_tool_is_refused(
    chat: httpx.AsyncClient, scripted: ScriptedGateway
) -> None:
    taken = {"type": "function", "function": {"name": "todo__list_tasks", "parameters": {}}}
    body = {"messages": [{"role": "user", "content": "?"}], "tools": [taken]}
    response = await chat.post("/v1/chat/completions", json=body)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "tool_name_taken")


async def test_openai_clients_are_not_disturbed_by_news(
    chat: httpx.AsyncClient, scripted: ScriptedGateway
) -> None:
    scripted.says(calls("todo__list_tasks"), text("You need milk."))
    async with openai.AsyncOpenAI(base_url=f"{chat.base_url}/v1", api_key="-", max_retries=0) as client:
        stream = await client.chat.completions.create(
            model="default", messages=[{"role": "user", "content": "?"}], stream=True
        )
        said = [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]
    assert "".join(said) == "You need milk."


@pytest.mark.parametrize("stream", [False, True])
async def test_a_caller_who_hangs_up_while_a_tool_runs_ends_it(
    chat: httpx.AsyncClient, scripted: ScriptedGateway, tools: ToolServerProcess, stream: bool
) -> None:
    tools.change(call_seconds=60)
    scripted.says(calls("todo__list_tasks"), text("Never said."))
    asking = asyncio.ensure_future(ask(chat, stream))

    async def running() -> bool:
        return tools.asked["running"] == 1

    async def ended() -> bool:
        return tools.asked["running"] == 0

    await eventually_async(running, "the tool runs")
    asking.cancel()
    await eventually_async(ended, "the tool is told to stop", timeout=1.0)
    assert len(scripted.requests) == 1
