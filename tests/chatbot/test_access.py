"""Who is let in and as whom, and what is refused before anybody asks."""

import asyncio
import ipaddress
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from chatassistant_chatbot import serve
from chatassistant_chatbot.access import Access, User
from chatassistant_chatbot.access.clients import origin
from chatassistant_chatbot.access.users import user_of
from chatassistant_chatbot.addresses import Endpoints
from chatassistant_chatbot.settings import Settings, load
from chatassistant_chatbot.termination import StartError
from support.chatbots import HELLO, Chatbot, configuration
from support.gateway import GatewayProcess

URL = "/v1/chat/completions"
KEY = {"OPENROUTER_API_KEY": "sk-or-v1-made-up"}
Headers = Sequence[tuple[str, str]]


def connection(peer: str, headers: Headers = ()) -> HTTPConnection:
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    return HTTPConnection({"type": "http", "client": (peer, 50000), "headers": raw})


def access(**environment: str) -> Access:
    return Access(load(KEY | environment), Endpoints("", ()))


async def user(way: Access, peer: str, headers: Headers = ()) -> User:
    return await way.admit(connection(peer, headers))


async def test_users_are_told_apart_by_what_is_opaque_and_stable() -> None:
    anybody = access()
    one = await user(anybody, "192.0.2.1")
    assert one == await user(access(), "192.0.2.1")
    assert one != await user(anybody, "192.0.2.2")
    assert len(one.id) == 64
    assert one.id.isalnum()
    assert "192" not in one.id
    assert len({user_of("None", "", "a"), user_of("Token", "", "a"), user_of("OIDC", "x", "a")}) == 3
    assert user_of("OIDC", "a", "bc") != user_of("OIDC", "ab", "c")


async def test_whoever_shows_the_token_is_one_user_also_after_it_was_changed() -> None:
    users = {
        await user(access(ACCESS_TOKEN=token), peer, [("Authorization", f"Bearer {token}")])
        for token in ("letmein", "letmeintoo")
        for peer in ("192.0.2.1", "2001:db8::1")
    }
    assert len(users) == 1


