"""The store in this process: nothing is shared, and nothing outlives it. No operation ever waits."""

import time
from collections.abc import Callable, Mapping
from typing import Final

from chatassistant_chatbot.store.bounds import HOLD_SECONDS
from chatassistant_chatbot.store.expiring import Expiring
from chatassistant_chatbot.store.ledger import Ledger
from chatassistant_chatbot.store.protocol import (
    Conversation,
    Hold,
    Listing,
    Reserved,
    Spending,
    State,
    Usage,
    Window,
)
from chatassistant_chatbot.store.shelf import Shelf
from chatassistant_chatbot.store.windows import SlidingWindows

_MOST_USERS: Final = 50_000
_MOST_REMEMBERED: Final = 10_000
_CACHE_BYTES: Final = 16 * 1024 * 1024
_CONVERSATIONS_BYTES: Final = 64 * 1024 * 1024
_NANOSECONDS: Final = 1e9


class Memory:
    """A store with a bound on all that it keeps: about 120 MiB when all of them are reached.

    `clock` gives nanoseconds that never go back, `wall_clock` seconds since 1970.
    """

    def __init__(
        self,
        most_cached: int,
        clock: Callable[[], int] = time.monotonic_ns,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.state: State = "ok"
        self._clock = clock
        self._wall_clock = wall_clock
        self._windows = SlidingWindows(_MOST_USERS)
        self._cache = Expiring(most_cached, _CACHE_BYTES)
        self._remembered = Expiring(_MOST_REMEMBERED, _CACHE_BYTES)
        self.ledger = Ledger(HOLD_SECONDS)
        self.shelf = Shelf(_CONVERSATIONS_BYTES)

    async def take(self, user: str, requests: int, seconds: int) -> Window:
        """See `Store`."""
        return self._windows.take(user, requests, seconds, self._clock())

    async def give_back(self, user: str, place: int) -> None:
        """See `Store`."""
        self._windows.give_back(user, place)

    async def reserve(self, day: str, hold: Hold, limit: int) -> Reserved:
        """See `Store`."""
        return self.ledger.reserve(day, hold, limit, self._seconds())

    async def settle(self, day: str, hold: Hold | None, model: str, usage: Usage) -> int:
        """See `Store`."""
        return self.ledger.settle(day, hold, model, usage)

    async def spending(self, day: str) -> Spending:
        """See `Store`."""
        return self.ledger.spending(day)

    async def cached(self, key: str) -> bytes | None:
        """See `Store`."""
        return self._cache.get(key, self._seconds())

    async def cache(self, key: str, value: bytes, ttl_seconds: float) -> None:
        """See `Store`."""
        self._cache.put(key, value, self._seconds() + ttl_seconds)

    async def recall(self, key: str) -> bytes | None:
        """See `Store`."""
        return self._remembered.get(key, self._seconds())

    async def remember(self, key: str, value: bytes, ttl_seconds: float) -> None:
        """See `Store`."""
        self._remembered.put(key, value, self._seconds() + ttl_seconds)

    async def create_conversation(
        self, user: str, conversation_id: str, title: str, metadata: Mapping[str, str]
    ) -> Conversation:
        """See `Store`."""
        return self.shelf.create(user, conversation_id, title, metadata, int(self._wall_clock()))

    async def conversations(self, user: str, limit: int, after: str | None) -> Listing | None:
        """See `Store`."""
        return self.shelf.list(user, limit, after)

    async def conversation(self, user: str, conversation_id: str) -> tuple[Conversation, list[bytes]] | None:
        """See `Store`."""
        found = self.shelf.find(user, conversation_id)
        return (found.conversation, list(found.turns)) if found else None

    async def append(self, user: str, conversation_id: str, turn: bytes, title: str) -> bool:
        """See `Store`."""
        return self.shelf.append(user, conversation_id, turn, title, int(self._wall_clock()))

    async def append_for_later(self, user: str, conversation_id: str, turn: bytes, title: str) -> bool:
        """Keep a turn of a conversation that may have been begun elsewhere, until it can be added there."""
        self.shelf.append_for_later(user, conversation_id, turn, title, int(self._wall_clock()))
        return True

    async def change_conversation(
        self, user: str, conversation_id: str, title: str | None, metadata: Mapping[str, str] | None
    ) -> Conversation | None:
        """See `Store`."""
        return self.shelf.change(user, conversation_id, title, metadata)

    async def delete_conversation(self, user: str, conversation_id: str) -> bool:
        """See `Store`."""
        return self.shelf.delete(user, conversation_id)

    def _seconds(self) -> float:
        return self._clock() / _NANOSECONDS
