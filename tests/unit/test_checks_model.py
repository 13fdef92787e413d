"""What is said of the model: whether it is offered, can do what is asked of it, and who may serve it."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from chatassistant_operator import checks
from chatassistant_operator.api.reasons import ConditionType, Reason
from chatassistant_operator.checks.suggestions import nearest
from chatassistant_operator.observed.gateway import (
    Catalogue,
    Cause,
    CompletionRefused,
    Endpoint,
    Endpoints,
    Unanswered,
)
from chatassistant_operator.observed.pending import PENDING
from support.situations import CATALOGUE, GOOD, NOW, Situation, assistant, confirm, model

MODEL, RETIRING = ConditionType.MODEL_AVAILABLE, ConditionType.MODEL_RETIRING
MINI, LLAMA, NO_TOOLS = "openai/gpt-5-mini", "meta-llama/llama-3.3-70b-instruct", "gryphe/mythomax-l2-13b"
TOOLS = {"tools": {"mcpServers": [{"name": "todo", "url": "http://todo:8000/mcp"}]}}
DOWN = Unanswered(Cause.UNREACHABLE, "It did not answer.")
OPENAI = Endpoint(MINI, "OpenAI", "openai", Decimal("0.00000025"), Decimal("0.000002"))
AZURE = Endpoint(MINI, "Azure", "azure/eu", Decimal("0.0000003"), Decimal("0.0000024"), supports_tools=False)
RETAINS_NOTHING = Endpoints((replace(AZURE, model=f"{MINI}-20260601"), replace(OPENAI, model=LLAMA)))


def named(name: str, **more: Any) -> dict[str, Any]:
    """A spec that names this model."""
    return {"model": {"name": name, **more}}


def served(*by: Endpoint, **seen: Any) -> dict[str, Any]:
    """Who serves the model."""
    return {"endpoints": {MINI: Endpoints(by)}, **seen}


def prefers(**provider: Any) -> dict[str, Any]:
    """A spec with these routing preferences."""
    return named(MINI, provider=provider)


def completion(status: int, words: str) -> dict[str, Any]:
    """The gateway refuses a completion."""
    return {"completion": CompletionRefused(status, words)}


def silent() -> dict[str, Any]:
    """The list of models was read once, and cannot be read now."""
    return {"catalogue": replace(DOWN, last_good=NOW, stands=CATALOGUE)}


BOTH = served(OPENAI, AZURE)

SITUATIONS: tuple[Situation, ...] = tuple(Situation(*row) for row in (
    # name, spec, seen, condition, its status, its reason, a part of its message
    ("found", {}, {}, MODEL, "True", Reason.MODEL_FOUND, "https://openrouter.ai/api/v1 offers openai/gpt-5-mini."),
    ("all are found", named(MINI, fallbacks=[LLAMA, MINI], simpleQueries={"name": "openai/gpt-4o-mini"}), {}, MODEL, "True", Reason.MODEL_FOUND, f"offers {MINI}, {LLAMA}, openai/gpt-4o-mini."),
    ("a router that is in no list", named("openrouter/auto"), {}, MODEL, "True", Reason.MODEL_FOUND, "openrouter/auto"),
    ("the free router, in no list", named("openrouter/free"), {"catalogue": Catalogue({MINI: CATALOGUE.models[MINI]})}, MODEL, "True", Reason.MODEL_FOUND, "openrouter/free"),
    ("the newest of a family", named("~openai/gpt-mini-latest"), {}, MODEL, "True", Reason.MODEL_FOUND, "~openai/gpt-mini-latest"),
    ("the newest of no family", named("~openai/gpt-nano-latest"), {}, MODEL, "False", Reason.MODEL_NOT_FOUND, "~openai/gpt-mini-latest"),
    *((f"variant :{variant}", named(f"{MINI}:{variant}"), {}, MODEL, "True", Reason.MODEL_FOUND, f"{MINI}:{variant}") for variant in ("nitro", "floor", "exacto", "online")),
    (":thinking that is listed", named("qwen/qwen-plus-2025-07-28:thinking"), {}, MODEL, "True", Reason.MODEL_FOUND, ":thinking"),
    (":thinking that is not", named(f"{MINI}:thinking"), {}, MODEL, "False", Reason.MODEL_NOT_FOUND, "offers no model 'openai/gpt-5-mini:thinking'"),
    ("misspelt", named("openai/gpt5-mini"), {}, MODEL, "False", Reason.MODEL_NOT_FOUND, "The nearest that can do the job: openai/gpt-5-mini, openai/gpt-4o-mini, ~openai/gpt-mini-latest. Put an id of https://openrouter.ai/models into spec.model.name."),
    ("misspelt, with tools", {**named("openai/gpt3.5-turbo-instruct"), **TOOLS}, {}, MODEL, "False", Reason.MODEL_NOT_FOUND, "The nearest that can do the job: openai/gpt-4o-mini, openai/gpt-5-mini, ~openai/gpt-mini-latest."),
    ("like nothing", named("zzz/qqqq-0"), {}, MODEL, "False", Reason.MODEL_NOT_FOUND, "offers no model 'zzz/qqqq-0'. Put an id"),
    ("a misspelt fallback", named(MINI, fallbacks=[LLAMA, "meta-llama/lama-3.3"]), {}, MODEL, "False", Reason.MODEL_NOT_FOUND, "into spec.model.fallbacks[1]."),
    ("a misspelt model for short messages", named(MINI, simpleQueries={"name": "openai/gpt-4o-minni"}), {}, MODEL, "False", Reason.MODEL_NOT_FOUND, "into spec.model.simpleQueries.name."),
    ("an ended free variant", named("meta-llama/llama-3.1-8b-instruct:free"), {}, MODEL, "False", Reason.FREE_VARIANT_ENDED, "The paid model is meta-llama/llama-3.1-8b-instruct. Free ones that could replace it: google/gemma-4-31b-it:free, nvidia/nemotron-3-ultra-550b-a55b:free. Put one of them into spec.model.name, or openrouter/free"),
    ("an ended free variant, a fallback", named(MINI, fallbacks=[f"{LLAMA}:free"]), {}, MODEL, "False", Reason.FREE_VARIANT_ENDED, "into spec.model.fallbacks[0], or openrouter/free"),
    ("a free variant of no paid model", named("google/gemini-flash-1.5:free"), {}, MODEL, "False", Reason.MODEL_NOT_FOUND, "google/gemini-flash-1.5:free"),
    ("no tools, which nobody asks for", named(NO_TOOLS), {}, MODEL, "True", Reason.MODEL_FOUND, NO_TOOLS),
    ("no tools", {**named(NO_TOOLS), **TOOLS}, {}, MODEL, "False", Reason.TOOLS_UNSUPPORTED, f"The spec has tools, and {NO_TOOLS} cannot call any. The nearest"),
    ("no tools, a fallback", {**named(MINI, fallbacks=[NO_TOOLS]), **TOOLS}, {}, MODEL, "False", Reason.TOOLS_UNSUPPORTED, "into spec.model.fallbacks[0], or remove spec.tools.mcpServers."),
    ("no tools, for short messages", {**named(MINI, simpleQueries={"name": NO_TOOLS}), **TOOLS}, {}, MODEL, "True", Reason.MODEL_FOUND, NO_TOOLS),
    ("answers that are too long", named(MINI, parameters={"maxTokens": 40_000}), {}, MODEL, "False", Reason.MAX_TOKENS_TOO_LARGE, "maxTokens is 40000, and openai/gpt-5-mini (spec.model.name) answers with 32768 tokens at most"),
    ("answers just as long as may be", named(MINI, parameters={"maxTokens": 32_768}), {}, MODEL, "True", Reason.MODEL_FOUND, MINI),
    ("answers longer than all that is read", named("meta-llama/llama-3.1-8b-instruct", parameters={"maxTokens": 20_000}), {}, MODEL, "False", Reason.MAX_TOKENS_TOO_LARGE, "16384"),
    ("answers too long for a fallback", named(MINI, fallbacks=[NO_TOOLS], parameters={"maxTokens": 5000}), {}, MODEL, "False", Reason.MAX_TOKENS_TOO_LARGE, "(spec.model.fallbacks[0])"),
    ("only those who do", prefers(only=["azure"]), BOTH, MODEL, "True", Reason.MODEL_FOUND, MINI),
    ("only those who do, by name", prefers(only=["OpenAI"]), BOTH, MODEL, "True", Reason.MODEL_FOUND, MINI),
    ("only others", prefers(only=["azure/us", "groq"]), BOTH, MODEL, "False", Reason.NO_ENDPOINT_FOR_POLICY, "none of azure/us, groq serves it, only openai, azure/eu."),
    ("all but one", prefers(ignore=["azure"]), BOTH, MODEL, "True", Reason.MODEL_FOUND, MINI),
    ("all but all", prefers(ignore=["azure", "openai"]), BOTH, MODEL, "False", Reason.NO_ENDPOINT_FOR_POLICY, "ignore has all of openai, azure/eu."),
    ("others first", prefers(order=["groq"]), BOTH, MODEL, "True", Reason.MODEL_FOUND, MINI),
    ("others and nobody else", prefers(order=["groq"], allowFallbacks=False), BOTH, MODEL, "False", Reason.NO_ENDPOINT_FOR_POLICY, "none of groq serves it"),
    ("one of them and nobody else", prefers(order=["groq", "openai"], allowFallbacks=False), BOTH, MODEL, "True", Reason.MODEL_FOUND, MINI),
    ("what it costs", prefers(maxPrice={"prompt": 0.25, "completion": 2}), BOTH, MODEL, "True", Reason.MODEL_FOUND, MINI),
    ("less than it costs", prefers(maxPrice={"prompt": 0.2}), BOTH, MODEL, "False", Reason.NO_ENDPOINT_FOR_POLICY, "all of openai, azure/eu cost more than maxPrice allows."),
    ("less than an answer costs", prefers(maxPrice={"prompt": 1, "completion": 1.9}), BOTH, MODEL, "False", Reason.NO_ENDPOINT_FOR_POLICY, "maxPrice"),
    ("less than a request costs", prefers(maxPrice={"request": 0.01}), served(replace(OPENAI, request_price=Decimal("0.02"))), MODEL, "False", Reason.NO_ENDPOINT_FOR_POLICY, "maxPrice"),
    ("a price that nobody knows", prefers(maxPrice={"prompt": 0.01}), served(replace(OPENAI, prompt_price=None)), MODEL, "True", Reason.MODEL_FOUND, MINI),
    ("no retention", prefers(zdr=True), {**BOTH, "zero_retention": RETAINS_NOTHING}, MODEL, "True", Reason.MODEL_FOUND, MINI),
    ("no retention, and all retain", prefers(zdr=True), {**served(OPENAI), "zero_retention": RETAINS_NOTHING}, MODEL, "False", Reason.NO_ENDPOINT_FOR_POLICY, "none of openai has zero data retention, which zdr asks for."),
    ("no retention, and nobody knows", prefers(zdr=True), {**served(OPENAI), "zero_retention": DOWN}, MODEL, "True", Reason.MODEL_FOUND, MINI),
    ("tools, of one who has them", {**prefers(only=["openai"]), **TOOLS}, BOTH, MODEL, "True", Reason.MODEL_FOUND, MINI),
    ("tools, of one who has none", {**prefers(only=["azure"]), **TOOLS}, BOTH, MODEL, "False", Reason.NO_ENDPOINT_FOR_POLICY, "none of azure/eu supports tools, which the spec has."),
    ("no tools for short messages", {**named(LLAMA, simpleQueries={"name": MINI}, provider={"only": ["azure"]}), **TOOLS}, BOTH, MODEL, "True", Reason.MODEL_FOUND, MINI),
    ("one preference after the other", prefers(only=["azure"], maxPrice={"prompt": 0.26}), BOTH, MODEL, "False", Reason.NO_ENDPOINT_FOR_POLICY, "all of azure/eu cost more"),
    ("nobody who collects data", prefers(dataCollection="deny"), BOTH, MODEL, "True", Reason.MODEL_FOUND, MINI),
    ("providers that are being read", prefers(only=["groq"]), {"endpoints": {MINI: PENDING}}, MODEL, "Unknown", Reason.NOT_CHECKED, "providers is being read"),
    ("retention that is being read", prefers(zdr=True), {**BOTH, "zero_retention": PENDING}, MODEL, "Unknown", Reason.NOT_CHECKED, "being read"),
    ("providers that nobody tells", prefers(only=["groq"]), {"endpoints": {MINI: DOWN}}, MODEL, "True", Reason.MODEL_FOUND, MINI),
    ("a gateway with no list of providers", prefers(only=["groq"]), served(), MODEL, "True", Reason.MODEL_FOUND, MINI),
    ("a router's providers", named("openrouter/free", provider={"only": ["groq"]}), {"endpoints": {"openrouter/free": Endpoints((OPENAI,))}}, MODEL, "True", Reason.MODEL_FOUND, "openrouter/free"),
    ("completion: no such model", {}, completion(400, "openai/gpt-5-mini is not a valid model ID"), MODEL, "False", Reason.MODEL_NOT_FOUND, "(400: openai/gpt-5-mini is not a valid model ID)"),
    ("completion: a bad parameter", {}, completion(400, "top_k must be positive"), MODEL, "False", Reason.COMPLETION_REFUSED, "(400: top_k must be positive). Change spec.model accordingly."),
    ("completion: not to be processed", {}, completion(422, "Too odd"), MODEL, "False", Reason.COMPLETION_REFUSED, "422"),
    ("completion: flagged", {}, completion(403, "Your input was flagged by moderation"), MODEL, "False", Reason.COMPLETION_REFUSED, "(403: Your input was flagged by moderation)"),
    ("completion: not in this region", {}, completion(403, "Provider returned error (unsupported_country_region_territory)"), MODEL, "False", Reason.COMPLETION_REFUSED, "unsupported_country_region_territory"),
    ("completion: the key's limit", {}, completion(403, "Key limit exceeded (total limit)."), MODEL, "True", Reason.MODEL_FOUND, "offers"),
    ("completion: nobody serves it", {}, completion(404, "No endpoints found for openai/gpt-5-mini."), MODEL, "False", Reason.MODEL_NOT_FOUND, "404"),
    ("completion: no tools", {}, completion(404, "No endpoints found that support tool use."), MODEL, "False", Reason.TOOLS_UNSUPPORTED, "404"),
    ("completion: no longer free", {}, completion(404, "This model is unavailable for free. The paid version is available now"), MODEL, "False", Reason.FREE_VARIANT_ENDED, "404"),
    ("completion: the account's data policy", {}, completion(404, "No endpoints available matching your guardrail restrictions and data policy."), MODEL, "False", Reason.NO_ENDPOINT_FOR_POLICY, "404"),
    ("completion: no allowed provider", {}, completion(404, "No allowed providers are available for the selected model."), MODEL, "False", Reason.NO_ENDPOINT_FOR_POLICY, "404"),
    ("completion: nobody honours all parameters", {}, completion(404, "No endpoints found that can handle the requested parameters."), MODEL, "False", Reason.NO_ENDPOINT_FOR_POLICY, "404"),
    ("completion: no credit", {}, completion(402, "Insufficient credits."), MODEL, "True", Reason.MODEL_FOUND, MINI),
    ("completion: being asked for", {}, {"completion": PENDING}, MODEL, "True", Reason.MODEL_FOUND, MINI),
    ("no list of models", {}, {"catalogue": DOWN}, MODEL, "Unknown", Reason.CATALOG_UNAVAILABLE, "says nothing against openai/gpt-5-mini: It did not answer. It is asked again"),
    ("no list of models any more", {}, {"catalogue": replace(DOWN, last_good=NOW)}, MODEL, "Unknown", Reason.CATALOG_UNAVAILABLE, "It was read last at 2026-11-24T00:00:00Z."),
    ("no list, which had no such model", named("openai/gpt5-mini"), silent(), MODEL, "False", Reason.MODEL_NOT_FOUND, "last word at 2026-11-24T00:00:00Z, and holds until it can be asked again (It did not answer)."),
    ("no list, whose free variant had ended", named(f"{LLAMA}:free"), silent(), MODEL, "False", Reason.FREE_VARIANT_ENDED, "last word at 2026-11-24T00:00:00Z"),
    ("no list, whose model called no tools", named(NO_TOOLS) | TOOLS, silent(), MODEL, "False", Reason.TOOLS_UNSUPPORTED, "last word at 2026-11-24T00:00:00Z"),
    ("no list, whose model answers with less", named(NO_TOOLS, parameters={"maxTokens": 10_000}), silent(), MODEL, "False", Reason.MAX_TOKENS_TOO_LARGE, "last word at 2026-11-24T00:00:00Z"),
    ("no list, and providers that did not fit", prefers(only=["groq"]), {**BOTH, **silent()}, MODEL, "False", Reason.NO_ENDPOINT_FOR_POLICY, "last word at 2026-11-24T00:00:00Z"),
    ("no list, which had the model", {}, silent(), MODEL, "Unknown", Reason.CATALOG_UNAVAILABLE, "It was read last at 2026-11-24T00:00:00Z."),
    ("no providers, which did not fit", prefers(only=["groq"]), {"endpoints": {MINI: replace(DOWN, last_good=NOW, stands=BOTH["endpoints"][MINI])}}, MODEL, "False", Reason.NO_ENDPOINT_FOR_POLICY, "last word at 2026-11-24T00:00:00Z"),
    ("no completion, which was refused", {}, {"completion": replace(DOWN, last_good=NOW, stands=CompletionRefused(404, "Gone."))}, MODEL, "False", Reason.MODEL_NOT_FOUND, "last word at 2026-11-24T00:00:00Z"),
    ("a list that is being read", {}, {"catalogue": PENDING}, MODEL, "Unknown", Reason.NOT_CHECKED, "being read"),
    ("validation disabled", {"validation": {"mode": "Disabled"}}, {"catalogue": None}, MODEL, "Unknown", Reason.NOT_CHECKED, "Disabled"),
    ("suspended", {"suspend": True}, {"catalogue": None}, MODEL, "Unknown", Reason.NOT_CHECKED, "suspend"),
    ("retiring", named("mistralai/mistral-7b-instruct"), {}, RETIRING, "True", Reason.MODEL_RETIRING, "the end of mistralai/mistral-7b-instruct for 2026-12-31."),
    ("a retiring fallback", named(MINI, fallbacks=["mistralai/mistral-7b-instruct"]), {}, RETIRING, "True", Reason.MODEL_RETIRING, "into spec.model.fallbacks[0] before."),
))  # fmt: skip


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.name)
def test_found(situation: Situation) -> None:
    confirm(situation)


def test_what_is_said_of_retirement_goes_with_the_model() -> None:
    assert RETIRING not in checks.run(assistant(), GOOD)
    assert RETIRING not in checks.run(assistant(), replace(GOOD, catalogue=DOWN))


def test_the_nearest_are_of_the_family_and_then_of_its_spelling() -> None:
    rows = (
        "aaa/llama-9",
        "meta-llama/llama-3.3-8b",
        "meta-llama/llama-3.3-70b",
        "meta-llama/codellama",
        "x/y",
    )
    catalogue = Catalogue({name: model(name) for name in rows})
    near = nearest(catalogue, "meta-llama/llama-3.3-70", tools=True)
    assert near == ("meta-llama/llama-3.3-70b", "meta-llama/llama-3.3-8b", "aaa/llama-9")


def test_what_is_no_chat_model_replaces_none() -> None:
    for name in ("openai/gpt-5-mini:btch", "openai/gpt-5-imag"):
        ids = nearest(CATALOGUE, name, tools=False)
        assert not {"openai/gpt-5-mini:batch", "openai/gpt-5-image"} & set(ids)
