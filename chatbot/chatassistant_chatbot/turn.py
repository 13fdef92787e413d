"""What is sent to the gateway for a caller's request. Pure: no I/O, no clock."""

from typing import Annotated, Any, Final, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chatassistant_chatbot.errors import CallerError
from chatassistant_chatbot.settings import Configuration, Model, Parameters, Provider

DEFAULT_MODEL: Final = "default"
_MOST_FALLBACKS: Final = 3
_MOST_MESSAGES: Final = 2048
# They decide what is spent and on whom, which is the assistant's to say.
_REFUSED: Final = ("models", "provider", "plugins", "route")
# The caller's that are handed on; everything else is ignored, as OpenAI's API does with what it does not know.
_HANDED_ON: Final = (
    "top_p", "top_k", "min_p", "top_a", "frequency_penalty", "presence_penalty", "repetition_penalty", "seed", "stop",
    "logit_bias", "logprobs", "top_logprobs", "response_format", "structured_outputs", "tools", "tool_choice",
    "parallel_tool_calls", "reasoning", "reasoning_effort", "verbosity",
)  # fmt: skip
# Of where an error is: `messages.3.content`. Deeper parts are names of the types that were tried.
_DEEPEST: Final = 3


class Message(BaseModel):
    """One message of a conversation."""

    model_config = ConfigDict(extra="allow", strict=True)

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[dict[str, Any]] | None = None


class CompletionRequest(BaseModel):
    """A conversation to be continued.

    Generation parameters that are not listed here are handed on to the gateway when it knows them, and else ignored.
    """

    model_config = ConfigDict(extra="allow", strict=True)

    messages: Annotated[list[Message], Field(min_length=1, max_length=_MOST_MESSAGES)]
    model: str | None = None
    stream: bool | None = None
    n: int | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None


def read(body: bytes) -> CompletionRequest:
    """A caller's request.

    Raises:
        CallerError: 400, naming the parameter, for what is no request or asks for what the assistant decides.
    """
    try:
        request = CompletionRequest.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        param = ".".join(str(part) for part in first["loc"][:_DEEPEST]) or None
        message = f"{param}: {first['msg']}" if param else f"The body is no request: {first['msg']}"
        raise CallerError(400, "invalid_request", message, param=param) from None
    extra = request.model_extra or {}
    refused = next((name for name in _REFUSED if extra.get(name) is not None), None)
    if refused is not None:
        message = f"{refused} is decided by the assistant; leave it out."
        raise CallerError(400, "parameter_not_allowed", message, param=refused)
    if request.n is not None and request.n != 1:
        raise CallerError(400, "parameter_not_allowed", "n must be 1: one answer a request.", param="n")
    return request


def payload(configuration: Configuration, request: CompletionRequest) -> bytes:
    """The body for the gateway's `/chat/completions`, as JSON.

    Raises:
        CallerError: 404 for a model that the assistant does not offer, 400 for a number that JSON cannot carry.
    """
    model = configuration.model
    system = {"role": "system", "content": configuration.system_prompt}
    content = {
        **_routing(configuration, request),
        "messages": [system, *(message.model_dump(exclude_unset=True) for message in request.messages)],
        **_defaults(model.parameters),
        **_asked(request),
        "max_tokens": _max_tokens(model.parameters.max_tokens, request),
        "stream": request.stream is True,
    }
    try:
        return orjson.dumps(content)
    except orjson.JSONEncodeError as error:
        raise CallerError(400, "invalid_request", f"The request cannot be handed on: {error}.") from None


def offered(model: Model) -> tuple[str, ...]:
    """The names by which a request may call a model, the main one's first."""
    simple = (model.simple_queries.name,) if model.simple_queries else ()
    return tuple(dict.fromkeys((model.name, DEFAULT_MODEL, *model.fallbacks, *simple)))


def _routing(configuration: Configuration, request: CompletionRequest) -> dict[str, Any]:
    """Which model is asked, which ones in its place, and who may serve them: `model`, `models`, `provider`.

    A caller who names another model than the main one gets just that. In a simple query's place answers what would
    answer any other: the main model, then its fallbacks.
    """
    model = configuration.model
    if request.model in {None, DEFAULT_MODEL, model.name}:
        chain = [model.name, *model.fallbacks]
        if model.simple_queries and _is_simple(configuration, model.simple_queries.max_characters, request):
            chain.insert(0, model.simple_queries.name)
    elif request.model in offered(model):
        chain = [request.model]
    else:
        raise _not_offered(model)
    first, *others = dict.fromkeys(chain)
    routing: dict[str, Any] = {"model": first}
    if others:
        routing["models"] = others[:_MOST_FALLBACKS]
    provider = _preferences(model.provider) if model.provider else {}
    return routing | ({"provider": provider} if provider else {})


def _not_offered(model: Model) -> CallerError:
    main, default, *more = offered(model)
    names = ", ".join([f"{main} (also called {default})", *more])
    return CallerError(
        404, "model_not_found", f"This assistant offers {names} and no other model.", param="model"
    )


def _is_simple(configuration: Configuration, most_characters: int, request: CompletionRequest) -> bool:
    """Whether all that was said is short and plain text, and no tools are there to be called."""
    extra = request.model_extra or {}
    if configuration.tools.mcp_servers or extra.get("tools"):
        return False
    lengths = [_characters(message) for message in request.messages]
    return None not in lengths and sum(filter(None, lengths)) <= most_characters


def _characters(message: Message) -> int | None:
    """How long the message's texts are; None when it holds more than texts, such as images or calls of tools."""
    if message.role == "tool" or (message.model_extra or {}).get("tool_calls"):
        return None
    if not isinstance(message.content, list):
        return len(message.content or "")
    if any(part.get("type") != "text" for part in message.content):
        return None
    return sum(len(str(part.get("text", ""))) for part in message.content)


def _preferences(provider: Provider) -> dict[str, Any]:
    """OpenRouter's `provider`: a closed object, with prices as decimal strings."""
    lists = ("order", "only", "ignore")
    preferences = provider.model_dump(exclude_none=True, exclude={"max_price", *lists})
    preferences |= {name: given for name in lists if (given := getattr(provider, name))}
    prices = provider.max_price.model_dump(exclude_none=True) if provider.max_price else {}
    if prices:
        preferences["max_price"] = {name: format(price, "f") for name, price in prices.items()}
    return preferences


def _defaults(parameters: Parameters) -> dict[str, Any]:
    defaults = parameters.model_dump(exclude_none=True)
    if not defaults["stop"]:
        del defaults["stop"]
    return defaults


def _asked(request: CompletionRequest) -> dict[str, Any]:
    """The caller's own generation parameters."""
    extra = request.model_extra or {}
    asked = {name: extra[name] for name in _HANDED_ON if extra.get(name) is not None}
    if request.temperature is not None:
        asked["temperature"] = request.temperature
    return asked


def _max_tokens(cap: int, request: CompletionRequest) -> int:
    """What the caller asks for, up to the cap: without a number, the gateway assumes the model's maximum."""
    asked = request.max_completion_tokens or request.max_tokens
    return cap if asked is None else min(asked, cap)
