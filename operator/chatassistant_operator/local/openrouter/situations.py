"""The keys and the models that the stand-in starts with: one for each situation that OpenRouter can be in.

Prices are in USD a token; they and the endpoints are examples.
"""

from typing import Final

from chatassistant_operator.local.openrouter.keys import KeySituation
from chatassistant_operator.local.openrouter.models import EndpointSituation, ModelSituation

__all__ = [
    "ACCEPTED",
    "EXPIRED",
    "EXPIRING",
    "FREE_TIER",
    "KEYS",
    "LIMIT_REACHED",
    "MANAGEMENT",
    "MODELS",
    "NO_CREDIT",
    "UNKNOWN",
    "EndpointSituation",
    "KeySituation",
    "ModelSituation",
]


def _token(number: int) -> str:
    return f"sk-or-v1-{number:064x}"


# As many free requests as a load test may need; a real account has 1000 a day at most.
ACCEPTED: Final = KeySituation("accepted", _token(0xACCE97ED), free_requests=1_000_000)
FREE_TIER: Final = KeySituation("free tier", _token(0xF4EE), free_tier=True)
# An unknown, a deleted and an expired key look alike: 401 `User not found.` (OpenRouterTeam/docs#5).
UNKNOWN: Final = KeySituation("unknown", _token(0x0BAD), known=False)
EXPIRED: Final = KeySituation("expired", _token(0x0E0D), expires_at="2026-01-01T00:00:00Z")
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

# The first is the cheapest and has the model's price; of each model one is without tools.
_CLAUDE_HAIKU: Final = (
    EndpointSituation("Anthropic", "anthropic", max_completion_tokens=64_000),
    EndpointSituation("Amazon Bedrock", "amazon-bedrock", "0.0000011", "0.0000055", zdr=True),
    EndpointSituation("Google", "google-vertex/europe", "0.0000011", "0.0000055", tools=False, zdr=True),
)
_DEEPSEEK_FLASH: Final = (
    EndpointSituation("DeepSeek", "deepseek", collects_data=True),
    EndpointSituation("SiliconFlow", "siliconflow/fp8", "0.00000015", "0.0000003", tools=False),
    EndpointSituation("GMICloud", "gmicloud/fp8", "0.00000017", "0.00000033", zdr=True),
)
_GEMMA: Final = (
    EndpointSituation("DeepInfra", "deepinfra/bf16", zdr=True),
    EndpointSituation("Parasail", "parasail/bf16", "0.00000013", "0.00000045", tools=False),
)
# Of this one only the dearer endpoints have tools.
_LLAMA: Final = (
    EndpointSituation("DeepInfra", "deepinfra/fp8", tools=False),
    EndpointSituation("Novita", "novita/bf16", "0.000000135", "0.0000004", 65_536, collects_data=True),
    EndpointSituation("Groq", "groq", "0.00000059", "0.00000079", zdr=True),
    EndpointSituation("Together", "together/fp8", "0.00000088", "0.00000088", tool_choice=("auto", "none")),
)
_GPT_MINI: Final = (
    EndpointSituation("OpenAI", "openai", max_completion_tokens=128_000),
    EndpointSituation("Azure", "azure", "0.000000275", "0.0000022", zdr=True),
    EndpointSituation("Azure", "azure/eu", "0.0000003", "0.0000024", tools=False, zdr=True),
)

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
    ModelSituation(
        "anthropic/claude-haiku-4.5", "0.000001", "0.000005", context=200_000, endpoints=_CLAUDE_HAIKU
    ),
    ModelSituation("anthropic/claude-sonnet-4.5", "0.000003", "0.000015", context=1_000_000),
    ModelSituation("deepseek/deepseek-v4-flash", "0.00000014", "0.00000028", endpoints=_DEEPSEEK_FLASH),
    ModelSituation("google/gemini-2.5-flash", "0.0000003", "0.0000025", context=1_048_576),
    ModelSituation("google/gemma-4-31b-it", "0.0000001", "0.0000004", endpoints=_GEMMA),
    ModelSituation("meta-llama/llama-3.1-8b-instruct", "0.00000002", "0.00000004"),
    ModelSituation("meta-llama/llama-3.3-70b-instruct", "0.0000001", "0.00000032", endpoints=_LLAMA),
    ModelSituation("mistralai/devstral-2512", "0.0000004", "0.000002", context=262_144),
    ModelSituation("openai/gpt-4o-mini", "0.00000015", "0.0000006", context=128_000),
    ModelSituation("openai/gpt-5-mini", "0.00000025", "0.000002", context=400_000, endpoints=_GPT_MINI),
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
