"""A model and the endpoints that serve it, and what `GET /models` and `GET /models/…/endpoints` tell of them.

Shapes follow the schema in PyPI's `openrouter` 1.3.84 (October 2026).
"""

from dataclasses import replace
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

Price = Annotated[str, Field(pattern=r"^-?[0-9]+(\.[0-9]+)?$")]
"""USD a token, as a decimal string; `-1` for one that varies."""
Tokens = Annotated[int, Field(ge=1)]
ToolChoice = Literal["auto", "function", "none", "required"]
_TOOL_CHOICES: Final[tuple[ToolChoice, ...]] = ("auto", "function", "none", "required")
_PARAMETERS: Final = ("max_tokens", "seed", "stop", "temperature", "top_p")
_TOOL_PARAMETERS: Final = ("tool_choice", "tools")
_MOST_TOKENS: Final = 32_768
_QUANTIZATIONS: Final = frozenset({"bf16", "fp16", "fp4", "fp8", "int4", "int8"})
_STRICT: Final = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True, config=_STRICT)
class EndpointSituation:
    """A provider's offer of a model; what is not given is as the model has it."""

    provider_name: str
    tag: str
    """What routing preferences call it: the provider's slug, and after a slash which of its offers it is."""

    prompt: Price | None = None
    completion: Price | None = None
    context: Tokens | None = None
    max_completion_tokens: Tokens | None = None
    request: Price | None = None
    """USD a request, beside its tokens."""

    image: Price | None = None
    """USD an image."""

    parameters: tuple[str, ...] = _PARAMETERS
    """What it honours of a request beside tools."""

    tools: bool = True
    tool_choice: tuple[ToolChoice, ...] = _TOOL_CHOICES
    """The values of a request's `tool_choice` that it honours."""

    zdr: bool = False
    """Whether it retains no data."""

    collects_data: bool = False
    """Whether it may train on data; no public field tells."""

    @property
    def supported_parameters(self) -> list[str]:
        """All parameters of a request that it honours."""
        return [*self.parameters, *(_TOOL_PARAMETERS if self.tools else ())]

    @property
    def price(self) -> Decimal:
        """What a token in and a token out cost, in USD."""
        return Decimal(self.prompt or 0) + Decimal(self.completion or 0)

    @property
    def pricing(self) -> dict[str, str | int]:
        """What it costs, as an answer tells it."""
        prices = {each: getattr(self, each) for each in ("prompt", "completion", "request", "image")}
        return {**{each: price for each, price in prices.items() if price is not None}, "discount": 0}

    def is_called(self, wanted: str) -> bool:
        """Whether a routing preference means it: by its tag, the tag's first part, or the provider's name."""
        return wanted.lower() in {self.tag, self.tag.partition("/")[0], self.provider_name.lower()}


@dataclass(frozen=True, slots=True, config=_STRICT)
class ModelSituation:
    """A model; `ended` is one that was there and is no more: in no catalogue, and 404 for completions."""

    id: Annotated[str, Field(pattern=r"^~?[^/\s]+/[^/\s]+$")]
    prompt: Price = "0"
    completion: Price = "0"
    context: Tokens = 131_072
    tools: bool = True
    output: str = "text"
    expires: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")] | None = None
    ended: bool = False
    serves: str | None = None
    """The id that answers in its place: of an alias, or what a router chooses."""

    max_completion_tokens: Tokens | None = None
    endpoints: tuple[EndpointSituation, ...] = ()
    """Who serves it; the stand-in itself when not given, which retains data of free models only."""

    @property
    def slug(self) -> str:
        """What a completion says that answered: a paid model's dated slug, a free one's id (agent-shell#30)."""
        return self.id if ":" in self.id else self.permaslug

    @property
    def permaslug(self) -> str:
        """The dated slug, which all variants share."""
        return self.id if self.serves else f"{self.id.partition(':')[0]}-20260601"

    @property
    def free(self) -> bool:
        """Whether it costs nothing."""
        return Decimal(self.prompt) == Decimal(self.completion) == 0

    @property
    def name(self) -> str:
        """Its name for people."""
        base, _, variant = self.id.partition(":")
        return base.partition("/")[2].replace("-", " ").title() + (f" ({variant})" if variant else "")

    @property
    def offers(self) -> list[EndpointSituation]:
        """Who serves it, with nothing left open."""
        most = self.max_completion_tokens or min(self.context, _MOST_TOKENS)
        return [
            replace(
                each,
                prompt=each.prompt or self.prompt,
                completion=each.completion or self.completion,
                context=each.context or self.context,
                max_completion_tokens=each.max_completion_tokens or most,
                tools=each.tools and self.tools,
            )
            for each in self.endpoints or (EndpointSituation("Stand-in", "stand-in", zdr=not self.free),)
        ]

    def as_model(self) -> dict[str, Any]:
        """A row of the answer's `data` at `GET /models`."""
        parameters = {each for offer in self.offers for each in offer.supported_parameters}
        has = "with" if "tools" in parameters else "without"
        row: dict[str, Any] = {
            "id": self.id,
            "canonical_slug": self.permaslug,
            "hugging_face_id": None,
            "name": self.name,
            "created": 1_780_000_000,
            "description": f"{self.name}, as the stand-in plays it: {has} tools.",
            "context_length": self.context,
            "architecture": {
                "modality": f"text->{self.output}",
                "input_modalities": ["text"],
                "output_modalities": [self.output],
                "tokenizer": "Other",
                "instruct_type": None,
            },
            "pricing": {"prompt": self.prompt, "completion": self.completion},
            "top_provider": {
                "context_length": self.context,
                "max_completion_tokens": self.max_completion_tokens or min(self.context, _MOST_TOKENS),
                "is_moderated": False,
            },
            "per_request_limits": None,
            "supported_parameters": sorted(parameters),
            "default_parameters": None,
            "supported_voices": None,
            "knowledge_cutoff": None,
            "expiration_date": self.expires,
            "links": {"details": f"/api/v1/models/{self.id}/endpoints"},
        }
        if self.id.startswith("~"):
            row["alias_target"] = {"name": self.serves, "slug": self.serves}
        return row

    def as_endpoint(self, offer: EndpointSituation) -> dict[str, Any]:
        """One of `offers`, as `GET /models/…/endpoints` and `GET /endpoints/zdr` tell it."""
        # Times and throughput are for authenticated callers only, and the stand-in measures none.
        detail = offer.tag.partition("/")[2]
        unmeasured = ("latency_last_30m", "throughput_last_30m", "uptime_last_5m", "uptime_last_1d")
        return {
            "name": f"{offer.provider_name} | {self.permaslug}",
            "model_id": self.permaslug,
            "model_name": self.name,
            "provider_name": offer.provider_name,
            "tag": offer.tag,
            "status": 0,
            "context_length": offer.context,
            "max_completion_tokens": offer.max_completion_tokens,
            "max_prompt_tokens": None,
            "pricing": offer.pricing,
            "quantization": detail if detail in _QUANTIZATIONS else None,
            "service_tier": None,
            "supported_parameters": offer.supported_parameters,
            "supports_tool_choice": {
                each: offer.tools and each in offer.tool_choice for each in _TOOL_CHOICES
            },
            "supports_implicit_caching": False,
            "supports_diarization": False,
            "native_tools": {},
            "uptime_last_30m": 100,
            **dict.fromkeys(unmeasured),
        }
