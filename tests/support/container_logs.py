"""What containers have printed, as a kubelet keeps and tells it: by run, so that `previous` has an answer."""

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

Key = tuple[str, str]
"""(namespace, name) of a pod."""


@dataclass(frozen=True)
class _Line:
    run: int
    at: float
    text: str


class ContainerLogs:
    """The logs of all pods of a node."""

    def __init__(self) -> None:
        self._lines: dict[Key, list[_Line]] = {}
        self._runs: dict[Key, int] = {}
        self._ended: set[Key] = set()
        self._news = asyncio.Event()

    def add(self, pod: Key, text: str) -> None:
        """A pod's container has printed a line."""
        self._lines.setdefault(pod, []).append(_Line(self._runs.get(pod, 0), time.time(), text))
        self._wake()

    def heed(self, pod: Key, status: dict[str, Any]) -> None:
        """A pod has a new status: its container may have been started, for the first time or anew."""
        container = status["containerStatuses"][0]
        if "waiting" not in container["state"]:
            self._runs[pod] = container["restartCount"]
            self._wake()

    def end(self, pod: Key) -> None:
        """A pod is gone."""
        self._ended.add(pod)
        self._wake()

    def text(self, pod: Key) -> str:
        """All that a pod has printed."""
        return "\n".join(each.text for each in self._lines.get(pod, []))

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer `GET /containerLogs/{namespace}/{pod}/{container}`."""
        pod, query = (request.match_info["namespace"], request.match_info["pod"]), request.query
        if pod not in self._runs:
            return web.Response(status=400, text=f"the container in pod {pod[1]!r} is waiting to start")
        run = self._runs[pod] - (query.get("previous") == "true")
        if run < 0:
            return web.Response(status=400, text=f"previous terminated container in pod {pod[1]!r} not found")
        since = time.time() - float(query.get("sinceSeconds", "inf"))
        response = web.StreamResponse()
        await response.prepare(request)
        told, last = 0, int(query["tailLines"]) if "tailLines" in query else None
        while True:
            news, is_over = self._news, self._runs[pod] > run or pod in self._ended
            lines = [each for each in self._lines.get(pod, []) if each.run == run and each.at >= since]
            first = told if told or last is None else max(0, len(lines) - last)
            for line in lines[first:]:
                moment = datetime.fromtimestamp(line.at, UTC).isoformat().replace("+00:00", "Z")
                stamp = f"{moment} " if query.get("timestamps") == "true" else ""
                await response.write(f"{stamp}{line.text}\n".encode())
            told, last = len(lines), None
            if is_over or query.get("follow") != "true":
                return response
            await news.wait()

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()