TRUSTED = [ipaddress.ip_network(each) for each in ("10.0.0.0/8", "2001:db8:5::/48")]


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "user"),
    [
        ("192.0.2.1", "", "192.0.2.1"),
        ("192.0.2.1", "198.51.100.7", "192.0.2.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "203.0.113.9, 198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "203.0.113.9, 198.51.100.7, 10.0.0.2", "198.51.100.7"),
        ("10.0.0.1", "203.0.113.9,198.51.100.7,2001:db8:5::2,10.0.0.2", "198.51.100.7"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "198.51.100.7:4711", "198.51.100.7"),
        ("10.0.0.1", "unknown", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.7, unknown, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "198.51.100.7,", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.7, 10.0.0.2/8", "10.0.0.1"),
        ("10.0.0.1", "0177.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "::ffff:198.51.100.7", "198.51.100.7"),
        ("2001:db8:5::1", "[2001:db8:1:2:3:4:5:6]:443", "20010db800010002/64"),
        ("2001:db8:1:2::9", "", "20010db800010002/64"),
        ("2001:db8:1:3::9", "", "20010db800010003/64"),
        ("fe80::1%eth0", "", "fe80000000000000/64"),
        ("", "198.51.100.7", ""),
    ],
)
def test_whose_address_counts(peer: str, forwarded_for: str, user: str) -> None:
    assert origin(peer, forwarded_for, TRUSTED) == user


@given(st.text(alphabet="0123456789abcdef.:,[]% /"), st.sampled_from(["10.0.0.1", "192.0.2.1"]))
def test_whatever_is_forwarded_a_stranger_is_itself_and_nothing_breaks(forwarded_for: str, peer: str) -> None:
    assert origin(peer, forwarded_for, TRUSTED)
    assert origin("192.0.2.1", forwarded_for, TRUSTED) == "192.0.2.1"
    assert origin("10.0.0.1", f"{forwarded_for},192.0.2.1", TRUSTED) == "192.0.2.1"


def forgeries(count: int) -> list[Headers]:
    """Headers of one caller who wants to be many."""
    names = ["X-Forwarded-For", "Forwarded", "X-Real-IP", "X-User", "X-Request-Id", "Authorization", "Cookie"]
    return [
        [(name, f"198.51.{number // 256}.{number % 256}") for name in names]
        + [("X-Forwarded-For", f"203.0.{number // 256}.{number % 256}"), ("User-Agent", f"agent {number}")]
        for number in range(count)
    ]


async def test_10_000_forged_values_are_one_user() -> None:
    directly = access(TRUSTED_PROXIES="10.0.0.0/8")
    assert len({await user(directly, "192.0.2.1", each) for each in forgeries(10_000)}) == 1
    appended = ("X-Forwarded-For", "192.0.2.1")
    through = {await user(directly, "10.0.0.1", [*each, appended]) for each in forgeries(10_000)}
    assert through == {await user(directly, "192.0.2.1")}
    token = access(ACCESS_TOKEN="letmein")
    shown = ("Authorization", "Bearer letmein")
    others = [[pair for pair in each if pair[0] != "Authorization"] for each in forgeries(100)]
    assert len({await user(token, "192.0.2.1", [*each, shown]) for each in others}) == 1


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[str]:
    """A server as the chatbot's, with one route that says who asks."""
    way = Access(settings, Endpoints("", ()))

    async def whoami(request: Request) -> Response:
        return PlainTextResponse((await way.admit(request)).id)

    server = serve._server(Starlette(routes=[Route("/", whoami)]), 1)
    with serve._listen("127.0.0.1", 0, "PORT") as listener:
        running = asyncio.create_task(server.serve(sockets=[listener]))
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        await running


@pytest.mark.parametrize(("trusted", "users"), [("", 1), ("127.0.0.0/8", 20), ("192.0.2.0/24", 1)])
async def test_who_is_believed_over_http(trusted: str, users: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # What uvicorn would believe, were it asked to.
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    settings = load(KEY | {"TRUSTED_PROXIES": trusted})
    async with serving(settings) as url, httpx.AsyncClient(base_url=url) as http:
        seen = {
            (await http.get("/", headers={"X-Forwarded-For": f"198.51.100.{number}"})).text
            for number in range(20)
        }
    assert len(seen) == users


@pytest.mark.parametrize(("trusted", "statuses"), [([], [200, 200, 429, 429]), (["127.0.0.0/8"], [200] * 4)])
def test_forged_values_share_one_limit(
    start_chatbot: Callable[..., Chatbot], gateway: GatewayProcess, trusted: list[str], statuses: list[int]
) -> None:
    limit = {"requests": 2, "windowSeconds": 600}
    chatbot = start_chatbot(configuration(gateway.base_url, rateLimit=limit, trustedProxies=trusted))
    answers = [
        httpx.post(chatbot.url + URL, json={**HELLO, "user": f"user {number}"}, headers=list(headers))
        for number, headers in enumerate(forgeries(len(statuses)))
    ]
    assert [each.status_code for each in answers] == statuses


@pytest.mark.parametrize(
    "environment", [{}, {"ACCESS_TOKEN": "letmein"}, {"TRUSTED_PROXIES": "10.0.0.0/8,192.0.2.0/24"}], ids=str
)
async def test_admitting_takes_no_time_and_waits_for_nothing(environment: dict[str, str]) -> None:
    way = access(**environment)
    asked = connection(
        "10.0.0.1", [("Authorization", "Bearer letmein"), ("X-Forwarded-For", "1.2.3.4, 10.0.0.3")]
    )

    def admit() -> None:
        with pytest.raises(StopIteration):
            way.admit(asked).send(None)

    admit()
    started = time.process_time()
    for _ in range(2000):
        admit()
    assert (time.process_time() - started) / 2000 < 200e-6


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"ACCESS_MODE": "OIDC"}, ["ACCESS_OIDC_ISSUER", "ACCESS_OIDC_AUDIENCE"]),
        ({"ACCESS_MODE": "OIDC", "ACCESS_OIDC_ISSUER": "https://issuer.example"}, ["ACCESS_OIDC_AUDIENCE"]),
        (
            {"ACCESS_MODE": "OIDC", "ACCESS_OIDC_ISSUER": "issuer.example", "ACCESS_OIDC_AUDIENCE": "me"},
            ["ACCESS_OIDC_ISSUER:", "https URL"],
        ),
        ({"TRUSTED_PROXIES": "10.0.0.0/8, proxy"}, ["TRUSTED_PROXIES:", "IPv4 or IPv6 network"]),
        ({"CHATASSISTANT_ALLOWED_ENDPOINTS": "https://a"}, ["CHATASSISTANT_ALLOWED_ENDPOINTS", "JSON list"]),
        ({"CHATASSISTANT_ALLOWED_ENDPOINTS": "[1]"}, ["CHATASSISTANT_ALLOWED_ENDPOINTS", "JSON list"]),
    ],
    ids=str,
)
def test_what_is_wrong_in_the_environment(environment: dict[str, str], told: list[str]) -> None:
    with pytest.raises(StartError) as refused:
        load(KEY | environment)
    assert [each for each in told if each not in str(refused.value)] == []


