"""Which model answers, with which parameters, and which providers may serve it."""

import re
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import Field

from chatassistant_operator.api.v1alpha1.base import ApiModel, Rule, matches

_MODEL_ID: Final = r"~?[A-Za-z0-9][-A-Za-z0-9._]*/[A-Za-z0-9][-A-Za-z0-9._]*(:[A-Za-z0-9][-A-Za-z0-9._]*)?"
_IS_MODEL_ID: Final = "must be a model id, author/slug[:variant], such as openrouter/free; https://openrouter.ai/models has them all"
_ATOMIC: Final[dict[str, Any]] = {"x-kubernetes-list-type": "atomic"}

ModelId = Annotated[str, Field(min_length=1, max_length=200)]
ProviderSlugs = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=100)], ...],
    Field(max_length=32, json_schema_extra=_ATOMIC),
]
Price = Annotated[float, Field(ge=0, le=1_000_000)]


class Parameters(ApiModel):
    """Generation parameters; what a caller sends with a request wins, up to maxTokens."""

    temperature: Annotated[float, Field(ge=0, le=2)] = 0.7
    """How varied answers are: 0 for the likeliest, 2 for the wildest."""

    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    """Only the likeliest tokens of this total probability are considered."""

    top_k: Annotated[int, Field(ge=0, le=1000)] | None = None
    """Only this many of the likeliest tokens are considered; 0 for all."""

    min_p: Annotated[float, Field(ge=0, le=1)] | None = None
    """Tokens less probable than this share of the likeliest one are not considered."""

    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    """Discourages tokens by how often they occurred already."""

    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    """Discourages tokens that occurred already."""

    repetition_penalty: Annotated[float, Field(gt=0, le=2)] | None = None
    """Discourages tokens of the prompt and the answer from being repeated."""

    seed: Annotated[int, Field(ge=-(2**53), le=2**53)] | None = None
    """Makes answers repeatable, as far as the model can."""

    stop: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=200)], ...],
        Field(max_length=4, json_schema_extra=_ATOMIC),
    ] = ()
    """Texts at which an answer ends."""

    max_tokens: Annotated[int, Field(ge=1, le=1_000_000)] = 1024
    """How long an answer may be, in tokens; always sent, and the most that a caller may ask for."""


class SimpleQueries(ApiModel):
    """A faster model for short messages."""

    name: ModelId
    """The id of the model that answers short messages."""

    max_characters: Annotated[int, Field(ge=1, le=10_000)] = 50
    """How long a conversation may be, in characters, to be a short one."""

    rules: ClassVar[tuple[Rule, ...]] = (matches("name", _MODEL_ID, _IS_MODEL_ID),)


class MaxPrice(ApiModel):
    """The most that may be paid."""

    prompt: Price | None = None
    """USD for a million tokens of the prompt."""

    completion: Price | None = None
    """USD for a million tokens of the answer."""

    request: Price | None = None
    """USD for a request."""

    image: Price | None = None
    """USD for an image."""


class Provider(ApiModel):
    """OpenRouter's routing preferences: who may serve the model."""

    order: ProviderSlugs = ()
    """The providers to try first, in this order, such as deepinfra or deepinfra/fp8."""

    only: ProviderSlugs = ()
    """The only providers that may serve; all when empty."""

    ignore: ProviderSlugs = ()
    """The providers that may not serve."""

    allow_fallbacks: bool | None = None
    """Whether others than those of `order` may serve; true when not set."""

    require_parameters: bool | None = None
    """Whether only providers may serve that know every parameter of the request."""

    data_collection: Literal["allow", "deny"] | None = None
    """Whether providers may serve that keep what they are sent."""

    zdr: bool | None = None
    """Whether only providers may serve that retain nothing (zero data retention)."""

    sort: Literal["price", "throughput", "latency", "exacto"] | None = None
    """What providers are ordered by."""

    max_price: MaxPrice | None = None
    """The most that may be paid."""


def _all_ids(model: "ModelSpec") -> bool:
    return all(re.fullmatch(_MODEL_ID, each) for each in model.fallbacks)


class ModelSpec(ApiModel):
    """The model that answers."""

    name: ModelId = "openrouter/free"
    """An OpenRouter model id, author/slug[:variant], also ~author/family-latest, openrouter/auto and openrouter/free."""

    fallbacks: Annotated[tuple[ModelId, ...], Field(max_length=3, json_schema_extra=_ATOMIC)] = ()
    """Up to three models that are tried in this order when the first one cannot answer."""

    simple_queries: SimpleQueries | None = None
    """A faster model for short messages."""

    parameters: Parameters = Parameters()
    """Generation parameters."""

    provider: Provider | None = None
    """Who may serve the model; anybody when empty."""

    rules: ClassVar[tuple[Rule, ...]] = (
        matches("name", _MODEL_ID, _IS_MODEL_ID),
        Rule(
            f"!has(self.fallbacks) || self.fallbacks.all(each, each.matches(r'^{_MODEL_ID}$'))",
            f"each {_IS_MODEL_ID}",
            _all_ids,
            ".fallbacks",
        ),
    )

    @property
    def named(self) -> dict[str, str]:
        """Every id that the spec names, by its field: main, fallbacks, simple queries."""
        fields = {"spec.model.name": self.name}
        fields |= {f"spec.model.fallbacks[{index}]": each for index, each in enumerate(self.fallbacks)}
        if self.simple_queries is not None:
            fields["spec.model.simpleQueries.name"] = self.simple_queries.name
        return fields
