"""What matches, anew after each change: a watch as commands want it."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Final

from chatassistant_operator.cli.connection import Connection
from chatassistant_operator.cli.failure import CommandError
from chatassistant_operator.cluster.client import Client
from chatassistant_operator.cluster.errors import ExpiredError, TransientError
from chatassistant_operator.cluster.kinds import CHAT_ASSISTANT, Kind
from chatassistant_operator.observed import Manifest

_PAUSE_SECONDS: Final = 1.0


async def watch(
    client: Client, kind: Kind, namespace: str | None, parameters: Mapping[str, str]
) -> AsyncGenerator[list[Manifest], None]:
    """All objects that match, then all of them again after each change, for ever.

    Once the first list has come, an API server that is away is waited for.

    Args:
        client: The API server.
        kind: What to watch.
        namespace: Where; None for everywhere.
        parameters: Selectors, as the API has them.

    Raises:
        ClusterError: when the first list fails, or a right is missing.
    """
    items, version = await client.list(kind, namespace, parameters)
    while True:
        found = {each["metadata"]["uid"]: each for each in items}
        yield list(found.values())
        try:
            async with aclosing(_changes(client, kind, namespace, parameters, version)) as events:
                async for event in events:
                    uid = event["object"]["metadata"]["uid"]
                    if event["type"] == "DELETED":
                        found.pop(uid, None)
                    else:
                        found[uid] = event["object"]
                    yield list(found.values())
        except (ExpiredError, TransientError):
            items, version = await _list_again(client, kind, namespace, parameters)


async def _changes(
    client: Client, kind: Kind, namespace: str | None, parameters: Mapping[str, str], version: str
) -> AsyncGenerator[Manifest, None]:
    """Each change since a version; a stream that the server ends is gone on with."""
    while True:
        query = {**parameters, "resourceVersion": version}
        async with aclosing(client.events(kind, namespace, query)) as events:
            async for event in events:
                version = event["object"]["metadata"]["resourceVersion"]
                if event["type"] != "BOOKMARK":
                    yield event


async def _list_again(
    client: Client, kind: Kind, namespace: str | None, parameters: Mapping[str, str]
) -> tuple[list[Manifest], str]:
    while True:
        await asyncio.sleep(_PAUSE_SECONDS)
        try:
            return await client.list(kind, namespace, parameters)
        except TransientError:
            continue


async def changes_of(connection: Connection, name: str) -> AsyncGenerator[Manifest, None]:
    """A ChatAssistant as it is, then again after each change.

    Raises:
        CommandError: when it is not there, or is deleted meanwhile.
        ClusterError: see `watch`.
    """
    await connection.assistant(name)
    parameters = {"fieldSelector": f"metadata.name={name}"}
    async with aclosing(watch(connection.client, CHAT_ASSISTANT, connection.namespace, parameters)) as states:
        async for state in states:
            if not state:
                raise CommandError(f"{name} in namespace {connection.namespace!r} was deleted meanwhile.")
            yield state[0]


@asynccontextmanager
async def within(seconds: float, what: str) -> AsyncGenerator[None, None]:
    """Let something take so long; raises `CommandError` with `what` was not there, and what to do, after that."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise CommandError(what) from None
