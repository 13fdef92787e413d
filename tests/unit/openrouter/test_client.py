"""What the client makes of the gateway's answers, good and bad ones."""

import asyncio
import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import Any

import pytest

from chatassistant_operator.api.api_key import ApiKey
from chatassistant_operator.local.openrouter import Fault, StandIn
from chatassistant_operator.local.openrouter import situations as known
from chatassistant_operator.local.openrouter.situations import KeySituation
from chatassistant_operator.observed.gateway import KeyAccepted, Left
from chatassistant_operator.openrouter.client import OpenRouter
from chatassistant_operator.openrouter.errors import (
    GatewayError,
    OpenRouterError,
    RateLimitedError,
    RefusedError,
    UnexpectedError,
    UnreachableError,
)
from support.processes import free_port

GOOD = ApiKey(known.ACCEPTED.token)
HELLO: dict[str, Any] = {
    "model": "openai/gpt-5-mini",
    "messages": [{"role": "user", "content": "Hi"}],
    "max_tokens": 1,
}


@pytest.mark.parametrize(
    ("key", "facts"),
    [
        (known.ACCEPTED, KeyAccepted("sk-or-v1-000...7ed")),
        (known.FREE_TIER, KeyAccepted("sk-or-v1-000...4ee", free_tier=True)),
        (known.MANAGEMENT, KeyAccepted("sk-or-v1-000...ada", management=True)),
        (known.NO_CREDIT, KeyAccepted("sk-or-v1-000...0ce")),
        (
            known.LIMIT_REACHED,
            KeyAccepted("sk-or-v1-000...417", limit=Decimal(5), limit_reset="monthly", credits=Left.NONE),
        ),
        (
            known.EXPIRING,
            KeyAccepted("sk-or-v1-000...e0e", expires_at=datetime(2099, 1, 1, tzinfo=UTC)),
        ),
    ],
    ids=lambda value: value.name if isinstance(value, KeySituation) else "",
)
async def test_an_accepted_key_tells_its_facts(
    stand_in: StandIn, openrouter: OpenRouter, key: KeySituation, facts: KeyAccepted
) -> None:
    assert await openrouter.key(stand_in.base_url, ApiKey(key.token), 5) == facts


@pytest.mark.parametrize("token", [known.UNKNOWN.token, known.EXPIRED.token, "some-other-service"])
async def test_an_unknown_key_is_refused(stand_in: StandIn, openrouter: OpenRouter, token: str) -> None:
    with pytest.raises(RefusedError, match=r"User not found\.|No cookie auth") as caught:
        await openrouter.key(stand_in.base_url, ApiKey(token), 5)
    assert caught.value.status == 401


@pytest.mark.parametrize("status", [401, 402, 403])
async def test_other_definite_refusals(stand_in: StandIn, openrouter: OpenRouter, status: int) -> None:
    stand_in.faults.add(Fault(status=status))
    with pytest.raises(RefusedError) as caught:
        await openrouter.key(stand_in.base_url, GOOD, 5)
    assert caught.value.status == status


async def test_the_catalogue(stand_in: StandIn, openrouter: OpenRouter) -> None:
    catalogue = await openrouter.models(stand_in.base_url + "/", 5)

    paid = catalogue.models["meta-llama/llama-3.1-8b-instruct"]
    assert (paid.prompt_price, paid.completion_price) == (Decimal("0.00000002"), Decimal("0.00000004"))
    assert (paid.context_length, paid.max_completion_tokens, paid.supports_tools) == (131_072, 32_768, True)
    assert catalogue.models["cohere/north-mini-code:free"].free
    assert catalogue.models["openrouter/auto"].prompt_price is None, "a price that varies is not -1 USD"
    assert not catalogue.models["gryphe/mythomax-l2-13b"].supports_tools
    assert catalogue.models["mistralai/mistral-7b-instruct"].expiration_date == date(2026, 12, 31)
    assert catalogue.find("openai/gpt-5-mini:nitro") == catalogue.models["openai/gpt-5-mini"]
    assert not catalogue.offers("meta-llama/llama-3.1-8b-instruct:free")
    assert "Authorization" not in stand_in.log[0]["headers"]


