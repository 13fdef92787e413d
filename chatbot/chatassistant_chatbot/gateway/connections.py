"""The connections to the gateway: opened where none is free, through a proxy where there is one, and kept for a while."""

import asyncio
import base64
import socket
import ssl
import time
from collections.abc import Mapping
from typing import Final

import aiohappyeyeballs
from yarl import URL

from chatassistant_chatbot.errors import GatewayError
from chatassistant_chatbot.gateway.connection import Connection
from chatassistant_chatbot.gateway.response import Patience, Response, failed

_CONNECT_SECONDS: Final = 5.0
# Servers and load balancers wait longer: who sends into a connection that is just being closed gets no answer.
_KEPT_SECONDS: Final = 15.0
# RFC 8305, 8.
_NEXT_ADDRESS_SECONDS: Final = 0.25


class Connections:
    """Asks one server.

    Args:
        server: The server's URL; its path is of no importance.
        proxy: The URL of the proxy to go through, None for none.
    """

    def __init__(self, server: str, proxy: str | None = None) -> None:
        self._server, self._proxy = URL(server), URL(proxy) if proxy else None
        self._secure = self._server.scheme == "https"
        self._idle: list[tuple[Connection, float]] = []
        self._sweeping: asyncio.TimerHandle | None = None
        self._tls: ssl.SSLContext | None = None
        self._fixed = {"Host": self._server.host_port_subcomponent or ""}
        self._origin = ""
        if self._proxy is not None and not self._secure:
            # A proxy is told the whole URL of what is not encrypted; of the rest only where it leads.
            self._origin = str(self._server.origin())
            self._fixed |= _authorization(self._proxy)

    async def ask(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes = b"", *, patience: Patience
    ) -> Response:
        """The answer to a request when its head is there; whoever has it must close it.

        Args:
            method: GET or POST.
            target: The path, and what is asked of it.
            headers: More than those that each request has.
            body: What is sent with it.
            patience: How long to wait for it.

        Raises:
            GatewayError: when none comes; 504 when that is for lack of patience.
        """
        sent = {
            **self._fixed,
            **headers,
            "Accept-Encoding": "gzip, deflate",
            "Content-Length": str(len(body)),
        }
        request = _head(f"{method} {self._origin}{target}", sent) + body
        connection = self._free() or await self._opened(patience)
        return await connection.ask(request, patience)

    def close(self) -> None:
        """Close what is kept."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        self._close_those_kept_until(float("inf"))

    def _free(self) -> Connection | None:
        """One that is kept: the last one, so that those that too many once needed grow old."""
        while self._idle:
            connection, _ = self._idle.pop()
            if not connection.transport.is_closing():
                return connection
        return None

    def _keep(self, connection: Connection) -> None:
        self._idle.append((connection, time.monotonic() + _KEPT_SECONDS))
        if self._sweeping is None:
            self._sweeping = asyncio.get_running_loop().call_later(_KEPT_SECONDS, self._sweep)

    def _sweep(self) -> None:
        self._sweeping = None
        self._close_those_kept_until(time.monotonic())
        if self._idle:
            self._sweeping = asyncio.get_running_loop().call_later(_KEPT_SECONDS, self._sweep)

    def _close_those_kept_until(self, now: float) -> None:
        old = [connection for connection, until in self._idle if until <= now]
        self._idle = [each for each in self._idle if each[1] > now]
        for connection in old:
            connection.transport.close()

    async def _opened(self, patience: Patience) -> Connection:
        soon = asyncio.get_running_loop().time() + _CONNECT_SECONDS
        try:
            async with asyncio.timeout_at(min(soon, patience.until)):
                if self._proxy is None:
                    return await self._connected(self._server)
                connection = await self._connected(self._proxy)
                return (
                    await self._tunnelled(connection, self._proxy, patience) if self._secure else connection
                )
        except TimeoutError as error:
            if patience.until < soon:
                raise GatewayError(504, patience.else_said) from None
            raise failed(type(error).__name__) from None
        except OSError as error:
            raise failed(type(error).__name__) from None

    async def _connected(self, to: URL) -> Connection:
        """A connection to a server, by the first of its addresses that answers."""
        loop = asyncio.get_running_loop()
        addresses = await loop.getaddrinfo(to.raw_host, to.port, type=socket.SOCK_STREAM)
        # pyright misses what is in the library's tuples.
        found = await aiohappyeyeballs.start_connection(  # pyright: ignore[reportUnknownMemberType]
            addresses, happy_eyeballs_delay=_NEXT_ADDRESS_SECONDS
        )
        secure = to.scheme == "https"
        _, connection = await loop.create_connection(
            lambda: Connection(self._keep),
            sock=found,
            ssl=self._trusted() if secure else None,
            server_hostname=to.raw_host if secure else None,
        )
        return connection

    async def _tunnelled(self, through: Connection, proxy: URL, patience: Patience) -> Connection:
        """A connection to the server within one to the proxy (RFC 9110, 9.3.6)."""
        to = self._server
        authority = f"{to.host_subcomponent}:{to.port}"
        headers = {"Host": authority, **_authorization(proxy)}
        answer = await through.ask(_head(f"CONNECT {authority}", headers), patience)
        if not 200 <= answer.status < 300:  # noqa: PLR2004 (HTTP's own)
            answer.close()
            raise failed(f"the proxy answered {answer.status}")
        connection, below = Connection(self._keep), through.hand_over()
        try:
            transport = await asyncio.get_running_loop().start_tls(
                below, connection, self._trusted(), server_hostname=to.raw_host
            )
        except BaseException:
            below.abort()
            raise
        if transport is None:
            raise failed("the proxy closed it")
        connection.connection_made(transport)
        return connection

    def _trusted(self) -> ssl.SSLContext:
        """Whom OpenSSL trusts, SSL_CERT_FILE's authorities among them."""
        if self._tls is None:
            self._tls = ssl.create_default_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls


def _head(what: str, headers: Mapping[str, str]) -> bytes:
    """A request up to its body.

    Raises:
        ValueError: for a header that would be two.
    """
    lines = [f"{what} HTTP/1.1", *[f"{name}: {value}" for name, value in headers.items()], "", ""]
    text = "\r\n".join(lines)
    if text.count("\n") + text.count("\r") + text.count("\0") != 2 * (len(lines) - 1):
        raise ValueError("A header's value has a line break in it.")
    return text.encode()


def _authorization(proxy: URL) -> dict[str, str]:
    if proxy.user is None:
        return {}
    credentials = base64.b64encode(f"{proxy.user}:{proxy.password or ''}".encode()).decode()
    return {"Proxy-Authorization": f"Basic {credentials}"}
