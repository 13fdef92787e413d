"""What is refused before anybody looks at a path: requests that pages of other sites have a browser make.

There is no CORS: no other site's page may read an answer, and a preflight is answered as any unknown method. But an
assistant that lets everybody in must not answer a page that only pretends to be its own: by a name that the page's
owner lets lead to this machine (DNS rebinding), or by a request that does not wait for a preflight.
"""

import ipaddress
import re
from typing import Final

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from chatassistant_chatbot.errors import CallerError
from chatassistant_chatbot.settings import Settings

_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[0-9A-Za-z._-]{1,255})(:[0-9]{1,5})?")
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Guard:
    """Answers what no client of ours would send."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._anybody = settings.configuration.access.mode == "None"
        # Elsewhere a name that leads here is no trick: it is how everybody reaches the assistant.
        self._local_only = self._anybody and _is_loopback(settings.process.host)
        self._names = frozenset(each.lower().rstrip(".") for each in settings.process.allowed_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        problem = self._problem(scope)
        answer = self._app
        if problem is not None:
            answer = JSONResponse(problem.body(), status_code=problem.status, headers=problem.headers())
        await answer(scope, receive, send)

    def _problem(self, scope: Scope) -> CallerError | None:
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        if len(hosts) > 1 or not all(map(_HOST.fullmatch, hosts)) or (not hosts and _needs_host(scope)):
            return CallerError(
                400, "invalid_host", "A request must have one Host header: a name or an address, and a port."
            )
        if self._local_only and hosts and not self._is_ours(hosts[0]):
            return CallerError(
                403,
                "host_not_allowed",
                "This assistant listens on this machine only and answers requests to localhost; "
                "other names must be listed in its variable ALLOWED_HOSTS.",
                type="permission_error",
            )
        if self._anybody and scope["method"] not in _READING and _is_cross_site(scope):
            return CallerError(
                403,
                "cross_site_request",
                "Pages of other sites may not ask an assistant that lets everybody in (access.mode None).",
                type="permission_error",
            )
        return None

    def _is_ours(self, host: str) -> bool:
        name = host.rpartition("]")[0].lstrip("[") or host.partition(":")[0]
        name = name.lower().rstrip(".")
        return _is_loopback(name) or name.endswith(".localhost") or name in self._names


def _needs_host(scope: Scope) -> bool:
    return bool(scope["http_version"] != "1.0")


def _is_cross_site(scope: Scope) -> bool:
    return (b"sec-fetch-site", b"cross-site") in scope["headers"]


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
