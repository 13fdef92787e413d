"""Calls of tools over real connections to real servers: what comes back, whatever the server does."""

import asyncio
import json
import logging
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from chatassistant_chatbot.settings import McpServer
from chatassistant_chatbot.tools.tool import ToolResult
from support.lies import LIES
from support.tool_servers import ToolServerProcess, kept, offer_of
from support.waiting import eventually_async

TOOLS = ("slow", "long", "fail", "refuse", "crash", "mixed", "structured", "headers")
ERAS = pytest.mark.parametrize("legacy", [False, True], ids=["of 2026", "older"])
NOT_RUN = "The tool server todo cannot be reached just now. The tool was not run."
BROKEN = "The connection to the tool server todo broke before it answered. The tool may have been run."
FAILED = "The tool server todo failed. The tool may have been run."
NOT_UNDERSTOOD = "The tool server todo gave an answer that cannot be understood. The tool may have been run."
TOO_LARGE = "The answer of the tool server todo is too large to be read. The tool may have been run."
LATE = "The tool server todo did not answer within 2 s. The tool may have been run."
NOT_ACCEPTED = (
    "The tool server todo did not accept the call: it does not know the tool, or the arguments do not fit."
)
SECRET = "letmein-9f8e7d6c"
HEADERS = [{"name": "Authorization", "env": "MCP_HEADER_0_0"}]
VALUES = {"MCP_HEADER_0_0": f"Bearer {SECRET}"}
KIBIBYTE = 1024


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ToolServerProcess]:
    """A tool server that does not run yet."""
    process = ToolServerProcess(tmp_path / "tools")
    yield process
    process.thaw()
    process.stop()


@pytest.fixture(scope="module", params=[False, True], ids=["of 2026", "older"])
def _steady(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ToolServerProcess]:
    process = ToolServerProcess(tmp_path_factory.mktemp("tools"))
    process.start(tools=["echo", *TOOLS], legacy=request.param)
    yield process
    process.stop()


@pytest.fixture
def steady(_steady: ToolServerProcess) -> ToolServerProcess:
    """A tool server with all tools, in each era of the protocol; nothing was called yet."""
    _steady.change(mute_notifications=False)
    _steady.forget()
    return _steady


def todo(server: ToolServerProcess, seconds: float = 10, **fields: Any) -> McpServer:
    return McpServer.model_validate({"name": "todo", "url": server.url, "timeoutSeconds": seconds, **fields})


async def call(tools: Any, name: str, **arguments: Any) -> ToolResult:
    """Call a tool that the server had when it was listed first."""
    offer = await offer_of(tools)
    result = await offer.call(f"todo__{name}", json.dumps(arguments), "request-1")
    assert isinstance(result, ToolResult)
    return result


async def states(server: ToolServerProcess) -> list[str]:
    return [each["state"] for each in (await asyncio.to_thread(lambda: server.asked))["calls"]]


async def introductions(server: ToolServerProcess) -> int:
    """How often it was asked which protocol it speaks."""
    count: int = (await asyncio.to_thread(lambda: server.asked))["introductions"]
    return count


async def reaches(server: ToolServerProcess, *expected: str, timeout: float = 5) -> None:
    async def seen() -> bool:
        found = await states(server)
        assert found == list(expected), found
        return True

    await eventually_async(seen, f"the server's calls are {expected}", timeout)


async def timed(work: Awaitable[Any]) -> tuple[Any, float]:
    started = time.monotonic()
    return await work, time.monotonic() - started


