"""How much is kept at most, wherever it is kept."""

from typing import Final

HOLD_SECONDS: Final = 900
"""A hold on the budget that nobody settles, as when its process died, is free again after so long."""

MOST_DAYS: Final = 8
"""So many days' accounts are kept, today's included."""

CONVERSATION_SECONDS: Final = 30 * 86_400
"""A conversation is kept for so long after its last turn."""

MOST_CONVERSATIONS: Final = 100
"""Of a user."""

MOST_TURNS: Final = 500
"""Of a conversation."""

LARGEST_CONVERSATION: Final = 2 * 1024 * 1024
"""Bytes of its turns."""
