"""A chatbot as a real process, in front of the stand-in for OpenRouter."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from chatassistant_operator.local.openrouter.situations import ACCEPTED
from support.gateway import GatewayProcess
from support.processes import start, stop
from support.waiting import eventually


class Chatbot:
    """A running chatbot."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._log = folder / "chatbot.log"
        self.process: subprocess.Popen[bytes] = start(
            [sys.executable, "-m", "chatassistant_chatbot"],
            self._log,
            {"PATH": os.environ["PATH"], "PORT": "0", "METRICS_PORT": "0", **environment},
        )
        serving: dict[str, Any] = eventually(self._serving, "the chatbot serves")
        self.url = f"http://127.0.0.1:{serving['port']}"
        self.metrics_url = f"http://127.0.0.1:{serving['metrics_port']}"

    @property
    def log(self) -> str:
        """What it has printed."""
        return self._log.read_text(encoding="utf-8")

    def ask(self, question: str = "Hello", **body: Any) -> httpx.Response:
        """Ask, in one piece unless `stream` says otherwise."""
        asked = {"messages": [{"role": "user", "content": question}], **body}
        return httpx.post(f"{self.url}/v1/chat/completions", json=asked, timeout=20)

    def stop(self) -> int:
        """End it; gives its exit status."""
        return stop(self.process)

    def _serving(self) -> dict[str, Any]:
        assert self.process.poll() is None, self.log
        lines = [json.loads(line) for line in self.log.splitlines()]
        return next((line for line in lines if line["message"] == "serving"), {})


@pytest.fixture
def start_chatbot(gateway: GatewayProcess, tmp_path: Path) -> Iterator[Callable[..., Chatbot]]:
    """Starts a chatbot that talks to the stand-in, from a configuration with changes."""
    started: list[Chatbot] = []

    def begin(environment: dict[str, str] | None = None, **configuration: Any) -> Chatbot:
        content = {"gateway": {"baseURL": gateway.base_url, "timeoutSeconds": 2}, **configuration}
        path = tmp_path / f"config-{len(started)}.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        given = {"CHATASSISTANT_CONFIG": str(path), "OPENROUTER_API_KEY": f"{ACCEPTED.token}\n"}
        folder = tmp_path / f"chatbot-{len(started)}"
        folder.mkdir()
        started.append(Chatbot(folder, given | (environment or {})))
        return started[-1]

    yield begin
    for chatbot in started:
        chatbot.stop()
        assert ACCEPTED.token not in chatbot.log
        assert "Traceback" not in chatbot.log, chatbot.log


@pytest.fixture
def chatbot(start_chatbot: Callable[..., Chatbot]) -> Chatbot:
    """A chatbot that talks to the stand-in."""
    return start_chatbot()
