"""Conversations in memory. Pure: the time is given, in seconds since 1970."""

from collections import OrderedDict, defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from chatassistant_chatbot.store.bounds import LARGEST_CONVERSATION, MOST_CONVERSATIONS, MOST_TURNS
from chatassistant_chatbot.store.protocol import Conversation, Listing

# What a conversation takes beside its turns.
_OVERHEAD: Final = 2048


@dataclass(slots=True)
class Shelved:
    """A conversation with its turns; `begun_here` is False when only its last turns are known."""

    user: str
    conversation: Conversation
    begun_here: bool = True
    turns: deque[bytes] = field(default_factory=deque[bytes])
    bytes: int = 0


class Shelf:
    """All users' conversations, of so many bytes together: those that were touched longest ago go first."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._of_id: OrderedDict[str, Shelved] = OrderedDict()
        # Sets that keep their order: last touched is last.
        self._of_user: defaultdict[str, dict[str, None]] = defaultdict(dict)

    def __len__(self) -> int:
        return len(self._of_id)

    def create(
        self, user: str, conversation_id: str, title: str, metadata: Mapping[str, str], now: int
    ) -> Conversation:
        """Begin a conversation."""
        conversation = Conversation(conversation_id, title, metadata, now, now)
        self._put(Shelved(user, conversation))
        if len(self._of_user[user]) > MOST_CONVERSATIONS:
            self._remove(next(iter(self._of_user[user])))
        return conversation

    def list(self, user: str, limit: int, after: str | None) -> Listing | None:
        """A page of the user's, last touched first."""
        ids = list(reversed(self._of_user.get(user, {})))
        if after is not None and after not in ids:
            return None
        start = 0 if after is None else ids.index(after) + 1
        page = [self._of_id[each].conversation for each in islice(ids, start, start + limit)]
        return Listing(page, len(ids) > start + limit)

    def find(self, user: str, conversation_id: str) -> Shelved | None:
        """The user's conversation, when it was begun here."""
        found = self._of_id.get(conversation_id)
        return found if found and found.user == user and found.begun_here else None

    def append(self, user: str, conversation_id: str, turn: bytes, title: str, now: int) -> bool:
        """Add a turn to a conversation that was begun here."""
        found = self.find(user, conversation_id)
        if found is not None:
            self._add(found, turn, title, now)
        return found is not None

    def append_for_later(self, user: str, conversation_id: str, turn: bytes, title: str, now: int) -> None:
        """Keep a turn, even of a conversation that was begun elsewhere."""
        if self.append(user, conversation_id, turn, title, now):
            return
        found = self._of_id.get(conversation_id)
        if found is None:
            found = Shelved(user, Conversation(conversation_id, "", {}, now, now), begun_here=False)
            self._put(found)
        if found.user == user:
            self._add(found, turn, title, now)

    def change(
        self, user: str, conversation_id: str, title: str | None, metadata: Mapping[str, str] | None
    ) -> Conversation | None:
        """Another title or other metadata."""
        found = self.find(user, conversation_id)
        if found is None:
            return None
        if title is not None:
            found.conversation = found.conversation._replace(title=title)
        if metadata is not None:
            found.conversation = found.conversation._replace(metadata=metadata)
        return found.conversation

    def delete(self, user: str, conversation_id: str) -> bool:
        """Forget a conversation."""
        found = self.find(user, conversation_id)
        if found is not None:
            self._remove(conversation_id)
        return found is not None

    def take(self) -> Shelved | None:
        """Remove the one that was touched longest ago, to be kept elsewhere; None when there is none."""
        oldest = next(iter(self._of_id), None)
        return None if oldest is None else self._remove(oldest)

    def put_back(self, shelved: Shelved) -> None:
        """Undo `take`; turns that came meanwhile stay behind those that were there."""
        since = self._of_id.get(shelved.conversation.id)
        if since is not None:
            self._remove(since.conversation.id)
            shelved.turns += since.turns
            shelved.bytes += since.bytes
        self._put(shelved)

    def _add(self, shelved: Shelved, turn: bytes, title: str, now: int) -> None:
        before = shelved.bytes
        shelved.turns.append(turn)
        shelved.bytes += len(turn)
        while shelved.bytes > LARGEST_CONVERSATION or len(shelved.turns) > MOST_TURNS:
            shelved.bytes -= len(shelved.turns.popleft())
        conversation = shelved.conversation
        shelved.conversation = conversation._replace(title=conversation.title or title, updated_at=now)
        self._bytes += shelved.bytes - before
        self._touch(shelved)

    def _put(self, shelved: Shelved) -> None:
        self._of_id[shelved.conversation.id] = shelved
        self._bytes += shelved.bytes + _OVERHEAD
        self._touch(shelved)

    def _touch(self, shelved: Shelved) -> None:
        name, own = shelved.conversation.id, self._of_user[shelved.user]
        self._of_id.move_to_end(name)
        own.pop(name, None)
        own[name] = None
        while self._bytes > self._most_bytes and len(self._of_id) > 1:
            self._remove(next(iter(self._of_id)))

    def _remove(self, conversation_id: str) -> Shelved:
        shelved = self._of_id.pop(conversation_id)
        self._bytes -= shelved.bytes + _OVERHEAD
        own = self._of_user[shelved.user]
        del own[conversation_id]
        if not own:
            del self._of_user[shelved.user]
        return shelved
