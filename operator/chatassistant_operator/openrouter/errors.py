"""Everything that can go wrong with the gateway, on one screen.

OpenRouterError
├── RefusedError         401, 402, 403: a definite answer about the key
├── RateLimitedError     429
├── GatewayError         408, 5xx: the gateway failed
├── UnexpectedError      any other status, or an answer that is not what it should be
└── UnreachableError     no connection, no answer in time, TLS

Status counts, not the text: a deleted key is told `User not found.` and a foreign one `No cookie auth credentials
found`, both with 401.
"""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import httpx
from pydantic import ValidationError

from chatassistant_operator.openrouter.shapes import ErrorAnswer

_LONGEST_MESSAGE: Final = 300
_KEY: Final = re.compile(r"sk-[A-Za-z0-9_-]{6,}")


class OpenRouterError(Exception):
    """The gateway did not answer as hoped; the text says what it said, with anything like a key masked.

    `status` is the HTTP status, `retry_after` the seconds that the gateway asked to wait.
    """

    def __init__(self, message: str, *, status: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(masked(message))
        self.status = status
        self.retry_after = retry_after


class RefusedError(OpenRouterError):
    """The gateway refuses the key."""

    status: int


class RateLimitedError(OpenRouterError):
    """The gateway was asked too often."""


class GatewayError(OpenRouterError):
    """The gateway failed."""


class UnexpectedError(OpenRouterError):
    """The answer is not what this API gives, as when the base URL leads elsewhere."""


class UnreachableError(OpenRouterError):
    """The gateway could not be reached, or did not finish its answer in time."""


def from_response(status: int, headers: httpx.Headers, content: bytes, now: datetime) -> OpenRouterError:
    """The error for an answer that is not 200."""
    retry_after = _retry_after(headers, now)
    try:
        message = ErrorAnswer.model_validate_json(content).words
    except ValidationError:
        message = f"HTTP {status} with no word of OpenRouter's"
    if status in {401, 402, 403}:
        return RefusedError(message, status=status)
    if status == 429:  # noqa: PLR2004 (HTTP's own)
        return RateLimitedError(message, status=status, retry_after=retry_after)
    if status == 408 or status >= 500:  # noqa: PLR2004 (HTTP's own)
        return GatewayError(f"HTTP {status}: {message}", status=status, retry_after=retry_after)
    return UnexpectedError(f"HTTP {status}: {message}", status=status)


def masked(text: str) -> str:
    """The text, cut to a length for people, with anything that looks like a key made unreadable."""
    return _KEY.sub("sk-***", text)[:_LONGEST_MESSAGE]


def _retry_after(headers: httpx.Headers, now: datetime) -> float | None:
    """Seconds to wait: `Retry-After`, else OpenRouter's `X-RateLimit-Reset` in epoch milliseconds."""
    value = headers.get("Retry-After", "")
    if value.isdigit():
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value).astimezone(UTC) - now).total_seconds())
    except ValueError:
        reset = headers.get("X-RateLimit-Reset", "")
        return max(0.0, int(reset) / 1000 - now.timestamp()) if reset.isdigit() else None
