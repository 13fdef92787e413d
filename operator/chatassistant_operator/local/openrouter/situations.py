"""The keys and the models that the stand-in knows: one for each situation that OpenRouter can be in.

Shapes follow the schema in PyPI's `openrouter` 1.3.84 (October 2026); prices are examples.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class KeySituation:
    """A key and what the stand-in answers to it."""

    name: str
    token: str
    known: bool = True
    free_tier: bool = False
    management: bool = False
    credit: bool = True
    limit: Decimal | None = None
    limit_remaining: Decimal | None = None
    expires_at: str | None = None

    @property
    def label(self) -> str:
        """The label that OpenRouter makes of a key."""
        return f"{self.token[:12]}...{self.token[-3:]}"

    def as_key(self) -> dict[str, Any]:
        """The answer's `data` at `GET /key`."""
        return {
            "label": self.label,
            "limit": _number(self.limit),
            "limit_remaining": _number(self.limit_remaining),
            "limit_reset": "monthly" if self.limit is not None else None,
            "include_byok_in_limit": False,
            "usage": 0,
            "usage_daily": 0,
            "usage_weekly": 0,
            "usage_monthly": 0,
            "byok_usage": 0,
            "byok_usage_daily": 0,
            "byok_usage_weekly": 0,
            "byok_usage_monthly": 0,
            "is_free_tier": self.free_tier,
            "is_management_key": self.management,
            "is_provisioning_key": self.management,
            "free_model_daily_requests": {
                "used": 0,
                "limit": 50 if self.free_tier else 1000,
                "remaining": 50,
            },
            "expires_at": self.expires_at,
        }


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def _token(number: int) -> str:
    return f"sk-or-v1-{number:064x}"


ACCEPTED: Final = KeySituation("accepted", _token(0xACCE97ED))
FREE_TIER: Final = KeySituation("free tier", _token(0xF4EE), free_tier=True)
# An unknown, a deleted and an expired key look alike: 401 `User not found.` (OpenRouterTeam/docs#5).
UNKNOWN: Final = KeySituation("unknown", _token(0x0BAD), known=False)
EXPIRED: Final = KeySituation("expired", _token(0x0E0D), known=False, expires_at="2026-01-01T00:00:00Z")
EXPIRING: Final = KeySituation("expiring", _token(0x0E0E), expires_at="2099-01-01T00:00:00Z")
# Passes /key, and cannot call completions (OpenRouter's guide on management keys).
MANAGEMENT: Final = KeySituation("management", _token(0xADA), management=True)
# The account's credit does not show at /key; completions get 402.
NO_CREDIT: Final = KeySituation("no credit", _token(0xB40CE), credit=False)
# The key's own limit shows at /key; completions get 403 `Key limit exceeded` (gptme/gptme#1449).
LIMIT_REACHED: Final = KeySituation(
    "limit reached", _token(0x11417), limit=Decimal(5), limit_remaining=Decimal(0)
)

KEYS: Final = {
    each.token: each
    for each in (ACCEPTED, FREE_TIER, UNKNOWN, EXPIRED, EXPIRING, MANAGEMENT, NO_CREDIT, LIMIT_REACHED)
}


@dataclass(frozen=True, slots=True)
class ModelSituation:
    """A model; `ended` is one that was there and is no more: not in the catalogue, and 404 for completions."""

    id: str
    prompt: str = "0"
    completion: str = "0"
    context: int = 131_072
    tools: bool = True
    output: str = "text"
    expires: str | None = None
    ended: bool = False

    def as_model(self) -> dict[str, Any]:
        """A row of the answer's `data` at `GET /models`."""
        parameters = ["max_tokens", "temperature", "top_p", "stop", "seed"]
        base = self.id.partition(":")[0]
        return {
            "id": self.id,
            "canonical_slug": base,
            "name": base.partition("/")[2].replace("-", " ").title() + (" (free)" if self.free else ""),
            "created": 1_780_000_000,
            "description": "A model of the stand-in.",
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
                "max_completion_tokens": 32_768,
                "is_moderated": False,
            },
            "per_request_limits": None,
            "supported_parameters": [*parameters, "tools", "tool_choice"] if self.tools else parameters,
            "default_parameters": None,
            "expiration_date": self.expires,
        }

    @property
    def free(self) -> bool:
        """Whether its id ends in `:free`."""
        return self.id.endswith(":free")


_ROWS: Final = (
    # Routers: they choose a model for each request; the price of `auto` varies, which is told as -1.
    ModelSituation("openrouter/free", context=200_000),
    ModelSituation("openrouter/auto", "-1", "-1", context=2_000_000),
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
    # Paid, with tools.
    ModelSituation("anthropic/claude-haiku-4.5", "0.000001", "0.000005", context=200_000),
    ModelSituation("anthropic/claude-sonnet-4.5", "0.000003", "0.000015", context=1_000_000),
    ModelSituation("deepseek/deepseek-v4-flash", "0.00000014", "0.00000028"),
    ModelSituation("google/gemini-2.5-flash", "0.0000003", "0.0000025", context=1_048_576),
    ModelSituation("google/gemma-4-31b-it", "0.0000001", "0.0000004"),
    ModelSituation("meta-llama/llama-3.1-8b-instruct", "0.00000002", "0.00000004"),
    ModelSituation("meta-llama/llama-3.3-70b-instruct", "0.0000001", "0.00000032"),
    ModelSituation("mistralai/devstral-2512", "0.0000004", "0.000002", context=262_144),
    ModelSituation("mistralai/mistral-small-3.2-24b-instruct", "0.00000006", "0.00000018"),
    ModelSituation("openai/gpt-4o-mini", "0.00000015", "0.0000006", context=128_000),
    ModelSituation("openai/gpt-5-mini", "0.00000025", "0.000002", context=400_000),
    ModelSituation("qwen/qwen3.5-35b-a3b", "0.00000016", "0.0000013", context=262_144),
    ModelSituation("x-ai/grok-4-fast", "0.0000002", "0.0000005", context=2_000_000),
    ModelSituation("z-ai/glm-4.6", "0.0000005", "0.0000019", context=202_752),
    # Aliases for the newest of a family.
    ModelSituation("~openai/gpt-latest", "0.00000125", "0.00001", context=400_000),
    ModelSituation("~anthropic/claude-sonnet-latest", "0.000003", "0.000015", context=1_000_000),
    # Without tools; with zero price and yet no chat model; about to end.
    ModelSituation("gryphe/mythomax-l2-13b", "0.00000006", "0.00000006", context=4096, tools=False),
    ModelSituation("google/lyria-3:free", tools=False, output="audio"),
    ModelSituation("mistralai/mistral-7b-instruct", "0.00000003", "0.00000006", expires="2026-12-31"),
    # Ended: the paid id of the first lives on, the second is gone altogether.
    ModelSituation("meta-llama/llama-3.1-8b-instruct:free", ended=True),
    ModelSituation("mistralai/devstral-2512:free", ended=True),
    ModelSituation("google/gemini-flash-1.5", "0.000000075", "0.0000003", ended=True),
)

MODELS: Final = {each.id: each for each in _ROWS}
DYNAMIC_VARIANTS: Final = frozenset({"nitro", "floor", "exacto", "online"})


def find(name: str) -> ModelSituation | None:
    """The model that an id means, dynamic variants looked through."""
    base, _, variant = name.partition(":")
    return MODELS.get(name) or (MODELS.get(base) if variant in DYNAMIC_VARIANTS else None)
