"""uvicorn's HTTP, but for one thing: the head of an answer leaves together with the first of its body.

By itself, uvicorn writes them one after the other: two packets, and a system call more for each request.
"""

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class HttpProtocol(HttpToolsProtocol):
    """A connection of a caller's."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's own is so
        """See asyncio.Protocol."""
        super().connection_made(cast("asyncio.Transport", _HeadWithBody(transport, self.loop)))


class _HeadWithBody:
    """A transport that keeps back the head of an answer until the next write, or until nobody has anything to do."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._head = b""
        self.is_closing = transport.is_closing

    def write(self, content: bytes) -> None:
        """Send it, after what was kept back."""
        if self._head:
            content, self._head = self._head + content, b""
        elif content.startswith(b"HTTP/1.1 ") and content.endswith(b"\r\n\r\n"):
            self._head = content
            self._loop.call_soon(self._flush)
            return
        self._transport.write(content)

    def close(self) -> None:
        """Close it, after what was kept back."""
        self._flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def _flush(self) -> None:
        if self._head:
            self.write(b"")
