"""Where limits, cache, budget and conversations are kept: in this process, or in a Redis that replicas share."""

from chatassistant_chatbot.store.opening import opened
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

__all__ = [
    "Conversation",
    "Hold",
    "Listing",
    "Reserved",
    "Spending",
    "State",
    "Store",
    "StoreError",
    "Usage",
    "Window",
    "opened",
]
