"""An assistant as one of its callers: questions, streamed answers, and what went wrong in words."""

import math
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import httpx
import orjson

from chatassistant_operator.cli.connection import Connection
from chatassistant_operator.cli.failure import CommandError, ExitStatus
from chatassistant_operator.cli.parsing import parsed
from chatassistant_operator.cli.port_forward import PortForward
from chatassistant_operator.cluster.errors import ForbiddenError, NotFoundError
from chatassistant_operator.cluster.kinds import SECRET
from chatassistant_operator.local.access import access_of
from chatassistant_operator.observed import Manifest

# The chatbot bounds the gateway's silence; this is for a connection whose other end is gone.
_LIMITS: Final = httpx.Timeout(620.0, connect=15.0)
# A connection that is kept may go to a pod that has ended meanwhile.
_POOL: Final = httpx.Limits(max_keepalive_connections=0)
_DONE: Final = b"[DONE]"

Message = dict[str, str]
"""What somebody said: `role` (user or assistant) and `content`."""


@dataclass(frozen=True, slots=True)
class ToolNews:
    """What becomes of a call of a tool; `state` is running, done or failed."""

    server: str
    tool: str
    state: str


class AnswerError(Exception):
    """Why no answer came, or not all of it, in words.

    `status` is the HTTP status, None where there was no answer at all; `code` the assistant's own word for it;
    `retry_after` how many seconds it asked to wait.
    """

    def __init__(
        self, message: str, *, status: int | None = None, code: str = "", retry_after: int | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.retry_after = retry_after


class Caller:
    """Asks an assistant.

    Args:
        http: Leads to it, and says who asks.
        forward: The port-forward that it goes through, if any: it knows more of lost connections.
    """

    def __init__(self, http: httpx.AsyncClient, forward: PortForward | None = None) -> None:
        self._http = http
        self._forward = forward

    async def answer(
        self, messages: Sequence[Message], model: str | None = None, **parameters: Any
    ) -> AsyncGenerator[str | ToolNews, None]:
        """The answer's text in pieces as they come, and news of tools.

        Raises:
            AnswerError: when no answer comes, or it ends before its end.
        """
        body = {"messages": list(messages), "model": model or "default", "stream": True, **parameters}
        whole = False
        try:
            async with self._http.stream("POST", "/v1/chat/completions", json=body) as response:
                if not response.is_success:
                    raise _refused(response, await response.aread())
                async for data in _events(response):
                    whole = whole or data == _DONE
                    for piece in () if data == _DONE else _pieces(orjson.loads(data)):
                        yield piece
        except (httpx.HTTPError, orjson.JSONDecodeError) as error:
            raise AnswerError(self._lost(error)) from None
        if not whole:
            raise AnswerError(self._lost(None))

    async def models(self) -> list[str]:
        """The names of models that a question may have."""
        try:
            response = await self._http.get("/v1/models")
            if not response.is_success:
                raise _refused(response, response.content)
            return [each["id"] for each in response.json()["data"]]
        except (httpx.HTTPError, ValueError, KeyError) as error:
            raise AnswerError(self._lost(error)) from None

    def _lost(self, error: Exception | None) -> str:
        why = self._forward.problem if self._forward else ""
        why = why or (str(error) or type(error).__name__ if error else "it ended before its end")
        return f"The connection to the assistant was lost: {why.rstrip('.')}."


@asynccontextmanager
async def through_port_forward(
    connection: Connection, assistant: Manifest, token: str | None = None
) -> AsyncGenerator[Caller, None]:
    """A caller that reaches a pod of the assistant by a port-forward.

    Raises:
        CommandError: for a missing right, no ready pod, or no token.
    """
    headers = await headers_for(connection, assistant, token)
    async with (
        PortForward(connection, assistant["metadata"]["name"]) as forward,
        # It leads to this machine, where no proxy of the environment does.
        _client(forward.url, headers, trust_env=False) as http,
    ):
        yield Caller(http, forward)


@asynccontextmanager
async def at_url(url: str, headers: Mapping[str, str]) -> AsyncGenerator[Caller, None]:
    """A caller that reaches the assistant where it is published.

    Raises:
        CommandError: for what is no URL.
    """
    try:
        async with _client(url.rstrip("/").removesuffix("/v1"), headers, trust_env=True) as http:
            if http.base_url.scheme not in {"http", "https"} or not http.base_url.host:
                raise CommandError(f"--url {url}: that is no http or https URL.", ExitStatus.USAGE)
            yield Caller(http)
    except httpx.InvalidURL:
        raise CommandError(f"--url {url}: that is no http or https URL.", ExitStatus.USAGE) from None


async def headers_for(connection: Connection, assistant: Manifest, token: str | None) -> dict[str, str]:
    """What lets the command's user in: the token given, else the one of the assistant's Secret.

    Raises:
        CommandError: where there is none, or it may not be read.
    """
    if token:
        return bearer(token)
    typed = parsed(assistant)
    access, namespace = typed.spec.access, typed.metadata.namespace
    if access.oidc is not None:
        raise CommandError(
            f"The assistant lets in whom {access.oidc.issuer} has signed in, for the audience {access.oidc.audience!r}: get a "
            "token there, and give it by --token or in ACCESS_TOKEN."
        )
    wanted = access_of(typed, lambda _: None)
    if wanted is None:
        return {}
    try:
        secret = await connection.client.get(SECRET, namespace, wanted.secret)
    except ForbiddenError:
        raise CommandError(
            f"You may not read the Secret {wanted.secret!r} in the namespace {namespace!r}, in which the access token is: ask "
            "for `get` on it, or give a token by --token or in ACCESS_TOKEN.",
            ExitStatus.CLUSTER,
        ) from None
    except NotFoundError:
        secret = {}
    found = access_of(typed, lambda _: secret)
    if found is None or not found.token:
        raise CommandError(
            f"The Secret {wanted.secret!r} in the namespace {namespace!r} has no access token yet: "
            f"`kubectl assistant doctor {typed.metadata.name} -n {namespace}` says why."
        )
    return found.header


def bearer(token: str) -> dict[str, str]:
    """The header that shows a token."""
    return {"Authorization": f"Bearer {token}"}


def _client(url: str, headers: Mapping[str, str], *, trust_env: bool) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=url, headers=headers, timeout=_LIMITS, limits=_POOL, trust_env=trust_env
    )


