"""A model's endpoints, and which of them answers."""

from typing import Any

import httpx
import pytest

from chatassistant_operator.local.openrouter import StandIn, errors
from chatassistant_operator.local.openrouter.errors import Refusal

LLAMA = "meta-llama/llama-3.3-70b-instruct"
HELLO: dict[str, Any] = {"model": LLAMA, "messages": [{"role": "user", "content": "Hello"}]}
TOOLS: dict[str, Any] = {"tools": [{"type": "function", "function": {"name": "look_up"}}]}
SEVERAL = (
    "anthropic/claude-haiku-4.5",
    "deepseek/deepseek-v4-flash",
    "google/gemma-4-31b-it",
    LLAMA,
    "openai/gpt-5-mini",
)


async def endpoints(http: httpx.AsyncClient, model: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = (await http.get(f"/models/{model}/endpoints")).json()["data"]["endpoints"]
    return rows


async def test_an_endpoint_has_every_field_of_the_schema(http: httpx.AsyncClient) -> None:
    row = (await endpoints(http, LLAMA))[0]
    assert set(row) == {
        "context_length", "latency_last_30m", "max_completion_tokens", "max_prompt_tokens", "model_id",
        "model_name", "name", "native_tools", "pricing", "provider_name", "quantization", "service_tier",
        "status", "supported_parameters", "supports_diarization", "supports_implicit_caching",
        "supports_tool_choice", "tag", "throughput_last_30m", "uptime_last_1d", "uptime_last_30m",
        "uptime_last_5m",
    }  # fmt: skip
    assert (row["provider_name"], row["tag"], row["quantization"]) == ("DeepInfra", "deepinfra/fp8", "fp8")
    assert row["model_id"] == (await http.get(f"/model/{LLAMA}")).json()["data"]["canonical_slug"]
    assert set(row["supports_tool_choice"]) == {"auto", "function", "none", "required"}
    assert isinstance(row["pricing"]["prompt"], str)


@pytest.mark.parametrize("model", SEVERAL)
async def test_several_endpoints(http: httpx.AsyncClient, model: str) -> None:
    rows = await endpoints(http, model)
    assert 2 <= len(rows) <= 4
    assert len({row["tag"] for row in rows}) == len(rows)
    assert [row for row in rows if "tools" not in row["supported_parameters"]]
    assert [row for row in rows if "tools" in row["supported_parameters"]]
    assert len({row["pricing"]["prompt"] for row in rows}) > 1
    catalogue = (await http.get(f"/model/{model}")).json()["data"]
    assert "tools" in catalogue["supported_parameters"]
    cheapest = min(rows, key=lambda row: float(row["pricing"]["prompt"]))
    assert catalogue["pricing"]["prompt"] == cheapest["pricing"]["prompt"]
    for row in rows:
        has_tools = "tools" in row["supported_parameters"]
        assert row["supports_tool_choice"]["auto"] is has_tools


async def test_an_alias_has_the_endpoints_of_what_it_stands_for(http: httpx.AsyncClient) -> None:
    assert await endpoints(http, "~openai/gpt-mini-latest") == await endpoints(http, "openai/gpt-5-mini")


async def test_zero_data_retention_is_told_by_the_same_objects(http: httpx.AsyncClient) -> None:
    retention = (await http.get("/endpoints/zdr")).json()["data"]
    rows = await endpoints(http, LLAMA)
    assert [row["provider_name"] for row in rows if row in retention] == ["Groq"]
    assert all(row not in retention for row in await endpoints(http, "cohere/north-mini-code:free"))
    ids = {row["id"] for row in (await http.get("/models", params={"zdr": "true"})).json()["data"]}
    assert LLAMA in ids
    assert "cohere/north-mini-code:free" not in ids


@pytest.mark.parametrize(
    ("change", "provider"),
    [
        ({}, "DeepInfra"),
        (TOOLS, "Novita"),
        ({"provider": {"require_parameters": True}, **TOOLS}, "Novita"),
        ({"provider": {"only": ["groq", "together"]}}, "Groq"),
        ({"provider": {"only": ["together/fp8"]}}, "Together"),
        ({"provider": {"only": ["Together"]}}, "Together"),
        ({"provider": {"ignore": ["deepinfra", "novita/bf16"]}}, "Groq"),
        ({"provider": {"zdr": True}}, "Groq"),
        ({"provider": {"data_collection": "deny"}, **TOOLS}, "Groq"),
        ({"provider": {"order": ["together", "groq"]}}, "Together"),
        ({"provider": {"order": ["nobody"]}}, "DeepInfra"),
        ({"provider": {"order": ["groq"], "allow_fallbacks": False}}, "Groq"),
        ({"provider": {"max_price": {"prompt": "0.1", "completion": "0.32"}}}, "DeepInfra"),
        ({"provider": {"max_price": {"prompt": "0.2"}}, **TOOLS}, "Novita"),
        ({"tool_choice": "required", "provider": {"ignore": ["novita"]}, **TOOLS}, "Groq"),
    ],
    ids=str,
)
async def test_who_answers(http: httpx.AsyncClient, change: dict[str, Any], provider: str) -> None:
    answer = (await http.post("/chat/completions", json={**HELLO, **change})).json()
    assert answer["provider"] == provider


@pytest.mark.parametrize(
    ("name", "provider"),
    [
        ("amazon-bedrock", "Amazon Bedrock"),
        ("amazon bedrock", "Amazon Bedrock"),
        ("google-vertex", "Google"),
        ("google-vertex/europe", "Google"),
        ("google", "Google"),
    ],
)
async def test_what_a_provider_is_called(http: httpx.AsyncClient, name: str, provider: str) -> None:
    body = {**HELLO, "model": "anthropic/claude-haiku-4.5", "provider": {"only": [name]}}
    assert (await http.post("/chat/completions", json=body)).json()["provider"] == provider


async def test_the_providers_price_is_paid(http: httpx.AsyncClient) -> None:
    usage: list[dict[str, float]] = []
    for name in ("deepinfra", "together"):
        body = {**HELLO, "provider": {"only": [name]}}
        usage.append((await http.post("/chat/completions", json=body)).json()["usage"])
    assert usage[0]["completion_tokens"] == usage[1]["completion_tokens"]
    assert usage[1]["cost"] > 2 * usage[0]["cost"]


NAMED_TOOL = {"type": "function", "function": {"name": "look_up"}}


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        (
            {"provider": {"only": ["openai"]}},
            errors.no_allowed_providers(["deepinfra", "novita", "groq", "together"], ["openai"]),
        ),
        (
            {"provider": {"ignore": ["deepinfra", "novita", "groq", "together"]}},
            errors.no_allowed_providers(["deepinfra", "novita", "groq", "together"], []),
        ),
        ({"provider": {"order": ["openai"], "allow_fallbacks": False}}, errors.no_endpoints(LLAMA)),
        ({"provider": {"zdr": True, "only": ["deepinfra"]}}, errors.data_policy()),
        ({"provider": {"data_collection": "deny", "only": ["novita"]}}, errors.data_policy()),
        ({"provider": {"only": ["deepinfra"]}, **TOOLS}, errors.no_tools()),
        ({"provider": {"only": ["together"]}, "tool_choice": "required", **TOOLS}, errors.no_tool_choice()),
        ({"provider": {"only": ["together"]}, "tool_choice": NAMED_TOOL, **TOOLS}, errors.no_tool_choice()),
        ({"provider": {"require_parameters": True}, "top_k": 5}, errors.no_parameters()),
        ({"provider": {"max_price": {"prompt": "0.09"}}}, errors.no_endpoints(LLAMA)),
        ({"provider": {"max_price": {"completion": "0.32"}}, **TOOLS}, errors.no_endpoints(LLAMA)),
    ],
    ids=lambda value: None if isinstance(value, Refusal) else str(value),
)
async def test_nobody_may_answer(http: httpx.AsyncClient, change: dict[str, Any], refusal: Refusal) -> None:
    answer = await http.post("/chat/completions", json={**HELLO, **change})
    assert answer.status_code == 404
    assert answer.json() == refusal.body


