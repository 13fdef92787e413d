"""From a key to a written status: what a worker does with what the queue gives it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from pydantic import ValidationError

from chatassistant_operator.api.v1alpha1 import ChatAssistant, Status, explain
from chatassistant_operator.observed import Manifest
from chatassistant_operator.ports import AssistantGone, Key, Ports
from chatassistant_operator.reconcile import reconcile
from chatassistant_operator.status import invalid
from chatassistant_operator.status.events import events


class Assistants(Protocol):
    """The ChatAssistants themselves."""

    def get(self, key: Key) -> Manifest | None:
        """The object as last seen, or None when it is gone."""
        ...

    def drop(self, key: Key) -> None:
        """Forget an object that is gone."""
        ...

    async def write_status(self, assistant: Manifest, status: dict[str, Any]) -> None:
        """Apply a status, unless the object has changed since it was seen.

        Raises:
            AssistantGone: when the object is gone.
        """
        ...

    async def post(self, event: Manifest) -> None:
        """Post an Event, if that is possible."""
        ...


@dataclass(frozen=True, slots=True)
class Controller:
    """Reconciles one ChatAssistant at a time.

    Attributes:
        assistants: The ChatAssistants.
        ports: What a reconcile may reach.
        forget: Told of those that are gone.
        now: The time.
        told: Told of each status, also of one that is written already.
        instance: What this operator is called in Events.
    """

    assistants: Assistants
    ports: Ports
    forget: Callable[[Key], None]
    now: Callable[[], datetime]
    told: Callable[[Key, Status], None] = lambda _key, _status: None
    instance: str = "chatassistant-operator"

    async def handle(self, key: Key) -> float | None:
        """Reconcile and write the status where it differs; gives the seconds after which to look again."""
        body = self.assistants.get(key)
        if body is None or body["metadata"].get("deletionTimestamp"):
            self._gone(key)
            return None
        try:
            return await self._reconcile(body)
        except AssistantGone:
            self.assistants.drop(key)
            self._gone(key)
            return None

    def _gone(self, key: Key) -> None:
        self.forget(key)
        self.ports.damper.forget(key)
        self.ports.turns.leave(key)

    async def _reconcile(self, body: Manifest) -> float | None:
        now = self.now().replace(microsecond=0)
        try:
            assistant = ChatAssistant.parse(body)
        except ValidationError as error:
            await self._write(body, invalid(body, "; ".join(explain(error)), now))
            return None
        outcome = await reconcile(assistant, self.ports, now)
        if outcome.status is not None and await self._write(body, outcome.status):
            for event in events(assistant, outcome.status, self.instance):
                await self.assistants.post(event)
        if outcome.again is None:
            return None
        # A fraction of a second more: the time is kept in whole seconds.
        return max(0.0, (outcome.again - now).total_seconds()) + 1.0

    async def _write(self, body: Manifest, status: Status) -> bool:
        """Write a status where it differs from what is there."""
        self.told((body["metadata"]["namespace"], body["metadata"]["name"]), status)
        wanted = status.model_dump(by_alias=True, exclude_none=True, mode="json")
        if wanted == body.get("status"):
            return False
        await self.assistants.write_status(body, wanted)
        return True
