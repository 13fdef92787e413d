"""The Kubernetes API over aiohttp: read, list, watch, apply, delete."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import orjson
from aiohttp.abc import AbstractStreamWriter

from chatassistant_operator.api import names
from chatassistant_operator.cluster.errors import ExpiredError, NotFoundError, UnreachableError, from_response
from chatassistant_operator.cluster.kinds import Kind
from chatassistant_operator.observed import Manifest

# Fits between a Lease's renewal deadline (10 s) and its duration (15 s): no write of a leader that lost its Lease is
# under way when the next one begins.
REQUEST_SECONDS: Final = 4.5
_CONNECT_SECONDS: Final = 4.0
_LIMITS: Final = aiohttp.ClientTimeout(total=REQUEST_SECONDS, connect=_CONNECT_SECONDS)
_WATCH_SECONDS: Final = 300
# Bookmarks come each minute: a watch that is silent for longer is a half-open connection.
_SILENCE_SECONDS: Final = 90.0
_APPLY: Final = "application/apply-patch+yaml"
_METADATA_ONLY: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


@dataclass(frozen=True, slots=True)
class Applied:
    """What a server-side apply answered: the object, and whether it was made by it."""

    object: Manifest
    created: bool


class Client:
    """A client for one API server.

    Every method raises `ClusterError` (see `errors`) for what the server did not do.

    Args:
        session: Carries the credentials; see `login`.
        server: The API server's URL.
        writes: How many writes are under way at once.
        may_write: Called before each write, and at the instant it is sent; raises when this process must not write any
            more.
        observe: Called after each request with method, plural, HTTP status (0 for none) and seconds.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        server: str,
        *,
        writes: int = 16,
        may_write: Callable[[], None] = lambda: None,
        observe: Callable[[str, str, int, float], None] | None = None,
    ) -> None:
        self._session = session
        self._server = server.rstrip("/")
        self._writes = asyncio.Semaphore(writes)
        self._may_write = may_write
        self._observe = observe
        self._not_before = 0.0
        self._under_way: set[asyncio.Task[tuple[int, Manifest]]] = set()

    async def get(self, kind: Kind, namespace: str, name: str) -> Manifest:
        """One object."""
        return (await self._request("GET", kind, kind.path(namespace, name)))[1]

    async def metadata(self, kind: Kind, namespace: str | None, *, fresh: bool = False) -> list[Manifest]:
        """The metadata of all objects of a kind, from the API server's cache, which may lag, unless it is to be fresh."""
        query = {} if fresh else {"resourceVersion": "0"}
        _, answer = await self._request(
            "GET", kind, kind.path(namespace), query, headers={"Accept": _METADATA_ONLY}
        )
        # Of what was never there, a fresh list is null.
        items: list[Manifest] = answer["items"] or []
        return items

    async def apply(self, kind: Kind, manifest: Manifest, *, subresource: str | None = None) -> Applied:
        """Server-side apply under our field manager."""
        metadata = manifest["metadata"]
        status, answer = await self._write(
            "PATCH",
            kind,
            kind.path(metadata["namespace"], metadata["name"], subresource),
            {"fieldManager": names.FIELD_MANAGER, "force": "true"},
            body=manifest,
            headers={"Content-Type": _APPLY},
        )
        return Applied(answer, status == 201)  # noqa: PLR2004 (HTTP's own)

    async def merge(self, kind: Kind, namespace: str, name: str, patch: Manifest, manager: str) -> Manifest:
        """Change some fields of an object that is there (RFC 7396), under a field manager."""
        path, headers = kind.path(namespace, name), {"Content-Type": "application/merge-patch+json"}
        query = {"fieldManager": manager}
        return (await self._write("PATCH", kind, path, query, body=patch, headers=headers))[1]

    async def create(self, kind: Kind, manifest: Manifest) -> Manifest:
        """Make an object that is not there yet."""
        return (await self._write("POST", kind, kind.path(manifest["metadata"]["namespace"]), body=manifest))[
            1
        ]

    async def replace(self, kind: Kind, manifest: Manifest) -> Manifest:
        """Put an object in the place of the one whose resourceVersion it carries."""
        metadata = manifest["metadata"]
        path = kind.path(metadata["namespace"], metadata["name"])
        return (await self._write("PUT", kind, path, body=manifest))[1]

    async def delete(self, kind: Kind, namespace: str, name: str, *, uid: str | None = None) -> None:
        """Delete an object, and only that one when its uid is given."""
        body = {"preconditions": {"uid": uid}} if uid else {}
        await self._write("DELETE", kind, kind.path(namespace, name), body=body)

    async def serves(self, kind: Kind) -> bool:
        """Whether the API server knows the kind."""
        try:
            _, answer = await self._request("GET", kind, f"/apis/{kind.group}/{kind.version}")
        except NotFoundError:
            return False
        return any(each["name"] == kind.plural for each in answer["resources"])

    async def list(
        self, kind: Kind, namespace: str | None, parameters: Mapping[str, str]
    ) -> tuple[list[Manifest], str]:
        """All objects of a kind in pages of 500, and the resourceVersion at which they were so."""
        items: list[Manifest] = []
        query = {"limit": "500", **parameters}
        while True:
            _, answer = await self._request("GET", kind, kind.path(namespace), query)
            items += answer["items"]
            if not answer["metadata"].get("continue"):
                return items, answer["metadata"]["resourceVersion"]
            query["continue"] = answer["metadata"]["continue"]

    async def events(
        self, kind: Kind, namespace: str | None, parameters: Mapping[str, str]
    ) -> AsyncGenerator[Manifest, None]:
        """A watch's events, `{"type": …, "object": …}`, until the server ends it.

        Raises:
            ExpiredError: for a resourceVersion that is too old.
            ClusterError: for anything else, a silence of 90 s and a cut in mid-line among them.
        """
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(int(_WATCH_SECONDS * random.uniform(0.8, 1.2))),  # noqa: S311 (jitter, no secret)
            **parameters,
        }
        limits = aiohttp.ClientTimeout(total=None, connect=_CONNECT_SECONDS, sock_read=_SILENCE_SECONDS)
        path = kind.path(namespace)
        async with self._answer("GET", kind, path, query, limits=limits) as response:
            if response.status != 200:  # noqa: PLR2004 (HTTP's own)
                raise await _error(f"watch {kind.plural}", response)
            async for line in _lines(response):
                event = orjson.loads(line)
                if event["type"] == "ERROR":
                    code = event["object"].get("code", 500)
                    raise from_response(f"watch {kind.plural}", code, orjson.dumps(event["object"]), None)
                yield event

    async def _write(
        self, method: str, kind: Kind, path: str, *rest: Any, **more: Any
    ) -> tuple[int, Manifest]:
        """One write of at most so many at once, when the server has not asked to wait and we may still write."""
        async with self._writes:
            await asyncio.sleep(self._not_before - time.monotonic())
            self._may_write()
            task = asyncio.create_task(self._request(method, kind, path, *rest, **more))
            self._under_way.add(task)
            task.add_done_callback(self._ended)
            # Whoever is cancelled leaves it to end by itself: what is half sent may take effect at any time.
            return await asyncio.shield(task)

    def _ended(self, task: asyncio.Task[tuple[int, Manifest]]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            # Nobody may be left who hears of it; asyncio would log that as a defect.
            task.exception()

    async def finish(self) -> None:
        """Wait for the writes under way, also those of senders that were cancelled: later none takes effect."""
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _request(
        self,
        method: str,
        kind: Kind,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        body: Manifest | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, Manifest]:
        try:
            async with self._answer(method, kind, path, query or {}, body=body, headers=headers) as response:
                if response.status >= 400:  # noqa: PLR2004 (HTTP's own)
                    raise await _error(f"{method} {path}", response)
                return response.status, orjson.loads(await response.read())
        except orjson.JSONDecodeError:
            raise UnreachableError(f"{method} {path}: the API server's answer is no JSON.") from None

    @asynccontextmanager
    async def _answer(  # noqa: PLR0913 (what an HTTP request has)
        self,
        method: str,
        kind: Kind,
        path: str,
        query: Mapping[str, str],
        *,
        body: Manifest | None = None,
        headers: Mapping[str, str] | None = None,
        limits: aiohttp.ClientTimeout = _LIMITS,
    ) -> AsyncGenerator[aiohttp.ClientResponse, None]:
        data = None if body is None else _Guarded(orjson.dumps(body), self._may_write)
        sent = {"Accept": "application/json", "Content-Type": "application/json", **(headers or {})}
        started, status = time.monotonic(), 0
        try:
            async with self._session.request(
                method, self._server + path, params=query, data=data, headers=sent, timeout=limits
            ) as response:
                status = response.status
                self._heed(response)
                yield response
        except (TimeoutError, aiohttp.ClientError) as error:
            problem = str(error) or type(error).__name__
            raise UnreachableError(f"{method} {path}: no answer from the API server: {problem}") from None
        finally:
            if self._observe is not None:
                self._observe(method, kind.plural, status, time.monotonic() - started)

    def _heed(self, response: aiohttp.ClientResponse) -> None:
        """Let no write go before the server wants one again."""
        wait = response.headers.get("Retry-After", "")
        if response.status in {429, 503} and wait.isdigit():
            self._not_before = max(self._not_before, time.monotonic() + int(wait))


class _Guarded(aiohttp.BytesPayload):
    """A body that asks whether it may be sent when it is: a process may be stopped after it has decided to send."""

    def __init__(self, content: bytes, may_send: Callable[[], None]) -> None:
        super().__init__(content)
        self._may_send = may_send

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        self._may_send()
        await super().write_with_length(writer, content_length)


async def _error(request: str, response: aiohttp.ClientResponse) -> Exception:
    return from_response(request, response.status, await response.read(), response.headers.get("Retry-After"))


async def _lines(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """The lines of a body of any length; a last one without an end was cut."""
    pending = bytearray()
    async for chunk in response.content.iter_any():
        pending += chunk
        *lines, rest = pending.split(b"\n")
        pending = bytearray(rest)
        for line in lines:
            if line:
                yield bytes(line)
    if pending:
        raise UnreachableError("The API server's watch was cut in the middle of an event.")


__all__ = ["Applied", "Client", "ExpiredError"]
