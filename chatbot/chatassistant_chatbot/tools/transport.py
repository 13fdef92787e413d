"""HTTP to a tool server, below the SDK: where it may lead, how much is read, and that one request spoils no other.

The SDK ends a connection, and all calls on it, when sending one request fails. So nothing is raised here: a request
that fails gets an answer that says so, and its `Exchange` tells what happened. Over aiohttp, which is guarded as
everywhere else, and quicker than httpx2's own transport.
"""

import asyncio
import functools
import ssl
from collections.abc import AsyncIterator
from contextvars import ContextVar
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

import aiohttp
import httpx2
import orjson
from aiohttp.http import HttpProcessingError

from chatassistant_chatbot.addresses import OutOfReachError, Reach, guarded_connector

_CONNECT_SECONDS: Final = 5.0
# Shorter than uvicorn and Node.js keep theirs (5 s): a request into one that closes may have run or not.
_IDLE_SECONDS: Final = 4.0
_ONE_WAY_SECONDS: Final = 2.0
_ONE_WAY_BYTES: Final = 4096
# Of an answer that no exchange limits: news, which come in a stream of any length.
_MOST_BYTES: Final = 16 * 1024 * 1024
# aiohttp's own, or of no meaning to it.
_NOT_HANDED_ON: Final = frozenset({"connection", "content-length", "host", "transfer-encoding"})
_BROKEN: Final = (aiohttp.ClientError, HttpProcessingError, OSError)


class Failure(Enum):
    """Why there is no answer to a request."""

    UNREACHABLE = auto()
    OUT_OF_REACH = auto()
    BROKEN = auto()
    TOO_LARGE = auto()
    UNREADABLE = auto()


@dataclass(slots=True)
class Exchange:
    """What becomes of the requests that are sent in a context.

    Attributes:
        bytes_left: How much may still be read.
        deadline: When reading ends, in the event loop's time.
        status: Of the last answer.
        sent: Whether any request may have arrived.
        failure: Why there is no answer to the last one.
    """

    bytes_left: int
    deadline: float = float("inf")
    status: int = 0
    sent: bool = False
    failure: Failure | None = None


EXCHANGE: Final = ContextVar[Exchange | None]("EXCHANGE", default=None)
"""That of the context; the SDK sends a request in the context of the one who asks for it."""


class Transport(httpx2.AsyncBaseTransport):
    """Follows no redirect, uses no proxy, and raises nothing."""

    def __init__(self, reach: Reach) -> None:
        self._session = aiohttp.ClientSession(
            connector=guarded_connector(reach, limit=0, keepalive_seconds=_IDLE_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The answer, or one that stands for its absence."""
        exchange = EXCHANGE.get() or Exchange(_MOST_BYTES)
        one_way = _is_one_way(request)
        if one_way:
            exchange = Exchange(_ONE_WAY_BYTES)
        exchange.status, exchange.failure = 0, None
        try:
            # Until one of those has got its answer, the SDK sends nothing else.
            async with asyncio.timeout(_ONE_WAY_SECONDS if one_way else None):
                return await self._send(request, exchange)
        except aiohttp.ClientConnectorError as error:
            out_of_reach = isinstance(error.os_error, OutOfReachError)
            exchange.failure = Failure.OUT_OF_REACH if out_of_reach else Failure.UNREACHABLE
        except aiohttp.InvalidURL:
            # An address in a form that only the C library takes for one: 127.1, 2130706433.
            exchange.failure = Failure.OUT_OF_REACH
        except (aiohttp.ConnectionTimeoutError, ValueError):
            exchange.failure = Failure.UNREACHABLE
        except _BROKEN:
            exchange.sent, exchange.failure = True, Failure.BROKEN
        return httpx2.Response(503)

    async def _send(self, request: httpx2.Request, exchange: Exchange) -> httpx2.Response:
        silence = max(0.001, exchange.deadline - asyncio.get_running_loop().time())
        answer = await self._session.request(
            request.method,
            str(request.url),
            headers=[(name, value) for name, value in request.headers.items() if name not in _NOT_HANDED_ON],
            data=request.content or None,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(
                connect=_CONNECT_SECONDS, sock_read=None if silence == float("inf") else silence
            ),
            ssl=_tls(),
        )
        exchange.status, exchange.sent = answer.status, True
        if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
            # It was not asked for, and a few bytes could become any number of them.
            answer.close()
            exchange.failure = Failure.UNREADABLE
            return httpx2.Response(502)
        # No Location: whatever follows it would leave the URL that was allowed.
        headers = [(name, value) for name, value in answer.raw_headers if name.lower() != b"location"]
        return httpx2.Response(answer.status, headers=headers, stream=_Body(answer, exchange))

    async def aclose(self) -> None:
        """Close all connections."""
        await self._session.close()


class _Body(httpx2.AsyncByteStream):
    """An answer's body, as far as its exchange lets it be read; fails with what the SDK takes for a bad answer."""

    def __init__(self, answer: aiohttp.ClientResponse, exchange: Exchange) -> None:
        self._answer = answer
        self._exchange = exchange

    async def __aiter__(self) -> AsyncIterator[bytes]:
        exchange, now = self._exchange, asyncio.get_running_loop().time
        try:
            async for part in self._answer.content.iter_any():
                exchange.bytes_left -= len(part)
                if exchange.bytes_left < 0:
                    raise self._failed(Failure.TOO_LARGE)
                if now() > exchange.deadline:
                    raise self._failed(Failure.BROKEN)
                yield part
        except _BROKEN:
            raise self._failed(Failure.BROKEN) from None

    async def aclose(self) -> None:
        """Read no more."""
        self._answer.close()

    def _failed(self, failure: Failure) -> httpx2.StreamError:
        self._exchange.failure = failure
        return httpx2.StreamError(failure.name)


@functools.cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _is_one_way(request: httpx2.Request) -> bool:
    """Whether it is a message that nobody answers: a notification, or an answer itself."""
    content = request.content
    if request.method != "POST" or len(content) > _ONE_WAY_BYTES:
        return False
    return not orjson.loads(content).keys() >= {"id", "method"}
