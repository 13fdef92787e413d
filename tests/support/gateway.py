"""The stand-in for OpenRouter as a process of its own."""

import json
import subprocess
import sys
import urllib.error
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
        """Do everything right again, undo what was put, and forget what was counted."""
        self._control("DELETE")

    def misbehave(self, **fault: Any) -> None:
        """Turn a fault on; see `chatassistant_operator.local.openrouter.faults`."""
        self._control("POST", fault)

    def put_key(self, **fields: Any) -> None:
        """Add a key, or change it, by its `token`; see `KeySituation`."""
        self._control("PUT", fields, "/keys")

    def put_model(self, **fields: Any) -> None:
        """Add a model, or change it, by its `id`; see `ModelSituation`."""
        self._control("PUT", fields, "/models")

    @property
    def times(self) -> list[tuple[float, str]]:
        """When the last 10,000 requests came, in seconds since the stand-in's start, and for which route."""
        return [(seconds, route) for seconds, route in self._control("GET")["times"]]

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

    def _control(self, method: str, body: dict[str, Any] | None = None, part: str = "") -> dict[str, Any]:
        url = self.base_url.removesuffix("/api/v1") + "/control" + part
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310 (our own http URL)
            url, data, {"Content-Type": "application/json"}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 (our own http URL)
                answer: dict[str, Any] = json.loads(response.read())
                return answer
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(f"{method} {url}: {error.read().decode()}") from None

    def _first_line(self) -> str:
        assert self._process.poll() is None, self._log.read_text(encoding="utf-8")
        return self._log.read_text(encoding="utf-8").partition("\n")[0]
