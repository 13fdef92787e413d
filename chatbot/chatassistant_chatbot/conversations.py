"""Conversations that the assistant remembers, so that a caller need not send all of it again."""

import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from chatassistant_chatbot.errors import CallerError
from chatassistant_chatbot.store import Conversation, Listing, Store, StoreError
from chatassistant_chatbot.store.bounds import LARGEST_CONVERSATION
from chatassistant_chatbot.turn import Answer, JsonObject

_ID: Final = re.compile(r"conv_[0-9a-f]{32}")
_LONGEST_TITLE: Final = 60
_RETRY_SECONDS: Final = 5


class Conversations:
    """Each belongs to a user; for anybody else there is none of its id.

    Their bounds are in `store.bounds`: of what is too much, the oldest goes first.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def create(
        self, user_id: str, title: str = "", metadata: Mapping[str, str] | None = None
    ) -> Conversation:
        """Begin one."""
        conversation_id = f"conv_{secrets.token_hex(16)}"
        return await self._store.create_conversation(user_id, conversation_id, title, metadata or {})

    async def page(self, user_id: str, limit: int, after: str | None) -> Listing:
        """A page of the user's, last touched first; `after` is the last id of the page before.

        Raises:
            CallerError: 404 when `after` is none of the user's.
        """
        page = await self._store.conversations(user_id, limit, after)
        if page is None:
            raise _unknown("after")
        return page

    async def get(self, user_id: str, conversation_id: str) -> tuple[Conversation, list[dict[str, Any]]]:
        """One, and its messages.

        Raises:
            CallerError: 404 when the user has none of this id, 503 while it cannot be reached.
        """
        _check(conversation_id)
        try:
            found = await self._store.conversation(user_id, conversation_id)
        except StoreError:
            raise _out_of_reach() from None
        if found is None:
            raise _unknown()
        conversation, turns = found
        return conversation, [message for turn in turns for message in orjson.loads(turn)]

    async def load(self, user_id: str, conversation_id: str) -> list[dict[str, Any]]:
        """The messages of one, without what is none of a model's business; raises as `get`."""
        _, messages = await self.get(user_id, conversation_id)
        return [without_metadata(each) for each in messages]

    async def append(self, user_id: str, conversation_id: str, messages: Sequence[Mapping[str, Any]]) -> bool:
        """Add the messages of a turn, which stay together whatever else is added at the time.

        Gives whether they were kept: not when the conversation has gone meanwhile, or when they alone are too large.
        """
        turn = orjson.dumps(messages)
        if not _ID.fullmatch(conversation_id) or len(turn) > LARGEST_CONVERSATION:
            return False
        return await self._store.append(user_id, conversation_id, turn, _title(messages))

    async def change(
        self, user_id: str, conversation_id: str, title: str | None, metadata: Mapping[str, str] | None
    ) -> Conversation:
        """Give it another title or other metadata; None leaves them as they are. Raises as `get`."""
        _check(conversation_id)
        try:
            found = await self._store.change_conversation(user_id, conversation_id, title, metadata)
        except StoreError:
            raise _out_of_reach() from None
        if found is None:
            raise _unknown()
        return found

    async def delete(self, user_id: str, conversation_id: str) -> None:
        """Forget it. Raises as `get`."""
        _check(conversation_id)
        try:
            found = await self._store.delete_conversation(user_id, conversation_id)
        except StoreError:
            raise _out_of_reach() from None
        if not found:
            raise _unknown()


def kept_message(answer: Answer, seconds: float) -> JsonObject:
    """An answer's message, with what is told of it in `metadata`: the model, the usage, and the seconds that it took."""
    told = {name: answer.content[name] for name in ("model", "usage") if answer.content.get(name)}
    return {**answer.message, "metadata": {**told, "seconds": round(seconds, 3)}}


def without_metadata(message: Mapping[str, Any]) -> JsonObject:
    """A message of a conversation as a model is told it."""
    return {name: value for name, value in message.items() if name != "metadata"}


def _title(messages: Sequence[Mapping[str, Any]]) -> str:
    """The beginning of what a user says first, on one line."""
    for message in messages:
        content = message.get("content")
        if message.get("role") == "user" and isinstance(content, str):
            words = " ".join(content[: 4 * _LONGEST_TITLE].split())
            return words if len(words) <= _LONGEST_TITLE else words[: _LONGEST_TITLE - 1].rstrip() + "…"
    return ""


def _check(conversation_id: str) -> None:
    if not _ID.fullmatch(conversation_id):
        raise _unknown()


def _unknown(param: str = "conversation") -> CallerError:
    return CallerError(404, "conversation_not_found", "You have no conversation of this id.", param=param)


def _out_of_reach() -> CallerError:
    return CallerError(
        503,
        "conversation_unavailable",
        "The assistant cannot reach its conversations now: come again later.",
        type="api_error",
        retry_after=_RETRY_SECONDS,
    )