async def test_what_a_tool_gives(steady: ToolServerProcess) -> None:
    async with kept(todo(steady)) as tools:
        assert await call(tools, "echo", text="Grüße", number=1) == ToolResult(
            '{"text": "Gr\\u00fc\\u00dfe", "number": 1}', failed=False
        )
        assert await call(tools, "fail", text="no such task") == ToolResult("no such task", failed=True)
        assert await call(tools, "fail") == ToolResult("The tool failed and does not say why.", failed=True)
        assert await call(tools, "structured") == ToolResult("The tool gave nothing back.", failed=False)
        assert (await call(tools, "mixed")).content.splitlines() == [
            "First.",
            "[image, image/png, 72 bytes; it cannot be shown here]",
            "[audio, audio/wav, 72 bytes; it cannot be shown here]",
            "[resource: report, https://example.com/r, text/html]",
            "[resource: file:///notes.txt]",
            "Notes.",
            "[resource, application/zip, 72 bytes; it cannot be shown here] file:///a.bin",
        ]


async def test_structured_content_is_said_once(steady: ToolServerProcess) -> None:
    cases: list[tuple[Any, list[str], str]] = [
        ({"a": 1}, [], '{"a": 1}'),
        ({"a": "ä"}, ["One."], 'One.\n{"a": "ä"}'),
        ({"a": 1}, ['{"a":1}'], '{"a":1}'),
        ({"result": [1, {"b": 2}]}, ["1", '{"b": 2}'], '1\n{"b": 2}'),
        ({"result": [1, 2]}, ["[1, 2]"], "[1, 2]"),
        ({"result": "text"}, ["text"], "text"),
    ]
    async with kept(todo(steady)) as tools:
        for structured, texts, expected in cases:
            assert (await call(tools, "structured", structured=structured, texts=texts)).content == expected


async def test_arguments_as_models_write_them(steady: ToolServerProcess) -> None:
    wrong = {
        '{"text": ': "The arguments are no JSON:",
        "text": "The arguments are no JSON:",
        '{"text": NaN}': "The arguments are no JSON:",
        '{"text": "\\ud800"}': "The arguments are no JSON:",
        '{"a":' + "[" * 100_000 + "]" * 100_000 + "}": "The arguments are no JSON:",
        '["text"]': "The arguments must be one JSON object",
        "null": "The arguments must be one JSON object",
        '"{}"': "The arguments must be one JSON object",
        '{"a":' * 40 + "1" + "}" * 40: "The arguments have more than 32 levels.",
        '{"text": "' + "a" * 300_000 + '"}': "The arguments are larger than 256 KiB.",
    }
    async with kept(todo(steady)) as tools:
        offer = await offer_of(tools)
        for arguments, told in wrong.items():
            result = await offer.call("todo__echo", arguments, "request-1")
            assert result.failed
            assert result.content.startswith(told), arguments[:40]
        assert await states(steady) == [], "the server is not called"
        for arguments in ("", " \n", "{}"):
            assert await offer.call("todo__echo", arguments, "request-1") == ToolResult("{}", failed=False)
        assert (await call(tools, "echo", big=2**70)).content == '{"big": 1.1805916207174113e+21}'


async def test_a_tool_that_does_not_exist(steady: ToolServerProcess) -> None:
    async with kept(todo(steady)) as tools:
        result = await (await offer_of(tools)).call("todo__" + "x" * 500, "{}", "request-1")
        assert result.failed
        assert result.content.startswith("There is no tool 'todo__xxx")
        assert len(result.content) < 200


async def test_names_that_providers_refuse_are_the_servers_own_again(server: ToolServerProcess) -> None:
    schema = {"type": "object", "properties": {"filter[id]": {"type": "string"}}, "required": ["filter[id]"]}
    name = "tasks.find by filter"
    server.start(tools=[name], schemas={name: schema})
    async with kept(todo(server)) as tools:
        offer = await offer_of(tools)
        [entry] = offer.functions
        [argument] = entry["function"]["parameters"]["required"]
        assert argument.isidentifier()
        assert offer.server_and_tool(entry["function"]["name"]) == ("todo", name)
        result = await offer.call(entry["function"]["name"], json.dumps({argument: "7"}), "request-1")
        assert result.content == '{"filter[id]": "7"}'


