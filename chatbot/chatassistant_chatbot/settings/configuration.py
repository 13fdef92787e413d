"""The configuration file: what the operator renders of a ChatAssistant's spec, in the spec's own words."""

import re
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, IPvAnyNetwork, model_validator
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

    @cached_property
    def given(self) -> dict[str, Any]:
        """Those that are set, as the gateway has them."""
        return {name: value for name, value in self.model_dump().items() if value not in (None, ())}


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


class Oidc(Part):
    """Whose tokens let a caller in, by OpenID Connect."""

    issuer: PlainUrl
    audience: Name


class Access(Part):
    """Who may ask."""

    mode: Literal["None", "Token", "OIDC"] = "None"
    oidc: Oidc | None = None

    @model_validator(mode="after")
    def _names_its_issuer(self) -> Self:
        if self.mode == "OIDC" and self.oidc is None:
            raise ValueError("access.oidc must name issuer and audience when access.mode is OIDC")
        return self


class Cache(Part):
    """Answers that are given again to equal questions; `shared` between users."""

    enabled: bool = True
    ttl_seconds: Annotated[int, Field(ge=1)] = 3600
    max_entries: Annotated[int, Field(ge=1)] = 1000
    shared: bool = False


class FaqEntry(Part):
    """A question that is answered without the model."""

    question: Name
    answer: Name


class RateLimit(Part):
    """How many completions a user may ask for within a sliding window."""

    requests: Annotated[int, Field(ge=1)] = 10
    window_seconds: Annotated[int, Field(ge=1)] = 60


class Limits(Part):
    """Of one process: how many requests are with the gateway at a time, and how many wait for their turn."""

    concurrent: Annotated[int, Field(ge=1)] = 64
    queue: Annotated[int, Field(ge=0)] = 256


class Budget(Part):
    """The most to spend: USD a day (UTC), and tokens a request."""

    daily_usd: Annotated[Price | None, Field(alias="dailyUSD")] = None
    tokens_per_request: Annotated[int, Field(ge=1)] | None = None


class Store(Part):
    """Where limits, cache, budget and conversations are kept: in this process, or in the Redis that `STORE_URL` names."""

    type: Literal["Memory", "Redis"] = "Memory"


class TokenPrices(Part):
    """What a model costs, in USD a token."""

    prompt: Price
    completion: Price


class Observability(Part):
    """What can be seen."""

    log_level: Literal["Debug", "Info", "Warning", "Error"] = "Info"
    otlp_endpoint: PlainUrl | None = None


class Configuration(Part):
    """All of the file."""

    name: str = "chatbot"
    namespace: str = ""
    # The assistant's, so that those that share a Redis never share an entry.
    uid: str = ""
    model: Model = Model()
    system_prompt: str = "You are a helpful assistant"
    gateway: Gateway = Gateway()
    credentials: Credentials = Credentials()
    tools: Tools = Tools()
    cache: Cache = Cache()
    faq: tuple[FaqEntry, ...] = ()
    rate_limit: RateLimit = RateLimit()
    limits: Limits = Limits()
    budget: Budget = Budget()
    # By the ids that the spec names, as the gateway's catalogue had them.
    prices: dict[Name, TokenPrices] = Field(default_factory=dict[str, TokenPrices])
    store: Store = Store()
    access: Access = Access()
    # Whose X-Forwarded-For is believed.
    trusted_proxies: tuple[IPvAnyNetwork, ...] = ()
    observability: Observability = Observability()
