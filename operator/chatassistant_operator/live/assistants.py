"""The ChatAssistants themselves, and what they refer to, on an API server."""

import logging
from collections.abc import Callable
from typing import Any

from chatassistant_operator.asking import Reference, credential_of, prompt_of
from chatassistant_operator.cluster.client import Client
from chatassistant_operator.cluster.errors import NotFoundError, RefusedError
from chatassistant_operator.cluster.kinds import CHAT_ASSISTANT, CONFIG_MAP, SECRET, Kind
from chatassistant_operator.engine.primaries import Primaries
from chatassistant_operator.observed import Absent, Credential, Manifest, Prompt, Unreadable
from chatassistant_operator.ports import AssistantGone, Key

logger = logging.getLogger(__name__)


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

    async def audit(self) -> None:
        """Compare what is known with what there is: a deletion during a gap in the watch is told by nobody."""
        listing: list[tuple[Key, str, str]] = []
        for place in self._places:
            for each in await self._client.metadata(CHAT_ASSISTANT, place):
                metadata = each["metadata"]
                key = metadata["namespace"], metadata["name"]
                listing.append((key, metadata["uid"], metadata["resourceVersion"]))
        found = self.primaries.audit(listing)
        for key in found.vanished | found.changed:
            # The list comes from a cache, which may lag.
            try:
                news = self.primaries.observe("MODIFIED", await self._client.get(CHAT_ASSISTANT, *key))
            except NotFoundError:
                self.primaries.drop(key)
                news = True
            if news:
                logger.info("%s/%s: the audit found what the watch did not tell", *key)
                self._changed(key)


class NamedReads:
    """Reads what ChatAssistants refer to, one object at a time by its name."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def secret(self, reference: Reference) -> Absent | Unreadable | Credential:
        """An entry of a Secret."""
        found = await self._read(SECRET, reference)
        return credential_of(found, reference.key) if isinstance(found, dict) else found

    async def config_map(self, reference: Reference) -> Absent | Unreadable | Prompt:
        """An entry of a ConfigMap."""
        found = await self._read(CONFIG_MAP, reference)
        return prompt_of(found, reference.key) if isinstance(found, dict) else found

    async def _read(self, kind: Kind, reference: Reference) -> Absent | Unreadable | Manifest:
        try:
            return await self._client.get(kind, reference.namespace, reference.name)
        except NotFoundError:
            return Absent()
        except RefusedError as error:
            return Unreadable(str(error))