async def test_a_large_result_is_cut_and_says_so(steady: ToolServerProcess) -> None:
    async with kept(todo(steady)) as tools:
        whole = await call(tools, "long", characters=128 * KIBIBYTE)
        assert whole.content == "ä" * 128 * KIBIBYTE
        cut = await call(tools, "long", characters=128 * KIBIBYTE + 1)
        assert not cut.failed
        assert len(cut.content.encode()) <= 256 * KIBIBYTE
        text, _, note = cut.content.partition("\n")
        assert set(text) == {"ä"}
        assert (
            note == "[Cut: the result has 257 KiB, of which this is the beginning. Ask for less at a time.]"
        )
        assert (await call(tools, "long", characters=3 * 1024 * KIBIBYTE)) == ToolResult(
            TOO_LARGE, failed=True
        )


TOLD = {
    **dict.fromkeys(("huge_json", "huge_event"), TOO_LARGE),
    **dict.fromkeys(("silence", "drops", "other_id"), LATE),
    **dict.fromkeys(("error", "broken"), FAILED),
    "many_events": None,
    "cut": BROKEN,
    "forbidden": "The tool server todo does not let the assistant in. The tool was not run.",
}


@ERAS
async def test_lies(server: ToolServerProcess, legacy: bool, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "chatassistant_chatbot")
    server.start(tools=["echo", *LIES], legacy=legacy, authorization=f"Bearer {SECRET}")
    process = psutil.Process(os.getpid())
    async with kept(todo(server, 2, headers=HEADERS), headers=VALUES) as tools:
        offer = await offer_of(tools)
        before = process.memory_info().rss
        for lie in LIES:
            result, seconds = await timed(offer.call(f"todo__{lie}", "{}", "request-1"))
            expected = TOLD.get(lie, NOT_UNDERSTOOD)
            if lie == "lost_session":
                expected = NOT_RUN if legacy else NOT_ACCEPTED
            assert result.failed, lie
            assert result.content in {expected or TOO_LARGE, expected or LATE}, lie
            assert seconds < 3, lie
            assert (await call(tools, "echo", lie=lie)).content == json.dumps({"lie": lie}), "others go on"
        assert process.memory_info().rss - before < 100 * 2**20
        asked = await asyncio.to_thread(lambda: server.asked)
        assert [each["tool"] for each in asked["calls"] if each["tool"] != "echo"] == [
            each for lie in LIES for each in [lie] * (2 if legacy and lie == "lost_session" else 1)
        ], "only what surely did not run is called again"
    assert SECRET not in caplog.text
    assert SECRET not in repr([record.__dict__ for record in caplog.records])


async def test_what_a_server_says_of_itself_stays_with_us(
    steady: ToolServerProcess, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "chatassistant_chatbot")
    async with kept(todo(steady, headers=HEADERS), headers=VALUES) as tools:
        assert (await call(tools, "refuse", code=-32602)).content == NOT_ACCEPTED
        assert (await call(tools, "refuse", code=-32601)).content == NOT_ACCEPTED
        assert (await call(tools, "refuse", code=-1)).content == FAILED
        assert (await call(tools, "crash")).content == FAILED
        headers = json.loads((await call(tools, "headers")).content)
        assert headers["authorization"] == "…", "a server that gives it back tells nobody"
        assert headers["accept-encoding"] == "identity"
    assert "internals" not in repr([record.__dict__ for record in caplog.records])


async def test_calls_run_at_the_same_time(steady: ToolServerProcess) -> None:
    async with kept(todo(steady)) as tools:
        await offer_of(tools)
        calls = [call(tools, "slow", seconds=1, number=number) for number in range(40)]
        results, seconds = await timed(asyncio.gather(*calls))
        assert [json.loads(each.content)["number"] for each in results] == list(range(40))
        assert seconds < 5


