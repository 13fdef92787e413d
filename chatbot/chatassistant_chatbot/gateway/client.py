"""The gateway: completions asked for, whole or streamed, with retries and a breaker; and what is asked beside them."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing, closing
from typing import Final, NamedTuple, Self, TypeVar
from urllib.parse import urlencode

from pydantic import SecretStr
from yarl import URL

from chatassistant_chatbot.credentials import Credential
from chatassistant_chatbot.errors import GatewayError, KeyRefusedError
from chatassistant_chatbot.gateway.answers import answer_in, error_of, is_management_key
from chatassistant_chatbot.gateway.breaker import Breaker
from chatassistant_chatbot.gateway.connections import Connections
from chatassistant_chatbot.gateway.exchange import Exchange, Observe, Recorder
from chatassistant_chatbot.gateway.generation import cost_told
from chatassistant_chatbot.gateway.proxy import proxy_of
from chatassistant_chatbot.gateway.response import Patience, Response
from chatassistant_chatbot.gateway.retries import patience_for, with_retries
from chatassistant_chatbot.gateway.streams import events_of
from chatassistant_chatbot.settings import Gateway
from chatassistant_chatbot.turn.answer import JsonObject

_EVENT_STREAM: Final = b"text/event-stream"
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
        self._path = URL(self._url).raw_path.rstrip("/")
        self._completions = f"{self._path}/chat/completions"
        self._connections = Connections(self._url, proxy_of(self._url))
        self._timeout = settings.timeout_seconds
        self._credential = credential
        self._headers = {"Content-Type": "application/json"}
        if settings.referer:
            self._headers["HTTP-Referer"] = settings.referer
        if settings.title:
            # The second is the older name of the first; some gateways know only that.
            self._headers |= {"X-OpenRouter-Title": settings.title, "X-Title": settings.title}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._connections.close()

    async def complete(self, body: bytes, request_id: str) -> Completion:
        """An answer in one piece: the gateway's JSON, known to hold a choice."""

        async def attempt(retries: int, patience: Patience) -> Completion:
            with self._recorded(Exchange(request_id, stream=False, retries=retries)) as recorder:
                content = await (await self._begun(body, recorder, patience)).whole()
                content = self._credential.without_key(content)
                recorder.heard(content)
                answer = answer_in(content, self._credential.masked)
                recorder.took(answer)
                return Completion(content.strip(), answer)

        return await self._admitted(attempt)

    async def stream(self, body: bytes, request_id: str) -> Events:
        """A stream of which the first event has arrived: server-sent events, each whole, up to `[DONE]`.

        The generator raises `GatewayError` when the stream breaks, falls silent or tells of an error.
        """

        async def attempt(retries: int, patience: Patience) -> Events:
            events = self._events(body, Exchange(request_id, stream=True, retries=retries), patience)
            try:
                return _put_back(await anext(events), events)
            except BaseException:
                await events.aclose()
                raise

        return await self._admitted(attempt)

    async def _events(self, body: bytes, exchange: Exchange, patience: Patience) -> Events:
        with self._recorded(exchange) as recorder:
            answer = await self._begun(body, recorder, patience)
            if not answer.header(b"content-type").lower().startswith(_EVENT_STREAM):
                content = await answer.whole()
                recorder.heard(content)
                answer_in(content, self._credential.masked)
                raise GatewayError(502, "it answered with no stream")
            async with aclosing(events_of(answer, self._timeout, self._credential, recorder.took)) as events:
                async for event in events:
                    recorder.heard(event)
                    yield event

    def _recorded(self, exchange: Exchange) -> Recorder:
        return Recorder(exchange, self._credential.masked, self.observe)

    async def _begun(self, body: bytes, recorder: Recorder, patience: Patience) -> Response:
        """A 200 whose body is to be read; the recorder closes it."""
        headers = self._headers | _authorization(self._credential.key)
        headers["X-Request-Id"] = recorder.exchange.request_id
        recorder.begins(headers, body)
        answer = await self._connections.ask("POST", self._completions, headers, body, patience=patience)
        recorder.began(answer)
        if answer.status != 200:  # noqa: PLR2004 (HTTP's own)
            content = await answer.whole()
            recorder.heard(content)
            raise error_of(answer.status, answer.headers, content, self._credential.masked)
        return answer

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
        target = f"{self._path}{route}{'?' if params else ''}{urlencode(params)}"
        patience = patience_for(self._timeout)
        asking = self._connections.ask("GET", target, _authorization(key), patience=patience)
        with closing(await asking) as response:
            content = await response.whole()
        if response.status != 200:  # noqa: PLR2004 (HTTP's own)
            raise error_of(response.status, response.headers, content, self._credential.masked)
        return content

    async def _admitted(self, attempt: Callable[[int, Patience], Awaitable[T]]) -> T:
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


async def _put_back(first: bytes, events: Events) -> Events:
    async with aclosing(events):
        yield first
        async for event in events:
            yield event
