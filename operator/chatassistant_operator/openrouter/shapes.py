"""The shapes of OpenRouter's answers, as far as they are read; unknown fields are passed over.

Source: the schema in PyPI's `openrouter` 1.3.84 (October 2026) and captures of May to August 2026.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from chatassistant_operator.observed import KeyAccepted, Model


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


class _KeyData(BaseModel):
    label: str = ""
    limit: Decimal | None = None
    limit_remaining: Decimal | None = None
    is_free_tier: bool = False
    is_management_key: bool = False
    expires_at: datetime | None = None


class KeyAnswer(BaseModel):
    """`GET /key`."""

    data: _KeyData

    def facts(self) -> KeyAccepted:
        """What is known of the key."""
        data = self.data
        return KeyAccepted(
            label=data.label,
            free_tier=data.is_free_tier,
            management=data.is_management_key,
            limit=data.limit,
            limit_remaining=data.limit_remaining,
            expires_at=data.expires_at,
        )


class _Pricing(BaseModel):
    prompt: Price = None
    completion: Price = None


class _TopProvider(BaseModel):
    max_completion_tokens: Tokens = None


class _ModelRow(BaseModel):
    id: str
    name: str = ""
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
        )


class ModelsAnswer(BaseModel):
    """`GET /models`."""

    data: list[_ModelRow]


class _ErrorMetadata(BaseModel):
    raw: Text = None


class _Error(BaseModel):
    message: Text = None
    metadata: Annotated[_ErrorMetadata | None, WrapValidator(_or_none)] = None


class ErrorAnswer(BaseModel):
    """Any error; what an upstream provider said is in `metadata.raw`."""

    error: _Error

    @property
    def words(self) -> str:
        """What the gateway says, and what its provider said; may be empty."""
        raw = self.error.metadata.raw if self.error.metadata else None
        message = self.error.message or ""
        return f"{message} ({raw})" if raw else message
