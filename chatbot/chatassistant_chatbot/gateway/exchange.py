"""An exchange with the gateway: what became of it, for metrics, traces and the log at Debug."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from chatassistant_chatbot.errors import GatewayError
from chatassistant_chatbot.gateway.answers import Masked
from chatassistant_chatbot.gateway.response import Response
from chatassistant_chatbot.turn.answer import JsonObject, nothing

logger = logging.getLogger(__name__)

_LONGEST_LOGGED: Final = 2000
_SECRET_HEADERS: Final = frozenset({"authorization", "cookie", "set-cookie"})


@dataclass(slots=True)
class Exchange:
    """One request to the gateway, as it was when it had ended; a request that is tried again makes several.

    Attributes:
        request_id: The caller's request.
        stream: Whether a stream was asked for.
        retries: How many tries there were before this one.
        status: The gateway's HTTP status; None when none came.
        first_byte_seconds: Until the first event, or the whole answer in one piece; None when neither came.
        seconds: Until the end.
        generation: The gateway's id of the answer.
        model: The model that answered.
        usage: OpenRouter's or OpenAI's `usage`; empty when none was told.
        complete: Whether the answer came to its end; with no `error`, the caller hung up before.
        error: What went wrong; its `status` stands for that, where HTTP's is 200 or none.
    """

    request_id: str
    stream: bool
    retries: int
    status: int | None = None
    first_byte_seconds: float | None = None
    seconds: float = 0.0
    generation: str | None = None
    model: str | None = None
    usage: JsonObject = field(default_factory=nothing)
    complete: bool = False
    error: GatewayError | None = None


Observe = Callable[[Exchange], None]


class Recorder:
    """Fills in an exchange while it goes on, as a context manager; at its end the answer is closed and `observe` called.

    Attributes:
        exchange: What is filled in.
    """

    __slots__ = (
        "_answer",
        "_body",
        "_content",
        "_explains",
        "_headers",
        "_masked",
        "_observe",
        "_started",
        "exchange",
    )

    def __init__(self, exchange: Exchange, masked: Masked, observe: Observe) -> None:
        self.exchange = exchange
        self._masked = masked
        self._observe = observe
        self._started = time.monotonic()
        self._explains = logger.isEnabledFor(logging.DEBUG)
        self._headers: Mapping[str, str] = {}
        self._body = self._content = b""
        self._answer: Response | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        exchange = self.exchange
        if self._answer is not None:
            self._answer.close()
        exchange.complete = error is None
        if isinstance(error, GatewayError):
            exchange.error = error
        exchange.seconds = time.monotonic() - self._started
        if self._explains:
            self._explain()
        self._observe(exchange)

    def begins(self, headers: Mapping[str, str], body: bytes) -> None:
        """This is being sent."""
        self._headers, self._body = headers, body

    def began(self, answer: Response) -> None:
        """The status and the headers are there."""
        self.exchange.status = answer.status
        self._answer = answer

    def heard(self, content: bytes) -> None:
        """Some of the body is there."""
        if self._explains and len(self._content) < _LONGEST_LOGGED:
            self._content += content

    def took(self, answer: JsonObject) -> None:
        """An answer is there, or a chunk of one."""
        exchange = self.exchange
        if exchange.first_byte_seconds is None:
            exchange.first_byte_seconds = time.monotonic() - self._started
            exchange.model, exchange.generation = _text(answer.get("model")), _text(answer.get("id"))
        usage = answer.get("usage")
        if isinstance(usage, dict):
            exchange.usage = usage

    def _explain(self) -> None:
        """Log it at Debug: headers with the key masked, bodies cut."""
        exchange, masked = self.exchange, self._masked
        logger.debug(
            "gateway exchange",
            extra={
                "route": "POST /chat/completions",
                "status": exchange.status,
                "error": str(exchange.error) if exchange.error else None,
                "complete": exchange.complete,
                "retries": exchange.retries,
                "milliseconds": _milliseconds(exchange.seconds),
                "first_byte_milliseconds": _milliseconds(exchange.first_byte_seconds),
                "generation": exchange.generation,
                "model": exchange.model,
                "prompt_tokens": exchange.usage.get("prompt_tokens"),
                "completion_tokens": exchange.usage.get("completion_tokens"),
                "request_headers": _shown(self._headers, masked),
                "response_headers": _shown(self._answer.headers if self._answer else {}, masked),
                "request_body": _cut(masked(self._body)),
                "response_body": _cut(masked(self._content)),
            },
        )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)


def _cut(content: bytes) -> str:
    return content[:_LONGEST_LOGGED].decode(errors="replace")


def _shown(headers: Mapping[str, str], masked: Masked) -> dict[str, str]:
    return {
        name: "***" if name.lower() in _SECRET_HEADERS else masked(value.encode(errors="replace")).decode()
        for name, value in headers.items()
    }
