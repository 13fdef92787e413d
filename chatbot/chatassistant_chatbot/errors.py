"""What callers are told when something goes wrong: one error, and one table of the gateway's.

What the gateway's status means is in OpenRouter's error documentation; some popular readings of it are wrong: a 500
is not a misspelt model, and a 401 is about the assistant's key, never about the caller's.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple


class CallerError(Exception):
    """An error as OpenAI's API words it; the text is for the caller and holds nothing of ours."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        type: str = "invalid_request_error",  # noqa: A002 (OpenAI's name)
        param: str | None = None,
        retry_after: float | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.type = type
        self.param = param
        self.retry_after = retry_after
        self.details = details

    def body(self) -> dict[str, Any]:
        """The JSON body."""
        error = {"message": str(self), "type": self.type, "param": self.param, "code": self.code}
        return {"error": error | ({"metadata": dict(self.details)} if self.details else {})}

    def headers(self) -> dict[str, str]:
        """`Retry-After` in whole seconds, when known."""
        return {} if self.retry_after is None else {"Retry-After": str(max(1, round(self.retry_after)))}


class GatewayError(Exception):
    """The gateway did not answer a request as it should.

    `status` is its HTTP status, or the one that stands for what happened: 504 for silence, 502 for no connection or
    an answer that is none. `retry_after` is in seconds, `metadata` the gateway's own.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        retry_after: float | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
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


_PASSING: Final = frozenset({408, 500, 502, 503, 504, 524, 529})


class _Row(NamedTuple):
    status: int
    code: str
    type: str
    message: str


_TABLE: Final[dict[int, _Row]] = {
    400: _Row(400, "invalid_request", "invalid_request_error", "{said}"),
    413: _Row(413, "request_too_large", "invalid_request_error", "{said}"),
    422: _Row(422, "invalid_request", "invalid_request_error", "{said}"),
    401: _Row(
        502, "assistant_misconfigured", "api_error", "The assistant's own key is not accepted by its gateway."
    ),
    402: _Row(503, "assistant_out_of_credit", "api_error", "The assistant's account has no credit left."),
    403: _Row(
        502,
        "assistant_misconfigured",
        "api_error",
        "The gateway forbids the assistant's own key this request.",
    ),
    404: _Row(404, "model_not_found", "invalid_request_error", "{said}"),
    408: _Row(504, "gateway_timeout", "api_error", "The gateway gave up waiting for the model."),
    429: _Row(429, "rate_limit_exceeded", "rate_limit_error", "{said}"),
    500: _Row(502, "gateway_error", "api_error", "The gateway had an internal error."),
    502: _Row(502, "gateway_error", "api_error", "The gateway gave no usable answer."),
    503: _Row(503, "gateway_unavailable", "api_error", "The gateway has nobody to answer this now."),
    504: _Row(504, "gateway_timeout", "api_error", "The gateway did not answer in time."),
    524: _Row(504, "gateway_timeout", "api_error", "The gateway did not answer in time."),
    529: _Row(503, "gateway_overloaded", "api_error", "The model's provider is overloaded."),
}


def for_caller(error: GatewayError) -> CallerError:
    """What the caller is told of a gateway's error."""
    reasons = error.metadata.get("reasons")
    if error.status == 403 and reasons:  # noqa: PLR2004 (HTTP's own)
        said = f"The gateway's moderation refused this: {', '.join(map(str, reasons))}."
        return CallerError(403, "content_refused", said, details={"reasons": reasons})
    row = _TABLE.get(error.status, _TABLE[502])
    if error.asks_for_patience:
        row = _TABLE[429]
    return CallerError(
        row.status, row.code, row.message.format(said=error), type=row.type, retry_after=error.retry_after
    )