async def test_an_odd_field_hides_no_model(stand_in: StandIn, openrouter: OpenRouter) -> None:
    odd: dict[str, Any] = {
        "id": "odd/one",
        "context_length": "much",
        "pricing": {"prompt": [], "completion": "cheap"},
        "expiration_date": "soon",
        "top_provider": {"max_completion_tokens": None},
        "supported_parameters": ["tools"],
        "new_field": {},
    }
    stand_in.faults.add(Fault(body={"data": [odd, {"id": "bare/one"}], "new_field": 1}))

    models = (await openrouter.models(stand_in.base_url, 5)).models

    assert list(models) == ["odd/one", "bare/one"]
    assert models["odd/one"].supports_tools
    assert (models["odd/one"].context_length, models["odd/one"].prompt_price) == (None, None)


async def test_a_402_that_passes_by_itself_says_nothing_of_the_key(
    stand_in: StandIn, openrouter: OpenRouter
) -> None:
    stand_in.faults.add(Fault(error="in_flight_budget"))
    with pytest.raises(RateLimitedError, match="Too many requests in flight") as caught:
        await openrouter.key(stand_in.base_url, GOOD, 5)
    assert (caught.value.status, caught.value.retry_after) == (402, 1)


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 524, 529])
async def test_a_failing_gateway(stand_in: StandIn, openrouter: OpenRouter, status: int) -> None:
    stand_in.faults.add(Fault(status=status, headers={"Retry-After": "7"}))
    with pytest.raises(GatewayError, match=f"HTTP {status}: ") as caught:
        await openrouter.models(stand_in.base_url, 5)
    assert (caught.value.status, caught.value.retry_after) == (status, 7)


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"Retry-After": "90"}, 90, 90),
        ({"Retry-After": "{date}"}, 3_400, 3_600),
        ({"Retry-After": "Thu, 01 Jan 2026 00:00:00 GMT"}, 0, 0),
        ({"X-RateLimit-Reset": "{reset}"}, 1_700, 1_800),
        ({"Retry-After": "soon", "X-RateLimit-Reset": "{reset}"}, 1_700, 1_800),
        ({"Retry-After": "9" * 15}, 86_400, 86_400),
    ],
)
async def test_how_long_to_wait(
    stand_in: StandIn, openrouter: OpenRouter, headers: dict[str, str], least: float, most: float
) -> None:
    # The table is read long before this runs: times in it are counted from here.
    date = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    reset = int((time.time() + 1_800) * 1000)
    told = {name: value.format(date=date, reset=reset) for name, value in headers.items()}
    stand_in.faults.add(Fault(error="upstream_rate_limit", headers=told))
    with pytest.raises(RateLimitedError, match="temporarily rate-limited upstream") as caught:
        await openrouter.key(stand_in.base_url, GOOD, 5)
    assert caught.value.retry_after is not None
    assert least <= caught.value.retry_after <= most


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "²"}, {"X-RateLimit-Reset": "never"}])
async def test_a_wait_that_is_not_told(
    stand_in: StandIn, openrouter: OpenRouter, headers: dict[str, str]
) -> None:
    stand_in.faults.add(Fault(error="upstream_rate_limit", headers=headers))
    with pytest.raises(RateLimitedError) as caught:
        await openrouter.key(stand_in.base_url, GOOD, 5)
    assert caught.value.retry_after is None


async def test_the_free_tiers_reset_is_read(stand_in: StandIn, openrouter: OpenRouter) -> None:
    stand_in.faults.add(Fault(error="free_models_per_minute"))
    with pytest.raises(RateLimitedError, match="free-models-per-min") as caught:
        await openrouter.key(stand_in.base_url, GOOD, 5)
    assert caught.value.retry_after == pytest.approx(60, abs=10)


async def test_a_base_url_that_leads_elsewhere(stand_in: StandIn, openrouter: OpenRouter) -> None:
    elsewhere = stand_in.base_url.replace("/api/v1", "/v1")
    with pytest.raises(UnexpectedError, match=r"/v1/key answered HTTP 404; check the base URL"):
        await openrouter.key(elsewhere, GOOD, 5)
    with pytest.raises(UnexpectedError, match=r"/v1/chat/completions answered HTTP 404; check the base URL"):
        await openrouter.complete(elsewhere, GOOD, HELLO, 5)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"error": {"message": "Not found", "code": 404}}, RefusedError),
        ({"detail": "Not Found"}, UnexpectedError),
        ("<html>Not found</html>", UnexpectedError),
        ("", UnexpectedError),
    ],
)
async def test_only_the_gateways_own_404_says_anything_of_a_key(
    stand_in: StandIn, openrouter: OpenRouter, body: Any, error: type[OpenRouterError]
) -> None:
    stand_in.faults.add(Fault(status=404, body=body))
    with pytest.raises(error) as caught:
        await openrouter.key(stand_in.base_url, GOOD, 5)
    assert caught.value.status == 404


