"""A proxy before the API server that records writes, and may lose or delay what one operator sends."""

import asyncio
import ssl
import threading
import time
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
from aiohttp import web

from support.control_plane import ControlPlane

_LEASES: Final = "/leases"
_WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_HOP_BY_HOP: Final = frozenset(
    {"connection", "content-encoding", "content-length", "host", "transfer-encoding"}
)
_LARGEST_BODY: Final = 8 * 1024 * 1024


@dataclass(frozen=True)
class Write:
    """A write that the API server carried out: when, by `time.monotonic`, how, on which path, and what it answered."""

    at: float
    method: str
    path: str
    status: int

    @property
    def is_of_lease(self) -> bool:
        """Whether it is about leadership, and not about anybody's objects."""
        return _LEASES in self.path


class ApiProxy:
    """One operator's way to the API server, under the API server's own certificate.

    Attributes:
        url: Where it listens.
        carried_out: The writes that took effect, in order.
        lose_leases: Whether requests about Leases are swallowed, as a network may.
        delay: How many seconds every other request is under way before it arrives.
    """

    def __init__(self, plane: ControlPlane) -> None:
        self.carried_out: list[Write] = []
        self.lose_leases = False
        self.delay = 0.0
        self._plane = plane
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="api-proxy", daemon=True)
        self._thread.start()
        port: int = asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(timeout=30)
        self.url: Final = f"https://127.0.0.1:{port}"

    def stop(self) -> None:
        """Listen no longer."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(timeout=30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()

    def renewed_at(self) -> float:
        """When the Lease was written last."""
        return max(each.at for each in self.carried_out if each.is_of_lease)

    def since(self, time: float) -> list[Write]:
        """The writes since a time, of the Lease too."""
        return [each for each in self.carried_out if each.at > time]

    def writes(self, since: float = 0.0) -> list[Write]:
        """The writes on anything but Leases since a time."""
        return [each for each in self.since(since) if not each.is_of_lease]

    async def _open(self) -> int:
        trust = ssl.create_default_context(cafile=str(self._plane.ca_file))
        connector = aiohttp.TCPConnector(ssl=trust, limit=0)
        self._session = aiohttp.ClientSession(connector=connector, auto_decompress=False)
        app = web.Application(client_max_size=_LARGEST_BODY)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        identity = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        identity.load_cert_chain(self._plane.ca_file, self._plane.ca_file.with_suffix(".key"))
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=identity).start()
        address: Any = self._runner.addresses[0]
        return int(address[1])

    async def _close(self) -> None:
        await self._runner.cleanup()
        await self._session.close()
        watches = asyncio.all_tasks() - {asyncio.current_task()}
        for each in watches:
            each.cancel()
        await asyncio.gather(*watches, return_exceptions=True)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if _LEASES in request.path:
            while self.lose_leases:
                await asyncio.sleep(0.05)
                if request.transport is None:
                    raise ConnectionResetError
        elif self.delay:
            await asyncio.sleep(self.delay)
        url = self._plane.server + request.raw_path
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
        try:
            return await self._pass_on(request, url, headers, body)
        except aiohttp.ClientError:
            if request.transport is not None:
                request.transport.abort()
            raise ConnectionResetError from None

    async def _pass_on(
        self, request: web.Request, url: str, headers: dict[str, str], body: bytes
    ) -> web.StreamResponse:
        timeout = aiohttp.ClientTimeout(total=None)
        async with self._session.request(
            request.method, url, headers=headers, data=body or None, timeout=timeout
        ) as answer:
            if request.method in _WRITES and answer.status < 300:
                self.carried_out.append(Write(time.monotonic(), request.method, request.path, answer.status))
            kept = {
                name: value
                for name, value in answer.headers.items()
                if name.lower() not in _HOP_BY_HOP - {"content-encoding"}
            }
            response = web.StreamResponse(status=answer.status, headers=kept)
            await response.prepare(request)
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
            await response.write_eof()
            return response
