"""The page over HTTP: what it is served with, and what it is told."""

import asyncio
import gzip
import re
from collections.abc import Callable, Iterator

import httpx
import pytest

from support.chatbots import Chatbot, configuration
from support.gateway import GatewayProcess
from support.issuer import AUDIENCE, CONFIGURATION
from support.sign_in_issuer import SignInIssuer

TOKEN = "the-right-token-40b1"
FAQ = [{"question": f"Question {number}?", "answer": "Yes."} for number in range(8)]
LARGEST_PAGE = 40_000


def assets(chatbot: Chatbot) -> list[str]:
    """What the page names."""
    found = re.findall(r'(?:src|href)="\./(assets/[^"]+)"', httpx.get(chatbot.url).text)
    assert len(found) >= 3
    return found


def test_the_page_runs_nothing_but_its_own_files(chatbot: Chatbot) -> None:
    response = httpx.get(chatbot.url)
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    directives = dict(
        each.strip().split(" ", 1) for each in response.headers["Content-Security-Policy"].split(";")
    )
    assert directives["default-src"] == "'none'"
    assert directives["script-src"] == directives["style-src"] == directives["connect-src"] == "'self'"
    assert directives["frame-ancestors"] == directives["base-uri"] == "'none'"
    assert directives["require-trusted-types-for"] == "'script'"
    assert "unsafe" not in response.headers["Content-Security-Policy"]
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    # Nothing in it is inline, and nothing is from elsewhere.
    assert "<style" not in response.text
    assert " style=" not in response.text
    assert re.findall(r"<script(?![^>]* src=)", response.text) == []
    assert re.findall(r"https?://|src=\"/|href=\"/", response.text) == []


def test_files_have_their_types_and_are_kept(chatbot: Chatbot) -> None:
    kinds = {
        "js": "text/javascript; charset=utf-8",
        "css": "text/css; charset=utf-8",
        "svg": "image/svg+xml",
    }
    for name in assets(chatbot):
        response = httpx.get(f"{chatbot.url}/{name}", headers={"Accept-Encoding": "identity"})
        assert response.headers["Content-Type"] == kinds[name.rpartition(".")[2]]
        assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert re.search(r"-[\w-]{8}\.\w+$", name)


