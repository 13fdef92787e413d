"""What the gateway's answers say, and what the log says of them."""

import logging
import re
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Final, cast

import aiohttp
import orjson

from chatassistant_chatbot.errors import GatewayError
from chatassistant_chatbot.gateway.events import data_of

logger = logging.getLogger(__name__)

_LONGEST_MESSAGE: Final = 300
_LONGEST_LOGGED: Final = 2000
# The longest wait that OpenRouter tells of: until its free tier's next day.
_LONGEST_WAIT_SECONDS: Final = 24 * 60 * 60.0
_SECONDS: Final = re.compile(r"[0-9]{1,9}(\.[0-9]+)?")
_EPOCH_MILLISECONDS: Final = re.compile(r"[0-9]{12,14}")
_SECRET_HEADERS: Final = frozenset({"authorization", "cookie", "set-cookie"})


def error_of(status: int, headers: Mapping[str, str], content: bytes) -> GatewayError:
    """The error that an answer other than 200 tells of."""
    error = _object(_object(_parsed(content)).get("error"))
    # A redirect is no answer, and neither is a 404 in HTML: the base URL is wrong then, not the model
    # (openclaw/openclaw#69646).
    astray = not 400 <= status < 600 or (status == 404 and not error)  # noqa: PLR2004 (HTTP's own)
    metadata = _object(error.get("metadata"))
    told_in_body = {str(name): str(value) for name, value in _object(metadata.get("headers")).items()}
    retry_after = _retry_after(headers)
    return GatewayError(
        502 if astray else status,
        f"it answered {status}",
        said=_words(error),
        retry_after=_retry_after(told_in_body) if retry_after is None else retry_after,
        metadata=metadata,
    )


def error_in_answer(content: bytes) -> GatewayError | None:
    """The error in the body of a 200, None for a right one.

    Such bodies hold `error` and no choices (langchain-ai/langchainjs#11417), or a choice that holds it.
    """
    answer = _object(_parsed(content))
    if not answer:
        return GatewayError(502, "it answered 200 and no JSON object")
    error = _error_told(answer)
    if error is None and not answer.get("choices"):
        return GatewayError(502, "it answered 200 and no choices")
    return error


def error_in_event(event: bytes, masked: Callable[[bytes], bytes]) -> GatewayError | None:
    """The error that an event of a stream tells of, as `masked` leaves it."""
    if b'"error"' not in event:
        return None
    return _error_told(_object(_parsed(data_of(masked(event)))))


def error_in_first_event(event: bytes) -> GatewayError | None:
    """The error that the first event is when it shows that the stream is none; what it tells of is looked at before."""
    if not _object(_parsed(data_of(event))):
        return GatewayError(502, "it began a stream with no JSON object")
    return None


def is_management_key(content: bytes) -> bool:
    """What the 200 of `GET /key` says of a key.

    Raises:
        GatewayError: when the answer is none of OpenRouter's.
    """
    data = _object(_object(_parsed(content)).get("data"))
    if not data:
        raise GatewayError(502, "it answered 200 and nothing of a key")
    return data.get("is_management_key") is True


def explain_exchange(response: aiohttp.ClientResponse, request_body: bytes, response_body: bytes) -> None:
    """Log an exchange at Debug: headers with the key masked, bodies cut."""
    if not logger.isEnabledFor(logging.DEBUG):
        return
    logger.debug(
        "gateway exchange",
        extra={
            "url": str(response.url),
            "status": response.status,
            "generation": response.headers.get("X-Generation-Id"),
            "request_headers": _masked(response.request_info.headers),
            "response_headers": _masked(response.headers),
            "request_body": request_body[:_LONGEST_LOGGED].decode(errors="replace"),
            "response_body": response_body[:_LONGEST_LOGGED].decode(errors="replace"),
        },
    )


def _error_told(answer: dict[str, Any]) -> GatewayError | None:
    choices: object = answer.get("choices")
    first = _object(cast("list[object]", choices)[0]) if isinstance(choices, list) and choices else {}
    error = answer.get("error") or first.get("error")
    return GatewayError(502, "it answered 200 and an error", said=_words(_object(error))) if error else None


def _parsed(content: bytes) -> object:
    # Newlines may come before the JSON of a slow answer (router-for-me/CLIProxyAPI#2690).
    try:
        return orjson.loads(content.strip())
    except orjson.JSONDecodeError:
        return None


def _object(value: object) -> dict[str, Any]:
    """The value when it is a JSON object, else an empty one."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _words(error: dict[str, Any]) -> str:
    """The gateway's message; an upstream provider's own is in `metadata.raw` (open-webui/computer#293)."""
    raw = _object(error.get("metadata")).get("raw")
    said = raw if isinstance(raw, str) and raw else error.get("message")
    return str(said or "")[:_LONGEST_MESSAGE]


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait: `Retry-After`, else OpenRouter's `X-RateLimit-Reset` in epoch milliseconds."""
    value = headers.get("Retry-After", "")
    if _SECONDS.fullmatch(value):
        return min(float(value), _LONGEST_WAIT_SECONDS)
    reset = headers.get("X-RateLimit-Reset", "")
    try:
        until = parsedate_to_datetime(value).timestamp()
    except (ValueError, OverflowError):
        if not _EPOCH_MILLISECONDS.fullmatch(reset):
            return None
        until = int(reset) / 1000
    return min(max(0.0, until - time.time()), _LONGEST_WAIT_SECONDS)


def _masked(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: "***" if name.lower() in _SECRET_HEADERS else value for name, value in headers.items()}
