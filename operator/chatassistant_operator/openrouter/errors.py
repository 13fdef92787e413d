"""Everything that can go wrong with the gateway, on one screen.

OpenRouterError
├── RefusedError         a definite answer: about a key 401, 402, 403 and 404, about a completion 400, 413 and 422 too
├── RateLimitedError     429, and a 402 that passes by itself
├── GatewayError         408, 5xx: the gateway failed
├── UnexpectedError      any other status, or an answer that is not what it should be
└── UnreachableError     no connection, no answer in time, TLS

Status counts, not the text: a deleted key is told `User not found.` and a foreign one `No cookie auth credentials
found`, both with 401.
"""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

import httpx
from pydantic import ValidationError

from chatassistant_operator.api.api_key import ApiKey
from chatassistant_operator.openrouter.shapes import ErrorAnswer

_LONGEST_MESSAGE: Final = 300
_KEY: Final = re.compile(r"sk-or-[\x21-\x7e]+|\bsk-[\w-]{6,}")
_NUMBER: Final = re.compile(r"[0-9]{1,15}")
# The longest wait that OpenRouter has a reason for: its free tier's day ends at 00:00 UTC.
_LONGEST_WAIT_SECONDS: Final = 86_400.0


class OpenRouterError(Exception):
    """The gateway did not answer as hoped; the text says what it said, with anything like a key masked.

    `status` is the HTTP status, `retry_after` the seconds that the gateway asked to wait, at most a day.
    """

    def __init__(self, message: str, *, status: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(masked(message))
        self.status = status
        self.retry_after = retry_after


class RefusedError(OpenRouterError):
    """The gateway refuses, and will again until somebody changes something."""

    status: int


class RateLimitedError(OpenRouterError):
    """The gateway was asked too often."""


class GatewayError(OpenRouterError):
    """The gateway failed."""


class UnexpectedError(OpenRouterError):
    """The answer is not what this API gives, as when the base URL leads elsewhere."""


class UnreachableError(OpenRouterError):
    """The gateway could not be reached, or did not finish its answer in time."""


def from_response(
    response: httpx.Response, content: bytes, api_key: ApiKey | None, definite: frozenset[int], now: datetime
) -> OpenRouterError:
    """The error for an answer that is not 200.

    Args:
        response: The answer.
        content: Its body.
        api_key: The key that was sent, which the gateway may repeat in a form that `masked` does not know for one.
        definite: The statuses that are a definite refusal of what was asked.
        now: The time.
    """
    status, url = response.status_code, response.url
    retry_after = _retry_after(response.headers, now)
    said = _said(content)
    message = said.words if said else ""
    if api_key:
        message = message.replace(api_key.reveal(), "***")
    if status == HTTPStatus.TOO_MANY_REQUESTS or (said is not None and said.passes_by_itself):
        text = message or f"{url} answered HTTP {status}."
        return RateLimitedError(text, status=status, retry_after=retry_after)
    # A 404 in HTML is not this API's: the base URL is wrong then, not the key or the model (openclaw/openclaw#69646).
    if status in definite and (status != HTTPStatus.NOT_FOUND or said is not None):
        return RefusedError(message or "without a word of why", status=status)
    if status == HTTPStatus.REQUEST_TIMEOUT or response.is_server_error:
        text = f"{url} answered HTTP {status}{f': {message}' if message else '.'}"
        return GatewayError(text, status=status, retry_after=retry_after)
    advice = "a redirect is not followed with a key" if response.is_redirect else "does it end in /api/v1?"
    return UnexpectedError(f"{url} answered HTTP {status}; check the base URL ({advice}).", status=status)


def masked(text: str) -> str:
    """The text, cut to a length for people, with anything that looks like a key made unreadable."""
    return _KEY.sub("sk-***", text)[:_LONGEST_MESSAGE]


def _said(content: bytes) -> ErrorAnswer | None:
    """What the gateway says, None when the answer is not one of OpenRouter's."""
    try:
        return ErrorAnswer.model_validate_json(content)
    except ValidationError:
        return None


def _retry_after(headers: httpx.Headers, now: datetime) -> float | None:
    """Seconds to wait: `Retry-After`, else OpenRouter's `X-RateLimit-Reset` in epoch milliseconds."""
    asked, reset = headers.get("Retry-After", ""), headers.get("X-RateLimit-Reset", "")
    if _NUMBER.fullmatch(asked):
        seconds = float(asked)
    else:
        try:
            seconds = (parsedate_to_datetime(asked).astimezone(UTC) - now).total_seconds()
        except ValueError:
            if not _NUMBER.fullmatch(reset):
                return None
            seconds = int(reset) / 1000 - now.timestamp()
    return min(max(seconds, 0.0), _LONGEST_WAIT_SECONDS)
