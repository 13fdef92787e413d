"""The two questions that the operator asks of an OpenRouter-compatible gateway."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from types import TracebackType
from typing import Final, Self, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from chatassistant_operator.api.api_key import ApiKey
from chatassistant_operator.observed import Catalogue, KeyAccepted
from chatassistant_operator.openrouter.errors import UnexpectedError, UnreachableError, from_response
from chatassistant_operator.openrouter.shapes import KeyAnswer, ModelsAnswer

_CONNECT_SECONDS: Final = 5.0
# The catalogue had 0.75 MB in November 2026; an answer without end must not fill the memory.
_LARGEST_ANSWER: Final = 32 * 1024 * 1024
# A proxy cannot reach the stand-in on this machine.
_NEVER_BY_PROXY: Final = ("all://127.0.0.1", "all://localhost", "all://[::1]")

Answer = TypeVar("Answer", bound=BaseModel)


class OpenRouter:
    """One connection pool for all gateways; made once, used as an async context manager.

    Every method raises `OpenRouterError` (see `errors`). Redirects are not followed: they would carry the key to
    another server. A proxy and a CA bundle are taken from HTTPS_PROXY, NO_PROXY and SSL_CERT_FILE.
    """

    def __init__(self) -> None:
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
        answer = await self._get(f"{base_url.rstrip('/')}/key", timeout_seconds, KeyAnswer, api_key)
        facts = answer.facts()
        # OpenRouter's label is a part of the key; another gateway's might be all of it.
        return replace(facts, label=facts.label.replace(api_key.reveal(), "***"))

    async def models(self, base_url: str, timeout_seconds: float) -> Catalogue:
        """All models that the gateway offers; no key is needed, and none is sent."""
        answer = await self._get(f"{base_url.rstrip('/')}/models", timeout_seconds, ModelsAnswer)
        return Catalogue({row.id: row.facts() for row in answer.data})

    async def _get(
        self, url: str, timeout_seconds: float, shape: type[Answer], api_key: ApiKey | None = None
    ) -> Answer:
        headers = {"Authorization": f"Bearer {api_key.reveal()}"} if api_key else {}
        timeout = httpx.Timeout(timeout_seconds, connect=min(_CONNECT_SECONDS, timeout_seconds))
        try:
            async with (
                asyncio.timeout(timeout_seconds),
                self._http.stream("GET", url, headers=headers, timeout=timeout) as response,
            ):
                content = await _read(response)
        except (TimeoutError, httpx.TimeoutException):
            raise UnreachableError(f"{url} did not answer within {timeout_seconds:g} s.") from None
        except (httpx.RequestError, httpx.InvalidURL) as error:
            raise UnreachableError(
                f"{url} cannot be reached: {str(error) or type(error).__name__}."
            ) from None
        if response.status_code != HTTPStatus.OK:
            raise from_response(response, content, api_key, datetime.now(UTC))
        try:
            return shape.model_validate_json(content)
        except ValidationError:
            raise UnexpectedError(
                f"{url} answered 200, but with something else than OpenRouter's JSON; does the base URL end in "
                "/api/v1?"
            ) from None


async def _read(response: httpx.Response) -> bytes:
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > _LARGEST_ANSWER:
            raise UnexpectedError(f"{response.url} answers without end.")
    return bytes(content)
