"""Prices for reservations: from the catalogue once, and then as they were, so that nothing rolls for them."""

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from chatassistant_operator import checks, desired
from chatassistant_operator.api import names
from chatassistant_operator.observed import Children, Manifest, Observed
from chatassistant_operator.observed.gateway import Catalogue, Cause, KeyRefused, Unanswered
from chatassistant_operator.observed.pending import PENDING
from support.situations import CATALOGUE, GOOD, assistant, model

BUDGET = {"budget": {"dailyUSD": 5}}
DOWN = Unanswered(Cause.UNREACHABLE, "It did not answer.")
DEARER = Catalogue({**CATALOGUE.models, "openai/gpt-5-mini": model("openai/gpt-5-mini", "0.5")})
USUAL = {"openai/gpt-5-mini": {"prompt": "0.00000025", "completion": "0.00000025"}}


def applied(spec: dict[str, Any], seen: Observed, kind: str = "Deployment") -> Manifest | None:
    subject = assistant(**spec)
    plan = desired.build(subject, seen, tuple(checks.run(subject, seen).values()))
    found = next((each for each in plan.manifests if each["kind"] == kind), None)
    copied: Manifest | None = json.loads(json.dumps(found))
    return copied


def config(spec: dict[str, Any], seen: Observed) -> dict[str, Any]:
    found = applied(spec, seen, "ConfigMap")
    assert found is not None
    content: dict[str, Any] = json.loads(found["data"]["config.json"])
    return content


def pinned(deployment: Manifest | None) -> Any:
    assert deployment is not None
    return json.loads(deployment["metadata"]["annotations"].get(names.PRICES_ANNOTATION, "null"))


def running(spec: dict[str, Any] = BUDGET, **seen: Any) -> Observed:
    """The world after the first roll-out."""
    return replace(GOOD, children=Children(applied(spec, replace(GOOD, **seen))))


def test_without_a_daily_budget_there_are_none() -> None:
    for spec in ({}, {"budget": {"tokensPerRequest": 500}}):
        assert "prices" not in config(spec, GOOD)
        assert pinned(applied(spec, GOOD)) is None


def test_all_models_have_theirs_as_exact_decimals() -> None:
    spec = {
        **BUDGET,
        "model": {
            "fallbacks": ["qwen/qwen-plus-2025-07-28:nitro", "openrouter/auto", "openrouter/free"],
            "simpleQueries": {"name": "meta-llama/llama-3.1-8b-instruct"},
        },
    }
    dear = model(
        "meta-llama/llama-3.1-8b-instruct", prompt_price=Decimal("1E-9"), completion_price=Decimal("0.1")
    )
    # Some copies of the catalogue have no routers.
    rows = {id_: row for id_, row in CATALOGUE.models.items() if id_ != "openrouter/free"}
    seen = replace(GOOD, catalogue=Catalogue({**rows, dear.id: dear}))
    expected = USUAL | {
        "qwen/qwen-plus-2025-07-28:nitro": {"prompt": "0.0000004", "completion": "0.0000004"},
        "openrouter/free": {"prompt": "0", "completion": "0"},
        "meta-llama/llama-3.1-8b-instruct": {"prompt": "0.000000001", "completion": "0.1"},
    }
    assert config(spec, seen)["prices"] == expected
    assert pinned(applied(spec, seen)) == expected | {"openrouter/auto": None}, "what varies is known to vary"


@pytest.mark.parametrize("catalogue", [DEARER, DOWN, PENDING], ids=["dearer", "down", "pending"])
def test_neither_a_price_that_moves_nor_an_outage_rolls_anything(catalogue: Any) -> None:
    before = running()
    after = applied(BUDGET, replace(before, catalogue=catalogue))
    assert after == before.children.deployment


def test_what_varies_is_asked_for_no_more() -> None:
    spec = {**BUDGET, "model": {"fallbacks": ["openrouter/auto"]}}
    before = running(spec)
    assert applied(spec, replace(before, catalogue=DEARER)) == before.children.deployment


def test_another_model_brings_the_prices_of_now() -> None:
    spec = {**BUDGET, "model": {"fallbacks": ["openai/gpt-4o-mini"]}}
    seen = replace(running(), catalogue=DEARER)
    assert config(spec, seen)["prices"]["openai/gpt-5-mini"]["prompt"] == "0.5"
    assert set(pinned(applied(spec, seen))) == {"openai/gpt-5-mini", "openai/gpt-4o-mini"}
    assert applied(spec, replace(seen, catalogue=PENDING)) is None, "it waits for the catalogue"


def test_the_first_rollout_waits_for_prices_that_may_come_and_for_no_others() -> None:
    assert applied(BUDGET, replace(GOOD, catalogue=PENDING)) is None
    assert "prices" not in config(BUDGET, replace(GOOD, catalogue=DOWN))
    unasked = {**BUDGET, "validation": {"mode": "Disabled"}}
    assert "prices" not in config(unasked, replace(GOOD, key=None, catalogue=None))
    assert config(BUDGET, running(catalogue=DOWN))["prices"] == USUAL, "they come when they can be known"


def test_without_validation_the_prices_of_before_stand() -> None:
    unasked = {**BUDGET, "validation": {"mode": "Disabled"}}
    assert config(unasked, replace(running(), key=None, catalogue=None))["prices"] == USUAL


def test_pods_that_are_held_keep_their_prices() -> None:
    edited = {**BUDGET, "model": {"name": "openai/gpt-4o-mini"}}
    held = applied(edited, replace(running(), key=KeyRefused(401, "User not found.")))
    assert pinned(held) == USUAL


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"openai/gpt-5-mini":{"prompt":"free"}}', '{"a":{"prompt":"-1","completion":"0"}}'],
)
def test_what_somebody_else_wrote_there_is_passed_over(text: str) -> None:
    seen = running()
    assert seen.children.deployment is not None
    seen.children.deployment["metadata"]["annotations"][names.PRICES_ANNOTATION] = text
    assert config(BUDGET, seen)["prices"] == USUAL


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (5, "5"),
        (0.1, "0.1"),
        (0, "0"),
        (1_000_000, "1000000"),
        (1e-06, "0.000001"),
        (0.30000000000000004, "0.30000000000000004"),
    ],
)
def test_the_amount_is_the_number_of_the_spec(amount: float, text: str) -> None:
    assert config({"budget": {"dailyUSD": amount}}, GOOD)["budget"] == {"dailyUSD": text}