def raw(chatbot: Chatbot, *lines: str, body: str = "") -> tuple[int, str]:
    """A request written by hand: its status, and all that was answered."""
    host, _, port = chatbot.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=5) as client:
        client.sendall("\r\n".join([*lines, "Connection: close", "", body]).encode("latin-1"))
        answer = b"".join(iter(lambda: client.recv(65536), b"")).decode()
    return int(answer.split()[1]), answer


@pytest.mark.parametrize(
    "hosts",
    [
        [],
        ["Host: localhost", "Host: localhost"],
        ["Host: localhost", "Host: evil.example"],
        ["Host:"],
        ["Host: local host"],
        ["Host: user@localhost"],
        ["Host: localhost/"],
        ["Host: localhost:"],
        ["Host: localhost:port"],
        ["Host: localhost, evil.example"],
        ["Host: [::1"],
        ["Host: ::1"],
        ["Host: \xe9.example"],
    ],
    ids=str,
)
def test_a_request_has_one_host(chatbot: Chatbot, hosts: list[str]) -> None:
    status, answer = raw(chatbot, "GET /v1/models HTTP/1.1", *hosts)
    assert status == 400
    assert '"code":"invalid_host"' in answer


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:8080", 200),
        ("localhost.:8080", 200),
        ("todo.localhost", 200),
        ("127.0.0.1:1", 200),
        ("127.1.2.3", 200),
        ("[::1]:8080", 200),
        ("chat.example", 403),
        ("chat.example:8080", 403),
        ("localhost.evil.example", 403),
        ("127.0.0.1.nip.example", 403),
        ("192.0.2.1", 403),
        ("[2001:db8::1]", 403),
    ],
)
def test_on_this_machine_only_its_own_names_are_known(chatbot: Chatbot, host: str, status: int) -> None:
    told, answer = raw(chatbot, "GET /v1/models HTTP/1.1", f"Host: {host}")
    assert told == status
    assert ("ALLOWED_HOSTS" in answer) == (status == 403)


@pytest.mark.parametrize(
    "environment",
    [
        {"ALLOWED_HOSTS": "other.example, Chat.example"},
        {"ACCESS_TOKEN": "letmein"},
        {"HOST": "0.0.0.0"},  # noqa: S104 (what a pod has)
    ],
    ids=str,
)
def test_where_other_names_are_known(
    start_chatbot: Callable[..., Chatbot], gateway: GatewayProcess, environment: dict[str, str]
) -> None:
    chatbot = start_chatbot(OPENROUTER_BASE_URL=gateway.base_url, **environment)
    shown = f"Authorization: Bearer {environment.get('ACCESS_TOKEN', '')}"
    assert raw(chatbot, "GET /v1/models HTTP/1.1", "Host: chat.example", shown)[0] == 200


def test_an_old_client_needs_no_host(chatbot: Chatbot) -> None:
    assert raw(chatbot, "GET /v1/models HTTP/1.0")[0] == 200


CROSS_SITE = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}


