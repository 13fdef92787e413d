"""Chat completions of the stand-in: as strict as the real one, and predictable in what they answer.

An answer quotes the last message and says that it is no model's; after tools were called, it tells what they said. See
`calling` for when they are.
"""

import json
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, takewhile
from typing import Any, Final

from chatassistant_operator.local.openrouter import errors
from chatassistant_operator.local.openrouter.calling import arguments_of, chosen_tool
from chatassistant_operator.local.openrouter.keys import KeySituation
from chatassistant_operator.local.openrouter.models import EndpointSituation
from chatassistant_operator.local.openrouter.requests import ChatRequest, Message
from chatassistant_operator.local.openrouter.routing import route
from chatassistant_operator.local.openrouter.world import World

_LONGEST_QUOTE: Final = 200
_LONGEST_RESULT: Final = 2000
_WORD: Final = re.compile(r"\S+\s*")
_generations: Final = count(1)


@dataclass(frozen=True, slots=True)
class Completion:
    """What the stand-in answers: words, or calls of tools; a word counts as one token."""

    id: str
    created: int
    model: str
    provider: str
    words: list[str]
    tool_calls: list[dict[str, Any]]
    finish_reason: str
    usage: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """The answer in one piece."""
        text = "".join(self.words)
        message: dict[str, Any] = {"role": "assistant", "content": text or None, "refusal": None}
        if self.tool_calls:
            message["tool_calls"] = self.tool_calls
        choice = {
            "index": 0,
            "logprobs": None,
            "finish_reason": self.finish_reason,
            "native_finish_reason": self.finish_reason,
            "message": message,
        }
        return {
            **self._envelope("chat.completion"),
            "system_fingerprint": None,
            "choices": [choice],
            "usage": self.usage,
        }

    def as_chunks(self, *, usage_in_delta: bool = False) -> Iterator[dict[str, Any]]:
        """The answer in pieces; a call's id and name come once, its arguments in pieces after them."""
        for word in self.words:
            yield self._chunk({"role": "assistant", "content": word})
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

    def error_chunk(self, code: int | str) -> dict[str, Any]:
        """A provider that failed in the middle of a stream (OpenRouter's streaming page, August 2026)."""
        error = {
            "code": code,
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
            "provider": self.provider,
        }

    def _chunk(self, delta: dict[str, Any] | None, finish_reason: str | None = None) -> dict[str, Any]:
        choice = {
            "index": 0,
            "delta": delta,
            "finish_reason": finish_reason,
            "native_finish_reason": finish_reason,
        }
        return {**self._envelope("chat.completion.chunk"), "choices": [] if delta is None else [choice]}


def complete(world: World, key: KeySituation, request: ChatRequest, says: str | None = None) -> Completion:
    """Answer a request, and book it on the key; `says` is what the model answers, a quotation when it is None.

    Raises:
        Refusal: as OpenRouter would refuse it.
    """
    if key.management:
        # No public source says how a management key is refused here, only that it is.
        raise errors.unknown_key()
    model, endpoint = route(world, request)
    _check_means(key, free=model.free)
    calls = _calls(request)
    words = [] if calls else _WORD.findall(_answer(request.messages) if says is None else says)
    allowed = request.max_tokens or request.max_completion_tokens or len(words)
    finish_reason = "tool_calls" if calls else "length" if len(words) > allowed else "stop"
    usage = _usage(endpoint, request, min(len(words), allowed) or 1)
    world.spend(key.token, usage["cost"], free=model.free)
    created, number = int(time.time()), next(_generations)
    return Completion(
        id=f"gen-{created}-{number:020d}",
        created=created,
        model=model.slug,
        provider=endpoint.provider_name,
        words=words[:allowed],
        tool_calls=calls,
        finish_reason=finish_reason,
        usage=usage,
    )


def _check_means(key: KeySituation, *, free: bool) -> None:
    """Refuse what the account or the key cannot pay for.

    Raises:
        Refusal: which tells what is used up.
    """
    if not key.credit:
        raise errors.no_credit()
    if key.remaining is not None and key.remaining <= 0:
        raise errors.limit_reached(key.limit_reset)
    if free and key.free_remaining <= 0:
        raise errors.free_models_per_day(key.free_limit)


def _calls(request: ChatRequest) -> list[dict[str, Any]]:
    tool = chosen_tool(request)
    if tool is None:
        return []
    arguments = json.dumps(arguments_of(tool, request.messages[-1].text), ensure_ascii=False)
    function = {"name": tool.function.name, "arguments": arguments}
    return [{"index": 0, "id": f"call_{next(_generations)}", "type": "function", "function": function}]


def _answer(messages: Sequence[Message]) -> str:
    results = [message.text[:_LONGEST_RESULT] for message in takewhile(_is_result, reversed(messages))]
    if results:
        return f"The tool says: {'; '.join(reversed(results))}"
    return (
        f"You said: “{messages[-1].text[:_LONGEST_QUOTE]}”. I am the stand-in for OpenRouter that comes with "
        "ChatAssistant, not a model."
    )


def _is_result(message: Message) -> bool:
    return message.role == "tool"


def _usage(endpoint: EndpointSituation, request: ChatRequest, completion: int) -> dict[str, Any]:
    prompt = sum(len(message.text.split()) for message in request.messages) or 1
    prompt_cost = prompt * float(endpoint.prompt or 0)
    completion_cost = completion * float(endpoint.completion or 0)
    cost = prompt_cost + completion_cost + float(endpoint.request or 0)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "cost": cost,
        "is_byok": False,
        "prompt_tokens_details": {
            "cached_tokens": 0,
            "cache_write_tokens": 0,
            "audio_tokens": 0,
            "video_tokens": 0,
        },
        "cost_details": {
            "upstream_inference_cost": cost,
            "upstream_inference_prompt_cost": prompt_cost,
            "upstream_inference_completions_cost": completion_cost,
        },
        "completion_tokens_details": {"reasoning_tokens": 0, "image_tokens": 0, "audio_tokens": 0},
    }
