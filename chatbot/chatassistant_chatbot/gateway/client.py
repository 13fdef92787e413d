"""The gateway over aiohttp.

aiohttp because the data path is the HTTP client: FastAPI with it answers about 3,000 requests a second at 16
connections on one core, with httpx 0.28 about 440, of which 95% is httpx (CPython 3.11, instant upstream). This file
and its neighbours are the only ones that know.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Final, NamedTuple, Self, TypeVar

import aiohttp
from aiohttp.http import HttpProcessingError
from pydantic import SecretStr
from yarl import URL

from chatassistant_chatbot.credentials import Credential
from chatassistant_chatbot.errors import GatewayError, KeyRefusedError
from chatassistant_chatbot.gateway.answers import answer_in, error_of, is_management_key
from chatassistant_chatbot.gateway.breaker import Breaker
from chatassistant_chatbot.gateway.exchange import Exchange, Observe, Recorder
from chatassistant_chatbot.gateway.generation import cost_told
from chatassistant_chatbot.gateway.proxy import proxy_of
from chatassistant_chatbot.gateway.retries import silence, with_retries
from chatassistant_chatbot.gateway.streams import events_of
from chatassistant_chatbot.settings import Gateway
from chatassistant_chatbot.turn.answer import JsonObject

_CONNECT_SECONDS: Final = 5.0
_LARGEST_ANSWER: Final = 16 * 1024 * 1024
_NO_CONNECTION: Final = (aiohttp.ClientError, HttpProcessingError, OSError)
_REFUSALS: Final = frozenset({401, 402, 403, 404})

T = TypeVar("T")


class Completion(NamedTuple):
    """An answer in one piece: as the gateway sent it, and what it says."""

    content: bytes
    answer: JsonObject


Events = AsyncGenerator[bytes, None]


class GatewayClient:
    """One connection pool for all requests; used as an async context manager.

    `complete` and `stream` raise `GatewayError`, after at most two retries, and never after the first byte. Each try
    carries the key that the credential holds at that moment.

    Attributes:
        breaker: Whether the gateway is asked at all.
        observe: Called at the end of each request to the gateway.
    """

    def __init__(self, settings: Gateway, credential: Credential, breaker: Breaker | None = None) -> None:
        self.breaker = breaker or Breaker()
        self.observe: Observe = _ignore
        self._url = settings.base_url.rstrip("/")
        self._completions = URL(f"{self._url}/chat/completions")
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
            proxy=proxy_of(self._url),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def complete(self, body: bytes, request_id: str) -> Completion:
        """An answer in one piece: the gateway's JSON, known to hold a choice."""

        async def attempt(retries: int) -> Completion:
            exchange = Exchange(request_id, stream=False, retries=retries)
            async with self._asked(body, exchange) as (response, recorder):
                content = self._credential.without_key(await _read(response))
                recorder.heard(content)
                answer = answer_in(content, self._credential.masked)
                recorder.took(answer)
                return Completion(content.strip(), answer)

        return await self._admitted(attempt)

    async def stream(self, body: bytes, request_id: str) -> Events:
        """A stream of which the first event has arrived: server-sent events, each whole, up to `[DONE]`.

        The generator raises `GatewayError` when the stream breaks, falls silent or tells of an error.
        """

        async def attempt(retries: int) -> Events:
            events = self._events(body, Exchange(request_id, stream=True, retries=retries))
            try:
                return _put_back(await anext(events), events)
            except BaseException:
                await events.aclose()
                raise

        return await self._admitted(attempt)

    async def _events(self, body: bytes, exchange: Exchange) -> Events:
        async with self._asked(body, exchange) as (response, recorder):
            if response.content_type != "text/event-stream":
                content = await _read(response)
                recorder.heard(content)
                answer_in(content, self._credential.masked)
                raise GatewayError(502, "it answered with no stream")
            async with aclosing(
                events_of(response.content, self._timeout, self._credential, recorder.took)
            ) as events:
                async for event in events:
                    recorder.heard(event)
                    yield event

    @asynccontextmanager
    async def _asked(
        self, body: bytes, exchange: Exchange
    ) -> AsyncGenerator[tuple[aiohttp.ClientResponse, Recorder], None]:
        """A 200 and its body to be read; observed at its end."""
        recorder = Recorder(exchange, self._credential.masked)
        headers = self._headers | _authorization(self._credential.key) | {"X-Request-Id": exchange.request_id}
        try:
            # A redirect would carry the key to another server.
            async with self._session.post(
                self._completions, data=body, headers=headers, allow_redirects=False
            ) as response:
                recorder.began(response)
                if response.status != 200:  # noqa: PLR2004 (HTTP's own)
                    content = await _read(response)
                    recorder.heard(content)
                    raise error_of(response.status, response.headers, content, self._credential.masked)
                yield response, recorder
                exchange.complete = True
        except GatewayError as error:
            exchange.error = error
            raise
        except _NO_CONNECTION as error:
            exchange.error = _no_connection(error)
            raise exchange.error from None
        finally:
            recorder.ended(headers, body)
            self.observe(exchange)

    async def check_key(self, key: SecretStr) -> None:
        """Ask, once, whether the gateway takes a key: `GET /key`.

        Raises:
            KeyRefusedError: it does not, or it is a management key, which passes and cannot complete anything.
            GatewayError: there was no definite answer.
        """
        try:
            content = await self._got("/key", key, {})
        except GatewayError as error:
            if error.status in _REFUSALS:
                raise KeyRefusedError(f"the gateway answered {error.status}") from None
            raise
        if is_management_key(content):
            raise KeyRefusedError("it is a management key, which can complete nothing")

    async def cost_of(self, generation: str) -> float:
        """What a completion cost, in USD: `GET /generation`, which knows it some seconds after its end.

        Raises:
            GatewayError: it is not known, or not yet.
        """
        return cost_told(await self._got("/generation", self._credential.key, {"id": generation}))

    async def _got(self, route: str, key: SecretStr, params: Mapping[str, str]) -> bytes:
        """The body of a 200; asked for once, and whatever the breaker says."""
        try:
            async with (
                asyncio.timeout(self._timeout),
                self._session.get(
                    f"{self._url}{route}", params=params, headers=_authorization(key), allow_redirects=False
                ) as response,
            ):
                content = await _read(response)
        except TimeoutError:
            raise silence(self._timeout) from None
        except _NO_CONNECTION as error:
            raise _no_connection(error) from None
        if response.status != 200:  # noqa: PLR2004 (HTTP's own)
            raise error_of(response.status, response.headers, content, self._credential.masked)
        return content

    async def _admitted(self, attempt: Callable[[int], Awaitable[T]]) -> T:
        """What the attempts give, if the breaker lets them be made; a failure is one after all retries."""
        permit = self.breaker.admit()
        try:
            given = await with_retries(attempt, self._timeout)
        except GatewayError as error:
            if error.is_outage:
                self.breaker.failed(permit)
            else:
                self.breaker.refused(permit)
            raise
        except BaseException:
            self.breaker.given_up(permit)
            raise
        self.breaker.succeeded()
        return given


def _ignore(_: Exchange) -> None:
    """Observe nothing."""


def _authorization(key: SecretStr) -> dict[str, str]:
    return {"Authorization": f"Bearer {key.get_secret_value()}"}


def _no_connection(error: Exception) -> GatewayError:
    return GatewayError(502, f"the connection failed ({type(error).__name__})")


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The whole body, up to a size that no answer has."""
    pieces, size = list[bytes](), 0
    while piece := await response.content.readany():
        pieces.append(piece)
        size += len(piece)
        if size > _LARGEST_ANSWER:
            raise GatewayError(502, "it sent an answer without end")
    return b"".join(pieces)


async def _put_back(first: bytes, events: Events) -> Events:
    async with aclosing(events):
        yield first
        async for event in events:
            yield event
