"""A tool server as a process of its own, which comes and goes at one address."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import httpx

from support.processes import free_port, start, stop
from support.waiting import eventually

_PROGRAM: Final = Path(__file__).with_name("mcp_server.py")


class ToolServerProcess:
    """A tool server that does not run yet; its options are those of `mcp_server.Options`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._log = folder / "tools.log"
        self.address = f"http://127.0.0.1:{free_port()}"
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"{self.address}/mcp"

    def start(self, **options: Any) -> None:
        """Start it, and wait until it answers."""
        port = self.address.rpartition(":")[2]
        self._process = start([sys.executable, _PROGRAM, port, json.dumps(options)], self._log)
        eventually(self._answers, "the tool server answers")

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            stop(self._process)

    def change(self, **options: Any) -> None:
        """Change options while it runs; `streams=0` ends the streams of those who listen for news."""
        httpx.post(f"{self.address}/control", json=options).raise_for_status()

    @property
    def asked(self) -> dict[str, int]:
        """How often it was asked for a page of its list, how often a client took leave, and how many listen."""
        counts: dict[str, int] = httpx.get(f"{self.address}/control").json()
        return counts

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text(encoding="utf-8")
        try:
            return httpx.get(f"{self.address}/control").is_success
        except httpx.TransportError:
            return False
