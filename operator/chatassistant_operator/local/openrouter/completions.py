"""Chat completions of the stand-in: as strict about requests as the real one, and predictable in its answers."""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any, Final, cast

from chatassistant_operator.local.openrouter import errors
from chatassistant_operator.local.openrouter.errors import Refusal
from chatassistant_operator.local.openrouter.situations import MODELS, KeySituation, ModelSituation, find

_ROLES: Final = frozenset({"system", "developer", "user", "assistant", "tool"})
_PROVIDER: Final = frozenset(
    {
        "order", "only", "ignore", "allow_fallbacks", "require_parameters", "data_collection", "zdr",
        "quantizations", "sort", "max_price", "preferred_min_throughput", "preferred_max_latency",
        "enforce_distillable_text",
    }
)  # fmt: skip
# `models` takes at most three (coder/xum#2963).
_MOST_FALLBACKS: Final = 3
_LONGEST_QUOTE: Final = 200
_NUMBERS: Final = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "frequency_penalty": (-2, 2),
    "presence_penalty": (-2, 2),
}
_generations: Final = count(1)


@dataclass(frozen=True)
class Completion:
    """What the stand-in answers: a text or calls of tools."""

    id: str
    created: int
    model: str
    text: str
    tool_calls: list[dict[str, Any]]
    usage: dict[str, Any]

    @property
    def finish_reason(self) -> str:
        """OpenAI's word for why the answer ended."""
        return "tool_calls" if self.tool_calls else "stop"

    def as_json(self) -> dict[str, Any]:
        """The answer in one piece."""
        message: dict[str, Any] = {"role": "assistant", "content": self.text or None, "refusal": None}
        if self.tool_calls:
            message["tool_calls"] = self.tool_calls
        choice = {
            "index": 0,
            "logprobs": None,
            "finish_reason": self.finish_reason,
            "native_finish_reason": self.finish_reason,
            "message": message,
        }
        return {**self._envelope("chat.completion"), "choices": [choice], "usage": self.usage}

    def as_chunks(self, *, usage_in_delta: bool) -> Iterator[dict[str, Any]]:
        """The answer in pieces; a call's arguments come apart from its name and id."""
        for piece in re.findall(r"\S+\s*", self.text):
            yield self._chunk({"role": "assistant", "content": piece})
        for call in self.tool_calls:
            name, arguments = call["function"]["name"], call["function"]["arguments"]
            begun = {**call, "function": {"name": name, "arguments": ""}}
            yield self._chunk({"role": "assistant", "content": None, "tool_calls": [begun]})
            for piece in (arguments[: len(arguments) // 2], arguments[len(arguments) // 2 :]):
                part = {"index": call["index"], "function": {"arguments": piece}}
                yield self._chunk({"role": "assistant", "content": None, "tool_calls": [part]})
        yield self._chunk({"role": "assistant", "content": ""}, self.finish_reason)
        last = self._chunk({"role": "assistant", "content": ""}) if usage_in_delta else self._chunk(None)
        yield {**last, "usage": self.usage}

    def error_chunk(self) -> dict[str, Any]:
        """A provider that failed in the middle of a stream (OpenRouter's streaming documentation)."""
        error = {
            "code": 502,
            "message": "Provider disconnected",
            "metadata": {"error_type": "provider_unavailable"},
        }
        return {**self._chunk({"content": ""}, "error"), "error": error}

    def _envelope(self, kind: str) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "provider": "Stand-in",
        }

    def _chunk(self, delta: dict[str, Any] | None, finish_reason: str | None = None) -> dict[str, Any]:
        choice = {
            "index": 0,
            "delta": delta,
            "finish_reason": finish_reason,
            "native_finish_reason": finish_reason,
        }
        return {**self._envelope("chat.completion.chunk"), "choices": [] if delta is None else [choice]}


def complete(key: KeySituation, request: dict[str, Any]) -> Completion:
    """Answer a request.

    Raises:
        Refusal: as OpenRouter would refuse it.
    """
    if key.management:
        raise errors.unknown_key()  # no public source says what it answers; the key cannot be used
    model = _choose_model(request)
    messages = _checked_messages(request)
    _check_parameters(request)
    if key.limit_remaining is not None and key.limit_remaining <= 0:
        raise errors.limit_reached()
    if not key.credit:
        raise errors.no_credit()
    tools = cast("list[dict[str, Any]]", request.get("tools") or [])
    if tools and not model.tools:
        raise errors.no_tools()
    calls = _calls(messages, tools) if request.get("tool_choice") != "none" else []
    text = "" if calls else _answer(messages)
    words = sum(len(str(message.get("content") or "")) for message in messages)
    usage = _usage(model, words // 4 + 1, len(text) // 4 + 1)
    number = next(_generations)
    return Completion(f"gen-{int(time.time())}-{number:020d}", int(time.time()), model.id, text, calls, usage)


def _choose_model(request: dict[str, Any]) -> ModelSituation:
    """The first of `model` and `models` that lives."""
    fallbacks = request.get("models") or []
    if len(fallbacks) > _MOST_FALLBACKS:
        raise Refusal(400, "models: Array must contain at most 3 element(s)")
    names = [name for name in (request.get("model"), *fallbacks) if name]
    if not names:
        raise Refusal(400, "No models provided")
    problem: Refusal | None = None
    for name in names:
        model = find(name)
        if model is None:
            problem = problem or errors.invalid_model(name)
        elif model.ended:
            paid = name.partition(":")[0]
            lives = paid != name and paid in MODELS
            problem = problem or (errors.free_variant_ended(paid) if lives else errors.no_endpoints(name))
        else:
            return model
    raise problem or errors.no_endpoints(names[0])


def _checked_messages(request: dict[str, Any]) -> list[dict[str, Any]]:
    messages = request.get("messages")
    if not isinstance(messages, list) or not messages:
        raise Refusal(400, 'Input required: specify "prompt" or "messages"')
    asked: set[str] = set()
    for number, message in enumerate(cast("list[dict[str, Any]]", messages)):
        if message.get("role") not in _ROLES:
            raise Refusal(400, f"messages.{number}.role: Invalid option")
        if message["role"] == "tool" and message.get("tool_call_id") not in asked:
            raise Refusal(
                400, "Provider returned error", {"raw": "a tool message must follow a call of that tool"}
            )
        asked |= {call["id"] for call in message.get("tool_calls") or []}
    return cast("list[dict[str, Any]]", messages)


def _check_parameters(request: dict[str, Any]) -> None:
    for name, (least, most) in _NUMBERS.items():
        value = request.get(name)
        if value is not None and not (isinstance(value, int | float) and least <= value <= most):
            raise Refusal(400, f"{name}: must be a number from {least} to {most}")
    tokens = request.get("max_tokens")
    if tokens is not None and not (isinstance(tokens, int) and tokens >= 1):
        raise Refusal(400, "max_tokens: must be a positive integer")
    unknown = set(request.get("provider") or {}) - _PROVIDER
    if unknown:
        raise Refusal(400, f"provider: Unrecognized key(s) in object: {', '.join(sorted(unknown))}")


def _calls(messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Call the tool whose name shares most words with what the user said last, if any does."""
    if messages[-1]["role"] != "user":
        return []
    said = set(re.findall(r"[a-z]{3,}", _text(messages[-1]).lower()))

    def shared(tool: dict[str, Any]) -> int:
        return len(said & set(re.findall(r"[a-z]{3,}", tool["function"]["name"].lower())))

    best = max(tools, key=shared, default=None)
    if best is None or not shared(best):
        return []
    arguments = _arguments(best["function"].get("parameters") or {}, _text(messages[-1]))
    function = {"name": best["function"]["name"], "arguments": json.dumps(arguments)}
    return [{"index": 0, "id": f"call_{next(_generations)}", "type": "function", "function": function}]


def _arguments(schema: dict[str, Any], said: str) -> dict[str, Any]:
    """Something of the right type for each argument that is required."""
    samples: dict[str, Any] = {
        "string": said,
        "integer": 1,
        "number": 1,
        "boolean": True,
        "array": [],
        "object": {},
    }
    properties: dict[str, dict[str, Any]] = schema.get("properties", {})
    required: list[str] = schema.get("required", [])
    return {name: samples.get(str(properties.get(name, {}).get("type")), said) for name in required}


def _answer(messages: list[dict[str, Any]]) -> str:
    last = messages[-1]
    quote = _text(last)[:_LONGEST_QUOTE]
    if last["role"] == "tool":
        return f"The tool says: {quote}"
    return (
        f"You said: “{quote}”. I am the stand-in for OpenRouter that comes with ChatAssistant, not a model."
    )


def _text(message: dict[str, Any]) -> str:
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return " ".join(part.get("text", "") for part in content)


def _usage(model: ModelSituation, prompt: int, completion: int) -> dict[str, Any]:
    prices = [max(0.0, float(price)) for price in (model.prompt, model.completion)]
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "cost": prompt * prices[0] + completion * prices[1],
        "is_byok": False,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }
