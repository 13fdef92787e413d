"""The configuration file: what the operator renders of a ChatAssistant's spec, in the spec's own words."""

import re
from decimal import Decimal
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

OPENROUTER: Final = "https://openrouter.ai/api/v1"
_URL: Final = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?")


def _is_plain_url(value: str) -> str:
    if not _URL.fullmatch(value):
        raise ValueError("must be an http or https URL without user, query or fragment")
    return value


PlainUrl = Annotated[str, AfterValidator(_is_plain_url)]
HeaderValue = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]*$")]
HeaderName = Annotated[str, Field(pattern=r"^[-!#$%&'*+.^_`|~0-9A-Za-z]+$")]
Name = Annotated[str, Field(min_length=1)]
Price = Annotated[Decimal, Field(ge=0)]


class Part(BaseModel):
    """A part of the file: camelCase, nothing unknown, and no value in an error."""

    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", frozen=True, hide_input_in_errors=True
    )


class Parameters(Part):
    """Generation parameters; a caller's own win, up to `max_tokens`."""

    temperature: float = 0.7
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    repetition_penalty: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    max_tokens: Annotated[int, Field(ge=1)] = 1024


class SimpleQueries(Part):
    """A faster model for conversations of at most so many characters."""

    name: Name
    max_characters: Annotated[int, Field(ge=1)] = 50


class MaxPrice(Part):
    """The most to pay, in USD: for a million tokens of prompt and completion, for a request, for an image."""

    prompt: Price | None = None
    completion: Price | None = None
    request: Price | None = None
    image: Price | None = None


class Provider(Part):
    """Who may serve the model: OpenRouter's routing preferences."""

    order: tuple[Name, ...] = ()
    only: tuple[Name, ...] = ()
    ignore: tuple[Name, ...] = ()
    allow_fallbacks: bool | None = None
    require_parameters: bool | None = None
    data_collection: Literal["allow", "deny"] | None = None
    zdr: bool | None = None
    sort: Literal["price", "throughput", "latency", "exacto"] | None = None
    max_price: MaxPrice | None = None


class Model(Part):
    """The model that answers, and those that answer in its place."""

    name: Name = "openrouter/free"
    # OpenRouter refuses more beside `model` (coder/xum#2963).
    fallbacks: Annotated[tuple[Name, ...], Field(max_length=3)] = ()
    simple_queries: SimpleQueries | None = None
    parameters: Parameters = Parameters()
    provider: Provider | None = None


class Gateway(Part):
    """The OpenRouter-compatible endpoint that is asked."""

    base_url: Annotated[PlainUrl, Field(alias="baseURL")] = OPENROUTER
    timeout_seconds: Annotated[float, Field(gt=0)] = 30.0
    referer: HeaderValue | None = None
    title: HeaderValue | None = None


class Credentials(Part):
    """How the process gets its key: from a variable at its start, or from a file that may change while it runs."""

    delivery: Literal["Env", "File"] = "Env"


class Header(Part):
    """A header whose value stands in a variable of the environment."""

    name: HeaderName
    env: Name


class McpServer(Part):
    """A server whose tools the assistant may call: all of them when `allowed_tools` is empty."""

    name: Name
    url: PlainUrl
    transport: Literal["StreamableHTTP"] = "StreamableHTTP"
    headers: tuple[Header, ...] = ()
    allowed_tools: tuple[Name, ...] = ()
    timeout_seconds: Annotated[float, Field(gt=0)] = 30.0


class Tools(Part):
    """What the model may call, and in how many rounds of one turn."""

    max_rounds: Annotated[int, Field(ge=1)] = 8
    mcp_servers: tuple[McpServer, ...] = ()


class Access(Part):
    """Who may ask."""

    mode: Literal["None", "Token"] = "None"


class Observability(Part):
    """What can be seen."""

    log_level: Literal["Debug", "Info", "Warning", "Error"] = "Info"


class Configuration(Part):
    """All of the file."""

    name: str = "chatbot"
    namespace: str = ""
    model: Model = Model()
    system_prompt: str = "You are a helpful assistant"
    gateway: Gateway = Gateway()
    credentials: Credentials = Credentials()
    tools: Tools = Tools()
    access: Access = Access()
    observability: Observability = Observability()
