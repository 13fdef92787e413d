"""Answers that are given again to equal questions."""

import asyncio
import hashlib
from collections.abc import Callable
from typing import Final

from chatassistant_chatbot.access import User
from chatassistant_chatbot.settings import Configuration
from chatassistant_chatbot.store import Store
from chatassistant_chatbot.turn import Answer, Opening

_WARMEST: Final = 1.0
_LARGEST: Final = 256 * 1024
_NOT_KEPT: Final = frozenset({"no-cache", "no-store"})


class AnswerCache:
    """Whole answers, by all that shapes them; of equal questions that come together, one is asked."""

    def __init__(self, configuration: Configuration, store: Store) -> None:
        self._settings = configuration.cache
        self._is_shared = configuration.cache.shared or configuration.access.mode == "None"
        self._store = store
        self._asking: dict[str, asyncio.Event] = {}

    def key(self, opening: Opening, body: bytes, user: User, cache_control: str) -> str | None:
        """What the answer to a body hangs on, digested; None where it is not looked up.

        That is when the caller does not wish it, when tools may be called, and when chance is wanted.
        """
        wanted = self._settings.enabled and not (cache_control and _NOT_KEPT & _directives(cache_control))
        if not wanted or opening.uses_tools or (opening.parameters.get("temperature") or 0.0) > _WARMEST:
            return None
        owner = b"" if self._is_shared else user.id.encode()
        return hashlib.blake2b(owner + b"\0" + body, digest_size=24, person=b"answers").hexdigest()

    async def look_up(self, key: str, patience_seconds: float) -> bytes | None:
        """The answer, when there is one; waits for whoever is asking the same question, at most so long."""
        found = await self._store.cached(key)
        if found is not None or key not in self._asking:
            return found
        try:
            async with asyncio.timeout(patience_seconds):
                while found is None and (asking := self._asking.get(key)):
                    await asking.wait()
                    found = await self._store.cached(key)
        except TimeoutError:
            return None
        return found

    def asking(self, key: str) -> Callable[[], None]:
        """The gateway is asked, and others with the same question wait until what this gives is called."""
        if key in self._asking:
            return _nothing
        self._asking[key] = over = asyncio.Event()

        def end() -> None:
            del self._asking[key]
            over.set()

        return end

    async def keep(self, key: str, answer: Answer, content: bytes) -> None:
        """Keep an answer that ended well: not one that was cut, or that calls tools."""
        if answer.finish_reason == "stop" and not answer.tool_calls and len(content) <= _LARGEST:
            await self._store.cache(key, content, self._settings.ttl_seconds)


def _nothing() -> None:
    """Nobody waits."""


def _directives(cache_control: str) -> set[str]:
    return {each.strip().lower() for each in cache_control.split(",")}
