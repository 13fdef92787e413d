"""What the gateway's answers say. Pure, but for the clock that a date in `Retry-After` needs."""

import re
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Final, cast

import orjson

from chatassistant_chatbot.errors import GatewayError
from chatassistant_chatbot.turn.answer import JsonObject, as_object

Masked = Callable[[bytes], bytes]
"""What was said, without keys."""

_LONGEST_MESSAGE: Final = 300
# The longest wait that OpenRouter tells of: until its free tier's next day.
_LONGEST_WAIT_SECONDS: Final = 24 * 60 * 60.0
_SECONDS: Final = re.compile(r"[0-9]{1,9}(\.[0-9]+)?")
_EPOCH_MILLISECONDS: Final = re.compile(r"[0-9]{12,14}")


def error_of(status: int, headers: Mapping[str, str], content: bytes, masked: Masked) -> GatewayError:
    """The error that an answer other than 200 tells of."""
    error = as_object(as_object(_parsed(masked(content))).get("error"))
    # A redirect is no answer, and neither is a 404 in HTML: the base URL is wrong then, not the model
    # (openclaw/openclaw#69646).
    astray = not 400 <= status < 600 or (status == 404 and not error)  # noqa: PLR2004 (HTTP's own)
    metadata, availability = as_object(error.get("metadata")), as_object(error.get("availability"))
    told_in_body = {str(name): str(value) for name, value in as_object(metadata.get("headers")).items()}
    waits = (headers, told_in_body, {"Retry-After": str(availability.get("retry_after", ""))})
    return GatewayError(
        502 if astray else status,
        f"it answered {status}",
        said=_words(error, masked),
        retry_after=next((wait for each in waits if (wait := _retry_after(each)) is not None), None),
        metadata={**metadata, "availability": availability.get("code")},
    )


def answer_in(content: bytes, masked: Masked) -> JsonObject:
    """The answer in the body of a 200.

    Raises:
        GatewayError: 502, when there is none: such bodies hold `error` and no choices (langchain-ai/langchainjs#11417),
            or a choice that holds it.
    """
    answer = as_object(_parsed(content))
    if not answer:
        raise GatewayError(502, "it answered 200 and no JSON object")
    _raise_error_in(answer, masked)
    if not answer.get("choices"):
        raise GatewayError(502, "it answered 200 and no choices")
    return answer


def chunk_in(data: bytes, masked: Masked) -> JsonObject:
    """The chunk in the data of a stream's event.

    Raises:
        GatewayError: 502, when it is none, or tells of an error.
    """
    chunk = as_object(_parsed(data))
    if not chunk:
        raise GatewayError(502, "it sent an event that is no JSON object")
    _raise_error_in(chunk, masked)
    return chunk


def is_management_key(content: bytes) -> bool:
    """What the 200 of `GET /key` says of a key.

    Raises:
        GatewayError: when the answer is none of OpenRouter's.
    """
    data = as_object(as_object(_parsed(content)).get("data"))
    if not data:
        raise GatewayError(502, "it answered 200 and nothing of a key")
    return data.get("is_management_key") is True


def _raise_error_in(answer: JsonObject, masked: Masked) -> None:
    choices: object = answer.get("choices")
    first = as_object(cast("list[object]", choices)[0]) if isinstance(choices, list) and choices else {}
    error = answer.get("error") or first.get("error")
    if error:
        raise GatewayError(502, "it answered 200 and an error", said=_words(as_object(error), masked))


def _parsed(content: bytes) -> object:
    # Newlines may come before the JSON of a slow answer (router-for-me/CLIProxyAPI#2690); orjson takes them.
    try:
        return cast("object", orjson.loads(content))
    except orjson.JSONDecodeError:
        return None


def _words(error: JsonObject, masked: Masked) -> str:
    """The gateway's message; an upstream provider's own is in `metadata.raw` (open-webui/computer#293)."""
    raw = as_object(error.get("metadata")).get("raw")
    said = raw if isinstance(raw, str) and raw else error.get("message")
    return masked(str(said or "").encode(errors="replace")).decode()[:_LONGEST_MESSAGE]


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
