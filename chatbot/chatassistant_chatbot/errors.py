"""What callers are told when something goes wrong: one error, and one table of the gateway's.

What the gateway's status means is in OpenRouter's error documentation; some popular readings of it are wrong: a 500
is not a misspelt model, and a 401 is about the assistant's key, never about the caller's.
"""

import math
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from pydantic import BaseModel


class ErrorDetails(BaseModel):
    """What went wrong."""

    message: str
    type: str
    param: str | None
    code: str
    metadata: dict[str, Any] | None = None


class ErrorBody(BaseModel):
    """The body of every error."""

    error: ErrorDetails


class CallerError(Exception):
    """An error as OpenAI's API words it; the text is for the caller and holds nothing of ours.

    `retry_after` is in seconds; `headers` are told beside it.
    """

    def __init__(  # noqa: PLR0913 (what OpenAI's errors consist of)
        self,
        status: int,
        code: str,
        message: str,
        *,
        type: str = "invalid_request_error",  # noqa: A002 (OpenAI's name)
        param: str | None = None,
        retry_after: float | None = None,
        metadata: dict[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self._headers = dict(headers or {})
        if status == 401:  # noqa: PLR2004 (HTTP's own)
            self._headers["WWW-Authenticate"] = "Bearer"
        if retry_after is not None:
            self._headers["Retry-After"] = str(max(1, math.ceil(retry_after)))
        self._details = ErrorDetails(message=message, type=type, param=param, code=code, metadata=metadata)

    def body(self) -> dict[str, Any]:
        """The JSON body."""
        left_out = None if self._details.metadata else {"metadata"}
        return {"error": self._details.model_dump(exclude=left_out)}

    def headers(self) -> Mapping[str, str]:
        """What a client reads before the body: when to come again, or how to say who it is."""
        return self._headers


class GatewayError(Exception):
    """The gateway did not answer a request as it should.

    The text is ours and may be logged; `said` is the gateway's, which may quote the caller and is for nobody else.
    `status` is the gateway's HTTP status, or the one that stands for what happened: 504 for silence, 502 for no
    connection or an answer that is none. `retry_after` is in seconds, `metadata` the gateway's own.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        said: str = "",
        retry_after: float | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.said = said
        self.retry_after = retry_after
        self.metadata = metadata or {}

    @property
    def may_pass(self) -> bool:
        """Whether trying again may help."""
        return self.status in _PASSING

    @property
    def asks_for_patience(self) -> bool:
        """Whether it is a limit that ends by itself: a 429, or a budget that running requests hold."""
        in_flight = self.metadata.get("limit_source") == "openrouter_in_flight_budget"
        return self.status == 429 or (self.status == 402 and in_flight)  # noqa: PLR2004 (HTTP's own)


class KeyRefusedError(Exception):
    """The gateway does not take a key, and says so for good; the text may be logged."""


_PASSING: Final = frozenset({408, 500, 502, 503, 504, 524, 529})


class _Row(NamedTuple):
    """What the caller gets; with no message, the gateway's own words."""

    status: int
    code: str
    type: str
    message: str = ""


_NO_ANSWER: Final = _Row(502, "gateway_error", "api_error", "The gateway gave no usable answer.")
_TABLE: Final[dict[int, _Row]] = {
    400: _Row(400, "invalid_request", "invalid_request_error"),
    413: _Row(413, "request_too_large", "invalid_request_error"),
    422: _Row(422, "invalid_request", "invalid_request_error"),
    401: _Row(
        502, "assistant_misconfigured", "api_error", "The gateway does not accept the assistant's key."
    ),
    402: _Row(503, "assistant_out_of_credit", "api_error", "The assistant's account has no credit left."),
    403: _Row(
        502, "assistant_misconfigured", "api_error", "The gateway forbids this to the assistant's key."
    ),
    404: _Row(404, "model_not_found", "invalid_request_error"),
    429: _Row(429, "rate_limit_exceeded", "rate_limit_error"),
    408: _Row(504, "gateway_timeout", "api_error", "The gateway gave up waiting for the model."),
    500: _Row(502, "gateway_error", "api_error", "The gateway had an internal error."),
    502: _NO_ANSWER,
    503: _Row(503, "gateway_unavailable", "api_error", "The gateway has nobody to answer this now."),
    504: _Row(504, "gateway_timeout", "api_error", "The gateway did not answer in time."),
    524: _Row(504, "gateway_timeout", "api_error", "The gateway did not answer in time."),
    529: _Row(503, "gateway_overloaded", "api_error", "The model's provider is overloaded."),
}


def for_caller(error: GatewayError) -> CallerError:
    """What the caller is told of a gateway's error."""
    reasons = error.metadata.get("reasons")
    if error.status == 403 and reasons:  # noqa: PLR2004 (HTTP's own)
        said = error.said or "The gateway's moderation refused this."
        return CallerError(403, "content_refused", said, metadata={"reasons": reasons})
    row = _TABLE.get(error.status, _NO_ANSWER)
    message = row.message or error.said or f"The gateway answered {error.status}."
    return CallerError(row.status, row.code, message, type=row.type, retry_after=error.retry_after)
