"""What a ChatAssistant owns: read as far as the user's rights go, and put into a tree by its owners."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from chatassistant_operator.api import names
from chatassistant_operator.cli.connection import Connection
from chatassistant_operator.cli.watching import watch
from chatassistant_operator.cluster.errors import ForbiddenError, NotFoundError
from chatassistant_operator.cluster.kinds import BY_NAME, CHAT_ASSISTANT, POD, REPLICA_SET, Kind
from chatassistant_operator.observed import Manifest

_KINDS: Final = (*BY_NAME.values(), REPLICA_SET, POD)


@dataclass(frozen=True, slots=True)
class Seen:
    """The objects of each kind, and of the kinds that may not be read, the API server's words."""

    objects: Mapping[Kind, list[Manifest]]
    refused: Mapping[Kind, str] = field(default_factory=dict[Kind, str])

    @property
    def assistants(self) -> list[Manifest]:
        """The ChatAssistants, by namespace and name."""
        return sorted(self.objects[CHAT_ASSISTANT], key=_place)

    def children(self, uid: str) -> list[Manifest]:
        """What an object owns, in the order of kinds, then by name."""
        return [
            {"kind": kind.name, **each}
            for kind in _KINDS
            for each in sorted(self.objects.get(kind, ()), key=_place)
            if uid in _owners(each)
        ]


async def read(connection: Connection, name: str | None, *, all_namespaces: bool) -> Seen:
    """What is there now.

    Raises:
        CommandError: when there is no ChatAssistant of the name.
        ClusterError: when ChatAssistants cannot be read at all.
    """
    found = await connection.assistants(name, all_namespaces=all_namespaces)
    place = None if all_namespaces else connection.namespace
    lists = await asyncio.gather(*(_list(connection, kind, place, name) for kind in _KINDS))
    objects: dict[Kind, list[Manifest]] = {CHAT_ASSISTANT: found}
    refused: dict[Kind, str] = {}
    for kind, answer in zip(_KINDS, lists, strict=True):
        if isinstance(answer, str):
            refused[kind] = answer
        elif answer is not None:
            objects[kind] = answer
    return Seen(objects, refused)


async def follow(
    connection: Connection, name: str | None, *, all_namespaces: bool
) -> AsyncGenerator[Seen, None]:
    """What is there, anew after each change, until cancelled; the errors are those of `read`."""
    seen = await read(connection, name, all_namespaces=all_namespaces)
    place = None if all_namespaces else connection.namespace
    objects, news = dict(seen.objects), asyncio.Event()

    async def keep(kind: Kind) -> None:
        async for items in watch(connection.client, kind, place, _parameters(kind, name)):
            objects[kind] = items
            news.set()

    tasks = [asyncio.create_task(keep(kind)) for kind in seen.objects]
    try:
        yield seen
        while True:
            waiting = asyncio.create_task(news.wait())
            done, _ = await asyncio.wait({waiting, *tasks}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            for task in done - {waiting}:
                task.result()
            news.clear()
            yield Seen(dict(objects), seen.refused)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _list(
    connection: Connection, kind: Kind, namespace: str | None, name: str | None
) -> list[Manifest] | str | None:
    """The objects; why they may not be read; None of a kind that the cluster does not know."""
    try:
        return (await connection.client.list(kind, namespace, _parameters(kind, name)))[0]
    except NotFoundError:
        return None
    except ForbiddenError as error:
        return str(error)


def _parameters(kind: Kind, name: str | None) -> dict[str, str]:
    if kind is CHAT_ASSISTANT:
        return {"fieldSelector": f"metadata.name={name}"} if name else {}
    return {"labelSelector": f"{names.NAME_LABEL}={name}" if name else names.NAME_LABEL}


def _place(item: Manifest) -> tuple[str, str]:
    return item["metadata"]["namespace"], item["metadata"]["name"]


def _owners(item: Manifest) -> Iterable[str]:
    references: list[dict[str, Any]] = item["metadata"].get("ownerReferences", [])
    return (each["uid"] for each in references if each.get("controller"))