async def _events(response: httpx.Response) -> AsyncIterator[bytes]:
    """The data of each server-sent event; comments are passed over."""
    pending = b""
    # Not by httpx's own lines: those also end at characters that a text may hold.
    async for chunk in response.aiter_bytes():
        *lines, pending = (pending + chunk).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                yield line.removeprefix(b"data:").strip()


def _pieces(chunk: Manifest) -> list[str | ToolNews]:
    if "error" in chunk:
        error = chunk["error"]
        raise AnswerError(error["message"], code=str(error.get("code", "")))
    news = chunk.get("chatassistant")
    pieces: list[str | ToolNews] = [ToolNews(news["server"], news["tool"], news["state"])] if news else []
    for choice in chunk.get("choices", ()):
        text: str | None = (choice.get("delta") or {"content": None}).get("content")
        pieces += [text] if text else []
    return pieces


def _refused(response: httpx.Response, content: bytes) -> AnswerError:
    """The error of an answer that is none; the words are the assistant's, where it has some."""
    status, wait = response.status_code, response.headers.get("Retry-After", "")
    try:
        error = orjson.loads(content)["error"]
        message, code = str(error["message"]), str(error.get("code", ""))
    except (orjson.JSONDecodeError, KeyError, TypeError):
        message, code = f"Something else than an assistant answers at {response.url.host}: HTTP {status}.", ""
    if status == HTTPStatus.UNAUTHORIZED:
        message += " Give another token by --token or in ACCESS_TOKEN."
    retry_after = math.ceil(float(wait)) if wait.replace(".", "", 1).isdecimal() else None
    return AnswerError(message, status=status, code=code, retry_after=retry_after)
