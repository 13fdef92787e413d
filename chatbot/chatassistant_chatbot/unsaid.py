"""What a caller was not shown of an answer that called tools of both sides.

The caller gets the calls of their own tools only. When they come back with the results, the model has to see all of
its message again, and what the servers' tools gave.
"""

from typing import Final

import orjson

from chatassistant_chatbot.store import Store
from chatassistant_chatbot.turn import Finish, Message
from chatassistant_chatbot.turn.answer import as_object

_SECONDS: Final = 3600


class Unsaid:
    """Remembers it for an hour, by the id of the first call that the caller got."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def remember(self, user_id: str, finish: Finish) -> None:
        """Keep what was not said."""
        call = as_object(finish.answer.tool_calls[0])
        await self._store.remember(f"unsaid:{user_id}:{call['id']}", orjson.dumps(finish.unsaid), _SECONDS)

    async def recall(self, user_id: str, message: Message) -> list[Message]:
        """What stood in this message's place; nothing where that is the message itself."""
        calls: object = (message.model_extra or {}).get("tool_calls")
        if message.role != "assistant" or not isinstance(calls, list) or not calls:
            return []
        call_id = as_object(calls[0]).get("id")  # pyright: ignore[reportUnknownArgumentType]
        kept = await self._store.recall(f"unsaid:{user_id}:{call_id}")
        return [Message.model_validate(each) for each in orjson.loads(kept)] if kept else []
