"""The body of a chat completion's request, as strictly as OpenRouter reads it.

Source: the schema in PyPI's `openrouter` 1.3.84 (October 2026), `chatrequest` and `providerpreferences`. Fields that
are not here are accepted and have no effect, as `stream_options` has none at OpenRouter.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, ValidationError, model_validator

from chatassistant_operator.local.openrouter.errors import Refusal

_PARAMETERS: Final = frozenset(
    {
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "min_p",
        "parallel_tool_calls",
        "presence_penalty",
        "reasoning",
        "repetition_penalty",
        "response_format",
        "seed",
        "stop",
        "temperature",
        "tool_choice",
        "tools",
        "top_a",
        "top_k",
        "top_logprobs",
        "top_p",
        "verbosity",
    }
)
"""What `supported_parameters` of an endpoint can name."""
Dollars = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?$")]
ToolName = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-zA-Z0-9_-]+$")]


class CalledFunction(BaseModel):
    """What an assistant's message asked for; `arguments` is JSON in a string."""

    name: str
    arguments: str


class ToolCall(BaseModel):
    """One call in an assistant's message."""

    id: str
    type: Literal["function"] = "function"
    function: CalledFunction


class Part(BaseModel):
    """A part of a message's content; only texts are read."""

    type: str
    text: str = ""


class Message(BaseModel):
    """One message of the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[Part] | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None

    @property
    def text(self) -> str:
        """The content's texts."""
        if isinstance(self.content, list):
            return " ".join(part.text for part in self.content)
        return self.content or ""

    @model_validator(mode="after")
    def _has_content(self) -> "Message":
        if self.content is None and self.role != "assistant":
            raise ValueError("content is required")
        return self


class Function(BaseModel):
    """A function that the model may ask for; `parameters` is a JSON schema."""

    name: ToolName
    description: str = ""
    parameters: dict[str, Any] = Field(default_factory=dict[str, Any])


class Tool(BaseModel):
    """A tool that the model may ask for."""

    type: Literal["function"]
    function: Function


class NamedFunction(BaseModel):
    """The function of a choice."""

    name: ToolName


class NamedTool(BaseModel):
    """The one tool that has to be asked for."""

    type: Literal["function"]
    function: NamedFunction


class MaxPrice(BaseModel):
    """The most to pay, in USD a million tokens; the schema types it as strings."""

    model_config = ConfigDict(extra="forbid", strict=True)

    prompt: Dollars | None = None
    completion: Dollars | None = None
    request: Dollars | None = None
    image: Dollars | None = None


class Provider(BaseModel):
    """Routing preferences: a closed object, an unknown preference is refused."""

    model_config = ConfigDict(extra="forbid")

    order: list[str] | None = None
    only: list[str] | None = None
    ignore: list[str] | None = None
    allow_fallbacks: StrictBool | None = None
    require_parameters: StrictBool | None = None
    data_collection: Literal["allow", "deny"] | None = None
    zdr: StrictBool | None = None
    quantizations: list[str] | None = None
    sort: Literal["price", "throughput", "latency", "exacto"] | dict[str, Any] | None = None
    max_price: MaxPrice | None = None
    preferred_min_throughput: Any = None
    preferred_max_latency: Any = None
    enforce_distillable_text: StrictBool | None = None


class ChatRequest(BaseModel):
    """A request; `models`, the fallbacks, are at most three (coder/xum#2963)."""

    model_config = ConfigDict(extra="allow")

    model: str | None = None
    models: Annotated[list[str], Field(max_length=3)] = []
    messages: Annotated[list[Message], Field(min_length=1)]
    stream: StrictBool | None = None
    temperature: Annotated[float | None, Field(ge=0, le=2)] = None
    top_p: Annotated[float | None, Field(ge=0, le=1)] = None
    frequency_penalty: Annotated[float | None, Field(ge=-2, le=2)] = None
    presence_penalty: Annotated[float | None, Field(ge=-2, le=2)] = None
    max_tokens: Annotated[int | None, Field(ge=1)] = None
    max_completion_tokens: Annotated[int | None, Field(ge=1)] = None
    tools: list[Tool] | None = None
    tool_choice: Literal["auto", "none", "required"] | NamedTool | None = None
    provider: Provider | None = None
    session_id: Annotated[str | None, Field(max_length=256)] = None
    metadata: Annotated[dict[str, str] | None, Field(max_length=16)] = None

    @property
    def parameters(self) -> set[str]:
        """What the request asks of an endpoint, by the names that `supported_parameters` has."""
        return self.model_fields_set & _PARAMETERS

    @model_validator(mode="after")
    def _results_follow_calls(self) -> "ChatRequest":
        asked: set[str] = set()
        for message in self.messages:
            if message.role == "tool" and message.tool_call_id not in asked:
                raise ValueError(
                    "a message of role tool must answer a call of an assistant's message before it"
                )
            asked |= {call.id for call in message.tool_calls or []}
        return self


def parse(body: object) -> ChatRequest:
    """The request.

    Raises:
        Refusal: 400, as OpenRouter gives it to a bad parameter; the wording is the stand-in's own.
    """
    if not isinstance(body, Mapping):
        raise Refusal(400, "The request's body is not a JSON object")
    try:
        return ChatRequest.model_validate(body)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        path = ".".join(str(step) for step in problem["loc"]) or "messages"
        raise Refusal(400, f"{path}: {problem['msg']}") from None
