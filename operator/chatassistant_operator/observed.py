"""Everything that one reconcile knows of the world: read once, frozen, plain data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final, TypeAlias

from chatassistant_operator.api.api_key import ApiKey
from chatassistant_operator.api.policy import Policy

Manifest: TypeAlias = dict[str, Any]
"""A Kubernetes object as JSON has it."""


class Pending(Enum):
    """Asked for, and not answered yet: what was known before still holds."""

    PENDING = "pending"


PENDING: Final = Pending.PENDING


# What is read by name, and may not be there.


@dataclass(frozen=True, slots=True)
class Absent:
    """There is no object of that name."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The API server would not give it; `message` says why, in words for the owner of the object."""

    message: str


@dataclass(frozen=True, slots=True)
class Credential:
    """The Secret is there.

    `key` is None when it has no entry of the name asked for; `revision` changes whenever the Secret does.
    """

    key: ApiKey | None
    revision: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """The ConfigMap is there; `text` is None when it has no entry of the name asked for."""

    text: str | None


CredentialReading: TypeAlias = Pending | Absent | Unreadable | Credential
PromptReading: TypeAlias = Pending | Absent | Unreadable | Prompt


# What the gateway says.


class Cause(Enum):
    """Why a question got no answer that says anything about a key or a model."""

    UNREACHABLE = "Unreachable"
    RATE_LIMITED = "RateLimited"


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The gateway was asked and could not tell.

    `detail` says what happened, with no ages or counters; `retry_after` is how many seconds the gateway asked to
    wait, which makes no other answer of it.
    """

    cause: Cause
    detail: str
    retry_after: float | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class KeyAccepted:
    """`GET /key` answered 200: what it told. Limits are in USD."""

    label: str
    free_tier: bool = False
    management: bool = False
    limit: Decimal | None = None
    limit_remaining: Decimal | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class KeyRefused:
    """`GET /key` answered with a definite refusal (401, 402 or 403) in the gateway's words."""

    status: int
    message: str


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

    @property
    def free(self) -> bool:
        """Whether a completion costs nothing."""
        return self.prompt_price == 0 and self.completion_price == 0


# Suffixes that work on any model and so stand in no catalogue (OpenRouter's FAQ on model variants).
_DYNAMIC_VARIANTS: Final = frozenset({"nitro", "floor", "exacto", "online"})
# They choose a model for each request, and some copies of the catalogue leave them out.
_ROUTERS: Final = frozenset({"openrouter/auto", "openrouter/free"})


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
        return name in _ROUTERS or self.find(name) is not None


KeyVerdict: TypeAlias = Pending | Unanswered | KeyAccepted | KeyRefused
CatalogueVerdict: TypeAlias = Pending | Unanswered | Catalogue


# The whole.


@dataclass(frozen=True, slots=True)
class ReplicaSet:
    """What is read of a ReplicaSet: which revision of the pods it runs, from which ConfigMap, and how many."""

    name: str
    revision: str | None
    config_map: str | None
    replicas: int
    available: int


@dataclass(frozen=True, slots=True)
class Children:
    """What a ChatAssistant owns, as last seen."""

    deployment: Manifest | None = None
    replica_sets: tuple[ReplicaSet, ...] = ()
    config_maps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Defaults:
    """What the operator's settings give to assistants that do not say otherwise."""

    image: str


@dataclass(frozen=True, slots=True)
class Observed:
    """The world as one reconcile sees it; None stands for what was not to be asked."""

    policy: Policy
    defaults: Defaults
    credential: CredentialReading
    prompt: PromptReading | None
    key: KeyVerdict | None
    catalogue: CatalogueVerdict | None
    children: Children
