"""A shared store that is sometimes away, with this process's memory in its place meanwhile."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Self, TypeVar

from chatassistant_chatbot.store.ledger import Entry
from chatassistant_chatbot.store.memory import Memory
from chatassistant_chatbot.store.protocol import (
    Conversation,
    Hold,
    Listing,
    Reserved,
    Spending,
    State,
    Store,
    StoreError,
    Usage,
    Window,
)
from chatassistant_chatbot.store.redis import Redis
from chatassistant_chatbot.store.server import MOST_AT_A_TIME
from chatassistant_chatbot.store.shelf import Shelved

logger = logging.getLogger(__name__)

T = TypeVar("T")

_PAUSE_SECONDS: Final = 1.0


class Fallback:
    """The shared store; while it does not answer, requests go on with memory. Used as an async context manager.

    After a failure the shared store is left alone, and asked again each second in the background. Meanwhile each
    process limits what it sees itself: windows begin empty, the budget with what was spent as last known. What was
    spent and said in that time is added to the shared store when it is back, and what had been spent before, should it
    have forgotten that; what was under way in the moment of a failure may be there twice. A conversation that stands in the shared store only cannot be read meanwhile, which
    raises `StoreError`.
    """

    def __init__(self, shared: Redis, local: Memory) -> None:
        self._shared = shared
        self._local = local
        self._away = asyncio.Event()
        # Time begins to count when it is an operation's turn: a crowd of our own makes no store slow.
        self._turns = asyncio.Semaphore(MOST_AT_A_TIME)

    async def __aenter__(self) -> Self:
        try:
            await self._shared.probe()
        except StoreError as error:
            self._lose(error)
        self._returning = asyncio.create_task(self._keep_returning())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._returning.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._returning
        await self._shared.close()

    @property
    def state(self) -> State:
        """Whether the shared store is in use."""
        return "degraded" if self._away.is_set() else "ok"

    async def take(self, user: str, requests: int, seconds: int) -> Window:
        """See `Store`."""
        return await self._either(lambda store: store.take(user, requests, seconds))

    async def give_back(self, user: str, place: int) -> None:
        """See `Store`."""
        await self._either(lambda store: store.give_back(user, place))

    async def reserve(self, day: str, hold: Hold, limit: int) -> Reserved:
        """See `Store`."""
        reserved = await self._either(lambda store: store.reserve(day, hold, limit))
        self._note(day, reserved.spent)
        return reserved

    async def settle(self, day: str, hold: Hold | None, model: str, usage: Usage) -> int:
        """See `Store`."""
        spent = await self._either(lambda store: store.settle(day, hold, model, usage))
        self._note(day, spent)
        return spent

    async def spending(self, day: str) -> Spending:
        """See `Store`."""
        spending = await self._either(lambda store: store.spending(day))
        self._note(day, spending.nanos)
        return spending

    async def cached(self, key: str) -> bytes | None:
        """See `Store`."""
        return await self._either(lambda store: store.cached(key))

    async def cache(self, key: str, value: bytes, ttl_seconds: float) -> None:
        """See `Store`."""
        await self._either(lambda store: store.cache(key, value, ttl_seconds))

    async def recall(self, key: str) -> bytes | None:
        """See `Store`."""
        return await self._either(lambda store: store.recall(key))

    async def remember(self, key: str, value: bytes, ttl_seconds: float) -> None:
        """See `Store`."""
        await self._either(lambda store: store.remember(key, value, ttl_seconds))

    async def create_conversation(
        self, user: str, conversation_id: str, title: str, metadata: Mapping[str, str]
    ) -> Conversation:
        """See `Store`."""
        return await self._either(
            lambda store: store.create_conversation(user, conversation_id, title, metadata)
        )

    async def conversations(self, user: str, limit: int, after: str | None) -> Listing | None:
        """See `Store`."""
        return await self._either(lambda store: store.conversations(user, limit, after))

    async def conversation(self, user: str, conversation_id: str) -> tuple[Conversation, list[bytes]] | None:
        """See `Store`."""
        return await self._known(lambda store: store.conversation(user, conversation_id))

    async def append(self, user: str, conversation_id: str, turn: bytes, title: str) -> bool:
        """See `Store`."""
        return await self._either(
            lambda store: store.append(user, conversation_id, turn, title),
            lambda memory: memory.append_for_later(user, conversation_id, turn, title),
        )

    async def change_conversation(
        self, user: str, conversation_id: str, title: str | None, metadata: Mapping[str, str] | None
    ) -> Conversation | None:
        """See `Store`."""
        return await self._known(
            lambda store: store.change_conversation(user, conversation_id, title, metadata)
        )

    async def delete_conversation(self, user: str, conversation_id: str) -> bool:
        """See `Store`."""
        return await self._known(lambda store: store.delete_conversation(user, conversation_id))

    async def _either(
        self,
        operation: Callable[[Store], Awaitable[T]],
        instead: Callable[[Memory], Awaitable[T]] | None = None,
    ) -> T:
        """What the shared store gives, or memory while that is away."""
        if not self._away.is_set():
            async with self._turns:
                # It may have gone while others had their turn.
                if not self._away.is_set():
                    try:
                        return await operation(self._shared)
                    except StoreError as error:
                        self._lose(error)
        return await (instead or operation)(self._local)

    async def _known(self, operation: Callable[[Store], Awaitable[T]]) -> T:
        """The same for something that memory may not know of, which says nothing of the shared store.

        Raises:
            StoreError: when only the shared store could tell.
        """

        async def known(memory: Memory) -> T:
            found = await operation(memory)
            if not found:
                raise StoreError("the shared store is away, and this is not known here")
            return found

        return await self._either(operation, known)

    def _note(self, day: str, spent: int) -> None:
        if not self._away.is_set():
            self._local.ledger.note_elsewhere(day, spent)

    def _lose(self, error: StoreError) -> None:
        if not self._away.is_set():
            self._away.set()
            logger.warning("the store cannot be used (%s): each replica goes on by itself meanwhile", error)

    async def _keep_returning(self) -> None:
        while True:
            await self._away.wait()
            await asyncio.sleep(_PAUSE_SECONDS)
            try:
                await self._shared.probe()
                await self._carry_over()
                self._away.clear()
                # What came meanwhile; from here on, nothing more does.
                await self._carry_over()
            except StoreError as error:
                self._lose(error)
            except Exception:
                logger.exception("the store cannot be returned to by a defect")
            else:
                logger.info("the store is back: replicas share limits, budget, cache and conversations again")

    async def _carry_over(self) -> None:
        """Add to the shared store what is in memory now; not what comes meanwhile, or this might never end."""
        for _ in range(len(self._local.ledger) + len(self._local.shelf)):
            if entry := self._local.ledger.take_entry():
                await self._add(entry)
            elif shelved := self._local.shelf.take():
                await self._bring(shelved)

    async def _add(self, entry: Entry) -> None:
        try:
            spent = await self._shared.settle(entry.day, None, entry.model, entry.usage)
        except StoreError:
            self._local.ledger.settle(entry.day, None, entry.model, entry.usage)
            raise
        self._local.ledger.note_elsewhere(entry.day, spent)

    async def _bring(self, shelved: Shelved) -> None:
        user, conversation = shelved.user, shelved.conversation
        try:
            if shelved.begun_here:
                await self._shared.create_conversation(
                    user, conversation.id, conversation.title, conversation.metadata
                )
                shelved.begun_here = False
            while shelved.turns:
                await self._shared.append(user, conversation.id, shelved.turns[0], conversation.title)
                shelved.bytes -= len(shelved.turns.popleft())
        except StoreError:
            self._local.shelf.put_back(shelved)
            raise