async def test_a_redirect_is_not_followed(stand_in: StandIn, openrouter: OpenRouter) -> None:
    target = stand_in.base_url + "/models"
    stand_in.faults.add(Fault(route="/key", status=302, headers={"Location": target}))
    with pytest.raises(UnexpectedError, match="a redirect is not followed with a key"):
        await openrouter.key(stand_in.base_url, GOOD, 5)
    assert stand_in.requests == {"GET /key": 1}


@pytest.mark.parametrize(
    "body", ["<html>Welcome</html>", "", "[]", '{"data": {"limit": "much"}}', '{"error": {"code": 500}}']
)
async def test_an_answer_that_is_none(stand_in: StandIn, openrouter: OpenRouter, body: str) -> None:
    stand_in.faults.add(Fault(body=body))
    with pytest.raises(UnexpectedError, match="something else than OpenRouter's JSON"):
        await openrouter.key(stand_in.base_url, GOOD, 5)


async def test_a_200_with_an_error_is_the_gateways_failure(stand_in: StandIn, openrouter: OpenRouter) -> None:
    stand_in.faults.add(Fault(status=200, error="unavailable"))
    with pytest.raises(GatewayError, match="answered 200 with an error: No provider is available"):
        await openrouter.key(stand_in.base_url, GOOD, 5)
    with pytest.raises(GatewayError, match="answered 200 with an error: No provider is available"):
        await openrouter.complete(stand_in.base_url, GOOD, HELLO, 5)


async def test_newlines_before_the_json_do_no_harm(stand_in: StandIn, openrouter: OpenRouter) -> None:
    stand_in.faults.add(Fault(leading_newlines=True))
    assert (await openrouter.key(stand_in.base_url, GOOD, 5)).label == known.ACCEPTED.label


async def test_an_error_whose_details_are_odd_keeps_its_words(
    stand_in: StandIn, openrouter: OpenRouter
) -> None:
    stand_in.faults.add(Fault(status=503, body={"error": {"message": "Busy", "metadata": {"raw": {"a": 1}}}}))
    with pytest.raises(GatewayError, match="HTTP 503: Busy"):
        await openrouter.key(stand_in.base_url, GOOD, 5)


async def test_a_silent_gateway(stand_in: StandIn, openrouter: OpenRouter) -> None:
    stand_in.faults.add(Fault(black_hole=True))
    with pytest.raises(UnreachableError, match=r"did not answer within 0\.2 s"):
        await openrouter.key(stand_in.base_url, GOOD, 0.2)


@pytest.mark.parametrize(
    "fault", [Fault(hang_up=True), Fault(body="not gzip", headers={"Content-Encoding": "gzip"})]
)
async def test_a_broken_connection(stand_in: StandIn, openrouter: OpenRouter, fault: Fault) -> None:
    stand_in.faults.add(fault)
    with pytest.raises(UnreachableError, match="cannot be reached"):
        await openrouter.models(stand_in.base_url, 5)


async def test_no_server_and_no_tls(stand_in: StandIn, openrouter: OpenRouter) -> None:
    nobody = f"http://127.0.0.1:{free_port()}/api/v1"
    for url in (nobody, stand_in.base_url.replace("http:", "https:"), "http://[::1/", "ftp://127.0.0.1"):
        with pytest.raises(UnreachableError, match="cannot be reached"):
            await openrouter.key(url, GOOD, 5)


async def test_an_answer_without_end(openrouter: OpenRouter) -> None:
    async def pour(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
        try:
            while True:
                writer.write(b" " * 1_000_000)
                await writer.drain()
        except ConnectionError:
            writer.close()

    async with await asyncio.start_server(pour, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(UnexpectedError, match="answers without end"):
            await openrouter.models(f"http://127.0.0.1:{port}", 30)


async def test_a_proxy_is_for_others_only(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    async with OpenRouter() as openrouter:
        assert (await openrouter.models(stand_in.base_url, 5)).models, "this machine is reached without it"

    monkeypatch.setenv("HTTP_PROXY", stand_in.base_url.removesuffix("/api/v1"))
    async with OpenRouter() as openrouter:
        await openrouter.models("http://gateway.example/api/v1", 5)
    assert stand_in.log[-1]["headers"]["Host"] == "gateway.example", "the stand-in answers as the proxy"
