"""A whole answer in both of its forms: JSON, and the server-sent events of a stream."""

from collections.abc import Mapping
from typing import Final

import orjson

from chatassistant_chatbot.events import data_of, has_data
from chatassistant_chatbot.turn.answer import Answer, Collected, JsonObject, as_object
from chatassistant_chatbot.turn.relay import chunks_of

LAST_EVENT: Final = b"data: [DONE]\n\n"
"""OpenAI's mark for a stream that is complete, as the event that it is."""


def event_of(chunk: Mapping[str, object]) -> bytes:
    """A chunk as an event."""
    return b"data: " + orjson.dumps(chunk) + b"\n\n"


def chunk_of(event: bytes) -> JsonObject:
    """The chunk in an event; empty when there is none."""
    if not has_data(event):
        return {}
    try:
        content = orjson.loads(data_of(event))
    except orjson.JSONDecodeError:
        return {}
    return as_object(content)


def collected(events: bytes) -> Answer:
    """What the events of a whole stream add up to."""
    sum_of_all = Collected()
    for event in events.split(b"\n\n"):
        sum_of_all.add(chunk_of(event))
    return sum_of_all.answer()


def as_json(content: bytes) -> bytes:
    """An answer as JSON, in whichever form it came."""
    return content if content.startswith(b"{") else orjson.dumps(collected(content).content)


def as_events(content: bytes) -> bytes:
    """An answer as a stream, in whichever form it came."""
    if not content.startswith(b"{"):
        return content
    return b"".join(map(event_of, chunks_of(Answer(orjson.loads(content))))) + LAST_EVENT
