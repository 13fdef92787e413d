"""What a turn begins with: everything of it that stays the same until its end."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple, cast

import orjson

from chatassistant_chatbot.errors import CallerError
from chatassistant_chatbot.settings import Configuration
from chatassistant_chatbot.turn.answer import JsonObject, as_object
from chatassistant_chatbot.turn.request import CompletionRequest
from chatassistant_chatbot.turn.routing import chain, routing

# The caller's that are handed on; everything else is ignored, as OpenAI's API does with what it does not know.
_HANDED_ON: Final = (
    "top_p", "top_k", "min_p", "top_a", "frequency_penalty", "presence_penalty", "repetition_penalty", "seed", "stop",
    "logit_bias", "logprobs", "top_logprobs", "response_format", "structured_outputs", "tool_choice",
    "parallel_tool_calls", "reasoning", "reasoning_effort", "verbosity",
)  # fmt: skip


class Opening(NamedTuple):
    """A request as the assistant understands it.

    Attributes:
        models: Those that may answer, in their order.
        messages: The system prompt, what was said in the conversation before, and what the caller says now.
        parameters: Those of the generation, without the tools.
        max_tokens: The longest answer.
        functions: Tools of the servers', as OpenAI has them, by their names.
        own_tools: Tools of the caller's, in the same form.
        max_rounds: How often tools of the servers may be called before they are withheld.
    """

    configuration: Configuration
    models: tuple[str, ...]
    messages: tuple[JsonObject, ...]
    parameters: JsonObject
    max_tokens: int
    stream: bool
    functions: Mapping[str, JsonObject] = MappingProxyType({})
    own_tools: tuple[JsonObject, ...] = ()
    max_rounds: int = 8

    @property
    def uses_tools(self) -> bool:
        """Whether the model may call anything."""
        return bool(self.functions or self.own_tools)

    @property
    def characters(self) -> int:
        """How long the prompt is, roughly: as many as its JSON has."""
        tools = len(orjson.dumps(self.own_tools)) if self.own_tools else 0
        return len(orjson.dumps(self.messages)) + tools

    def body(
        self, models: tuple[str, ...], more: Sequence[JsonObject] = (), *, withhold: bool = False
    ) -> bytes:
        """The body for the gateway's `/chat/completions`, without `stream`; `more` are the messages of this turn.

        Raises:
            CallerError: 400 for a number that JSON cannot carry.
        """
        content: JsonObject = {
            **routing(self.configuration.model, models),
            "messages": [*self.messages, *more],
            **self.parameters,
            "max_tokens": self.max_tokens,
        }
        tools = [*self.functions.values(), *self.own_tools]
        if tools:
            content["tools"] = tools
        else:
            content.pop("tool_choice", None)
            content.pop("parallel_tool_calls", None)
        if withhold:
            content["tool_choice"] = "none"
        try:
            return orjson.dumps(content)
        except orjson.JSONEncodeError as error:
            raise CallerError(400, "invalid_request", f"The request cannot be handed on: {error}.") from None


def open_turn(
    configuration: Configuration,
    request: CompletionRequest,
    functions: Sequence[JsonObject] = (),
    earlier: Sequence[JsonObject] = (),
) -> Opening:
    """A request with the tools that there are and what was said before.

    Raises:
        CallerError: 404 for a model that the assistant does not offer, 400 for tools that are none or clash.
    """
    model = configuration.model
    by_name: dict[str, JsonObject] = {each["function"]["name"]: each for each in functions}
    given = request.model_extra or {}
    own_tools = _own_tools(given.get("tools"), by_name)
    has_tools = bool(own_tools or configuration.tools.mcp_servers)
    said = (*earlier, *(message.model_dump(exclude_unset=True) for message in request.messages))
    return Opening(
        configuration=configuration,
        models=chain(model, request.model, said, has_tools=has_tools),
        messages=({"role": "system", "content": configuration.system_prompt}, *said),
        parameters=model.parameters.given | _asked(request, given),
        max_tokens=_max_tokens(model.parameters.max_tokens, request),
        stream=request.stream is True,
        functions=by_name,
        own_tools=own_tools,
        max_rounds=configuration.tools.max_rounds,
    )


def _own_tools(given: object, functions: Mapping[str, JsonObject]) -> tuple[JsonObject, ...]:
    if given is None:
        return ()
    tools = tuple(cast("list[JsonObject]", given)) if isinstance(given, list) else ()
    if not isinstance(given, list) or not all(map(as_object, tools)):
        raise CallerError(400, "invalid_request", "tools: must be a list of tools.", param="tools")
    names = [as_object(each.get("function")).get("name") for each in tools]
    clash = next((name for name in names if name in functions), None)
    if clash is not None:
        message = f"The assistant has a tool of its own called {clash}: give yours another name."
        raise CallerError(400, "tool_name_taken", message, param="tools")
    return tools


def _asked(request: CompletionRequest, given: Mapping[str, Any]) -> dict[str, Any]:
    """The caller's own generation parameters."""
    asked = {name: value for name in _HANDED_ON if (value := given.get(name)) is not None} if given else {}
    if request.temperature is not None:
        asked["temperature"] = request.temperature
    return asked


def _max_tokens(cap: int, request: CompletionRequest) -> int:
    """What the caller asks for, up to the cap: without a number, the gateway assumes the model's maximum."""
    asked = request.max_completion_tokens or request.max_tokens
    return cap if asked is None else min(asked, cap)
