"""The keys and the models that the stand-in knows: one for each situation that OpenRouter can be in.

Shapes follow the schema in PyPI's `openrouter` 1.3.84 (October 2026); prices, in USD a token, are examples.
"""

from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class KeySituation:
    """A key and what the stand-in answers to it; limits are in USD."""

    name: str
    token: str
    known: bool = True
    free_tier: bool = False
    management: bool = False
    credit: bool = True
    limit: float | None = None
    limit_remaining: float | None = None
    expires_at: str | None = None

    @property
    def label(self) -> str:
        """The label that OpenRouter makes of a key."""
        return f"{self.token[:12]}...{self.token[-3:]}"

    def as_key(self) -> dict[str, Any]:
        """The answer's `data` at `GET /key`."""
        # 50 a day, or 1000 once 10 credits were bought (OpenRouter's limits page, August 2026).
        free_requests = 50 if self.free_tier else 1000
        return {
            "label": self.label,
            "limit": self.limit,
            "limit_remaining": self.limit_remaining,
            "limit_reset": None if self.limit is None else "monthly",
            "include_byok_in_limit": False,
            **dict.fromkeys(("usage", "usage_daily", "usage_weekly", "usage_monthly"), 0),
            **dict.fromkeys(("byok_usage", "byok_usage_daily", "byok_usage_weekly", "byok_usage_monthly"), 0),
            "is_free_tier": self.free_tier,
            "is_management_key": self.management,
            "is_provisioning_key": self.management,
            "rate_limit": {
                "requests": -1,
                "interval": "10s",
                "note": "This field is deprecated and safe to ignore.",
            },
            "free_model_daily_requests": {"used": 0, "limit": free_requests, "remaining": free_requests},
            "budgets": [],
            "effective_budget": None,
            "allowed_data_regions": ["global"],
            "creator_user_id": "user_stand_in",
            "organization_id": None,
            "workspace_id": None,
            "expires_at": self.expires_at,
        }


def _token(number: int) -> str:
    return f"sk-or-v1-{number:064x}"


ACCEPTED: Final = KeySituation("accepted", _token(0xACCE97ED))
FREE_TIER: Final = KeySituation("free tier", _token(0xF4EE), free_tier=True)
# An unknown, a deleted and an expired key look alike: 401 `User not found.` (OpenRouterTeam/docs#5).
UNKNOWN: Final = KeySituation("unknown", _token(0x0BAD), known=False)
EXPIRED: Final = KeySituation("expired", _token(0x0E0D), known=False)
EXPIRING: Final = KeySituation("expiring", _token(0x0E0E), expires_at="2099-01-01T00:00:00Z")
# Passes /key, and cannot call completions (OpenRouter's guide on management keys).
MANAGEMENT: Final = KeySituation("management", _token(0xADA), management=True)
# The account's credit does not show at /key; completions get 402 (OpenRouter's errors page).
NO_CREDIT: Final = KeySituation("no credit", _token(0xB40CE), credit=False)
# The key's own limit shows at /key; completions get 403 `Key limit exceeded` (gptme/gptme#1449).
LIMIT_REACHED: Final = KeySituation("limit reached", _token(0x11417), limit=5, limit_remaining=0)

KEYS: Final = {
    each.token: each
    for each in (ACCEPTED, FREE_TIER, UNKNOWN, EXPIRED, EXPIRING, MANAGEMENT, NO_CREDIT, LIMIT_REACHED)
}


@dataclass(frozen=True, slots=True)
class ModelSituation:
    """A model; `ended` is one that was there and is no more: in no catalogue, and 404 for completions."""

    id: str
    prompt: str = "0"
    completion: str = "0"
    context: int = 131_072
    tools: bool = True
    output: str = "text"
    expires: str | None = None
    ended: bool = False
    serves: str | None = None
    """The id that answers in its place: of an alias, or what a router chooses."""

    @property
    def slug(self) -> str:
        """What a completion says that answered: a paid model's dated slug, a free one's id (agent-shell#30)."""
        return self.id if ":" in self.id or self.serves else f"{self.id}-20260601"

    def as_model(self) -> dict[str, Any]:
        """A row of the answer's `data` at `GET /models`."""
        parameters = ["max_tokens", "seed", "stop", "temperature", "top_p"]
        base, _, variant = self.id.partition(":")
        name = base.partition("/")[2].replace("-", " ").title() + (f" ({variant})" if variant else "")
        row: dict[str, Any] = {
            "id": self.id,
            "canonical_slug": self.slug.partition(":")[0],
            "hugging_face_id": None,
            "name": name,
            "created": 1_780_000_000,
            "description": f"{name}, as the stand-in plays it: {'with' if self.tools else 'without'} tools.",
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
                "max_completion_tokens": min(self.context, 32_768),
                "is_moderated": False,
            },
            "per_request_limits": None,
            "supported_parameters": [*parameters, "tool_choice", "tools"] if self.tools else parameters,
            "default_parameters": None,
            "supported_voices": None,
            "knowledge_cutoff": None,
            "expiration_date": self.expires,
            "links": {"details": f"/api/v1/models/{self.id}/endpoints"},
        }
        if self.id.startswith("~"):
            row["alias_target"] = {"name": self.serves, "slug": self.serves}
        return row


