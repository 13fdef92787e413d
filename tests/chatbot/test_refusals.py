"""What callers may not ask, and how they are told: with no request to the gateway."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from support.chatbots import HELLO, Chatbot, configuration
from support.gateway import GatewayProcess

URL = "/v1/chat/completions"
USER = HELLO["messages"]
JSON = "application/json"
MEBIBYTE = 1024 * 1024


def error_of(response: httpx.Response) -> dict[str, Any]:
    assert list(response.json()) == ["error"]
    error: dict[str, Any] = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    return error


@pytest.mark.parametrize(
    ("body", "status", "code", "param"),
    [
        ({"messages": USER, "model": "gpt-4"}, 404, "model_not_found", "model"),
        ({"messages": USER, "model": ""}, 404, "model_not_found", "model"),
        ({"messages": USER, "models": ["a/b"]}, 400, "parameter_not_allowed", "models"),
        ({"messages": USER, "provider": {"only": ["x"]}}, 400, "parameter_not_allowed", "provider"),
        ({"messages": USER, "plugins": [{"id": "web"}]}, 400, "parameter_not_allowed", "plugins"),
        ({"messages": USER, "route": "fallback"}, 400, "parameter_not_allowed", "route"),
        ({"messages": USER, "n": 2}, 400, "parameter_not_allowed", "n"),
        ({"messages": USER, "n": 0}, 400, "parameter_not_allowed", "n"),
        ({"messages": USER, "temperature": 3}, 400, "invalid_request", "temperature"),
        ({"messages": USER, "max_tokens": 0}, 400, "invalid_request", "max_tokens"),
        ({"messages": USER, "max_tokens": "10"}, 400, "invalid_request", "max_tokens"),
        ({"messages": USER, "stream": "yes"}, 400, "invalid_request", "stream"),
        ({"messages": USER, "seed": 2**70}, 400, "invalid_request", None),
        ({"messages": [{"role": "king", "content": "x"}]}, 400, "invalid_request", "messages.0.role"),
        ({"messages": [{"role": "user", "content": 5}]}, 400, "invalid_request", "messages.0.content"),
        ({"messages": [{"role": "user", "content": [5]}]}, 400, "invalid_request", "messages.0.content"),
        ({"messages": USER * 10_000}, 400, "invalid_request", "messages"),
        ({"messages": []}, 400, "invalid_request", "messages"),
        ({}, 400, "invalid_request", "messages"),
        ([], 400, "invalid_request", None),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_requests(
    http: httpx.AsyncClient, gateway: GatewayProcess, body: Any, status: int, code: str, param: str | None
) -> None:
    response = await http.post(URL, json=body)
    error = error_of(response)
    assert (response.status_code, error["code"], error["param"]) == (status, code, param)
    assert gateway.requests == {}


@pytest.mark.parametrize(
    ("method", "path", "content", "content_type", "status", "code"),
    [
        ("GET", "/nothing", b"", JSON, 404, "unknown_url"),
        ("GET", "/v1/nothing", b"", JSON, 404, "unknown_url"),
        ("POST", "/v1/chat/completions/", b"{}", JSON, 404, "unknown_url"),
        ("GET", URL, b"", JSON, 405, "method_not_allowed"),
        ("DELETE", "/v1/models", b"", JSON, 405, "method_not_allowed"),
        ("POST", URL, b"{}", "text/plain", 415, "unsupported_media_type"),
        ("POST", URL, b"{}", "", 415, "unsupported_media_type"),
        ("POST", URL, b" " * (2 * MEBIBYTE + 1), JSON, 413, "request_too_large"),
        ("POST", URL, b"", JSON, 400, "invalid_request"),
        ("POST", URL, b"{", JSON, 400, "invalid_request"),
        ("POST", URL, b'{"messages": "\xff"}', JSON, 400, "invalid_request"),
        ("POST", URL, b'{"messages":' + b"[" * 300 + b"]" * 300 + b"}", JSON, 400, "invalid_request"),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_http(
    http: httpx.AsyncClient,
    method: str,
    path: str,
    content: bytes,
    content_type: str,
    status: int,
    code: str,
) -> None:
    response = await http.request(method, path, content=content, headers={"Content-Type": content_type})
    assert (response.status_code, error_of(response)["code"]) == (status, code)
    assert response.headers["X-Request-Id"]


async def test_a_body_of_unknown_length_is_bounded_too(http: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(8):
            yield b" " * MEBIBYTE

    response = await http.post(URL, content=endless(), headers={"Content-Type": JSON})
    assert (response.status_code, error_of(response)["code"]) == (413, "request_too_large")


async def test_2_mib_are_not_too_much(http: httpx.AsyncClient) -> None:
    body = b'{"messages": [{"role": "user", "content": "Hello"}]}'
    response = await http.post(URL, content=body.ljust(2 * MEBIBYTE), headers={"Content-Type": JSON})
    assert response.status_code == 200


@pytest.fixture(scope="module")
def _protected_chatbot(
    _gateway_process: GatewayProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Chatbot]:
    content = configuration(_gateway_process.base_url, access={"mode": "Token"})
    chatbot = Chatbot(tmp_path_factory.mktemp("protected"), content, {"ACCESS_TOKEN": "letmein\n"})
    yield chatbot
    chatbot.stop()
    assert "letmein" not in chatbot.log


@pytest.fixture
async def protected(_protected_chatbot: Chatbot, gateway: GatewayProcess) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a chatbot that lets in who says `letmein`."""
    async with httpx.AsyncClient(base_url=_protected_chatbot.url, timeout=10) as http:
        yield http


@pytest.mark.parametrize(
    "given", [None, "", "letmein", "Basic letmein", "Bearer", "Bearer wrong", "Bearer é"]
)
async def test_access_without_the_token(protected: httpx.AsyncClient, given: str | None) -> None:
    headers = httpx.Headers({} if given is None else {"Authorization": given}, encoding="utf-8")
    for response in (
        await protected.post(URL, json=HELLO, headers=headers),
        await protected.get("/v1/models", headers=headers),
    ):
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"].startswith('Bearer realm="chatassistant"')
        assert error_of(response)["code"] == "invalid_token"


@pytest.mark.parametrize("given", ["Bearer letmein", "bearer  letmein"])
async def test_access_with_the_token(protected: httpx.AsyncClient, given: str) -> None:
    response = await protected.post(URL, json=HELLO, headers={"Authorization": given})
    assert response.status_code == 200
