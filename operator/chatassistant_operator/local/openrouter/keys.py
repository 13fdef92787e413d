"""A key as OpenRouter knows it, and what `GET /key` tells of it.

The shape follows the schema in PyPI's `openrouter` 1.3.84 (October 2026).
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, ConfigDict, Field
from pydantic.dataclasses import dataclass

# Dollars without cents go out as OpenRouter sends them: 5, not 5.0.
USD = Annotated[int | float, Field(ge=0)]
Count = Annotated[int, Field(ge=0)]
# A day's free requests, until and after 10 credits were bought (OpenRouter's limits page, August 2026).
_FREE_REQUESTS: Final = {True: 50, False: 1000}


def _parse(time: str) -> datetime:
    parsed = datetime.fromisoformat(time)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _is_time(value: str) -> str:
    _parse(value)
    return value


def _shortened(known: dict[str, Any]) -> str:
    """The label that OpenRouter makes of a key."""
    token = str(known.get("token", ""))
    return f"{token[:12]}...{token[-3:]}"


@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class KeySituation:
    """A key and what the stand-in answers to it."""

    name: str
    token: Annotated[str, Field(pattern=r"^sk-or-")]
    known: bool = True
    free_tier: bool = False
    management: bool = False
    credit: bool = True
    """Whether the account can pay."""

    limit: USD | None = None
    """The key's own limit."""

    limit_remaining: USD | None = None
    """What is left of it; all when not given."""

    limit_reset: Literal["daily", "weekly", "monthly"] | None = "monthly"
    """When it is filled up again; the stand-in never does."""

    expires_at: Annotated[str, AfterValidator(_is_time)] | None = None
    free_requests: Count | None = None
    """How many completions of free models a day has; what OpenRouter allows when not given."""

    free_requests_remaining: Count | None = None
    """How many of them are left; all when not given. The stand-in's day has no end."""

    label: str = Field(default_factory=_shortened)

    @property
    def remaining(self) -> float | None:
        """What is left of the key's own limit, in USD."""
        return self.limit if self.limit_remaining is None else self.limit_remaining

    @property
    def free_remaining(self) -> int:
        """How many completions of free models are left."""
        return self.free_limit if self.free_requests_remaining is None else self.free_requests_remaining

    @property
    def free_limit(self) -> int:
        """How many completions of free models a day has."""
        return _FREE_REQUESTS[self.free_tier] if self.free_requests is None else self.free_requests

    def lives(self, now: datetime) -> bool:
        """Whether it is accepted: one that has expired is not, and nothing tells why (OpenRouterTeam/docs#5)."""
        return self.known and (self.expires_at is None or now < _parse(self.expires_at))

    def as_key(self) -> dict[str, Any]:
        """The answer's `data` at `GET /key`."""
        spans = ("", "_daily", "_weekly", "_monthly")
        usage = (self.limit or 0) - (self.remaining or 0)
        return {
            "label": self.label,
            "limit": self.limit,
            "limit_remaining": self.remaining,
            "limit_reset": None if self.limit is None else self.limit_reset,
            "include_byok_in_limit": False,
            **dict.fromkeys([f"usage{span}" for span in spans], usage),
            **dict.fromkeys([f"byok_usage{span}" for span in spans], 0),
            "is_free_tier": self.free_tier,
            "is_management_key": self.management,
            "is_provisioning_key": self.management,
            "rate_limit": {
                "requests": -1,
                "interval": "10s",
                "note": "This field is deprecated and safe to ignore.",
            },
            "free_model_daily_requests": {
                "used": max(0, self.free_limit - self.free_remaining),
                "limit": self.free_limit,
                "remaining": self.free_remaining,
            },
            "budgets": [],
            "effective_budget": None,
            "allowed_data_regions": ["global"],
            "creator_user_id": "user_stand_in",
            "organization_id": None,
            "workspace_id": None,
            "expires_at": self.expires_at,
        }