_ROWS: Final = (
    # Routers choose a model for each request. The price of `auto` varies, which is told as -1; `free` is told to
    # choose one that can do what the request needs (OpenRouter's FAQ).
    ModelSituation("openrouter/free", context=200_000, serves="google/gemma-4-31b-it:free"),
    ModelSituation("openrouter/auto", "-1", "-1", context=2_000_000, serves="openai/gpt-5-mini"),
    # Free, with tools.
    ModelSituation("cohere/north-mini-code:free", context=256_000),
    ModelSituation("google/gemma-4-26b-a4b-it:free"),
    ModelSituation("google/gemma-4-31b-it:free"),
    ModelSituation("liquid/lfm-2.5-2.6b:free", context=32_768),
    ModelSituation("liquid/lfm-3-1.7b:free", context=32_768),
    ModelSituation("nvidia/nemotron-3-ultra-550b-a55b:free", context=1_000_000),
    ModelSituation("nvidia/nemotron-3.5-lightning:free"),
    ModelSituation("recursive/flint-v1.0:free"),
    ModelSituation("thinkingmachines/inkling-2-small:free"),
    # Paid, with tools; two static variants, of which `:batch` is for no chat.
    ModelSituation("anthropic/claude-haiku-4.5", "0.000001", "0.000005", context=200_000),
    ModelSituation("anthropic/claude-sonnet-4.5", "0.000003", "0.000015", context=1_000_000),
    ModelSituation("deepseek/deepseek-v4-flash", "0.00000014", "0.00000028"),
    ModelSituation("google/gemini-2.5-flash", "0.0000003", "0.0000025", context=1_048_576),
    ModelSituation("google/gemma-4-31b-it", "0.0000001", "0.0000004"),
    ModelSituation("meta-llama/llama-3.1-8b-instruct", "0.00000002", "0.00000004"),
    ModelSituation("meta-llama/llama-3.3-70b-instruct", "0.0000001", "0.00000032"),
    ModelSituation("mistralai/devstral-2512", "0.0000004", "0.000002", context=262_144),
    ModelSituation("openai/gpt-4o-mini", "0.00000015", "0.0000006", context=128_000),
    ModelSituation("openai/gpt-5-mini", "0.00000025", "0.000002", context=400_000),
    ModelSituation("openai/gpt-5-mini:batch", "0.000000125", "0.000001", context=400_000),
    ModelSituation("qwen/qwen-plus-2025-07-28:thinking", "0.0000004", "0.000004", context=1_000_000),
    ModelSituation("qwen/qwen3.5-35b-a3b", "0.00000016", "0.0000013", context=262_144),
    ModelSituation("x-ai/grok-4-fast", "0.0000002", "0.0000005", context=2_000_000),
    ModelSituation("z-ai/glm-4.6", "0.0000005", "0.0000019", context=202_752),
    # Aliases for the newest of a family.
    ModelSituation("~openai/gpt-mini-latest", "0.00000025", "0.000002", 400_000, serves="openai/gpt-5-mini"),
    ModelSituation(
        "~anthropic/claude-sonnet-latest",
        "0.000003",
        "0.000015",
        1_000_000,
        serves="anthropic/claude-sonnet-4.5",
    ),
    # Without tools; at no price and yet no chat models; about to end.
    ModelSituation("gryphe/mythomax-l2-13b", "0.00000006", "0.00000006", context=4096, tools=False),
    ModelSituation("nvidia/nemotron-3.5-content-safety:free", tools=False),
    ModelSituation("google/lyria-3:free", tools=False, output="audio"),
    ModelSituation("mistralai/mistral-7b-instruct", "0.00000003", "0.00000006", expires="2026-12-31"),
    # Ended: of the first two the paid id lives on, of the third none (captures of May to November 2026).
    ModelSituation("meta-llama/llama-3.1-8b-instruct:free", ended=True),
    ModelSituation("mistralai/devstral-2512:free", ended=True),
    ModelSituation("google/gemini-flash-1.5", "0.000000075", "0.0000003", ended=True),
)

MODELS: Final = {each.id: each for each in _ROWS}
# They work on every id and stand in no catalogue (OpenRouter's FAQ on model variants).
DYNAMIC_VARIANTS: Final = frozenset({"nitro", "floor", "exacto", "online"})


def find(name: str) -> ModelSituation | None:
    """The model that an id means, dynamic variants looked through."""
    base, _, variant = name.partition(":")
    return MODELS.get(name) or (MODELS.get(base) if variant in DYNAMIC_VARIANTS else None)
