"""What a caller asks for."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chatassistant_chatbot.errors import CallerError

_MOST_MESSAGES: Final = 2048
_DEEPEST_JSON: Final = 64
# They decide what is spent and on whom, which is the assistant's to say.
_REFUSED: Final = ("models", "provider", "plugins", "route")
# Of where an error is: `messages.3.content`. Deeper parts are names of the types that were tried.
_DEEPEST_NAMED: Final = 3


# The gateway's rule, for readers of the schema: only an assistant's message may have no content, as it may call tools.
_CONTENT: Final[dict[str, Any]] = {
    "if": {"properties": {"role": {"const": "assistant"}}},
    "else": {"required": ["content"], "properties": {"content": {"not": {"type": "null"}}}},
}
_PART: Final[dict[str, Any]] = {"required": ["type"], "properties": {"type": {"type": "string"}}}


class Message(BaseModel):
    """One message of a conversation."""

    model_config = ConfigDict(extra="allow", strict=True, json_schema_extra=_CONTENT)

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[Annotated[dict[str, Any], Field(json_schema_extra=_PART)]] | None = None

    @property
    def text(self) -> str | None:
        """What it says when it is plain text and nothing else, such as images or calls of tools."""
        if isinstance(self.content, str) and not self.model_extra:
            return None if self.role == "tool" else self.content
        return text_of({"role": self.role, "content": self.content, **(self.model_extra or {})})


class CompletionRequest(BaseModel):
    """A conversation to be continued.

    Generation parameters that are not listed here are handed on to the gateway when it knows them, and else ignored;
    but `models`, `provider`, `plugins` and `route`, which the assistant decides, are refused.
    """

    model_config = ConfigDict(extra="allow", strict=True)

    messages: Annotated[list[Message], Field(min_length=1, max_length=_MOST_MESSAGES)]
    model: str | None = None
    stream: bool | None = None
    n: Annotated[int, Field(json_schema_extra={"const": 1})] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    conversation: Annotated[str, Field(min_length=1, max_length=128)] | None = None

    def asks(self, name: str) -> Any:
        """A parameter that is not listed here, None when it is not given."""
        return (self.model_extra or {}).get(name)


def read(body: bytes) -> CompletionRequest:
    """A caller's request.

    Raises:
        CallerError: 400, naming the parameter, for what is no request or asks for what the assistant decides.
    """
    try:
        request = CompletionRequest.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        param = ".".join(str(part) for part in first["loc"][:_DEEPEST_NAMED]) or None
        message = f"{param}: {first['msg']}" if param else f"The body is no request: {first['msg']}"
        raise CallerError(400, "invalid_request", message, param=param) from None
    # Few bodies have so many brackets at all.
    if body.count(b"{") + body.count(b"[") > _DEEPEST_JSON and _is_too_deep(request):
        raise CallerError(400, "invalid_request", f"The body is nested deeper than {_DEEPEST_JSON} levels.")
    more = request.model_extra or {}
    refused = next((name for name in _REFUSED if more.get(name) is not None), None) if more else None
    if refused is not None:
        message = f"{refused} is decided by the assistant; leave it out."
        raise CallerError(400, "parameter_not_allowed", message, param=refused)
    if request.n is not None and request.n != 1:
        raise CallerError(400, "parameter_not_allowed", "n must be 1: one answer a request.", param="n")
    return request


def _is_too_deep(request: CompletionRequest) -> bool:
    parts = [part for each in request.messages for part in (each.content, each.model_extra)]
    return any(_is_deeper(part, _DEEPEST_JSON) for part in (request.model_extra, *parts))


def _is_deeper(value: object, levels: int) -> bool:
    """Whether JSON is nested deeper than so many levels."""
    if not isinstance(value, list | dict):
        return False
    inner = cast("list[object] | dict[str, object]", value)
    inner = list(inner.values()) if isinstance(inner, dict) else inner
    return levels == 0 or any(_is_deeper(each, levels - 1) for each in inner)


def text_of(message: Mapping[str, Any]) -> str | None:
    """What a message says when it is plain text and nothing else."""
    content = message.get("content")
    if message["role"] == "tool" or message.get("tool_calls"):
        return None
    if not isinstance(content, list):
        return content or ""
    parts = cast("list[dict[str, Any]]", content)
    if any(part.get("type") != "text" for part in parts):
        return None
    return "".join(str(part.get("text", "")) for part in parts)