async def test_a_call_that_takes_too_long_is_given_up_and_progress_does_not_help(
    steady: ToolServerProcess, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "chatassistant_chatbot")
    async with kept(todo(steady, 2)) as tools:
        await offer_of(tools)
        before = await introductions(steady)
        result, seconds = await timed(call(tools, "slow", progress=3))
        assert result == ToolResult(LATE, failed=True)
        assert 1.9 < seconds < 2.5
        await reaches(steady, "cancelled", timeout=0.5)
        assert not (await call(tools, "echo")).failed
        assert await introductions(steady) == before, "the connection is the same"
    progress = [record.__dict__ for record in caplog.records if "progress" in record.message]
    assert [(each["tool"], each["progress"], each["levelname"]) for each in progress] == [
        ("slow", 0.5, "DEBUG")
    ] * 3


@pytest.mark.parametrize("mute_notifications", [False, True], ids=["", "that hears nothing"])
async def test_who_hangs_up_ends_the_call_at_once_and_no_other(
    steady: ToolServerProcess, mute_notifications: bool
) -> None:
    steady.change(mute_notifications=mute_notifications)
    async with kept(todo(steady)) as tools:
        await offer_of(tools)
        before = await introductions(steady)
        given_up = asyncio.create_task(call(tools, "slow"))
        await reaches(steady, "running")
        other = asyncio.create_task(call(tools, "slow", seconds=3))
        await reaches(steady, "running", "running")
        given_up.cancel()
        _, seconds = await timed(asyncio.gather(given_up, return_exceptions=True))
        assert given_up.cancelled()
        assert seconds < 0.2
        if not (steady.legacy and mute_notifications):
            await reaches(steady, "cancelled", "running", timeout=0.5)
        result, seconds = await timed(call(tools, "echo"))
        assert not result.failed
        assert seconds < 2.5
        assert not (await other).failed
        assert await introductions(steady) == before, "the connection is the same"
        cancellations = (await asyncio.to_thread(lambda: steady.asked))["cancellations"]
        assert cancellations == int(steady.legacy), "one of 2026 hears it by the end of the request"


async def test_many_who_hang_up(steady: ToolServerProcess) -> None:
    async with kept(todo(steady)) as tools:
        offer = await offer_of(tools)
        for _ in range(5):
            calls = [asyncio.create_task(offer.call("todo__slow", "{}", "r")) for _ in range(40)]
            await asyncio.sleep(0.05)
            for each in calls:
                each.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
        assert not (await call(tools, "echo")).failed
        await eventually_async(lambda: _none_runs(steady), "the server knows that nobody waits", timeout=5)


async def _none_runs(server: ToolServerProcess) -> bool:
    return "running" not in await states(server)


@ERAS
async def test_a_server_that_was_restarted_is_called_again_when_that_is_safe(
    server: ToolServerProcess, legacy: bool
) -> None:
    server.start(tools=["echo", "die"], legacy=legacy)
    async with kept(todo(server)) as tools:
        await offer_of(tools)
        server.kill()
        server.start(tools=["echo", "die"], legacy=legacy)
        assert (await call(tools, "echo")).content == "{}", "its session is gone, and nobody notices"
        assert await states(server) == ["done"]
        assert await call(tools, "die") == ToolResult(BROKEN, failed=True)
        server.start(tools=["echo", "die"], legacy=legacy)
        assert (await call(tools, "echo")).content == "{}"
        assert await states(server) == ["done"], "what may have run is not run again"


@ERAS
async def test_a_server_that_is_gone_is_noticed_by_the_call(
    server: ToolServerProcess, legacy: bool, caplog: pytest.LogCaptureFixture
) -> None:
    server.start(tools=["echo"], legacy=legacy)
    async with kept(todo(server, 5)) as tools:
        offer = await offer_of(tools)
        server.kill()
        result, seconds = await timed(offer.call("todo__echo", "{}", "request-1"))
        assert result == ToolResult(NOT_RUN, failed=True)
        assert seconds < 3
        assert tools.offer().functions == []
        assert tools.report()[0]["problem"] == "Unreachable"
        result, seconds = await timed(offer.call("todo__echo", "{}", "request-1"))
        assert result == ToolResult(NOT_RUN, failed=True)
        assert seconds < 0.1, "nobody waits for what is known to be gone"
        server.start(tools=["echo"], legacy=legacy)
        await offer_of(tools, timeout=10)
        assert not (await offer.call("todo__echo", "{}", "request-1")).failed, "an older offer does as well"


