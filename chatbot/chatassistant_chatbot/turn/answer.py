"""What the gateway answered: a completion in one piece, or what the chunks of a stream add up to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """A completion: OpenAI's `chat.completion`, of which only these parts are looked at."""

    content: JsonObject

    @property
    def message(self) -> JsonObject:
        """The first choice's message."""
        return as_object(_first(self.content.get("choices")).get("message"))

    @property
    def finish_reason(self) -> str | None:
        """Why the model stopped."""
        reason = _first(self.content.get("choices")).get("finish_reason")
        return reason if isinstance(reason, str) else None

    @property
    def usage(self) -> JsonObject:
        """What it took."""
        return as_object(self.content.get("usage"))

    @property
    def tool_calls(self) -> list[object]:
        """The calls that the model asks for, as it sent them."""
        calls = self.message.get("tool_calls")
        return cast("list[object]", calls) if isinstance(calls, list) else []

    def with_message(self, message: JsonObject, finish_reason: str | None) -> "Answer":
        """The same with another message in its choice."""
        choice = {**_first(self.content.get("choices")), "message": message, "finish_reason": finish_reason}
        return Answer({**self.content, "choices": [choice]})

    def with_usage(self, usage: JsonObject) -> "Answer":
        """The same with another usage."""
        return self if usage == self.usage else Answer({**self.content, "usage": usage})


@dataclass(slots=True)
class Collected:
    """Adds up the chunks of a stream."""

    frame: JsonObject = field(default_factory=dict[str, Any])
    message: JsonObject = field(default_factory=dict[str, Any])
    finish_reason: str | None = None
    usage: JsonObject = field(default_factory=dict[str, Any])
    _calls: dict[int, JsonObject] = field(default_factory=dict[int, dict[str, Any]])

    def add(self, chunk: JsonObject) -> None:
        """Take in a chunk."""
        frame = {name: value for name, value in chunk.items() if name not in {"choices", "usage"}}
        self.frame = frame | self.frame
        self.usage = as_object(chunk.get("usage")) or self.usage
        choice = _first(chunk.get("choices"))
        reason = choice.get("finish_reason")
        if isinstance(reason, str):
            self.finish_reason = reason
        delta = as_object(choice.get("delta"))
        for name, value in delta.items():
            if name == "tool_calls":
                self._add_calls(value)
            elif isinstance(value, str) and name != "role":
                self.message[name] = (self.message.get(name) or "") + value
            elif isinstance(value, list):
                self.message[name] = [*(self.message.get(name) or []), *cast("list[object]", value)]
            elif value is not None or name not in self.message:
                self.message[name] = value

    def answer(self) -> Answer:
        """What they add up to."""
        message = {"role": "assistant", "content": None, **self.message}
        if self._calls:
            message["tool_calls"] = [self._calls[index] for index in sorted(self._calls)]
        choice = {"index": 0, "message": message, "finish_reason": self.finish_reason}
        content = {**self.frame, "object": "chat.completion", "choices": [choice]}
        return Answer(content).with_usage(self.usage)

    def _add_calls(self, calls: object) -> None:
        """Put together calls by their `index`; id and name come once, arguments in pieces."""
        for position, each in enumerate(cast("list[object]", calls) if isinstance(calls, list) else []):
            part = as_object(each)
            index = part.get("index")
            known = self._calls.setdefault(
                index if isinstance(index, int) else position,
                {"type": "function", "function": {"arguments": ""}},
            )
            function = as_object(part.get("function"))
            if isinstance(part.get("id"), str):
                known.setdefault("id", part["id"])
            if isinstance(function.get("name"), str):
                known["function"].setdefault("name", function["name"])
            if isinstance(function.get("arguments"), str):
                known["function"]["arguments"] += function["arguments"]


def added(usages: Sequence[Mapping[str, Any]]) -> JsonObject:
    """The sum of several usages: numbers are added, also inside."""
    first, *more = usages or ({},)
    total: JsonObject = dict(first)
    for usage in more:
        for name, value in usage.items():
            if isinstance(value, dict):
                total[name] = added((as_object(total.get(name)), cast("JsonObject", value)))
            elif isinstance(value, int | float) and not isinstance(value, bool):
                before = total.get(name)
                total[name] = value + (before if isinstance(before, int | float) else 0)
            else:
                total.setdefault(name, value)
    return total


def nothing() -> JsonObject:
    """An object without members; `dict[str, Any]()` takes ten times as long."""
    return {}


def as_object(value: object) -> JsonObject:
    """The value when it is a JSON object, else an empty one."""
    return cast("JsonObject", value) if isinstance(value, dict) else {}


def _first(values: object) -> JsonObject:
    return as_object(cast("list[object]", values)[0]) if isinstance(values, list) and values else {}
