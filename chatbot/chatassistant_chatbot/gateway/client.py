"""The gateway over aiohttp.

aiohttp because the data path is the HTTP client: FastAPI with it answers about 3,000 requests a second at 16
connections on one core, with httpx 0.28 about 440, of which 95% is httpx (CPython 3.11, instant upstream). This file
is the only one that knows.
"""

import asyncio
import logging
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, Self, TypeVar

import aiohttp
import orjson
from pydantic import SecretStr

from chatassistant_chatbot.errors import GatewayError
from chatassistant_chatbot.gateway.answers import error_in, error_of, explain_exchange
from chatassistant_chatbot.gateway.events import split
from chatassistant_chatbot.settings import Gateway

logger = logging.getLogger(__name__)

_CONNECT_SECONDS: Final = 5.0
_MOST_RETRIES: Final = 2
_FIRST_PAUSE_SECONDS: Final = 0.25

T = TypeVar("T")
Payload = Mapping[str, Any]


class GatewayClient:
    """One connection pool for all requests; used as an async context manager.

    Every method raises `GatewayError`, after at most two retries, and never after the first byte.
    """

    def __init__(self, settings: Gateway, api_key: SecretStr) -> None:
        self._url = settings.base_url.rstrip("/") + "/chat/completions"
        self._timeout = settings.timeout_seconds
        self._headers = {
            "Authorization": f"Bearer {api_key.get_secret_value()}",
            "Content-Type": "application/json",
        }
        if settings.referer:
            self._headers["HTTP-Referer"] = settings.referer
        if settings.title:
            # The second is the older name of the first; some gateways know only that.
            self._headers |= {"X-OpenRouter-Title": settings.title, "X-Title": settings.title}

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=None, connect=_CONNECT_SECONDS)
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def complete(self, payload: Payload, request_id: str) -> bytes:
        """An answer in one piece: the gateway's JSON, known to hold a choice."""

        async def attempt() -> bytes:
            async with self._post(payload, request_id) as response:
                content = await response.read()
                explain_exchange(response, payload, content)
                problem = error_in(content)
                if problem is not None:
                    raise problem
                return content.strip()

        return await self._with_retries(attempt)

    async def stream(self, payload: Payload, request_id: str) -> AsyncGenerator[bytes, None]:
        """A stream of which the first event has arrived: server-sent events, each whole, up to `[DONE]`.

        The generator raises `GatewayError` when the stream breaks, falls silent or tells of an error.
        """

        async def attempt() -> AsyncGenerator[bytes, None]:
            events = self._events(payload, request_id)
            try:
                return _put_back(await _first_event(events), events)
            except BaseException:
                await events.aclose()
                raise

        return await self._with_retries(attempt)

    async def _events(self, payload: Payload, request_id: str) -> AsyncGenerator[bytes, None]:
        """Events and comments as they come; ends after `[DONE]`, raises when the end comes without it."""
        async with self._post(payload, request_id) as response:
            explain_exchange(response, payload, b"")
            if "text/event-stream" not in response.headers.get("Content-Type", ""):
                raise error_in(await response.read()) or GatewayError(502, "an answer that is no stream")
            async for event in split(response.content, self._timeout):
                problem = error_in(event[6:]) if event.startswith(b"data: ") and b'"error"' in event else None
                if problem is not None:
                    raise problem
                yield event
                if event.startswith(b"data: [DONE]"):
                    return
        raise GatewayError(502, "the stream was cut")

    @asynccontextmanager
    async def _post(self, payload: Payload, request_id: str) -> AsyncGenerator[aiohttp.ClientResponse, None]:
        headers = self._headers | {"X-Request-Id": request_id}
        try:
            # A redirect would carry the key to another server.
            async with self._session.post(
                self._url, data=orjson.dumps(payload), headers=headers, allow_redirects=False
            ) as response:
                if response.status != 200:  # noqa: PLR2004 (HTTP's own)
                    content = await response.read()
                    explain_exchange(response, payload, content)
                    raise error_of(response.status, response.headers, content)
                yield response
        except aiohttp.ClientError as error:
            raise GatewayError(502, f"no connection: {type(error).__name__}") from None

    async def _with_retries(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Try until something comes, within the time for which the gateway may be silent."""
        deadline = time.monotonic() + self._timeout
        for tries in range(_MOST_RETRIES + 1):
            try:
                async with asyncio.timeout(deadline - time.monotonic()):
                    return await attempt()
            except TimeoutError:
                raise GatewayError(504, f"no answer within {self._timeout:g} s") from None
            except GatewayError as error:
                pause = _pause(error, tries)
                if pause is None or time.monotonic() + pause >= deadline:
                    raise
                logger.info("gateway: %s: tried again in %.1f s", error, pause)
                await asyncio.sleep(pause)
        raise AssertionError("the last try neither gave nor raised anything")


def _pause(error: GatewayError, tries: int) -> float | None:
    """Seconds before the next try, None for no other: at most two, and one where patience is asked for."""
    if error.asks_for_patience:
        return error.retry_after if tries == 0 else None
    if not error.may_pass or tries == _MOST_RETRIES:
        return None
    pause = _FIRST_PAUSE_SECONDS * 2**tries * random.uniform(0.5, 1.5)  # noqa: S311 (jitter, no secret)
    return max(pause, error.retry_after or 0.0)


async def _first_event(events: AsyncGenerator[bytes, None]) -> bytes:
    """All up to the first event, comments before it included."""
    begun = b""
    async for event in events:
        begun += event
        if not event.startswith(b":"):
            return begun
    raise GatewayError(502, "a stream with nothing in it")


async def _put_back(first: bytes, events: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    try:
        yield first
        async for event in events:
            yield event
    finally:
        await events.aclose()
