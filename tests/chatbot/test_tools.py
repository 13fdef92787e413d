"""Tool servers: what they offer, what is wrong with them, and that nothing waits for them."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest

from chatassistant_chatbot.settings import McpServer
from chatassistant_chatbot.tools import server as server_module
from chatassistant_chatbot.tools import servers
from chatassistant_chatbot.tools.tool import Tool
from support.chatbots import HELLO, Chatbot, configuration
from support.gateway import GatewayProcess
from support.processes import free_port
from support.tool_servers import ToolServerProcess, kept
from support.waiting import eventually, eventually_async

URL = "/v1/chat/completions"
OTHER_ANSWERS = {
    "/website": {"status": 200, "text": "<h1>Welcome", "content_type": "text/html"},
    "/api": {"status": 200, "text": '{"hello": "world"}', "content_type": "application/json"},
    "/nothing": {"status": 404, "text": '{"detail": "Not Found"}', "content_type": "application/json"},
    "/redirect": {"status": 302, "text": "", "content_type": "text/html"},
    "/forbidden": {"status": 403, "text": "no", "content_type": "text/plain"},
    "/broken": {"status": 502, "text": "<h1>Bad gateway", "content_type": "text/html"},
    "/busy": {"status": 429, "text": "", "content_type": "text/html"},
}


@pytest.fixture
def new_server(tmp_path: Path) -> Iterator[Callable[[], ToolServerProcess]]:
    """Gives tool servers that do not run yet."""
    made: list[ToolServerProcess] = []

    def make() -> ToolServerProcess:
        made.append(ToolServerProcess(tmp_path / f"tools-{len(made)}"))
        return made[-1]

    yield make
    for each in made:
        each.stop()


@pytest.fixture
def server(new_server: Callable[[], ToolServerProcess]) -> ToolServerProcess:
    return new_server()


@pytest.fixture
def start(start_chatbot: Callable[..., Chatbot], gateway: GatewayProcess) -> Callable[..., Chatbot]:
    """Starts a chatbot with tool servers: `start({"name": …, "url": …}, …, **environment)`."""

    def start(*mcp_servers: dict[str, Any], **environment: str) -> Chatbot:
        content = configuration(gateway.base_url, tools={"mcpServers": mcp_servers})
        listed = json.dumps([each["url"] for each in mcp_servers])
        return start_chatbot(content, CHATASSISTANT_ALLOWED_ENDPOINTS=listed, **environment)

    return start


def entry(names: list[str], problem: str | None = None) -> dict[str, Any]:
    return {"server": "todo", "names": names, "missing": [], "problem": problem}


def reports(chatbot: Chatbot, expected: dict[str, Any], what: str, timeout: float = 10) -> None:
    """Wait until the chatbot reports that of its only tool server."""

    def reported() -> bool:
        tools = chatbot.report["tools"]
        assert tools == [expected], tools
        return True

    eventually(reported, what, timeout)


def test_what_they_offer_and_what_is_wrong_with_them(
    start: Callable[..., Chatbot], new_server: Callable[[], ToolServerProcess], gateway: GatewayProcess
) -> None:
    todo, slow = new_server(), new_server()
    names = ["c", "a", "d", "b", "e"]
    todo.start(tools=names, page_size=2, authorization="Bearer letmein", other_answers=OTHER_ANSWERS)
    slow.start(delay_seconds=30)
    header = [{"name": "Authorization", "env": "MCP_HEADER_0_0"}]
    problems = {
        **dict.fromkeys(("website", "api", "nothing", "redirect"), "NotMcp"),
        **dict.fromkeys(("broken", "busy"), "Unreachable"),
        "forbidden": "Refused",
    }
    chatbot = start(
        {"name": "todo", "url": todo.url, "headers": header},
        {"name": "some", "url": todo.url, "headers": header, "allowedTools": ["f", "b", "a", "0"]},
        {"name": "locked", "url": todo.url},
        {"name": "slow", "url": slow.url, "timeoutSeconds": 1},
        {"name": "nobody", "url": f"http://127.0.0.1:{free_port()}/mcp"},
        *({"name": name, "url": f"{todo.address}/{name}"} for name in problems),
        MCP_HEADER_0_0="Bearer letmein\n",
    )

    def failed(name: str, problem: str) -> dict[str, Any]:
        return {"server": name, "names": [], "missing": [], "problem": problem}

    def reported() -> bool:
        assert chatbot.report["tools"] == [
            {"server": "todo", "names": ["a", "b", "c", "d", "e"], "missing": [], "problem": None},
            {"server": "some", "names": ["a", "b"], "missing": ["0", "f"], "problem": None},
            failed("locked", "Refused"),
            failed("slow", "TimedOut"),
            failed("nobody", "Unreachable"),
            *(failed(name, problem) for name, problem in problems.items()),
        ]
        return True

    eventually(reported, "all are reported", timeout=20)
    assert httpx.post(chatbot.url + URL, json=HELLO, timeout=10).status_code == 200
    assert "letmein" not in chatbot.log
    warned = [entry for entry in chatbot.entries if entry["level"] == "WARNING"]
    assert {entry["server"]: entry["problem"] for entry in warned} == {
        "locked": "Refused",
        "slow": "TimedOut",
        "nobody": "Unreachable",
        **problems,
    }
    assert len(warned) == len(problems) + 3, "each is told once"


@pytest.mark.parametrize("legacy", [False, True], ids=["of 2026", "older"])
def test_changes_are_heard(start: Callable[..., Chatbot], server: ToolServerProcess, legacy: bool) -> None:
    server.start(legacy=legacy)
    chatbot = start({"name": "todo", "url": server.url})
    reports(chatbot, entry(["add_task", "list_tasks"]), "the tools are listed")
    for names in (["add_task"], ["add_task", "end_task"], []):
        server.change(tools=names)
        reports(chatbot, entry(names), "the change is heard", timeout=3)
    chatbot.stop()
    assert server.asked["farewells"] == int(legacy), "a session is ended with the chatbot"


def test_who_changes_all_the_time_is_not_asked_all_the_time(
    start: Callable[..., Chatbot], server: ToolServerProcess
) -> None:
    server.start()
    chatbot = start({"name": "todo", "url": server.url})
    eventually(lambda: server.asked["listeners"] == 1, "it listens")
    before = server.asked["listings"]
    for number in range(50):
        server.change(tools=[f"tool_{number}"])
    reports(chatbot, entry(["tool_49"]), "the last change is heard", timeout=3)
    assert server.asked["listings"] - before < 20


def test_a_stream_of_news_that_ends_is_opened_again(
    start: Callable[..., Chatbot], server: ToolServerProcess
) -> None:
    server.start()
    chatbot = start({"name": "todo", "url": server.url})
    eventually(lambda: server.asked["listeners"] == 1, "it listens")
    server.change(streams=0)
    eventually(lambda: server.asked["listeners"] == 0, "it listens no more")
    eventually(lambda: server.asked["listeners"] == 1, "it listens again", timeout=10)
    server.change(tools=["end_task"])
    reports(chatbot, entry(["end_task"]), "the change is heard", timeout=3)


async def test_what_is_not_told_is_noticed_in_time(
    server: ToolServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert server_module._OLDEST_SECONDS <= 60
    monkeypatch.setattr(server_module, "_OLDEST_SECONDS", 0.5)
    await asyncio.to_thread(server.start)
    async with kept(McpServer(name="todo", url=server.url)) as tools:

        async def offered(*names: str) -> None:
            async def seen() -> bool:
                assert [each["function"]["name"] for each in tools.offer().functions] == list(names)
                return True

            await eventually_async(seen, f"the tools are {names}", timeout=10)

        await offered("todo__add_task", "todo__list_tasks")
        await asyncio.to_thread(server.change, tools=["end_task"], silent=True)
        await offered("todo__end_task")
        assert tools.offer().functions == [
            {
                "type": "function",
                "function": {
                    "name": "todo__end_task",
                    "description": "Does end_task.",
                    "parameters": {"type": "object", "properties": {"text": {"type": "string"}}},
                },
            }
        ]


@pytest.mark.parametrize("legacy", [False, True], ids=["of 2026", "older"])
def test_a_server_comes_and_goes_and_nothing_waits_for_it(
    start: Callable[..., Chatbot], server: ToolServerProcess, legacy: bool
) -> None:
    chatbot = start({"name": "todo", "url": server.url})
    assert httpx.get(f"{chatbot.health_url}/readyz").status_code == 200
    assert httpx.post(chatbot.url + URL, json=HELLO, timeout=10).status_code == 200
    reports(chatbot, entry([], "Unreachable"), "it is not there")
    server.start(legacy=legacy)
    reports(chatbot, entry(["add_task", "list_tasks"]), "it is back", timeout=10)
    if legacy:
        # That one of those is gone shows when it is asked again, within a minute.
        return
    server.stop()
    reports(chatbot, entry([], "Unreachable"), "it is gone again", timeout=10)
    server.start(tools=["end_task"])
    reports(chatbot, entry(["end_task"]), "it is back again", timeout=10)


async def test_a_connection_that_ends_is_no_problem_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "_AGAIN_SECONDS", 0.0)
    lists: asyncio.Queue[list[Tool]] = asyncio.Queue()
    reports: list[list[dict[str, Any]]] = []

    class Ending(AbstractAsyncContextManager[Any]):
        """Lists its tools once, and is over then."""

        def __init__(self, *_: object) -> None:
            self._listed = False

        async def __aexit__(self, *_: object) -> None:
            reports.append(tools.report())

        async def list_tools(self) -> list[Tool]:
            if self._listed:
                raise ConnectionError
            self._listed = True
            return await lists.get()

        async def news(self, _: float) -> None:
            pass

    monkeypatch.setattr(servers, "_import_connection", lambda: Ending)
    tools = servers.ToolServers([McpServer(name="todo", url="http://todo-tools/mcp")], {})
    keeping = asyncio.create_task(tools.keep())
    for name in ("one", "two"):
        lists.put_nowait([Tool("todo", name, "", {})])

    async def twice() -> bool:
        return len(reports) == 2

    await eventually_async(twice, "two connections have ended", timeout=5)
    assert reports == [[entry(["one"])], [entry(["two"])]]
    assert tools.report() == [entry(["two"])]
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)


@pytest.mark.parametrize("legacy", [False, True], ids=["of 2026", "older"])
def test_a_server_that_never_answers_delays_no_end(
    start: Callable[..., Chatbot], server: ToolServerProcess, legacy: bool
) -> None:
    server.start(legacy=legacy)
    chatbot = start({"name": "todo", "url": server.url})
    reports(chatbot, entry(["add_task", "list_tasks"]), "the tools are listed")
    server.change(mute=True)
    started = time.monotonic()
    assert chatbot.stop() == 0
    assert time.monotonic() - started < 4


def test_the_end_does_not_wait_for_a_list(start: Callable[..., Chatbot], server: ToolServerProcess) -> None:
    server.start(delay_seconds=30)
    chatbot = start({"name": "todo", "url": server.url})
    eventually(lambda: server.asked["listings"], "it is asked")
    assert chatbot.report["tools"] == [], "nothing is known of it yet"
    started = time.monotonic()
    assert chatbot.stop() == 0
    assert time.monotonic() - started < 4
