"""The ChatAssistants themselves, and what they refer to, on an API server."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

from chatassistant_operator.asking.references import (
    Reference,
    credential_of,
    other_secret_of,
    prompt_of,
    service_of,
)
from chatassistant_operator.cluster.client import Client
from chatassistant_operator.cluster.errors import ClusterError, ConflictError, NotFoundError, RefusedError
from chatassistant_operator.cluster.kinds import CHAT_ASSISTANT, CONFIG_MAP, EVENT, SECRET, SERVICE, Kind
from chatassistant_operator.engine.primaries import Primaries
from chatassistant_operator.observed import Manifest
from chatassistant_operator.observed.named import Absent, Credential, OtherSecret, Prompt, Service, Unreadable
from chatassistant_operator.ports import AssistantGone, Key

logger = logging.getLogger(__name__)

_GRACE_SECONDS: Final = 5.0
_CATCH_UP_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 0.1


class LiveAssistants:
    """`controller.Assistants`, and the audit of what Kopf's watch may have missed.

    Args:
        client: The API server.
        namespaces: The namespaces to watch; empty for all.
        changed: Called with each ChatAssistant that the audit found changed.
    """

    def __init__(self, client: Client, namespaces: tuple[str, ...], changed: Callable[[Key], None]) -> None:
        self.primaries = Primaries()
        self._client = client
        self._places: tuple[str | None, ...] = namespaces or (None,)
        self._changed = changed

    def get(self, key: Key) -> Manifest | None:
        """The object as last seen."""
        return self.primaries.get(key)

    def drop(self, key: Key) -> None:
        """The API server says that it is gone."""
        self.primaries.drop(key)

    async def write_status(self, assistant: Manifest, status: dict[str, Any]) -> None:
        """Apply a status to just the version of the object that it was made for."""
        metadata = {field: assistant["metadata"][field] for field in ("name", "namespace", "resourceVersion")}
        body = {field: assistant[field] for field in ("apiVersion", "kind")} | {
            "metadata": metadata,
            "status": status,
        }
        try:
            applied = await self._client.apply(CHAT_ASSISTANT, body, subresource="status")
        except NotFoundError:
            raise AssistantGone from None
        self.primaries.put(applied.object)

    async def post(self, event: Manifest) -> None:
        """Post an Event; one that was posted before, or cannot be, is no reason to do anything else anew."""
        try:
            await self._client.create(EVENT, event)
        except ConflictError:
            pass
        except ClusterError as error:
            logger.warning("%s: an Event could not be posted: %s", event["reason"], error)

    async def catch_up(self) -> None:
        """Wait until the watch has told what there is now, for some seconds at most.

        Whoever led before has acted on that: to act on what was before would undo it.
        """
        try:
            listing = await self._listing(fresh=True)
            async with asyncio.timeout(_CATCH_UP_SECONDS):
                while self.primaries.audit(listing).changed:  # noqa: ASYNC110 (Kopf's watch tells of each one alone)
                    await asyncio.sleep(_LOOK_SECONDS)
        except (ClusterError, TimeoutError) as error:
            logger.warning("It is not known whether all ChatAssistants are known as they are now: %r", error)

    async def audit(self) -> int:
        """Compare what is known with what there is: a deletion during a gap in the watch is told by nobody.

        Gives how many objects the watch had not told of, and did not in the next seconds either.
        """
        behind = await self._behind()
        if behind:
            # The list comes from a cache that may lag, and the watch may be about to tell.
            await asyncio.sleep(_GRACE_SECONDS)
            behind &= await self._behind()
        missed = 0
        for key in behind:
            try:
                news = self.primaries.observe("MODIFIED", await self._client.get(CHAT_ASSISTANT, *key))
            except NotFoundError:
                self.primaries.drop(key)
                news = True
            if news:
                missed += 1
                logger.info("%s/%s: the audit found what the watch did not tell", *key)
                self._changed(key)
        return missed

    async def _behind(self) -> frozenset[Key]:
        """The objects that are listed and not known, or known in another version, or known and not listed."""
        found = self.primaries.audit(await self._listing(fresh=False))
        return found.vanished | found.changed

    async def _listing(self, *, fresh: bool) -> list[tuple[Key, str, str]]:
        """Key, uid and resourceVersion of each object."""
        listing: list[tuple[Key, str, str]] = []
        for place in self._places:
            for each in await self._client.metadata(CHAT_ASSISTANT, place, fresh=fresh):
                metadata = each["metadata"]
                key = metadata["namespace"], metadata["name"]
                listing.append((key, metadata["uid"], metadata["resourceVersion"]))
        return listing


class NamedReads:
    """Reads what ChatAssistants refer to, one object at a time by its name."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def credential(self, reference: Reference) -> Absent | Unreadable | Credential:
        """The entry of a Secret that holds an API key."""
        found = await self._read(SECRET, reference)
        return credential_of(found, reference.key) if isinstance(found, dict) else found

    async def secret(self, reference: Reference) -> Absent | Unreadable | OtherSecret:
        """A Secret without its values."""
        found = await self._read(SECRET, reference)
        return other_secret_of(found) if isinstance(found, dict) else found

    async def config_map(self, reference: Reference) -> Absent | Unreadable | Prompt:
        """An entry of a ConfigMap."""
        found = await self._read(CONFIG_MAP, reference)
        return prompt_of(found, reference.key) if isinstance(found, dict) else found

    async def service(self, reference: Reference) -> Absent | Unreadable | Service:
        """Whom a Service leads to."""
        found = await self._read(SERVICE, reference)
        return service_of(found) if isinstance(found, dict) else found

    async def _read(self, kind: Kind, reference: Reference) -> Absent | Unreadable | Manifest:
        try:
            return await self._client.get(kind, reference.namespace, reference.name)
        except NotFoundError:
            return Absent()
        except RefusedError as error:
            return Unreadable(str(error))