async def test_a_page_of_another_site_cannot_ask(http: httpx.AsyncClient, gateway: GatewayProcess) -> None:
    refused = await http.post(URL, json=HELLO, headers=CROSS_SITE)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "cross_site_request")
    assert refused.headers["X-Request-Id"]
    assert gateway.requests == {}
    for site in ("same-origin", "same-site", "none"):
        assert (await http.post(URL, json=HELLO, headers={"Sec-Fetch-Site": site})).status_code == 200
    assert (await http.get("/v1/models", headers=CROSS_SITE)).status_code == 200


def test_whoever_knows_the_token_may_ask_from_a_page(
    start_chatbot: Callable[..., Chatbot], gateway: GatewayProcess
) -> None:
    chatbot = start_chatbot(OPENROUTER_BASE_URL=gateway.base_url, ACCESS_TOKEN="letmein")
    headers = {**CROSS_SITE, "Authorization": "Bearer letmein"}
    assert httpx.post(chatbot.url + URL, json=HELLO, headers=headers).status_code == 200


async def test_there_is_no_cors(http: httpx.AsyncClient) -> None:
    preflight = {**CROSS_SITE, "Access-Control-Request-Method": "POST"}
    for path, status in ((URL, 405), ("/v1/models", 405), ("/nothing", 404)):
        response = await http.options(path, headers=preflight)
        assert response.status_code == status
        assert not [name for name in response.headers if name.startswith("access-control")]
    response = await http.get("/v1/models", headers={"Origin": "http://localhost:3000"})
    assert not [name for name in response.headers if name.startswith("access-control")]


async def test_browsers_are_told_to_guess_nothing(http: httpx.AsyncClient) -> None:
    streamed = await http.post(URL, json={**HELLO, "stream": True})
    assert streamed.headers["Content-Type"].startswith("text/event-stream")
    refused = await http.post(URL, json=HELLO, headers=CROSS_SITE)
    for response in (await http.get("/v1/models"), await http.get("/nothing"), streamed, refused):
        assert response.headers.get_list("X-Content-Type-Options") == ["nosniff"]
        assert response.headers.get_list("Referrer-Policy") == ["no-referrer"]


@pytest.fixture
def protected(start_chatbot: Callable[..., Chatbot], gateway: GatewayProcess) -> Chatbot:
    return start_chatbot(configuration(gateway.base_url, access={"mode": "Token"}), ACCESS_TOKEN="letmein")


def test_how_a_caller_is_told_what_to_show(protected: Chatbot) -> None:
    shown: Mapping[str | None, str] = {
        None: "",
        "": "",
        "letmein": "",
        "Basic bGV0bWVpbg==": "",
        "Bearer": "invalid_token",
        "Bearer wrong": "invalid_token",
        "Bearer letmeintoo": "invalid_token",
        "Bearer letmei": "invalid_token",
        "Bearer " + "x" * 4000: "invalid_token",
    }
    for value, error in shown.items():
        headers = {} if value is None else {"Authorization": value}
        response = httpx.get(f"{protected.url}/v1/models", headers=headers)
        assert response.status_code == 401
        expected = 'Bearer realm="chatassistant"' + (f', error="{error}"' if error else "")
        assert response.headers.get_list("WWW-Authenticate") == [expected]
        assert response.json()["error"]["type"] == "authentication_error"
        assert not value or value.rpartition(" ")[2] not in response.text.replace("Bearer", "")
    twice = [("Authorization", "Bearer letmein"), ("Authorization", "Bearer letmein")]
    assert httpx.get(f"{protected.url}/v1/models", headers=twice).status_code == 401
    assert httpx.get(f"{protected.url}/v1/models", headers=twice[:1]).status_code == 200
    assert "letmein" not in protected.log


def test_only_v1_is_behind_the_token(protected: Chatbot) -> None:
    answers: dict[str, Any] = {
        path: httpx.get(protected.url + path).status_code
        for path in ("/nothing", "/openapi.json", "/v1/models")
    }
    assert answers == {"/nothing": 404, "/openapi.json": 200, "/v1/models": 401}
