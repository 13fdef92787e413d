"""The stand-in for OpenRouter as a process of its own."""

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

from support.processes import start, stop
from support.waiting import eventually


class GatewayProcess:
    """A running stand-in; its control route switches what it does."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "gateway.log"
        self._process: subprocess.Popen[bytes] = start(
            [sys.executable, "-u", "-m", "chatassistant_operator.local.openrouter", "--port", "0"], self._log
        )
        self.base_url = eventually(self._first_line, "the stand-in prints its URL")

    def stop(self) -> None:
        """End it."""
        stop(self._process)

    def reset(self) -> None:
        """Do everything right again, and forget what was counted."""
        self._control("DELETE")

    def misbehave(self, **fault: Any) -> None:
        """Turn a fault on; see `chatassistant_operator.local.openrouter.faults`."""
        self._control("POST", fault)

    @property
    def requests(self) -> dict[str, int]:
        """How often each route was asked."""
        counts: dict[str, int] = self._control("GET")["requests"]
        return counts

    @property
    def hang_ups(self) -> int:
        """How many callers went away before the end of their answer."""
        count: int = self._control("GET")["hang_ups"]
        return count

    @property
    def log(self) -> list[dict[str, Any]]:
        """The last requests, keys masked."""
        entries: list[dict[str, Any]] = self._control("GET")["log"]
        return entries

    def _control(self, method: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        url = self.base_url.removesuffix("/api/v1") + "/control"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310 (our own http URL)
            url, data, {"Content-Type": "application/json"}, method=method
        )
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 (our own http URL)
            answer: dict[str, Any] = json.loads(response.read())
            return answer

    def _first_line(self) -> str:
        assert self._process.poll() is None, self._log.read_text(encoding="utf-8")
        return self._log.read_text(encoding="utf-8").partition("\n")[0]
