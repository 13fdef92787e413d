"""The stand-in's answers about keys and models, as captured ones of OpenRouter's are."""

import httpx
import pytest

from chatassistant_operator.local.openrouter import situations as known
from chatassistant_operator.local.openrouter.situations import KeySituation


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("path", ["/key", "/auth/key"])
async def test_a_key_has_every_field_of_the_schema(http: httpx.AsyncClient, path: str) -> None:
    data = (await http.get(path)).json()["data"]
    assert set(data) == {
        "label", "limit", "limit_remaining", "limit_reset", "include_byok_in_limit", "usage", "usage_daily",
        "usage_weekly", "usage_monthly", "byok_usage", "byok_usage_daily", "byok_usage_weekly",
        "byok_usage_monthly", "is_free_tier", "is_management_key", "is_provisioning_key", "rate_limit",
        "free_model_daily_requests", "budgets", "effective_budget", "allowed_data_regions", "creator_user_id",
        "organization_id", "workspace_id", "expires_at",
    }  # fmt: skip
    assert known.ACCEPTED.token not in data["label"]


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"Authorization": ""}, "Missing Authentication header"),
        ({"Authorization": "Bearer"}, "Missing Authentication header"),
        (bearer("sk-ant-something"), "No cookie auth credentials found"),
        (bearer("sk-or-v1-unknown"), "User not found."),
        (bearer(known.UNKNOWN.token), "User not found."),
        (bearer(known.EXPIRED.token), "User not found."),
    ],
)
async def test_a_key_that_is_refused(http: httpx.AsyncClient, headers: dict[str, str], message: str) -> None:
    for method, path in (("GET", "/key"), ("POST", "/chat/completions"), ("GET", "/generation")):
        answer = await http.request(method, path, headers=headers)
        assert answer.status_code == 401
        assert answer.json() == {"error": {"message": message, "code": 401}}


@pytest.mark.parametrize(
    ("key", "field", "value"),
    [
        (known.FREE_TIER, "is_free_tier", True),
        (known.MANAGEMENT, "is_management_key", True),
        (known.LIMIT_REACHED, "limit_remaining", 0),
        (known.NO_CREDIT, "limit_remaining", None),
        (known.EXPIRING, "expires_at", "2099-01-01T00:00:00Z"),
    ],
    ids=lambda value: value.name if isinstance(value, KeySituation) else None,
)
async def test_a_key_tells_its_situation(
    http: httpx.AsyncClient, key: KeySituation, field: str, value: object
) -> None:
    assert (await http.get("/key", headers=bearer(key.token))).json()["data"][field] == value


async def test_credits_are_for_management_keys(http: httpx.AsyncClient) -> None:
    refused = await http.get("/credits")
    assert (refused.status_code, refused.json()["error"]["message"]) == (
        403,
        "Only management keys can perform this operation",
    )
    told = await http.get("/credits", headers=bearer(known.MANAGEMENT.token))
    assert set(told.json()["data"]) == {"total_credits", "total_usage"}


@pytest.mark.parametrize("value", ["", "Bearer bogus", f"Bearer {known.ACCEPTED.token}"])
async def test_the_catalogue_is_for_everybody(http: httpx.AsyncClient, value: str) -> None:
    answer = (await http.get("/models", headers={"Authorization": value})).json()
    rows = {row["id"]: row for row in answer["data"]}

    assert answer["total_count"] == len(rows) >= 30
    assert answer["links"] == {"next": None}
    assert all(isinstance(price, str) for row in rows.values() for price in row["pricing"].values())
    assert rows["openrouter/auto"]["pricing"] == {"prompt": "-1", "completion": "-1"}
    assert rows["~openai/gpt-mini-latest"]["alias_target"]["slug"] in rows
    assert "google/gemini-flash-1.5" not in rows
    assert "google/lyria-3:free" not in rows, "text is the default of output_modalities"


async def test_the_catalogue_is_filtered(http: httpx.AsyncClient) -> None:
    with_tools = (await http.get("/models", params={"supported_parameters": "tools"})).json()["data"]
    assert with_tools
    assert all("tools" in row["supported_parameters"] for row in with_tools)
    audio = (await http.get("/models", params={"output_modalities": "audio"})).json()["data"]
    assert [row["id"] for row in audio] == ["google/lyria-3:free"]


async def test_one_model(http: httpx.AsyncClient) -> None:
    assert (await http.get("/model/openai/gpt-5-mini")).json()["data"]["id"] == "openai/gpt-5-mini"
    assert (await http.get("/model/~openai/gpt-mini-latest")).status_code == 200
    for path in ("/model/no/such", "/models/google/gemini-flash-1.5/endpoints"):
        assert (await http.get(path)).status_code == 404


async def test_any_other_path_is_a_website(http: httpx.AsyncClient) -> None:
    answer = await http.get(str(http.base_url).replace("/api/v1", "/v1") + "key")
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
