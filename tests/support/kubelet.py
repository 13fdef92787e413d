"""What an API server asks of a node, of which logs and port-forwards are answered: as a container runtime does it.

Behind the real API server, which proxies `pods/portforward` to the address and the port that the Node object names.
The protocol is that of `k8s.io/cri-streaming`, to which kubelets pass it on: `v4.channel.k8s.io` over WebSocket, the
two channels begun by the port as two bytes, what goes wrong on the second of them.
"""

import asyncio
import contextlib
import ssl
import struct
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from aiohttp import WSMsgType, web

from support.container_logs import ContainerLogs

_PROTOCOL: Final = "v4.channel.k8s.io"
_DATA, _ERROR = b"\x00", b"\x01"


class Kubelet:
    """Listens on a port of 127.0.0.1, with TLS.

    Args:
        folder: For its certificate.
        address_of: Gives the address of a pod, by namespace and name; None when there is no such pod.
        logs: What the pods have printed.
    """

    def __init__(
        self, folder: Path, address_of: Callable[[str, str], Awaitable[str | None]], logs: ContainerLogs
    ) -> None:
        self._folder = folder
        self._address_of = address_of
        app = web.Application()
        app.router.add_get("/portForward/{namespace}/{pod}", self._port_forward)
        app.router.add_get("/containerLogs/{namespace}/{pod}/{container}", logs.serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)

    async def start(self) -> int:
        """Begin to listen; gives the port."""
        certificate, key = self._folder / "kubelet.crt", self._folder / "kubelet.key"
        subject = ["-subj", "/CN=node", "-keyout", str(key), "-out", str(certificate)]
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
        await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        port: int = self._runner.addresses[0][1]
        return port

    async def stop(self) -> None:
        """End it, and every port-forward."""
        await self._runner.cleanup()

    async def _port_forward(self, request: web.Request) -> web.StreamResponse:
        address = await self._address_of(request.match_info["namespace"], request.match_info["pod"])
        if address is None:
            return web.Response(status=404, text="pod does not exist")
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return web.Response(status=400, text="only WebSockets are answered here")
        port = int(request.query["port"])
        socket = web.WebSocketResponse(protocols=(_PROTOCOL,), max_msg_size=0)
        await socket.prepare(request)
        for channel in (_DATA, _ERROR):
            await socket.send_bytes(channel + struct.pack("<H", port))
        try:
            reader, writer = await asyncio.open_connection(address, port)
        except OSError as error:
            await socket.send_bytes(_ERROR + f"error forwarding port {port}: {error.strerror}".encode())
        else:
            await _carry(socket, reader, writer)
        await socket.close()
        return socket


async def _carry(
    socket: web.WebSocketResponse, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Carry data both ways, until either side ends it."""

    async def out() -> None:
        while piece := await reader.read(32 * 1024):
            await socket.send_bytes(_DATA + piece)

    async def back() -> None:
        message: Any
        async for message in socket:
            if message.type is WSMsgType.BINARY and message.data[:1] == _DATA:
                writer.write(message.data[1:])
                await writer.drain()

    directions = [asyncio.ensure_future(out()), asyncio.ensure_future(back())]
    try:
        await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in directions:
            each.cancel()
        await asyncio.gather(*directions, return_exceptions=True)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
