"""Who may ask the assistant: everybody, who shows its token, or who shows a token of an issuer."""

from chatassistant_chatbot.access.admission import Access
from chatassistant_chatbot.access.users import User

__all__ = ["Access", "User"]
