"""What an informer needs of an API server."""

from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

Object: TypeAlias = dict[str, Any]
"""A Kubernetes object as JSON has it."""


class Expired(Exception):  # noqa: N818 (a turn of events, not an error)
    """The API server no longer knows a resourceVersion (410 Gone): only a new LIST helps."""


class NotServed(Exception):  # noqa: N818 (a turn of events, not an error)
    """The API server knows no such kind any more: its CustomResourceDefinition is gone, and all objects with it."""

    retry_after: float | None = None
    """As for every failure that is foreseen."""


@dataclass(frozen=True, slots=True)
class Page:
    """The answer to a LIST: every object, and the version at which this was so. `items` is gone through once."""

    items: Iterable[Object]
    resource_version: str


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One line of a WATCH; `type` is ADDED, MODIFIED, DELETED or BOOKMARK."""

    type: str
    object: Object


class Source(Protocol):
    """LIST and WATCH of one kind of object.

    Both may raise anything; a `retry_after` in seconds is honoured, and `NotServed` is no failure.
    """

    async def list(self) -> Page:
        """All objects there are."""
        ...

    def watch(self, resource_version: str) -> AsyncGenerator[WatchEvent, None]:
        """What has changed since, until the server ends the stream.

        Raises:
            Expired: the version is too old, also when an ERROR event says so.
            Exception: the stream broke, told of another error, or was silent for too long.
        """
        ...
