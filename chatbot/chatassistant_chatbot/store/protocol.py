"""What a store can do, and the values that go in and out."""

import operator
from collections.abc import Mapping
from typing import Literal, NamedTuple, Protocol, Self

State = Literal["ok", "degraded"]


class StoreError(Exception):
    """The store did not do what it was asked; the text names no host and no secret."""


class Window(NamedTuple):
    """How a user's sliding window stands.

    Attributes:
        place: What was taken, by which it can be given back; None when the window was full.
        remaining: How many places are left.
        seconds: Until there is one more.
    """

    place: int | None
    remaining: int
    seconds: float


class Hold(NamedTuple):
    """A part of the budget that is held for a request: an id of its own, and nano-dollars."""

    id: str
    nanos: int


class Reserved(NamedTuple):
    """Whether a hold was granted, and what the day has cost so far, in nano-dollars."""

    granted: bool
    spent: int


class Usage(NamedTuple):
    """What was used: completions, tokens, nano-dollars; and what the cache answered, with what that had cost when fresh."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    nanos: int = 0
    cached_requests: int = 0
    saved_nanos: int = 0

    def plus(self, other: Self) -> "Usage":
        """Both together."""
        return Usage(*map(operator.add, self, other))


class Spending(NamedTuple):
    """What a day has cost, in nano-dollars, and what was used of each model."""

    nanos: int
    models: Mapping[str, Usage]


class Conversation(NamedTuple):
    """A conversation without its messages; times are seconds since 1970."""

    id: str
    title: str
    metadata: Mapping[str, str]
    created_at: int
    updated_at: int


class Listing(NamedTuple):
    """A page of conversations, and whether there are more behind it."""

    conversations: list[Conversation]
    has_more: bool


class Store(Protocol):
    """What is remembered from one request to the next.

    Each operation is done whole or not at all, whoever else is at it. Users are known by their ids, days by their
    date (`2026-11-27`).
    """

    @property
    def state(self) -> State:
        """`degraded` while what should be shared is kept by this process alone."""
        ...

    async def take(self, user: str, requests: int, seconds: int) -> Window:
        """Take a place in the user's window, of which there are so many within any so many seconds."""
        ...

    async def give_back(self, user: str, place: int) -> None:
        """As if the place had never been taken."""
        ...

    async def reserve(self, day: str, hold: Hold, limit: int) -> Reserved:
        """Hold a part of the day's budget (nano-dollars) while less than all is spent or held.

        A hold that nobody settles is free again after some minutes.
        """
        ...

    async def settle(self, day: str, hold: Hold | None, model: str, usage: Usage) -> int:
        """Let the hold go and add what was used; gives what the day has cost so far, in nano-dollars."""
        ...

    async def spending(self, day: str) -> Spending:
        """What was spent on one of the last days."""
        ...

    async def cached(self, key: str) -> bytes | None:
        """What was cached under the key, while it is there."""
        ...

    async def cache(self, key: str, value: bytes, ttl_seconds: float) -> None:
        """Cache it for so long, or until there is too much of it."""
        ...

    async def recall(self, key: str) -> bytes | None:
        """What was to be remembered under the key, while it is there."""
        ...

    async def remember(self, key: str, value: bytes, ttl_seconds: float) -> None:
        """Remember it for so long."""
        ...

    async def create_conversation(
        self, user: str, conversation_id: str, title: str, metadata: Mapping[str, str]
    ) -> Conversation:
        """Begin a conversation; when the user has too many, the one that was touched longest ago goes."""
        ...

    async def conversations(self, user: str, limit: int, after: str | None) -> Listing | None:
        """The user's, last touched first; None when `after` is none of them."""
        ...

    async def conversation(self, user: str, conversation_id: str) -> tuple[Conversation, list[bytes]] | None:
        """The user's conversation and its turns, None when there is none of this id."""
        ...

    async def append(self, user: str, conversation_id: str, turn: bytes, title: str) -> bool:
        """Add a turn, which gives its title to a conversation that has none; False when there is no such conversation.

        The oldest turns go when there are too many or they are too large.
        """
        ...

    async def change_conversation(
        self, user: str, conversation_id: str, title: str | None, metadata: Mapping[str, str] | None
    ) -> Conversation | None:
        """Give it another title or other metadata; None stands for no change, and for no such conversation."""
        ...

    async def delete_conversation(self, user: str, conversation_id: str) -> bool:
        """Forget it; False when there is none of this id."""
        ...