@ERAS
async def test_a_server_that_froze(server: ToolServerProcess, legacy: bool) -> None:
    server.start(tools=["echo"], legacy=legacy)
    async with kept(todo(server, 2)) as tools:
        offer = await offer_of(tools)
        server.freeze()
        result, seconds = await timed(offer.call("todo__echo", "{}", "request-1"))
        assert result == ToolResult(LATE, failed=True)
        assert 1.9 < seconds < 2.5

        async def gone() -> bool:
            return tools.report()[0]["problem"] == "TimedOut"

        await eventually_async(gone, "it is noticed that nothing comes", timeout=10)
        server.thaw()
        await offer_of(tools, timeout=10)
        assert not (await call(tools, "echo")).failed


async def test_a_thousand_tools(tmp_path: Path, server: ToolServerProcess) -> None:
    small = ToolServerProcess(tmp_path / "small")
    small.start(tools=["echo"])
    names = [f"tool_{number}" for number in range(1000)]
    server.start(tools=names)
    other = McpServer(name="other", url=small.url)
    try:
        async with kept(todo(server), other) as tools:

            async def all_listed() -> bool:
                return [len(each["names"]) for each in tools.report()] == [1000, 1]

            await eventually_async(all_listed, "all are listed", timeout=20)
            offer = tools.offer()
            assert len(offer.functions) == 128
            assert "other__echo" in offer, "each server has its share"
            assert "todo__tool_0" in offer
            assert "todo__tool_999" not in offer
            assert not (await offer.call("todo__tool_99", "{}", "request-1")).failed
    finally:
        small.stop()


async def test_an_offer_stays_what_it_is(server: ToolServerProcess) -> None:
    server.start(tools=["echo", "fail"])
    async with kept(todo(server)) as tools:
        offer = await offer_of(tools)
        assert tools.offer() is offer, "made once a list, not once a turn"
        server.change(tools=["echo", "fail"])

        async def listed_again() -> bool:
            return (await asyncio.to_thread(lambda: server.asked))["listings"] == 2

        await eventually_async(listed_again, "it is asked again", timeout=5)
        assert tools.offer() is offer
        server.change(tools=["echo"])

        async def changed() -> bool:
            return tools.offer() is not offer

        await eventually_async(changed, "the change is heard", timeout=5)
        assert "todo__fail" not in tools.offer()
        assert "todo__fail" in offer
        assert not (await offer.call("todo__echo", "{}", "request-1")).failed


async def test_the_first_turns_wait_for_the_first_list(tmp_path: Path, server: ToolServerProcess) -> None:
    async with kept() as tools:
        _, seconds = await timed(tools.asked())
        assert seconds < 0.1, "there is none"
    server.start(tools=["echo"], delay_seconds=0.5)
    async with kept(todo(server)) as tools:
        await tools.asked()
        assert "todo__echo" in tools.offer()
    server.start(tools=["echo"], delay_seconds=60)
    async with kept(todo(server, 60)) as tools:
        _, seconds = await timed(tools.asked())
        assert 4 < seconds < 8
        _, seconds = await timed(tools.asked())
        assert seconds < 0.1, "the next ones do not wait"


async def test_nothing_but_cancellation_is_raised(
    server: ToolServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chatassistant_chatbot.tools import connection  # noqa: PLC0415 (takes a second)

    def defect(*_: object) -> Callable[..., object]:
        raise RuntimeError("internals")

    server.start(tools=["echo"])
    async with kept(todo(server)) as tools:
        await offer_of(tools)
        monkeypatch.setattr(connection, "tool_result", defect)
        assert await call(tools, "echo") == ToolResult(NOT_UNDERSTOOD, failed=True)
