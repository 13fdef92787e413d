"""The store in a Redis, which replicas share.

Each operation is one command or one Lua script of `lua/`, so nothing comes between its parts; times are the server's
own. All keys begin with `chatassistant:<uid>:` and have a time to live. A script may remove keys beside those that it
is given, which a Redis Cluster refuses.
"""

import random
from collections.abc import Mapping
from typing import Final

import orjson
from pydantic import SecretStr

from chatassistant_chatbot.store.bounds import (
    CONVERSATION_SECONDS,
    HOLD_SECONDS,
    LARGEST_CONVERSATION,
    MOST_CONVERSATIONS,
    MOST_DAYS,
    MOST_TURNS,
)
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
from chatassistant_chatbot.store.server import Server

_MICROSECONDS: Final = 1_000_000
_DAYS_MILLISECONDS: Final = MOST_DAYS * 86_400_000


class Redis:
    """A store that raises `StoreError` for whatever the server does not do within half a second.

    Raises:
        ValueError: when the URL is none of Redis's; the text may hold the URL.
    """

    def __init__(self, url: SecretStr, uid: str, most_cached: int) -> None:
        self.state: State = "ok"
        self._most_cached = most_cached
        # What is known to be spent, and the mark of the server's memory of it.
        self._days: dict[str, tuple[int, bytes]] = {}
        self._server = Server(url, f"chatassistant:{uid}:")

    async def close(self) -> None:
        """Close all connections."""
        await self._server.close()

    async def probe(self) -> None:
        """Return when the server takes what is written: one that is full or a copy of another answers, and does not."""
        await self._server.command("SET", "probe", b"", "PX", 1000)

    async def take(self, user: str, requests: int, seconds: int) -> Window:
        """See `Store`."""
        place = random.getrandbits(62)
        free, wait = await self._server.run(
            "take", [f"window:{user}"], requests, seconds * _MICROSECONDS, place
        )
        return Window(place if free else None, max(0, free - 1), wait / _MICROSECONDS)

    async def give_back(self, user: str, place: int) -> None:
        """See `Store`."""
        await self._server.command("ZREM", f"window:{user}", place)

    async def reserve(self, day: str, hold: Hold, limit: int) -> Reserved:
        """See `Store`."""
        arguments = (_named(hold), hold.nanos, limit, HOLD_SECONDS * 1000, _DAYS_MILLISECONDS)
        granted, spent, since = await self._server.run("reserve", _day_keys(day), *arguments)
        return Reserved(granted == 1, await self._known(day, 0, spent, since))

    async def settle(self, day: str, hold: Hold | None, model: str, usage: Usage) -> int:
        """See `Store`."""
        name = _named(hold) if hold else ""
        arguments = (name, _DAYS_MILLISECONDS, model, *usage)
        return await self._known(
            day, usage.nanos, *await self._server.run("settle", _day_keys(day), *arguments)
        )

    async def spending(self, day: str) -> Spending:
        """See `Store`."""
        fields: dict[bytes, bytes] = await self._server.command("HGETALL", _day_keys(day)[0])
        models: dict[str, dict[str, int]] = {}
        for field, value in fields.items():
            name, _, model = field.decode().partition(":")
            if model:
                models.setdefault(model, {})[name] = int(value)
        return Spending(int(fields.get(b"spent", 0)), {name: Usage(**used) for name, used in models.items()})

    async def cached(self, key: str) -> bytes | None:
        """See `Store`."""
        found: bytes | None = await self._server.command("GET", f"cached:{key}")
        return found

    async def cache(self, key: str, value: bytes, ttl_seconds: float) -> None:
        """See `Store`."""
        keys, begin = [f"cached:{key}", "cache"], f"{self._server.prefix}cached:"
        await self._server.run(
            "cache", keys, key, value, _milliseconds(ttl_seconds), self._most_cached, begin
        )

    async def recall(self, key: str) -> bytes | None:
        """See `Store`."""
        found: bytes | None = await self._server.command("GET", f"remembered:{key}")
        return found

    async def remember(self, key: str, value: bytes, ttl_seconds: float) -> None:
        """See `Store`."""
        await self._server.command("SET", f"remembered:{key}", value, "PX", _milliseconds(ttl_seconds))

    async def create_conversation(
        self, user: str, conversation_id: str, title: str, metadata: Mapping[str, str]
    ) -> Conversation:
        """See `Store`."""
        conversation, turns, own = _conversation_keys(user, conversation_id)
        begins = [self._server.prefix + key.removesuffix(conversation_id) for key in (conversation, turns)]
        bounds = (CONVERSATION_SECONDS * 1000, MOST_CONVERSATIONS)
        values = (conversation_id, title, orjson.dumps(metadata))
        now = (
            await self._server.run("create", [conversation, own], *values, *bounds, *begins) // _MICROSECONDS
        )
        return Conversation(conversation_id, title, metadata, now, now)

    async def conversations(self, user: str, limit: int, after: str | None) -> Listing | None:
        """See `Store`."""
        begin, _, own = _conversation_keys(user, "")
        lifetime = CONVERSATION_SECONDS * 1000
        page = await self._server.run(
            "list", [own], limit, after or "", lifetime, self._server.prefix + begin
        )
        if page is None:
            return None
        has_more, *found = page
        return Listing([_conversation(name.decode(), *values) for name, *values in found], has_more == 1)

    async def conversation(self, user: str, conversation_id: str) -> tuple[Conversation, list[bytes]] | None:
        """See `Store`."""
        found = await self._server.run("read", _conversation_keys(user, conversation_id)[:2])
        if found is None:
            return None
        values, turns = found
        return _conversation(conversation_id, *values), turns

    async def append(self, user: str, conversation_id: str, turn: bytes, title: str) -> bool:
        """See `Store`."""
        bounds = (MOST_TURNS, LARGEST_CONVERSATION, CONVERSATION_SECONDS * 1000)
        keys = _conversation_keys(user, conversation_id)
        return bool(await self._server.run("append", keys, conversation_id, turn, title, *bounds))

    async def change_conversation(
        self, user: str, conversation_id: str, title: str | None, metadata: Mapping[str, str] | None
    ) -> Conversation | None:
        """See `Store`."""
        changes: list[str | bytes] = []
        if title is not None:
            changes += ["title", title]
        if metadata is not None:
            changes += ["metadata", orjson.dumps(metadata)]
        found = await self._server.run("change", [_conversation_keys(user, conversation_id)[0]], *changes)
        return None if found is None else _conversation(conversation_id, *found)

    async def delete_conversation(self, user: str, conversation_id: str) -> bool:
        """See `Store`."""
        keys = _conversation_keys(user, conversation_id)
        return bool(await self._server.run("delete", keys, conversation_id))

    async def _known(self, day: str, added: int, spent: int, since: bytes) -> int:
        """What is spent, also when a server that keeps nothing on disk was started again since it was last asked."""
        before = self._days.get(day)
        if before is not None and before[1] != since:
            spent = await self._server.run(
                "restore", _day_keys(day)[:1], before[0] + added, _DAYS_MILLISECONDS
            )
        self._days[day] = spent, since
        if len(self._days) > MOST_DAYS:
            del self._days[min(self._days)]
        return spent


def _named(hold: Hold) -> str:
    return f"{hold.id}:{hold.nanos}"


def _day_keys(day: str) -> list[str]:
    return [f"day:{day}", f"holds:{day}"]


def _conversation_keys(user: str, conversation_id: str) -> tuple[str, str, str]:
    """The keys of a conversation, of its turns, and of the user's conversations."""
    name = f"{user}:{conversation_id}"
    return f"conversation:{name}", f"turns:{name}", f"conversations:{user}"


def _conversation(name: str, title: bytes, metadata: bytes, created: bytes, updated: bytes) -> Conversation:
    times = (int(created) // _MICROSECONDS, int(updated) // _MICROSECONDS)
    return Conversation(name, title.decode(), orjson.loads(metadata), *times)


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
