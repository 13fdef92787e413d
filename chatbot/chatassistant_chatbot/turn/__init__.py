"""What a turn is made of: pure, so that every situation can be put into a table."""

from chatassistant_chatbot.turn.answer import Answer, Collected, JsonObject
from chatassistant_chatbot.turn.opening import Opening, open_turn
from chatassistant_chatbot.turn.request import CompletionRequest, Message, read
from chatassistant_chatbot.turn.routing import offered
from chatassistant_chatbot.turn.steps import (
    Ask,
    Call,
    Finish,
    Step,
    ToolCall,
    Turn,
    answered,
    begin,
    called,
    model_gone,
)

__all__ = [
    "Answer",
    "Ask",
    "Call",
    "Collected",
    "CompletionRequest",
    "Finish",
    "JsonObject",
    "Message",
    "Opening",
    "Step",
    "ToolCall",
    "Turn",
    "answered",
    "begin",
    "called",
    "model_gone",
    "offered",
    "open_turn",
    "read",
]
