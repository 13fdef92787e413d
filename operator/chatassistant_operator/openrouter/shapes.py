"""The shapes of OpenRouter's answers, as far as they are read; unknown fields are passed over.

Source: the schema in PyPI's `openrouter` 1.3.84 (October 2026) and captures of May to August 2026.
"""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from chatassistant_operator.observed.gateway import Endpoint, KeyAccepted, Left, Model

_LITTLE: Final = Decimal("0.1")


def _or_none(value: object, read: ValidatorFunctionWrapHandler) -> object:
    """One odd field must not hide a whole catalogue."""
    try:
        return read(value)
    except ValidationError:
        return None


def _known(price: Decimal | None) -> Decimal | None:
    return None if price is None or price < 0 else price


Price = Annotated[Decimal | None, AfterValidator(_known), WrapValidator(_or_none)]
"""A decimal string in USD a token; `-1` says that it varies (`openrouter/auto`), which becomes None."""
Tokens = Annotated[int | None, WrapValidator(_or_none)]
Day = Annotated[date | None, WrapValidator(_or_none)]
Text = Annotated[str | None, WrapValidator(_or_none)]


class _FreeRequests(BaseModel):
    limit: Tokens = None
    remaining: Tokens = None


class _KeyData(BaseModel):
    label: str = ""
    limit: Decimal | None = None
    limit_remaining: Decimal | None = None
    limit_reset: Text = None
    is_free_tier: bool = False
    is_management_key: bool = False
    is_provisioning_key: bool = False
    free_model_daily_requests: Annotated[_FreeRequests | None, WrapValidator(_or_none)] = None
    expires_at: datetime | None = None


class KeyAnswer(BaseModel):
    """`GET /key`."""

    data: _KeyData

    def facts(self) -> KeyAccepted:
        """What is known of the key."""
        data = self.data
        free = data.free_model_daily_requests or _FreeRequests()
        expires_at = data.expires_at
        if expires_at is not None and expires_at.tzinfo is None:
            expires_at = expires_at.replace(tzinfo=UTC)
        return KeyAccepted(
            label=data.label,
            free_tier=data.is_free_tier,
            # The second is the older name of the first.
            management=data.is_management_key or data.is_provisioning_key,
            limit=data.limit,
            limit_reset=data.limit_reset,
            credits=_left(data.limit_remaining, data.limit),
            free_requests=_left(free.remaining, free.limit),
            expires_at=expires_at,
            limit_remaining=data.limit_remaining,
            free_requests_remaining=free.remaining,
        )


def _left(remaining: Decimal | int | None, limit: Decimal | int | None) -> Left:
    """How much is left of a limit; plenty where there is none."""
    if remaining is None or limit is None:
        return Left.PLENTY if remaining is None or remaining > 0 else Left.NONE
    if remaining <= 0:
        return Left.NONE
    return Left.LOW if remaining < _LITTLE * limit else Left.PLENTY


class _Pricing(BaseModel):
    prompt: Price = None
    completion: Price = None
    request: Price = None
    image: Price = None


class _Architecture(BaseModel):
    output_modalities: list[str] = ["text"]


class _TopProvider(BaseModel):
    max_completion_tokens: Tokens = None


class _ModelRow(BaseModel):
    id: str
    canonical_slug: Text = None
    name: str = ""
    architecture: Annotated[_Architecture | None, WrapValidator(_or_none)] = None
    context_length: Tokens = None
    pricing: _Pricing = _Pricing()
    top_provider: _TopProvider | None = None
    supported_parameters: list[str] | None = None
    expiration_date: Day = None

    def facts(self) -> Model:
        """What is known of the model."""
        return Model(
            id=self.id,
            name=self.name,
            context_length=self.context_length,
            max_completion_tokens=self.top_provider.max_completion_tokens if self.top_provider else None,
            supports_tools="tools" in (self.supported_parameters or ()),
            prompt_price=self.pricing.prompt,
            completion_price=self.pricing.completion,
            expiration_date=self.expiration_date,
            canonical_slug=self.canonical_slug or "",
            answers_in_text=self.architecture is None or self.architecture.output_modalities == ["text"],
        )


class ModelsAnswer(BaseModel):
    """`GET /models`."""

    data: list[_ModelRow]


class _EndpointRow(BaseModel):
    model_id: Text = None
    provider_name: str = ""
    tag: str = ""
    pricing: _Pricing = _Pricing()
    supported_parameters: list[str] | None = None

    def facts(self) -> Endpoint:
        """What is known of the endpoint."""
        return Endpoint(
            model=self.model_id or "",
            provider=self.provider_name,
            tag=self.tag,
            prompt_price=self.pricing.prompt,
            completion_price=self.pricing.completion,
            request_price=self.pricing.request,
            image_price=self.pricing.image,
            supports_tools=self.supported_parameters is None or "tools" in self.supported_parameters,
        )


class _EndpointRows(BaseModel):
    endpoints: list[_EndpointRow]


class EndpointsAnswer(BaseModel):
    """`GET /models/{author}/{slug}/endpoints`."""

    data: _EndpointRows


class ZeroRetentionAnswer(BaseModel):
    """`GET /endpoints/zdr`."""

    data: list[_EndpointRow]


class CompletionAnswer(BaseModel):
    """`POST /chat/completions`, as far as it shows that an answer came."""

    choices: Annotated[list[object], Field(min_length=1)]


class _ErrorMetadata(BaseModel):
    raw: Text = None
    limit_source: Text = None


class _Error(BaseModel):
    message: Text = None
    metadata: Annotated[_ErrorMetadata | None, WrapValidator(_or_none)] = None


class ErrorAnswer(BaseModel):
    """Any error; what an upstream provider said is in `metadata.raw`."""

    error: _Error

    @property
    def passes_by_itself(self) -> bool:
        """Whether it is the 402 for credit that running requests hold (OpenRouter's limits page, 2026)."""
        metadata = self.error.metadata
        return metadata is not None and metadata.limit_source == "openrouter_in_flight_budget"

    @property
    def words(self) -> str:
        """What the gateway says, and what its provider said; may be empty."""
        raw = self.error.metadata.raw if self.error.metadata else None
        message = self.error.message or ""
        return f"{message} ({raw})" if raw else message
