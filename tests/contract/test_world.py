"""Keys and models that change while the stand-in runs, as other processes bring it about."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from chatassistant_operator.local.openrouter import StandIn
from chatassistant_operator.local.openrouter import situations as known

HELLO = {"model": "openrouter/free", "messages": [{"role": "user", "content": "Hello"}]}
PAID = {**HELLO, "model": "openai/gpt-5-mini"}
NEW = "sk-or-v1-" + "5" * 64


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def put(stand_in: StandIn, what: str, **fields: Any) -> httpx.Response:
    async with httpx.AsyncClient() as other:
        return await other.put(f"{stand_in.control_url}/{what}", json=fields)


async def told(http: httpx.AsyncClient, token: str) -> dict[str, Any]:
    data: dict[str, Any] = (await http.get("/key", headers=bearer(token))).json()["data"]
    return data


async def test_a_new_key_then_another_field_of_it(stand_in: StandIn, http: httpx.AsyncClient) -> None:
    assert (await http.get("/key", headers=bearer(NEW))).status_code == 401
    assert (await put(stand_in, "keys", token=NEW, name="new", limit=5)).status_code == 200
    assert (await put(stand_in, "keys", token=NEW, limit_remaining=2, limit_reset="daily")).status_code == 200

    data = await told(http, NEW)
    assert [data[field] for field in ("limit", "limit_remaining", "limit_reset", "usage")] == [
        5,
        2,
        "daily",
        3,
    ]
    assert data["label"] == "sk-or-v1-555...555"
    assert stand_in.keys["new"] == 1

    await put(stand_in, "keys", token=NEW, label="the team's", known=False)
    assert (await http.get("/key", headers=bearer(NEW))).status_code == 401
    await put(stand_in, "keys", token=NEW, known=True)
    assert (await told(http, NEW))["label"] == "the team's"


async def test_a_known_key_changes_until_all_is_reset(stand_in: StandIn, http: httpx.AsyncClient) -> None:
    token = known.ACCEPTED.token
    await put(stand_in, "keys", token=token, management=True, credit=False, free_tier=True)
    data = await told(http, token)
    assert (data["is_management_key"], data["is_free_tier"]) == (True, True)
    await put(stand_in, "keys", token=token, management=False)
    assert (await http.post("/chat/completions", json=HELLO)).status_code == 402
    await put(stand_in, "models", id="google/gemma-4-31b-it:free", ended=True)

    await http.delete(stand_in.control_url)
    assert (await told(http, token))["is_free_tier"] is False
    assert (await http.post("/chat/completions", json=HELLO)).status_code == 200


async def test_a_key_expires(stand_in: StandIn, http: httpx.AsyncClient) -> None:
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    await put(stand_in, "keys", token=NEW, name="new", expires_at=soon)
    assert (await told(http, NEW))["expires_at"] == soon

    await put(stand_in, "keys", token=NEW, expires_at="2026-01-01T00:00:00Z")
    for method, path in (("GET", "/key"), ("GET", "/generation"), ("POST", "/chat/completions")):
        answer = await http.request(method, path, headers=bearer(NEW))
        assert (answer.status_code, answer.json()["error"]["message"]) == (401, "User not found.")


@pytest.mark.parametrize(
    ("key", "limit"), [({}, 1000), ({"free_tier": True}, 50)], ids=["credits bought", "free tier"]
)
async def test_free_requests_are_used_up(
    stand_in: StandIn, http: httpx.AsyncClient, key: dict[str, Any], limit: int
) -> None:
    await put(stand_in, "keys", token=NEW, name="new", **key)
    fresh = (await told(http, NEW))["free_model_daily_requests"]
    assert fresh == {"used": 0, "limit": limit, "remaining": limit}

    await put(stand_in, "keys", token=NEW, free_requests_remaining=2)
    for _ in range(2):
        assert (await http.post("/chat/completions", json=HELLO, headers=bearer(NEW))).status_code == 200
    used = (await told(http, NEW))["free_model_daily_requests"]
    assert used == {"used": limit, "limit": limit, "remaining": 0}

    refused = await http.post("/chat/completions", json=HELLO, headers=bearer(NEW))
    assert refused.status_code == 429
    assert refused.headers["X-RateLimit-Limit"] == str(limit)
    message = refused.json()["error"]["message"]
    assert message.startswith("Rate limit exceeded: free-models-per-day.")
    assert ("Add 10 credits" in message) is (limit == 50)
    assert (await http.post("/chat/completions", json=PAID, headers=bearer(NEW))).status_code == 200


@pytest.mark.parametrize(("reset", "span"), [("monthly", "monthly"), (None, "total")])
async def test_a_keys_own_limit_is_used_up(
    stand_in: StandIn, http: httpx.AsyncClient, reset: str | None, span: str
) -> None:
    await put(stand_in, "keys", token=NEW, name="new", limit=1, limit_reset=reset)
    answer = (await http.post("/chat/completions", json=PAID, headers=bearer(NEW))).json()
    left = (await told(http, NEW))["limit_remaining"]
    assert left == pytest.approx(1 - answer["usage"]["cost"])
    assert left < 1

    await put(stand_in, "keys", token=NEW, limit_remaining=1e-9)
    assert (await http.post("/chat/completions", json=PAID, headers=bearer(NEW))).status_code == 200
    assert (await told(http, NEW))["limit_remaining"] == 0
    refused = await http.post("/chat/completions", json=PAID, headers=bearer(NEW))
    assert refused.status_code == 403
    assert refused.json()["error"]["message"].startswith(f"Key limit exceeded ({span} limit).")
    assert (await told(http, NEW))["limit_reset"] == reset


async def test_a_model_comes_changes_and_ends(stand_in: StandIn, http: httpx.AsyncClient) -> None:
    new = {"id": "openai/gpt-99", "prompt": "0.000001", "completion": "0.000002", "context": 1000}
    assert (await put(stand_in, "models", **new)).status_code == 200
    await put(
        stand_in, "models", id="openai/gpt-99", expires="2026-12-31", tools=False, max_completion_tokens=500
    )
    row = (await http.get("/model/openai/gpt-99")).json()["data"]
    assert row["pricing"] == {"prompt": "0.000001", "completion": "0.000002"}
    assert (row["context_length"], row["expiration_date"]) == (1000, "2026-12-31")
    assert row["top_provider"]["max_completion_tokens"] == 500
    assert "tools" not in row["supported_parameters"]
    rows = (await http.get("/models")).json()["data"]
    assert "openai/gpt-99" in {each["id"] for each in rows}
    assert (await http.post("/chat/completions", json={**HELLO, "model": "openai/gpt-99"})).status_code == 200

    await put(stand_in, "models", id="openai/gpt-99", ended=True)
    rows = (await http.get("/models")).json()["data"]
    assert "openai/gpt-99" not in {each["id"] for each in rows}
    refused = await http.post("/chat/completions", json={**HELLO, "model": "openai/gpt-99"})
    assert (refused.status_code, refused.json()["error"]["message"]) == (
        404,
        "No endpoints found for openai/gpt-99.",
    )


async def test_a_router_whose_choice_has_ended(stand_in: StandIn, http: httpx.AsyncClient) -> None:
    await put(stand_in, "models", id="google/gemma-4-31b-it:free", ended=True)
    assert (await http.post("/chat/completions", json=HELLO)).status_code == 404
    await put(stand_in, "models", id="openrouter/free", serves="cohere/north-mini-code:free")
    answer = (await http.post("/chat/completions", json=HELLO)).json()
    assert answer["model"] == "cohere/north-mini-code:free"


@pytest.mark.parametrize(
    ("what", "fields", "named"),
    [
        ("keys", {"name": "new"}, "token"),
        ("keys", {"token": NEW}, "name"),
        ("keys", {"token": "sk-ant-1", "name": "new"}, "token"),
        ("keys", {"token": known.ACCEPTED.token, "limit": "much"}, "limit"),
        ("keys", {"token": known.ACCEPTED.token, "limit_reset": "yearly"}, "limit_reset"),
        ("keys", {"token": known.ACCEPTED.token, "expires_at": "tomorrow"}, "expires_at"),
        ("keys", {"token": known.ACCEPTED.token, "colour": "red"}, "colour"),
        ("keys", {"token": [1], "name": "new"}, "token"),
        ("models", {"id": "gpt"}, "id"),
        ("models", {"id": "openai/gpt-5-mini", "prompt": 1}, "prompt"),
        ("models", {"id": "openai/gpt-5-mini", "expires": "soon"}, "expires"),
        ("models", {"id": "openai/gpt-5-mini", "endpoints": [{"tag": "a"}]}, "provider_name"),
    ],
    ids=str,
)
async def test_a_change_that_it_does_not_know(
    stand_in: StandIn, http: httpx.AsyncClient, what: str, fields: dict[str, Any], named: str
) -> None:
    answer = await put(stand_in, what, **fields)
    assert answer.status_code == 400
    assert named in answer.json()["errors"][0]["loc"]
    assert known.ACCEPTED.token not in answer.text
    assert (await http.get("/key")).json()["data"]["limit"] is None, "nothing has changed"


@pytest.mark.parametrize("body", ["{", "[]", ""])
async def test_a_change_that_is_no_object(stand_in: StandIn, http: httpx.AsyncClient, body: str) -> None:
    answer = await http.put(f"{stand_in.control_url}/keys", content=body)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["msg"]
