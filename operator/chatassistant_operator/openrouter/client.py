"""The questions that the operator asks of an OpenRouter-compatible gateway."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http import HTTPStatus
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from chatassistant_operator.api.api_key import ApiKey
from chatassistant_operator.observed.gateway import Catalogue, Endpoints, KeyAccepted
from chatassistant_operator.openrouter.errors import (
    GatewayError,
    OpenRouterError,
    RefusedError,
    UnexpectedError,
    UnreachableError,
    from_response,
)
from chatassistant_operator.openrouter.shapes import (
    CompletionAnswer,
    EndpointsAnswer,
    ErrorAnswer,
    KeyAnswer,
    ModelsAnswer,
    ZeroRetentionAnswer,
)

_CONNECT_SECONDS: Final = 5.0
# The catalogue had 0.75 MB in November 2026; an answer without end must not fill the memory.
_LARGEST_ANSWER: Final = 32 * 1024 * 1024
# A proxy cannot reach the stand-in on this machine.
_NEVER_BY_PROXY: Final = ("all://127.0.0.1", "all://localhost", "all://[::1]")

_ABOUT_A_KEY: Final = frozenset({401, 402, 403, 404})
_ABOUT_A_MODEL: Final = frozenset({404})
_ABOUT_A_COMPLETION: Final = frozenset({400, 401, 402, 403, 404, 413, 422})

Answer = TypeVar("Answer", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class _Question:
    """One request.

    Attributes:
        url: Where it goes.
        timeout_seconds: How long the whole of it may take.
        definite: The statuses that are a definite refusal.
        api_key: The key that goes along.
        body: What is posted; a GET when there is nothing.
    """

    url: str
    timeout_seconds: float
    definite: frozenset[int] = frozenset()
    api_key: ApiKey | None = None
    body: dict[str, Any] | None = None


class OpenRouter:
    """One connection pool for all gateways; made once, used as an async context manager.

    Every method raises `OpenRouterError` (see `errors`). Every request is told to `observe`: its route, and the HTTP
    status or what went wrong in one word. Redirects are not followed: they would carry the key to
    another server. A proxy and a CA bundle are taken from HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE.
    """

    def __init__(self, observe: Callable[[str, str], None] = lambda _route, _result: None) -> None:
        self._observe = observe
        # The callers bound their requests; a limit here would make one gateway's silence another one's.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
        headers = {"User-Agent": "chatassistant-operator"}
        self._http = httpx.AsyncClient(
            follow_redirects=False, headers=headers, limits=limits, mounts=dict.fromkeys(_NEVER_BY_PROXY)
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def key(self, base_url: str, api_key: ApiKey, timeout_seconds: float) -> KeyAccepted:
        """What the gateway knows of a key that it accepts."""
        url = f"{base_url.rstrip('/')}/key"
        question = _Question(url, timeout_seconds, _ABOUT_A_KEY, api_key)
        facts = (await self._ask("/key", question, KeyAnswer)).facts()
        # OpenRouter's label is a part of the key; another gateway's might be all of it.
        return replace(facts, label=facts.label.replace(api_key.reveal(), "***"))

    async def models(self, base_url: str, timeout_seconds: float) -> Catalogue:
        """All models that the gateway offers; no key is needed, and none is sent."""
        question = _Question(f"{base_url.rstrip('/')}/models", timeout_seconds)
        answer = await self._ask("/models", question, ModelsAnswer)
        return Catalogue({row.id: row.facts() for row in answer.data})

    async def endpoints(self, base_url: str, model: str, timeout_seconds: float) -> Endpoints:
        """Who serves a model; nobody where the gateway has no such list."""
        question = _Question(
            f"{base_url.rstrip('/')}/models/{model}/endpoints", timeout_seconds, _ABOUT_A_MODEL
        )
        try:
            answer = await self._ask("/models/endpoints", question, EndpointsAnswer)
        except RefusedError:
            return Endpoints(())
        return Endpoints(tuple(row.facts() for row in answer.data.endpoints))

    async def zero_retention(self, base_url: str, timeout_seconds: float) -> Endpoints:
        """The endpoints of all models that retain nothing of what they are sent."""
        question = _Question(f"{base_url.rstrip('/')}/endpoints/zdr", timeout_seconds)
        answer = await self._ask("/endpoints/zdr", question, ZeroRetentionAnswer)
        return Endpoints(tuple(row.facts() for row in answer.data))

    async def complete(
        self, base_url: str, api_key: ApiKey, request: dict[str, Any], timeout_seconds: float
    ) -> None:
        """Have a completion answered; what it says is not looked at."""
        url = f"{base_url.rstrip('/')}/chat/completions"
        question = _Question(url, timeout_seconds, _ABOUT_A_COMPLETION, api_key, request)
        await self._ask("/chat/completions", question, CompletionAnswer)

    async def _ask(self, route: str, question: _Question, shape: type[Answer]) -> Answer:
        try:
            response, content = await self._send(question)
        except OpenRouterError:
            self._observe(route, "unreachable")
            raise
        self._observe(route, str(response.status_code))
        if response.status_code != HTTPStatus.OK:
            now = datetime.now(UTC)
            raise from_response(response, content, question.api_key, question.definite, now)
        try:
            return shape.model_validate_json(content.strip())
        except ValidationError:
            raise _unexpected(question, content) from None

    async def _send(self, question: _Question) -> tuple[httpx.Response, bytes]:
        url, seconds = question.url, question.timeout_seconds
        headers = {"Authorization": f"Bearer {question.api_key.reveal()}"} if question.api_key else {}
        timeout = httpx.Timeout(seconds, connect=min(_CONNECT_SECONDS, seconds))
        method = "GET" if question.body is None else "POST"
        try:
            async with (
                asyncio.timeout(seconds),
                self._http.stream(
                    method, url, headers=headers, timeout=timeout, json=question.body
                ) as response,
            ):
                return response, await _read(response)
        except (TimeoutError, httpx.TimeoutException):
            raise UnreachableError(f"{url} did not answer within {seconds:g} s.") from None
        except (httpx.RequestError, httpx.InvalidURL) as error:
            raise UnreachableError(
                f"{url} cannot be reached: {str(error) or type(error).__name__}."
            ) from None


def _unexpected(question: _Question, content: bytes) -> OpenRouterError:
    """The error for a 200 that is none: OpenRouter's own words where it has some (langchain-ai/langchainjs#11417)."""
    try:
        words = ErrorAnswer.model_validate_json(content.strip()).words
    except ValidationError:
        words = ""
    if words:
        return GatewayError(f"{question.url} answered 200 with an error: {words}")
    return UnexpectedError(
        f"{question.url} answered 200, but with something else than OpenRouter's JSON; does the base URL end in /api/v1?"
    )


async def _read(response: httpx.Response) -> bytes:
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > _LARGEST_ANSWER:
            raise UnexpectedError(f"{response.url} answers without end.")
    return bytes(content)
