"""The chatbot as a process of its own, as a pod runs it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import httpx

from chatassistant_operator.local.openrouter.situations import ACCEPTED
from support.processes import start, stop
from support.waiting import eventually, eventually_async

HELLO: Final[dict[str, Any]] = {"messages": [{"role": "user", "content": "Hello"}]}
MODEL: Final = "google/gemma-4-31b-it:free"


def configuration(base_url: str, **changes: Any) -> dict[str, Any]:
    """A configuration file's content, as the operator renders it: each question is asked, and the gateway may be
    silent for 3 s only."""
    return {
        "name": "todo",
        "namespace": "todo-chatbot",
        "model": {"name": MODEL, "parameters": {"temperature": 0.2, "topP": 0.9, "maxTokens": 64}},
        "systemPrompt": "You keep a list of tasks.",
        "gateway": {
            "baseURL": base_url,
            "timeoutSeconds": 3,
            "referer": "https://todo.example",
            "title": "Todo",
        },
        "access": {"mode": "None"},
        "cache": {"enabled": False},
        "rateLimit": {"requests": 1_000_000},
        "observability": {"logLevel": "Info"},
        **changes,
    }


class Chatbot:
    """A running chatbot, on free ports of this machine."""

    def __init__(
        self,
        folder: Path,
        content: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._log = folder / "chatbot.log"
        given = {"OPENROUTER_API_KEY": ACCEPTED.token, "PORT": "0", "METRICS_PORT": "0"}
        if content is not None:
            file = folder / "config.json"
            file.write_text(json.dumps(content), encoding="utf-8")
            given["CHATASSISTANT_CONFIG"] = str(file)
        self.process: subprocess.Popen[bytes] = start(
            [sys.executable, "-m", "chatassistant_chatbot"],
            self._log,
            {"PATH": os.environ["PATH"], **given, **(environment or {})},
        )
        ports = eventually(self._serving, "the chatbot serves")
        self.url = f"http://127.0.0.1:{ports['port']}"
        self.health_url = f"http://127.0.0.1:{ports['metrics_port']}"

    @property
    def log(self) -> str:
        """All that it wrote."""
        return self._log.read_text(encoding="utf-8")

    @property
    def entries(self) -> list[dict[str, Any]]:
        """The whole lines of its log; each is a JSON object."""
        return [json.loads(line) for line in self.log.rpartition("\n")[0].splitlines()]

    async def entries_of(self, request_id: str, count: int) -> list[dict[str, Any]]:
        """What it logged of a request: so many entries, the last of which come after the answer's end."""

        async def logged() -> list[dict[str, Any]]:
            found = [entry for entry in self.entries if entry.get("request_id") == request_id]
            assert len(found) >= count, found
            return found

        return await eventually_async(logged, f"{count} log entries of {request_id}", timeout=5)

    @property
    def report(self) -> dict[str, Any]:
        """What the operator reads of it."""
        report: dict[str, Any] = httpx.get(f"{self.health_url}/report").raise_for_status().json()
        return report

    async def lists_tools(self) -> None:
        """Wait until each of its tool servers has been asked, and offers something."""

        async def listed() -> bool:
            tools = self.report["tools"]
            assert all(server["names"] for server in tools), tools
            return bool(tools)

        await eventually_async(listed, "the tools are listed", timeout=20)

    def metric(self, sample: str) -> float:
        """The value of a sample at /metrics, 0 when it is not there yet."""
        lines = httpx.get(f"{self.health_url}/metrics").text.splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{sample} ")), 0.0)

    def end(self) -> None:
        """Ask it to end, and do not wait."""
        self.process.send_signal(signal.SIGTERM)

    def stop(self) -> int:
        """End it; gives its exit status."""
        return stop(self.process)

    def _serving(self) -> dict[str, Any]:
        assert self.process.poll() is None, self.log
        return next((entry for entry in self.entries if entry["message"] == "serving"), {})
