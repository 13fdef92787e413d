"""Frequently asked questions, answered in the assistant's own words."""

import unicodedata
from collections.abc import Sequence
from typing import Final

from chatassistant_chatbot.settings.configuration import FaqEntry
from chatassistant_chatbot.turn import Answer, CompletionRequest

# ASCII's letters, small ones, and digits; all else is between words.
_WORDS: Final = bytes(
    ord(chr(code).lower()) if chr(code).isalnum() else ord(" ") for code in range(128)
) + bytes(128)


class Faq:
    """Questions are equal when they differ in case, punctuation, spaces and forms of Unicode only."""

    def __init__(self, entries: Sequence[FaqEntry]) -> None:
        self._answers = {_normalised(each.question): each.answer for each in reversed(entries)}

    def answer(self, request: CompletionRequest) -> str | None:
        """The answer to what the caller says last; None where it is none of the questions, or no text is asked for."""
        last = request.messages[-1]
        if not self._answers or last.role != "user" or request.asks("response_format") is not None:
            return None
        text = last.text
        return self._answers.get(_normalised(text)) if text else None


def completion(text: str, model: str, created: int) -> Answer:
    """A text as the gateway would answer it; it cost nothing."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0, "cost": 0}
    frame = {"id": f"faq-{created}", "object": "chat.completion", "created": created, "model": model}
    return Answer({**frame, "choices": [choice], "usage": usage})


def _normalised(text: str) -> str:
    """Words only, as NFKC and case folding leave them."""
    if text.isascii():
        return b" ".join(text.encode().translate(_WORDS).split()).decode()
    folded = unicodedata.normalize("NFKC", text).casefold()
    # Marks stay: without them, words of Hindi or Thai would be others.
    kept = (each if unicodedata.category(each)[0] in "LNM" else " " for each in folded)
    return unicodedata.normalize("NFC", " ".join("".join(kept).split()))
