"""Everything that can go wrong with the API server, on one screen.

ClusterError
├── NotFoundError          404
├── ConflictError          409: it exists already, or it changed since it was read
├── ExpiredError           410: a watch must start over
├── RefusedError           what trying again does not mend
│   ├── ForbiddenError     401, 403: a right is missing
│   └── InvalidError       400, 415, 422: the object itself is refused
└── TransientError         what trying again may mend
    ├── TooManyRequestsError   429
    ├── ServerError            5xx
    └── UnreachableError       no connection, no answer in time, or a cut one
"""

from typing import Any, cast

import orjson


class ClusterError(Exception):
    """A request that the API server did not do; the text says which, and in whose words why.

    `status` is the HTTP status, `reason` Kubernetes' own one-word reason, `retry_after` the seconds that the
    server asked to wait.
    """

    def __init__(
        self, message: str, *, status: int | None = None, reason: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.retry_after = retry_after


class NotFoundError(ClusterError):
    """There is no such object, or no such kind."""


class ConflictError(ClusterError):
    """The object exists already, or has changed since it was read."""


class ExpiredError(ClusterError):
    """The resourceVersion is too old to watch from."""


class RefusedError(ClusterError):
    """Trying again would be refused again."""


class ForbiddenError(RefusedError):
    """A right is missing."""


class InvalidError(RefusedError):
    """The API server does not accept the object."""


class TransientError(ClusterError):
    """Trying again may help."""


class TooManyRequestsError(TransientError):
    """The API server asks for patience."""


class ServerError(TransientError):
    """The API server failed."""


class UnreachableError(TransientError):
    """The API server could not be reached, or did not finish its answer."""


_BY_STATUS: dict[int, type[ClusterError]] = {
    400: InvalidError,
    401: ForbiddenError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    410: ExpiredError,
    413: InvalidError,
    415: InvalidError,
    422: InvalidError,
    429: TooManyRequestsError,
}


def from_response(request: str, status: int, body: bytes, retry_after: str | None) -> ClusterError:
    """The error for an answer; `request` says in words what was asked."""
    try:
        answer: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        answer = None
    details = cast("dict[str, Any]", answer) if isinstance(answer, dict) else {}
    message = details.get("message") or f"HTTP {status}"
    error = _BY_STATUS.get(status, ServerError if status >= 500 else InvalidError)  # noqa: PLR2004 (HTTP's own)
    return error(
        f"{request}: {message}",
        status=status,
        reason=str(details.get("reason", "")),
        retry_after=float(retry_after) if retry_after and retry_after.isdigit() else None,
    )
