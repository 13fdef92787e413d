"""What the gateway says: of a key, of its models, of who serves them, of a completion."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Final, TypeAlias

from chatassistant_operator.observed.pending import Pending


class Cause(Enum):
    """Why a question got no answer that says anything about a key or a model."""

    UNREACHABLE = "Unreachable"
    RATE_LIMITED = "RateLimited"
    DOUBTFUL = "Doubtful"
    """The gateway refuses a key that it accepted before; in an outage valid keys were refused so."""
    QUEUED = "Queued"
    """It was not its turn yet."""


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The gateway was asked and could not tell.

    `detail` says what happened, with no ages or counters; `last_good` is when the same question was last answered
    well, or, where it is about no key, at all; `stands` is what was answered then, of a key only what is against it:
    what is bad by that stays bad as long as nobody can be asked; `retry_after` is how many seconds the gateway asked
    to wait, which makes no other answer of it.
    """

    cause: Cause
    detail: str
    last_good: datetime | None = None
    stands: "Answer | None" = None
    retry_after: float | None = field(default=None, compare=False)


class Left(Enum):
    """How much is left of a limit: the figure itself moves with each request and belongs into metrics only."""

    PLENTY = "plenty"
    LOW = "less than a tenth"
    NONE = "nothing"


@dataclass(frozen=True, slots=True)
class KeyAccepted:
    """`GET /key` answered 200: what it told. Limits are in USD; those that move with each request make no other answer."""

    label: str
    free_tier: bool = False
    management: bool = False
    limit: Decimal | None = None
    limit_reset: str | None = None
    credits: Left = Left.PLENTY
    free_requests: Left = Left.PLENTY
    expires_at: datetime | None = None
    accepted_at: datetime | None = field(default=None, compare=False)
    limit_remaining: Decimal | None = field(default=None, compare=False)
    free_requests_remaining: int | None = field(default=None, compare=False)

    @property
    def useless(self) -> bool:
        """Whether no completion comes with it all the same."""
        return self.management or self.credits is Left.NONE


@dataclass(frozen=True, slots=True)
class KeyRefused:
    """A definite refusal (401, 402, 403 or 404) in the gateway's words.

    `expired_at` is the key's end when an earlier answer told it and it has passed; `refused_at` when it was said.
    """

    status: int
    message: str
    expired_at: datetime | None = None
    refused_at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class KnownKey:
    """What was known of a key before this process asked: whether and when it was accepted last, and when it ends."""

    accepted: bool = False
    accepted_at: datetime | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """One row of the gateway's catalogue; prices are in USD a token, None where they vary."""

    id: str
    name: str
    context_length: int | None
    max_completion_tokens: int | None
    supports_tools: bool
    prompt_price: Decimal | None
    completion_price: Decimal | None
    expiration_date: date | None = None
    canonical_slug: str = ""
    answers_in_text: bool = True

    @property
    def free(self) -> bool:
        """Whether a completion costs nothing."""
        return self.prompt_price == 0 and self.completion_price == 0

    @property
    def most_tokens(self) -> int | None:
        """How many tokens an answer may have at most, None where nobody says."""
        known = [limit for limit in (self.max_completion_tokens, self.context_length) if limit]
        return min(known, default=None)


# Suffixes that work on any model and so stand in no catalogue (OpenRouter's FAQ on model variants). The others,
# `:free`, `:extended` and `:thinking`, are rows of their own.
_DYNAMIC_VARIANTS: Final = frozenset({"nitro", "floor", "exacto", "online"})
# They choose a model for each request, and some copies of the catalogue leave them out.
ROUTERS: Final = frozenset({"openrouter/auto", "openrouter/free"})


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The gateway's models by id."""

    models: Mapping[str, Model]

    def find(self, name: str) -> Model | None:
        """The row for an id, dynamic variants looked through."""
        base, _, variant = name.partition(":")
        return self.models.get(name) or (self.models.get(base) if variant in _DYNAMIC_VARIANTS else None)

    def offers(self, name: str) -> bool:
        """Whether a completion may name this id: a row, a row with a dynamic variant, or a router."""
        return name in ROUTERS or self.find(name) is not None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One provider's offer of a model; prices are in USD a token."""

    model: str
    provider: str
    tag: str
    prompt_price: Decimal | None = None
    completion_price: Decimal | None = None
    request_price: Decimal | None = None
    image_price: Decimal | None = None
    supports_tools: bool = True

    def is_of(self, slug: str) -> bool:
        """Whether a provider's slug, such as deepinfra or deepinfra/fp8, means this endpoint."""
        wanted = slug.lower()
        return wanted in {self.tag.lower(), self.tag.lower().partition("/")[0], self.provider.lower()}


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Who serves a model, or which endpoints retain nothing."""

    endpoints: tuple[Endpoint, ...]


@dataclass(frozen=True, slots=True)
class CompletionAnswered:
    """A completion of one token came."""


@dataclass(frozen=True, slots=True)
class CompletionRefused:
    """A completion was refused for a reason that trying again does not mend, in the gateway's words."""

    status: int
    message: str


Answer: TypeAlias = KeyAccepted | KeyRefused | Catalogue | Endpoints | CompletionAnswered | CompletionRefused
KeyVerdict: TypeAlias = Pending | Unanswered | KeyAccepted | KeyRefused
CatalogueVerdict: TypeAlias = Pending | Unanswered | Catalogue
EndpointsVerdict: TypeAlias = Pending | Unanswered | Endpoints
CompletionVerdict: TypeAlias = Pending | Unanswered | CompletionAnswered | CompletionRefused


def last_word(verdict: Pending | Unanswered | Answer | None) -> Pending | Answer | None:
    """What the gateway says: now, or at last while it cannot be asked."""
    return verdict.stands if isinstance(verdict, Unanswered) else verdict


def against(verdict: KeyVerdict | None) -> KeyAccepted | KeyRefused | None:
    """What is definitely said against a key: now, or at last while the gateway cannot be asked."""
    match last_word(verdict):
        case KeyRefused() as refused:
            return refused
        case KeyAccepted(useless=True) as accepted:
            return accepted
        case _:
            return None
