"""The shapes of OpenRouter's answers, as far as they are read; unknown fields are passed over.

Source: the schema in PyPI's `openrouter` 1.3.84 (October 2026) and captures of May to August 2026.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, BeforeValidator

from chatassistant_operator.observed import KeyAccepted, Model


def _price(value: object) -> object:
    """Prices are decimal strings in USD a token; `-1` says that it varies (`openrouter/auto`)."""
    return None if value in {"-1", -1, ""} else value


Price = Annotated[Decimal | None, BeforeValidator(_price)]


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
    max_completion_tokens: int | None = None


class _ModelRow(BaseModel):
    id: str
    name: str = ""
    context_length: int | None = None
    pricing: _Pricing = _Pricing()
    top_provider: _TopProvider | None = None
    supported_parameters: list[str] | None = None
    expiration_date: date | None = None

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
    raw: str | None = None


class _Error(BaseModel):
    message: str = ""
    metadata: _ErrorMetadata | None = None


class ErrorAnswer(BaseModel):
    """Any error; what an upstream provider said is in `metadata.raw`."""

    error: _Error

    @property
    def words(self) -> str:
        """What the gateway says, and what its provider said."""
        raw = self.error.metadata.raw if self.error.metadata else None
        return f"{self.error.message} ({raw})" if raw else self.error.message
