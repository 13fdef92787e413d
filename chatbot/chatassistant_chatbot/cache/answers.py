"""Answers that are given again to equal questions."""

import asyncio
import hashlib
import time
from collections.abc import Callable
from typing import Final, NamedTuple, Self

from chatassistant_chatbot.access import User
from chatassistant_chatbot.settings import Configuration
from chatassistant_chatbot.store import Store
from chatassistant_chatbot.turn import Answer, Opening

_WARMEST: Final = 1.0
_LARGEST: Final = 256 * 1024
# Another one whenever `Kept` has another form: replicas of two releases may share a store for a while.
_FORM: Final = b"answers 2"
_NOT_KEPT: Final = frozenset({"no-cache", "no-store"})


class Kept(NamedTuple):
    """An answer that is kept: JSON, or all events of a stream; who gave it, and what it cost, in USD."""

    content: bytes
    model: str
    cost: float

    @classmethod
    def read(cls, value: bytes) -> Self:
        """An answer as the store has it."""
        head, _, content = value.partition(b"\n")
        cost, _, model = head.decode().partition(" ")
        return cls(content, model, float(cost))

    def __bytes__(self) -> bytes:
        """As `read` takes it: the cost and the model on a line before the content."""
        return f"{self.cost!r} {self.model}\n".encode() + self.content


class AnswerCache:
    """Whole answers, by all that shapes them; of equal questions that come together, one is asked."""

    def __init__(self, configuration: Configuration, store: Store) -> None:
        self._settings = configuration.cache
        self._is_shared = configuration.cache.shared or configuration.access.mode == "None"
        self._store = store
        # With what others wait for, where there are any.
        self._asking: dict[str, asyncio.Future[None] | None] = {}

    def key(self, opening: Opening, body: bytes, user: User, cache_control: str) -> str | None:
        """What the answer to a body hangs on, digested; None where it is not looked up.

        That is when the caller does not wish it, when tools may be called, and when chance is wanted.
        """
        wanted = self._settings.enabled and not (cache_control and _NOT_KEPT & _directives(cache_control))
        if not wanted or opening.uses_tools or (opening.parameters.get("temperature") or 0.0) > _WARMEST:
            return None
        owner = b"" if self._is_shared else user.id.encode()
        return hashlib.blake2b(owner + b"\0" + body, digest_size=24, person=_FORM).hexdigest()

    async def look_up(self, key: str, patience_seconds: float) -> Kept | None:
        """The answer, when there is one; waits for whoever is asking the same question, at most so long."""
        found, until = await self._store.cached(key), time.monotonic() + patience_seconds
        while found is None and key in self._asking and (left := until - time.monotonic()) > 0:
            await asyncio.wait((self._answer_to(key),), timeout=left)
            found = await self._store.cached(key)
        return None if found is None else Kept.read(found)

    def asking(self, key: str) -> Callable[[], None]:
        """The gateway is asked, and others with the same question wait until what this gives is called."""
        if key in self._asking:
            return _nothing
        self._asking[key] = None

        def end() -> None:
            over = self._asking.pop(key)
            if over is not None:
                over.set_result(None)

        return end

    def _answer_to(self, key: str) -> asyncio.Future[None]:
        over = self._asking[key]
        if over is None:
            over = self._asking[key] = asyncio.get_running_loop().create_future()
        return over

    async def keep(self, key: str, answer: Answer, kept: Kept) -> None:
        """Keep an answer that ended well: not one that was cut, or that calls tools."""
        if answer.finish_reason == "stop" and not answer.tool_calls and len(kept.content) <= _LARGEST:
            await self._store.cache(key, bytes(kept), self._settings.ttl_seconds)


def _nothing() -> None:
    """Nobody waits."""


def _directives(cache_control: str) -> set[str]:
    return {each.strip().lower() for each in cache_control.split(",")}
