"""What `/openapi.json` says is true: schemathesis asks whatever it allows, and whatever it does not."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from support.chatbots import Chatbot, configuration
from support.gateway import GatewayProcess

_SCHEMATHESIS: Final = Path(sys.executable).with_name("schemathesis")
_CONFIG: Final = Path(__file__).parent.with_name("support") / "schemathesis.toml"
_TOKEN: Final = "letmein"
_ISSUER: Final = "https://login.example.com/realm"


def _statuses(document: dict[str, Any], path: str, method: str) -> set[int]:
    return {int(status) for status in document["paths"][path][method]["responses"]}


def test_whatever_is_asked(
    gateway: GatewayProcess, start_chatbot: Callable[..., Chatbot], tmp_path: Path
) -> None:
    content = configuration(gateway.base_url, access={"mode": "Token"})
    chatbot = start_chatbot(content, ACCESS_TOKEN=_TOKEN)
    command = [_SCHEMATHESIS, "--config-file", _CONFIG, "run", f"{chatbot.url}/openapi.json"]
    options = ["--header", f"Authorization: Bearer {_TOKEN}", "--no-color"]
    ended = subprocess.run(
        [*command, *options],
        check=False,
        capture_output=True,
        text=True,
        timeout=150,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert (
        chatbot.metric('chatassistant_chatbot_requests_total{route="/v1/chat/completions",status="200"}') > 0
    )


def test_errors_of_each_route(chatbot: Chatbot) -> None:
    document = httpx.get(f"{chatbot.url}/openapi.json").json()
    everywhere = {200, 400, 403, 500}
    asked = everywhere | {404, 413, 415, 429, 502, 503, 504}
    assert _statuses(document, "/v1/chat/completions", "post") == asked
    assert _statuses(document, "/v1/models", "get") == everywhere
    assert _statuses(document, "/v1/conversations", "post") == everywhere | {413, 415, 429}
    assert _statuses(document, "/v1/conversations", "get") == everywhere | {404}
    one = "/v1/conversations/{conversation_id}"
    assert _statuses(document, one, "get") == everywhere | {404, 503}
    assert _statuses(document, one, "post") == everywhere | {404, 413, 415, 503}
    assert _statuses(document, one, "delete") == everywhere | {404, 503}


@pytest.mark.parametrize(
    ("access", "scheme", "refusals"),
    [
        ({"mode": "None"}, None, set[int]()),
        ({"mode": "Token"}, {"type": "http", "scheme": "bearer"}, {401}),
        (
            {"mode": "OIDC", "oidc": {"issuer": _ISSUER, "audience": "todo"}},
            {
                "type": "openIdConnect",
                "openIdConnectUrl": f"{_ISSUER}/.well-known/openid-configuration",
            },
            {401, 503},
        ),
    ],
)
def test_who_may_ask(
    gateway: GatewayProcess,
    start_chatbot: Callable[..., Chatbot],
    access: dict[str, Any],
    scheme: dict[str, str] | None,
    refusals: set[int],
) -> None:
    content = configuration(gateway.base_url, access=access)
    chatbot = start_chatbot(content, ACCESS_TOKEN=_TOKEN)
    document = httpx.get(f"{chatbot.url}/openapi.json").json()
    mode = access["mode"]
    assert document["components"].get("securitySchemes") == (scheme and {mode: scheme})
    assert document.get("security") == (scheme and [{mode: []}])
    assert _statuses(document, "/v1/models", "get") == {200, 400, 403, 500} | refusals


async def test_all_methods_of_a_path_are_named(http: httpx.AsyncClient) -> None:
    response = await http.put("/v1/conversations")
    assert (response.status_code, response.headers["Allow"]) == (405, "GET, POST")
    response = await http.put("/v1/conversations/conv_1")
    assert response.headers["Allow"] == "DELETE, GET, POST"
