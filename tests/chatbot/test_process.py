"""How the chatbot starts and ends."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil
import pytest

from chatassistant_operator.local.openrouter.situations import ACCEPTED
from support.gateway import GatewayProcess
from support.waiting import eventually

from .conftest import Chatbot


def _fails(environment: dict[str, str]) -> str:
    result = subprocess.run(
        [sys.executable, "-m", "chatassistant_chatbot"],
        env={"PATH": os.environ["PATH"], "PORT": "0", "METRICS_PORT": "0", **environment},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    return line


def test_without_a_key() -> None:
    assert "OPENROUTER_API_KEY" in _fails({"OPENROUTER_API_KEY": " \n"})


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("{", "config.json"),
        ('{"modle": {}}', "modle: unknown field"),
        ('{"model": {"parameters": {"maxTokens": 0}}}', "model.parameters.maxTokens"),
        ('{"gateway": {"baseURL": "openrouter.ai"}}', "gateway.baseURL"),
        ('{"observability": {"logLevel": "Loud"}}', "observability.logLevel"),
    ],
)
def test_with_a_bad_file(tmp_path: Path, content: str, named: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(content, encoding="utf-8")
    line = _fails({"OPENROUTER_API_KEY": ACCEPTED.token, "CHATASSISTANT_CONFIG": str(path)})
    assert str(path) in line
    assert named in line
    assert ACCEPTED.token not in line


def test_with_a_file_that_is_not_there() -> None:
    line = _fails({"OPENROUTER_API_KEY": "x", "CHATASSISTANT_CONFIG": "/nowhere/config.json"})
    assert "/nowhere/config.json" in line


def test_with_bad_variables() -> None:
    assert "METRICS_PORT" in _fails({"OPENROUTER_API_KEY": "x", "METRICS_PORT": "many"})
    assert "ACCESS_TOKEN" in _fails({"OPENROUTER_API_KEY": "x", "ACCESS_MODE": "Token"})
    assert "ACCESS_MODE" in _fails({"OPENROUTER_API_KEY": "x", "ACCESS_MODE": "Maybe"})
    assert "OPENROUTER_BASE_URL" in _fails({"OPENROUTER_API_KEY": "x", "OPENROUTER_BASE_URL": "nonsense"})


def test_with_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert f"127.0.0.1:{port}" in _fails({"OPENROUTER_API_KEY": "x", "PORT": port})


def test_by_itself_from_the_environment(tmp_path: Path, gateway: GatewayProcess) -> None:
    environment = {
        "OPENROUTER_API_KEY": ACCEPTED.token,
        "OPENROUTER_BASE_URL": gateway.base_url,
        "AI_MODEL": "openai/gpt-4o-mini",
    }
    started = time.monotonic()
    chatbot = Chatbot(tmp_path, environment)
    try:
        assert time.monotonic() - started < 5.0
        assert httpx.get(f"{chatbot.metrics_url}/readyz").status_code == 200
        assert chatbot.ask().status_code == 200
        assert gateway.log[-1]["body"]["model"] == "openai/gpt-4o-mini"
        assert psutil.Process(chatbot.process.pid).memory_info().rss < 80 * 1024 * 1024
    finally:
        assert chatbot.stop() == 0


def test_a_running_answer_ends_before_the_process_does(
    start_chatbot: Callable[..., Chatbot], gateway: GatewayProcess
) -> None:
    chatbot = start_chatbot({"DRAIN_SECONDS": "10"})
    gateway.misbehave(route="/chat/completions", token_seconds=0.1)
    texts: list[str] = []
    asking = threading.Thread(target=lambda: texts.append(chatbot.ask(stream=True).text))
    asking.start()
    eventually(lambda: gateway.requests.get("POST /chat/completions") == 1, "the stream runs")
    chatbot.process.send_signal(signal.SIGTERM)
    eventually(lambda: httpx.get(f"{chatbot.metrics_url}/readyz").status_code == 503, "readiness is down")
    with pytest.raises(httpx.ConnectError):
        chatbot.ask()
    asking.join(timeout=10)
    assert texts[0].rstrip().endswith("data: [DONE]")
    assert chatbot.process.wait(timeout=5) == 0


def test_openapi_describes_the_request(chatbot: Chatbot) -> None:
    document = httpx.get(f"{chatbot.url}/openapi.json").json()
    operation = document["paths"]["/v1/chat/completions"]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    assert "messages" in json.dumps(schema)
