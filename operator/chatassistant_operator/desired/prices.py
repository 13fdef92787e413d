"""What the spec's models cost, by which chatbots reserve before they ask.

The prices that pods were made with are written on the Deployment and stand as long as they tell of every model: an
outage of the catalogue, or a price that moves, rolls nothing. What is spent is counted by what the gateway charges.
"""

import json
from typing import Annotated, Final, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from chatassistant_operator.api import names
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.observed import Observed, annotation
from chatassistant_operator.observed.gateway import Catalogue

_Price = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?$", max_length=64)]


class TokenPrices(BaseModel):
    """What a model costs: USD a token, as decimal strings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: _Price
    completion: _Price


Prices: TypeAlias = dict[str, TokenPrices | None]
"""By a model's id; None for what has no fixed price."""

_PRICES: Final = TypeAdapter[Prices](Prices)


def prices(assistant: ChatAssistant, seen: Observed) -> Prices:
    """The prices of all models that the spec names, as far as they are known; none where there is no daily budget."""
    if assistant.spec.budget.daily_usd is None:
        return {}
    wanted = dict.fromkeys(assistant.spec.model.named.values())
    pinned = _pinned(seen)
    known = {name: pinned[name] for name in wanted if name in pinned}
    if len(known) < len(wanted) and isinstance(seen.catalogue, Catalogue):
        return {name: _price(seen.catalogue, name) for name in wanted}
    return known


def noted(known: Prices) -> str | None:
    """The prices as the Deployment's annotation has them; None where there are none."""
    said = {name: price and price.model_dump() for name, price in known.items()}
    return json.dumps(said, sort_keys=True, separators=(",", ":")) if said else None


def _price(catalogue: Catalogue, name: str) -> TokenPrices | None:
    row = catalogue.find(name)
    if row is not None and row.prompt_price is not None and row.completion_price is not None:
        return TokenPrices(prompt=f"{row.prompt_price:f}", completion=f"{row.completion_price:f}")
    # It chooses among models that cost nothing, and some copies of the catalogue leave it out.
    return TokenPrices(prompt="0", completion="0") if name == "openrouter/free" else None


def _pinned(seen: Observed) -> Prices:
    """What the Deployment says; nothing where somebody else has put something else there."""
    try:
        return _PRICES.validate_json(annotation(seen.children.deployment, names.PRICES_ANNOTATION) or "{}")
    except ValidationError:
        return {}