def test_the_page_itself_is_asked_for_each_time(chatbot: Chatbot) -> None:
    first = httpx.get(chatbot.url)
    assert first.headers["Cache-Control"] == "no-cache"
    again = httpx.get(chatbot.url, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    plain = httpx.get(chatbot.url, headers={"Accept-Encoding": "identity"})
    assert plain.text == first.text
    assert plain.headers["ETag"] != first.headers["ETag"]
    head = httpx.head(chatbot.url)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == first.headers["Content-Length"]


def test_all_of_it_is_small(chatbot: Chatbot) -> None:
    names = {"", *assets(chatbot)}
    seen: set[str] = set()
    size = 0
    while names:
        name = names.pop()
        seen.add(name)
        content = httpx.get(f"{chatbot.url}/{name}").content
        size += len(gzip.compress(content))
        further = re.findall(rb"[\w-]+-[\w-]{8}\.(?:js|css|svg)", content)
        names |= {f"assets/{each.decode()}" for each in further} - seen
    assert len(seen) == 5
    assert size < LARGEST_PAGE


@pytest.mark.parametrize(
    "path",
    ["assets/nothing.js", "assets/..%2f..%2fapp.py", "assets/%2e%2e/index.html", "static/", "index.html"],
)
def test_nothing_else_is_served(chatbot: Chatbot, path: str) -> None:
    response = httpx.get(f"{chatbot.url}/{path}")
    assert (response.status_code, response.json()["error"]["code"]) == (404, "unknown_url")


def test_the_page_is_told_what_it_offers(
    gateway: GatewayProcess, start_chatbot: Callable[..., Chatbot]
) -> None:
    model = {
        "name": "author/main",
        "fallbacks": ["author/other"],
        "simpleQueries": {"name": "author/fast", "maxCharacters": 50},
    }
    chatbot = start_chatbot(configuration(gateway.base_url, model=model, faq=FAQ))
    response = httpx.get(f"{chatbot.url}/page/config.json")
    assert response.json() == {
        "name": "todo",
        "access": "None",
        "admitted": True,
        "conversations": "browser",
        "suggestions": [f"Question {number}?" for number in range(6)],
        "models": ["author/main", "author/other", "author/fast"],
    }
    assert response.headers["Cache-Control"] == "no-store"


def test_strangers_are_told_no_more_than_the_name(
    gateway: GatewayProcess, start_chatbot: Callable[..., Chatbot]
) -> None:
    content = configuration(gateway.base_url, access={"mode": "Token"}, faq=FAQ)
    chatbot = start_chatbot(content, ACCESS_TOKEN=TOKEN)
    url = f"{chatbot.url}/page/config.json"
    told = httpx.get(url).json()
    assert told == {
        "name": "todo",
        "access": "Token",
        "admitted": False,
        "conversations": "browser",
        "suggestions": [],
        "models": [],
    }
    assert httpx.get(url, headers={"Authorization": "Bearer wrong"}).status_code == 401
    admitted = httpx.get(url, headers={"Authorization": f"Bearer {TOKEN}"}).json()
    assert admitted["admitted"]
    assert admitted["suggestions"]
    assert httpx.get(chatbot.url).status_code == 200
    assert httpx.get(f"{chatbot.url}/page/sign-in.json").status_code == 404


@pytest.fixture
def issuer() -> Iterator[SignInIssuer]:
    issuer = SignInIssuer()
    yield issuer
    issuer.stop()


@pytest.fixture
def by_oidc(gateway: GatewayProcess, start_chatbot: Callable[..., Chatbot], issuer: SignInIssuer) -> Chatbot:
    """A chatbot for people whom the issuer knows."""
    access = {"mode": "OIDC", "oidc": {"issuer": issuer.url, "audience": AUDIENCE}}
    content = configuration(gateway.base_url, access=access)
    return start_chatbot(content, CHATASSISTANT_ALLOWED_ENDPOINTS='["*"]')


def test_the_page_is_told_where_to_sign_in(by_oidc: Chatbot, issuer: SignInIssuer) -> None:
    told = httpx.get(f"{by_oidc.url}/page/sign-in.json")
    assert told.json() == {
        "authorization_endpoint": f"{issuer.url}/authorize",
        "client_id": AUDIENCE,
        "scope": "openid",
    }
    for _ in range(20):
        assert httpx.get(f"{by_oidc.url}/page/sign-in.json").is_success
    assert issuer.asked[CONFIGURATION] == 1, "it is asked once, for its keys and for everybody who signs in"


def test_an_issuer_that_is_away_is_not_asked_for_each_visitor(by_oidc: Chatbot, issuer: SignInIssuer) -> None:
    # Whoever asks waits for what the chatbot asks at its start.
    assert httpx.get(f"{by_oidc.url}/page/sign-in.json").is_success
    issuer.answers[CONFIGURATION] = 503, {}, b""
    stranger = {"Authorization": f"Bearer {issuer.token(headers={'kid': 'new'})}"}
    # A key that is not known has the issuer asked, which tells that it is away.
    assert httpx.get(f"{by_oidc.url}/v1/models", headers=stranger).is_error
    asked = issuer.asked[CONFIGURATION]
    for _ in range(20):
        silent = httpx.get(f"{by_oidc.url}/page/sign-in.json")
        assert (silent.status_code, silent.json()["error"]["code"]) == (503, "access_unavailable")
        assert int(silent.headers["Retry-After"]) > 0
    # Those are the chatbot's own, with pauses that grow.
    assert issuer.asked[CONFIGURATION] <= asked + 2


def test_one_address_has_few_codes_redeemed(by_oidc: Chatbot, issuer: SignInIssuer) -> None:
    grant = {"code": "guessed", "code_verifier": "guessed", "redirect_uri": f"{by_oidc.url}/"}
    with httpx.Client(base_url=by_oidc.url) as client:
        assert [client.post("/page/token", json={"code": 1}).status_code for _ in range(5)] == [400] * 5
        statuses = [client.post("/page/token", json=grant).status_code for _ in range(60)]
        assert statuses == [400] * 60
        refused = client.post("/page/token", json=grant)
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limit_exceeded")
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert issuer.asked["/token"] == 60
    assert issuer.asked[CONFIGURATION] == 1


async def test_few_codes_are_redeemed_at_a_time(by_oidc: Chatbot, issuer: SignInIssuer) -> None:
    grant = {"code": "guessed", "code_verifier": "guessed", "redirect_uri": f"{by_oidc.url}/"}
    async with httpx.AsyncClient(base_url=by_oidc.url, timeout=20) as client:
        assert (await client.get("/page/sign-in.json")).is_success
        issuer.open.clear()
        waiting = [asyncio.create_task(client.post("/page/token", json=grant)) for _ in range(20)]
        done, held = await asyncio.wait(waiting, timeout=3)
        assert [each.result().status_code for each in done] == [429] * 4
        assert all("Retry-After" in each.result().headers for each in done)
        issuer.open.set()
        assert [(await each).status_code for each in held] == [400] * 16
        assert (await client.post("/page/token", json=grant)).status_code == 400, "there is room again"


def test_a_code_of_somebody_else_is_worth_nothing(by_oidc: Chatbot) -> None:
    grant = {"code": "stolen", "code_verifier": "guessed", "redirect_uri": f"{by_oidc.url}/"}
    refused = httpx.post(f"{by_oidc.url}/page/token", json=grant)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "invalid_grant")
    unknown = httpx.post(f"{by_oidc.url}/page/token", json={**grant, "client_secret": "x"})
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (400, "invalid_request")


def test_an_issuer_elsewhere_is_not_asked(
    gateway: GatewayProcess, start_chatbot: Callable[..., Chatbot], issuer: SignInIssuer
) -> None:
    access = {"mode": "OIDC", "oidc": {"issuer": issuer.url, "audience": AUDIENCE}}
    chatbot = start_chatbot(configuration(gateway.base_url, access=access))
    asked = issuer.asked.total()
    assert httpx.get(f"{chatbot.url}/page/sign-in.json").status_code == 503
    assert issuer.asked.total() == asked
