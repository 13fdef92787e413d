"""The sample with a tool server of its own: a question about the list is answered through a tool."""

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
import yaml

from chatassistant_chatbot.settings import McpServer
from support.processes import free_port, start, stop
from support.tool_servers import kept, offer_of
from support.waiting import eventually

SAMPLE = Path(__file__).parents[2] / "deploy" / "samples" / "todo"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "TODO_DATABASE": str(tmp_path / "new" / "todo.sqlite")}


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """The tool server by itself, with an empty list."""
    port = free_port()
    command = [
        sys.executable,
        SAMPLE / "server.py",
        "--port",
        str(port),
        "--database",
        tmp_path / "list.sqlite",
    ]
    process = start(list(map(str, command)), tmp_path / "server.log")
    yield f"http://127.0.0.1:{port}/mcp"
    stop(process)


def test_it_answers_through_a_tool(tmp_path: Path, environment: dict[str, str]) -> None:
    log = tmp_path / "run.log"
    process = start([sys.executable, "-u", SAMPLE / "run.py"], log, environment)
    try:

        def address() -> str:
            assert process.poll() is None, log.read_text(encoding="utf-8")
            lines = log.read_text(encoding="utf-8").splitlines()
            ready = any("lists its tools" in line for line in lines)
            told = "todo answers at http://127.0.0.1"
            return next((line.split()[-1] for line in lines if line.startswith(told) and ready), "")

        url = eventually(address, "it answers, and lists its tools", timeout=60)
        text = log.read_text(encoding="utf-8")
        token = text.partition("Authorization: Bearer ")[2].partition("'")[0]

        def ask(question: str) -> str:
            body = {"messages": [{"role": "user", "content": question}]}
            headers = {"Authorization": f"Bearer {token}"}
            response = httpx.post(f"{url}/chat/completions", json=body, headers=headers, timeout=20)
            answer: str = response.raise_for_status().json()["choices"][0]["message"]["content"]
            return answer

        assert "Ask the assistant what is on the list" in ask("What is on my list?")
        assert ask("Add milk to my list").endswith("Added as number 3: milk")
        assert ask("Complete task 1").endswith("Done: Ask the assistant what is on the list")
        assert ask("And what is on my list now?").endswith(
            "2. Have it add a task of my own\n3. milk\n1. Ask the assistant what is on the list (done)"
        )
        children = psutil.Process(process.pid).children(recursive=True)
        assert len(children) >= 3, "server, kubectl-assistant, chatbot"
    finally:
        status = stop(process, timeout=30)
    assert status == 0
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []
    with sqlite3.connect(environment["TODO_DATABASE"]) as database:
        assert database.execute("SELECT count(*) FROM tasks").fetchone() == (3,), "the list stays"
    database.close()


def test_a_server_that_does_not_start_is_told(environment: dict[str, str], tmp_path: Path) -> None:
    taken = tmp_path / "folder.sqlite"
    taken.mkdir()
    result = subprocess.run(
        [sys.executable, SAMPLE / "run.py", "--ask", "Hello"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**environment, "TODO_DATABASE": str(taken)},
    )
    assert result.returncode == 1
    assert "The tool server does not start" in result.stderr


async def test_the_tool_server(url: str) -> None:
    async with kept(McpServer(name="todo", url=url)) as tools:
        offer = await offer_of(tools)

        async def call(name: str, **arguments: object) -> tuple[str, bool]:
            result = await offer.call(f"todo__{name}", json.dumps(arguments), "request-1")
            return result.content, result.failed

        assert await call("list_tasks") == ("The list is empty.", False)
        assert await call("add_task", text=" buy\n milk ") == ("Added as number 1: buy milk", False)
        assert await call("add_task", text="x'); DROP TABLE tasks; --") == (
            "Added as number 2: x'); DROP TABLE tasks; --",
            False,
        )
        assert await call("complete_task", number=1) == ("Done: buy milk", False)
        assert (await call("list_tasks"))[0].splitlines() == [
            "2. x'); DROP TABLE tasks; --",
            "1. buy milk (done)",
        ]
        for name, arguments in (
            ("add_task", {"text": " "}),
            ("complete_task", {"number": 9}),
            ("add_task", {}),
        ):
            content, failed = await call(name, **arguments)
            assert failed
            assert content
        added = await asyncio.gather(*(call("add_task", text=str(number)) for number in range(20)))
        assert not any(failed for _, failed in added)
        assert len((await call("list_tasks"))[0].splitlines()) == 22


def test_the_manifest_is_for_a_cluster_too() -> None:
    documents = list(yaml.safe_load_all((SAMPLE / "todo.yaml").read_text(encoding="utf-8")))
    by_kind = {each["kind"]: each for each in documents}
    assert list(by_kind) == ["ChatAssistant", "Service", "Deployment", "PersistentVolumeClaim"]
    assert {each["metadata"]["namespace"] for each in documents} == {"todo-chatbot"}
    [server] = by_kind["ChatAssistant"]["spec"]["tools"]["mcpServers"]
    service, deployment = by_kind["Service"], by_kind["Deployment"]
    assert server["url"] == f"http://{service['metadata']['name']}/mcp"
    assert service["spec"]["selector"].items() <= deployment["spec"]["template"]["metadata"]["labels"].items()
