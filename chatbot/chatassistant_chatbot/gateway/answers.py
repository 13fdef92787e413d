"""What the gateway's answers say, and what the log says of them."""

import logging
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Final, cast

import aiohttp
import orjson

from chatassistant_chatbot.errors import GatewayError

logger = logging.getLogger(__name__)

_LONGEST_MESSAGE: Final = 300
_LONGEST_LOGGED: Final = 2000
_SECRET_HEADERS: Final = frozenset({"authorization", "set-cookie"})


def error_of(status: int, headers: Mapping[str, str], content: bytes) -> GatewayError:
    """The error that an answer other than 200 tells of."""
    error = _error_object(_parsed(content))
    metadata = error.get("metadata")
    metadata = cast("dict[str, Any]", metadata) if isinstance(metadata, dict) else {}
    said = metadata.get("raw") if isinstance(metadata.get("raw"), str) else error.get("message")
    message = str(said or f"HTTP {status}")[:_LONGEST_MESSAGE]
    # A redirect and what nobody has heard of are no answers.
    known = status if 400 <= status < 600 else 502  # noqa: PLR2004 (HTTP's own)
    return GatewayError(known, message, retry_after=_retry_after(headers), metadata=metadata)


def error_in(content: bytes) -> GatewayError | None:
    """The error in the body of a 200, None for a right one.

    Such bodies hold `error` and no choices (langchain-ai/langchainjs#11417), or a choice that holds it.
    """
    answer = _parsed(content)
    if not isinstance(answer, dict):
        return GatewayError(502, "an answer that is no JSON")
    error = answer.get("error")
    choices = answer.get("choices")
    if not error and isinstance(choices, list) and choices:
        first: Any = choices[0]
        error = first.get("error") if isinstance(first, dict) else None
        if not error:
            return None
    message = error.get("message") if isinstance(error, dict) else None
    return GatewayError(502, str(message or "an answer with no choices")[:_LONGEST_MESSAGE])


def explain_exchange(response: aiohttp.ClientResponse, payload: Mapping[str, Any], content: bytes) -> None:
    """Log an exchange at Debug: headers with the key masked, bodies cut."""
    if not logger.isEnabledFor(logging.DEBUG):
        return
    sent, received = ({name: _masked(name, value) for name, value in each.items()} for each in (
        response.request_info.headers, response.headers
    ))  # fmt: skip
    logger.debug(
        "gateway exchange",
        extra={
            "url": str(response.url),
            "status": response.status,
            "generation": response.headers.get("X-Generation-Id"),
            "request_headers": sent,
            "response_headers": received,
            "request_body": orjson.dumps(payload)[:_LONGEST_LOGGED].decode(errors="replace"),
            "response_body": content[:_LONGEST_LOGGED].decode(errors="replace"),
        },
    )


def _parsed(content: bytes) -> Any:
    # Newlines may come before the JSON of a slow answer (router-for-me/CLIProxyAPI#2690).
    try:
        return orjson.loads(content.strip())
    except orjson.JSONDecodeError:
        return None


def _error_object(answer: Any) -> dict[str, Any]:
    error: Any = answer.get("error") if isinstance(answer, dict) else None
    return cast("dict[str, Any]", error) if isinstance(error, dict) else {}


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait: `Retry-After`, else OpenRouter's `X-RateLimit-Reset` in epoch milliseconds."""
    value = headers.get("Retry-After", "")
    if value.isdigit():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        reset = headers.get("X-RateLimit-Reset", "")
        return max(0.0, int(reset) / 1000 - time.time()) if reset.isdigit() else None


def _masked(name: str, value: str) -> str:
    return "***" if name.lower() in _SECRET_HEADERS else value
