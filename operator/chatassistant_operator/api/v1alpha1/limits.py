"""How much may be asked and spent."""

from typing import Annotated

from pydantic import Field

from chatassistant_operator.api.v1alpha1.base import ApiModel


class RateLimit(ApiModel):
    """How often a user may ask."""

    requests: Annotated[int, Field(ge=1, le=1_000_000)] = 10
    """How many completions a user may ask for within the window."""

    window_seconds: Annotated[int, Field(ge=1, le=86_400)] = 60
    """How long the window is."""


class Limits(ApiModel):
    """How much each pod does at a time."""

    concurrent: Annotated[int, Field(ge=1, le=10_000)] = 64
    """How many requests are with the gateway at a time."""

    queue: Annotated[int, Field(ge=0, le=100_000)] = 256
    """How many more wait for their turn; what comes beyond is refused with 503 and Retry-After."""


class Budget(ApiModel):
    """Hard stops on spending."""

    # Kubernetes' int-or-string would refuse 0.5, the way in which most people write an amount.
    daily_usd: Annotated[float | None, Field(alias="dailyUSD", ge=0, le=1_000_000)] = None
    """The most to spend in a day (UTC), in USD, as a plain number such as 5 or 0.25, of which 15 digits are exact; no
    limit when empty, and with 0 only what is free. It holds for all pods together with the store Redis, and for each
    pod with the store Memory."""

    tokens_per_request: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    """The most tokens for a request, prompt and answer together; no limit when empty."""
