"""The gateway over aiohttp.

aiohttp because the data path is the HTTP client: FastAPI with it answers about 3,000 requests a second at 16
connections on one core, with httpx 0.28 about 440, of which 95% is httpx (CPython 3.11, instant upstream). This file
and its neighbours are the only ones that know.
"""

import asyncio
import logging
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Final, Self, TypeVar

import aiohttp
from pydantic import SecretStr

from chatassistant_chatbot.credentials import Credential
from chatassistant_chatbot.errors import GatewayError, KeyRefusedError
from chatassistant_chatbot.gateway.answers import (
    error_in_answer,
    error_in_event,
    error_in_first_event,
    error_of,
    explain_exchange,
    is_management_key,
)
from chatassistant_chatbot.gateway.events import has_data, is_done, split
from chatassistant_chatbot.settings import Gateway

logger = logging.getLogger(__name__)

_CONNECT_SECONDS: Final = 5.0
_MOST_RETRIES: Final = 2
_FIRST_PAUSE_SECONDS: Final = 0.25
_REFUSALS: Final = frozenset({401, 402, 403, 404})

T = TypeVar("T")
Events = AsyncGenerator[bytes, None]


class GatewayClient:
    """One connection pool for all requests; used as an async context manager.

    `complete` and `stream` raise `GatewayError`, after at most two retries, and never after the first byte. Each try
    carries the key that the credential holds at that moment.
    """

    def __init__(self, settings: Gateway, credential: Credential) -> None:
        self._url = settings.base_url.rstrip("/")
        self._timeout = settings.timeout_seconds
        self._credential = credential
        self._headers = {"Content-Type": "application/json"}
        if settings.referer:
            self._headers["HTTP-Referer"] = settings.referer
        if settings.title:
            # The second is the older name of the first; some gateways know only that.
            self._headers |= {"X-OpenRouter-Title": settings.title, "X-Title": settings.title}

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=None, connect=_CONNECT_SECONDS),
            # One caller's answer must not leave anything for the next one's request.
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def complete(self, body: bytes, request_id: str) -> bytes:
        """An answer in one piece: the gateway's JSON, known to hold a choice."""

        async def attempt() -> bytes:
            async with self._post(body, request_id) as response:
                content = await response.read()
                masked = self._credential.masked(content)
                explain_exchange(response, body, masked)
                problem = error_in_answer(masked)
                if problem is not None:
                    raise problem
                return content.strip()

        return await self._with_retries(attempt)

    async def stream(self, body: bytes, request_id: str) -> Events:
        """A stream of which the first event has arrived: server-sent events, each whole, up to `[DONE]`.

        The generator raises `GatewayError` when the stream breaks, falls silent or tells of an error.
        """

        async def attempt() -> Events:
            events = self._events(body, request_id)
            try:
                return _put_back(await _first_event(events), events)
            except BaseException:
                await events.aclose()
                raise

        return await self._with_retries(attempt)

    async def _events(self, body: bytes, request_id: str) -> Events:
        """Events and comments as they come; ends after `[DONE]`, raises when the end comes without it."""
        async with self._post(body, request_id) as response:
            explain_exchange(response, body, b"")
            if response.content_type != "text/event-stream":
                content = self._credential.masked(await response.read())
                raise error_in_answer(content) or GatewayError(502, "it answered with no stream")
            async with aclosing(split(response.content, self._timeout)) as events:
                async for event in events:
                    problem = error_in_event(event, self._credential.masked)
                    if problem is not None:
                        raise problem
                    yield event
                    if is_done(event):
                        return
        raise GatewayError(502, "it cut the stream")

    @asynccontextmanager
    async def _post(self, body: bytes, request_id: str) -> AsyncGenerator[aiohttp.ClientResponse, None]:
        headers = self._headers | _authorization(self._credential.key) | {"X-Request-Id": request_id}
        try:
            # A redirect would carry the key to another server.
            async with self._session.post(
                f"{self._url}/chat/completions", data=body, headers=headers, allow_redirects=False
            ) as response:
                if response.status != 200:  # noqa: PLR2004 (HTTP's own)
                    content = self._credential.masked(await response.read())
                    explain_exchange(response, body, content)
                    raise error_of(response.status, response.headers, content)
                yield response
        except aiohttp.ClientError as error:
            raise _no_connection(error) from None

    async def check_key(self, key: SecretStr) -> None:
        """Ask, once, whether the gateway takes a key: `GET /key`.

        Raises:
            KeyRefusedError: it does not, or it is a management key, which passes and cannot complete anything.
            GatewayError: there was no definite answer.
        """
        try:
            async with (
                asyncio.timeout(self._timeout),
                self._session.get(
                    f"{self._url}/key", headers=_authorization(key), allow_redirects=False
                ) as response,
            ):
                content = await response.read()
        except TimeoutError:
            raise self._silence() from None
        except aiohttp.ClientError as error:
            raise _no_connection(error) from None
        if response.status in _REFUSALS:
            raise KeyRefusedError(f"the gateway answered {response.status}")
        if response.status != 200:  # noqa: PLR2004 (HTTP's own)
            raise error_of(response.status, response.headers, content)
        if is_management_key(content):
            raise KeyRefusedError("it is a management key, which can complete nothing")

    def _silence(self) -> GatewayError:
        return GatewayError(504, f"it gave no answer within {self._timeout:g} s")

    async def _with_retries(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Try until something comes, within the time for which the gateway may be silent."""
        deadline = time.monotonic() + self._timeout
        tries = 0
        while True:
            try:
                async with asyncio.timeout(deadline - time.monotonic()):
                    return await attempt()
            except TimeoutError:
                raise self._silence() from None
            except GatewayError as error:
                pause = _pause(error, tries)
                if pause is None or time.monotonic() + pause >= deadline:
                    raise
                logger.info("gateway: %s: tried again in %.2f s", error, pause)
            await asyncio.sleep(pause)
            tries += 1


def _authorization(key: SecretStr) -> dict[str, str]:
    return {"Authorization": f"Bearer {key.get_secret_value()}"}


def _no_connection(error: aiohttp.ClientError) -> GatewayError:
    return GatewayError(502, f"the connection failed ({type(error).__name__})")


def _pause(error: GatewayError, tries: int) -> float | None:
    """Seconds before the next try, None for no other: at most two, and one where patience is asked for."""
    if error.asks_for_patience:
        return error.retry_after if tries == 0 else None
    if not error.may_pass or tries == _MOST_RETRIES:
        return None
    pause: float = _FIRST_PAUSE_SECONDS * 2**tries * random.uniform(0.5, 1.5)  # noqa: S311 (jitter, no secret)
    return max(pause, error.retry_after or 0.0)


async def _first_event(events: Events) -> bytes:
    """All up to the first event, comments before it included."""
    begun = b""
    async for event in events:
        begun += event
        if is_done(event):
            break
        if has_data(event):
            problem = error_in_first_event(event)
            if problem is not None:
                raise problem
            return begun
    raise GatewayError(502, "it sent a stream with nothing in it")


async def _put_back(first: bytes, events: Events) -> Events:
    async with aclosing(events):
        yield first
        async for event in events:
            yield event