async def test_a_fallback_that_may_be_served(http: httpx.AsyncClient) -> None:
    wishes = {"models": ["openai/gpt-5-mini"], "provider": {"only": ["azure"]}}
    answer = (await http.post("/chat/completions", json={**HELLO, **wishes})).json()
    assert (answer["model"], answer["provider"]) == ("openai/gpt-5-mini-20260601", "Azure")


async def test_other_endpoints_are_put_in_their_place(stand_in: StandIn, http: httpx.AsyncClient) -> None:
    offers = [
        {
            "provider_name": "Nebius",
            "tag": "nebius/fp4",
            "prompt": "0.000002",
            "zdr": True,
            "context": 4096,
            "request": "0.01",
        },
        {"provider_name": "Chutes", "tag": "chutes", "tools": False, "parameters": ["max_tokens", "top_k"]},
    ]
    body = {"id": LLAMA, "endpoints": offers}
    assert (await http.put(f"{stand_in.control_url}/models", json=body)).status_code == 200
    first, second = await endpoints(http, LLAMA)
    assert (first["tag"], first["context_length"]) == ("nebius/fp4", 4096)
    assert first["pricing"] == {
        "prompt": "0.000002",
        "completion": "0.00000032",
        "request": "0.01",
        "discount": 0,
    }
    assert second["supported_parameters"] == ["max_tokens", "top_k"]

    for tools, provider in ((True, "Nebius"), (False, "Chutes")):
        asked = {**HELLO, **(TOOLS if tools else {})}
        assert (await http.post("/chat/completions", json=asked)).json()["provider"] == provider
    for most, status in (("0.02", 200), ("0.001", 404)):
        asked = {**HELLO, **TOOLS, "provider": {"max_price": {"request": most}}}
        answer = await http.post("/chat/completions", json=asked)
        assert answer.status_code == status
        assert status != 200 or answer.json()["usage"]["cost"] > 0.01
    await http.put(f"{stand_in.control_url}/models", json={"id": LLAMA, "tools": False})
    assert (await http.post("/chat/completions", json={**HELLO, **TOOLS})).status_code == 404
