"""A kind's objects as a stream: an informer's source on the API server."""

import logging
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Final

from chatassistant_operator.cluster.client import Client
from chatassistant_operator.cluster.errors import ExpiredError, InvalidError, NotFoundError, UnreachableError
from chatassistant_operator.cluster.kinds import Kind
from chatassistant_operator.engine.packed import pack, unpack
from chatassistant_operator.engine.source import Expired, NotServed, Object, Page, WatchEvent

logger = logging.getLogger(__name__)

_INITIAL_EVENTS_END: Final = "k8s.io/initial-events-end"


class KindSource:
    """Lists and watches one kind.

    A list is the beginning of a watch (KEP-3157): one request for both, told object by object, so that thousands
    are never in memory as one answer. An API server that does not know this is listed in the old way.
    """

    def __init__(self, client: Client, kind: Kind, namespace: str | None, label_selector: str) -> None:
        self._client = client
        self._kind = kind
        self._namespace = namespace
        self._selector = {"labelSelector": label_selector}
        self._begun: tuple[str, AsyncGenerator[Object, None]] | None = None
        self._streams = True

    async def list(self) -> Page:
        """All objects there are."""
        await self._drop_begun()
        try:
            return await self._list()
        except NotFoundError as error:
            raise NotServed(str(error)) from None

    async def _list(self) -> Page:
        if self._streams:
            try:
                return await self._begin()
            except InvalidError as error:
                logger.info("%s: this API server does not stream lists (%s)", self._kind.plural, error)
                self._streams = False
        items, version = await self._client.list(self._kind, self._namespace, self._selector)
        return Page(items, version)

    async def watch(self, resource_version: str) -> AsyncGenerator[WatchEvent, None]:
        """What has changed since; goes on with the stream that the list has begun."""
        if self._begun is not None and self._begun[0] == resource_version:
            stream, self._begun = self._begun[1], None
        else:
            stream = self._events({"resourceVersion": resource_version})
        async with aclosing(stream) as events:
            try:
                async for event in events:
                    yield WatchEvent(event["type"], event["object"])
            except ExpiredError:
                raise Expired from None
            except NotFoundError as error:
                raise NotServed(str(error)) from None

    async def _begin(self) -> Page:
        """Read a fresh watch up to the mark that ends what existed before, and keep it open behind that."""
        stream = self._events({"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"})
        items: list[bytes] = []
        try:
            async for event in stream:
                metadata = event["object"]["metadata"]
                if event["type"] == "BOOKMARK" and _INITIAL_EVENTS_END in metadata.get("annotations", {}):
                    self._begun = (metadata["resourceVersion"], stream)
                    return Page(_parsed(items), metadata["resourceVersion"])
                if event["type"] == "ADDED":
                    items.append(pack(event["object"]))
        except BaseException:
            await stream.aclose()
            raise
        raise UnreachableError(f"watch {self._kind.plural}: ended before all that exists was told.")

    def _events(self, parameters: dict[str, str]) -> AsyncGenerator[Object, None]:
        return self._client.events(self._kind, self._namespace, {**self._selector, **parameters})

    async def _drop_begun(self) -> None:
        if self._begun is not None:
            _, stream = self._begun
            self._begun = None
            await stream.aclose()


def _parsed(items: list[bytes]) -> Iterator[Object]:
    return (unpack(item) for item in items)
