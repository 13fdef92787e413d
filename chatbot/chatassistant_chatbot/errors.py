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
        if retry_after is not None:
            self._headers["Retry-After"] = str(max(1, math.ceil(retry_after)))
        self._details = ErrorDetails(message=message, type=type, param=param, code=code, metadata=metadata)

    @property
    def code(self) -> str:
        """What went wrong, in one word for machines."""
        return self._details.code

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
    connection or an answer that is none, 503 for a gateway that is left alone. `retry_after` is in seconds,
    `metadata` the gateway's own, with its `availability` beside it.
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
    def is_outage(self) -> bool:
        """Whether it is the gateway that failed, and no fault of the request's."""
        return self.status >= 500  # noqa: PLR2004 (HTTP's own)

    @property
    def is_silence(self) -> bool:
        """Whether it gave no answer in time, so that it may be at work all the same."""
        return self.status == 504  # noqa: PLR2004 (HTTP's own)

    @property
    def may_pass(self) -> bool:
        """Whether trying again may help."""
        return self.is_outage or self.status == 408  # noqa: PLR2004 (HTTP's own)

    @property
    def asks_for_patience(self) -> bool:
        """Whether it is a limit that ends by itself: a 429, or a budget that running requests hold."""
        in_flight = self.metadata.get("limit_source") == "openrouter_in_flight_budget"
        return self.status == 429 or (self.status == 402 and in_flight)  # noqa: PLR2004 (HTTP's own)

    @property
    def model_is_gone(self) -> bool:
        """Whether nobody serves the model, so that another one may answer.

        A name that was never any is a 400, told by its words (sipeed/picoclaw#1790) or by the code that newer errors
        have in `availability`.
        """
        if self.status == 400:  # noqa: PLR2004 (HTTP's own)
            code = self.metadata.get("availability")
            return code in _NO_SUCH_MODEL or "is not a valid model id" in self.said.lower()
        return self.status == 404  # noqa: PLR2004 (HTTP's own)


class KeyRefusedError(Exception):
    """The gateway does not take a key, and says so for good; the text may be logged."""


_NO_SUCH_MODEL: Final = frozenset({"model_not_found", "wrong_endpoint"})


class _Row(NamedTuple):
    """What the caller gets, and what the log says to whoever runs the assistant.

    With no message, the caller gets the gateway's own words.
    """

    status: int
    code: str
    type: str
    log: str
    message: str = ""


_KEYS: Final = "https://openrouter.ai/settings/keys"
_INVALID: Final = "invalid_request_error"
_OURS: Final = "api_error"
_NO_ANSWER: Final = _Row(
    502, "gateway_error", _OURS, "no usable answer", "The gateway gave no usable answer."
)
_LATE: Final = _Row(504, "gateway_timeout", _OURS, "no answer in time", "The gateway did not answer in time.")
# By the gateway's status, or by a word where that does not tell enough.
_TABLE: Final[Mapping[int | str, _Row]] = {
    400: _Row(400, "invalid_request", _INVALID, "the request is refused"),
    413: _Row(413, "request_too_large", _INVALID, "the request is too large"),
    422: _Row(422, "invalid_request", _INVALID, "the request cannot be processed"),
    "model": _Row(404, "model_not_found", _INVALID, "nobody serves the model; name another one"),
    401: _Row(
        502,
        "assistant_misconfigured",
        _OURS,
        f"the key is not accepted; replace it with one of {_KEYS}",
        "The gateway does not accept the assistant's key.",
    ),
    402: _Row(
        503,
        "assistant_out_of_credit",
        _OURS,
        "the account has no credit left; add some at https://openrouter.ai/settings/credits",
        "The assistant's account has no credit left.",
    ),
    "in flight": _Row(
        503,
        "assistant_out_of_credit",
        _OURS,
        "running requests hold all of the account's credit",
        "Requests that are running hold all of the assistant's credit.",
    ),
    403: _Row(
        502,
        "assistant_misconfigured",
        _OURS,
        f"it is forbidden to the key; see its limit and guardrails at {_KEYS}",
        "The gateway forbids this to the assistant's key.",
    ),
    "moderation": _Row(403, "content_refused", _INVALID, "the moderation refused the request"),
    429: _Row(429, "rate_limit_exceeded", "rate_limit_error", "a rate limit is reached"),
    408: _Row(
        504, "gateway_timeout", _OURS, "the model took too long", "The gateway gave up waiting for the model."
    ),
    500: _Row(502, "gateway_error", _OURS, "it has an internal error", "The gateway had an internal error."),
    502: _NO_ANSWER,
    503: _Row(
        503,
        "gateway_unavailable",
        _OURS,
        "nobody is there to answer",
        "The gateway has nobody to answer this now.",
    ),
    504: _LATE,
    524: _LATE,
    529: _Row(
        503,
        "gateway_overloaded",
        _OURS,
        "the model's provider is overloaded",
        "The model's provider is overloaded.",
    ),
}


def for_caller(error: GatewayError) -> CallerError:
    """What the caller is told of a gateway's error."""
    row = _row(error)
    reasons = error.metadata.get("reasons") if row is _TABLE["moderation"] else None
    return CallerError(
        row.status,
        row.code,
        row.message or error.said or f"The gateway answered {error.status}.",
        type=row.type,
        retry_after=error.retry_after,
        metadata={"reasons": reasons} if reasons else None,
    )


def for_log(error: GatewayError) -> str:
    """What the log says of it: what happened, what it means, and what to do where anybody can; nothing that was said."""
    return f"{error}: {_row(error).log}"


def _row(error: GatewayError) -> _Row:
    if error.model_is_gone:
        return _TABLE["model"]
    if error.status == 402 and error.asks_for_patience:  # noqa: PLR2004 (HTTP's own)
        return _TABLE["in flight"]
    if error.status == 403 and error.metadata.get("reasons"):  # noqa: PLR2004 (HTTP's own)
        return _TABLE["moderation"]
    return _TABLE.get(error.status, _NO_ANSWER)
