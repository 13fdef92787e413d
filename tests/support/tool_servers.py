"""A tool server as a process of its own, which comes and goes at one address; and a chatbot's view of such servers."""

import asyncio
import gc
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx
from pydantic import SecretStr

from chatassistant_chatbot.addresses import Endpoints
from chatassistant_chatbot.settings import McpServer
from chatassistant_chatbot.tools.servers import Offer, ToolServers
from support.processes import free_port, start, stop
from support.waiting import eventually, eventually_async

_PROGRAM: Final = Path(__file__).with_name("mcp_server.py")
ANYWHERE: Final = Endpoints("", ["*"])


@asynccontextmanager
async def kept(
    *servers: McpServer, headers: Mapping[str, str] | None = None, endpoints: Endpoints = ANYWHERE
) -> AsyncIterator[ToolServers]:
    """Tool servers that are kept up; in the end, nothing has gone wrong that nobody looked at."""
    problems: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: problems.append(str(context)))
    values = {name: SecretStr(value) for name, value in (headers or {}).items()}
    tools = ToolServers(servers, values, endpoints)
    keeping = asyncio.create_task(tools.keep())
    try:
        yield tools
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        gc.collect()
        loop.set_exception_handler(None)
    assert not problems, problems


async def offer_of(tools: ToolServers, timeout: float = 20) -> Offer:
    """The first offer that has anything in it."""

    async def offered() -> Offer | None:
        return tools.offer() if tools.offer().functions else None

    offer = await eventually_async(offered, "tools are offered", timeout)
    assert offer is not None
    return offer


class ToolServerProcess:
    """A tool server that does not run yet; its options are those of `mcp_server.Options`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._log = folder / "tools.log"
        self.address = f"http://127.0.0.1:{free_port()}"
        self._process: subprocess.Popen[bytes] | None = None
        self.legacy = False
        self.url = f"{self.address}/mcp"

    def start(self, **options: Any) -> None:
        """Start it, again if need be, and wait until it answers."""
        self.stop()
        self.legacy = options.get("legacy", False)
        if options.get("certificate"):
            self.address = self.address.replace("http:", "https:")
        port = self.address.rpartition(":")[2]
        self._process = start([sys.executable, _PROGRAM, port, json.dumps(options)], self._log)
        eventually(self._answers, "the tool server answers")

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            stop(self._process)

    def change(self, **options: Any) -> None:
        """Change options while it runs; `streams=0` ends the streams of those who listen for news."""
        self._controlled("POST", options)

    def forget(self) -> None:
        """Forget what was called."""
        self._controlled("DELETE")

    @property
    def asked(self) -> dict[str, Any]:
        """How often it was asked for a page of its list, how often a client took leave, how many listen, what was called."""
        return self._controlled("GET")

    def kill(self) -> None:
        """End it with no farewell."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def freeze(self) -> None:
        """Stop it where it is: its connections stay open, and nothing is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Have it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text(encoding="utf-8")
        try:
            return bool(self._controlled("GET"))
        except httpx.TransportError:
            return False

    def _controlled(self, method: str, changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
        # It may have a certificate, which is not for this address.
        response = httpx.request(method, f"{self.address}/control", json=changes, verify=False)  # noqa: S501
        asked: dict[str, Any] = response.raise_for_status().json()
        return asked
