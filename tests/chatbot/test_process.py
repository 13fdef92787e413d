"""How the chatbot starts, what it logs, and how it ends."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psutil
import pytest

from chatassistant_chatbot.settings import load
from chatassistant_chatbot.termination import StartError
from chatassistant_operator.local.openrouter.situations import ACCEPTED
from support.chatbots import HELLO, Chatbot, configuration
from support.gateway import GatewayProcess
from support.waiting import eventually

URL = "/v1/chat/completions"
KEY = {"OPENROUTER_API_KEY": ACCEPTED.token}


class Refusal(NamedTuple):
    line: str
    word: str


def refusal(tmp_path: Path, environment: dict[str, str]) -> Refusal:
    """The one line with which it refuses to start, and the word that it leaves for the operator."""
    word = tmp_path / "termination-log"
    result = subprocess.run(
        [sys.executable, "-m", "chatassistant_chatbot"],
        env={
            "PATH": os.environ["PATH"],
            "PORT": "0",
            "METRICS_PORT": "0",
            "TERMINATION_LOG_PATH": str(word),
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert result.returncode == 1
    assert result.stdout == ""
    [line] = result.stderr.splitlines()
    assert ACCEPTED.token not in line
    return Refusal(line, word.read_text(encoding="utf-8") if word.exists() else "")


@pytest.mark.parametrize(
    ("environment", "told", "word"),
    [
        ({}, ["OPENROUTER_API_KEY", "not set", "https://openrouter.ai/settings/keys"], "ApiKeyMissing"),
        ({"OPENROUTER_API_KEY": " \n"}, ["OPENROUTER_API_KEY", "empty"], "ApiKeyMissing"),
        ({"OPENROUTER_API_KEY": f"{ACCEPTED.token}\n{ACCEPTED.token}"}, ["OPENROUTER_API_KEY", "the key"], "ApiKeyMalformed"),
        (KEY | {"METRICS_PORT": "many"}, ["METRICS_PORT", "integer"], "ConfigurationInvalid"),
        (KEY | {"PORT": "65536"}, ["PORT", "65535"], "ConfigurationInvalid"),
        (KEY | {"HOST": "192.0.2.1"}, ["HOST"], "ConfigurationInvalid"),
        (KEY | {"ACCESS_MODE": "Token"}, ["ACCESS_TOKEN", "ACCESS_MODE"], "AccessTokenMissing"),
        (KEY | {"ACCESS_MODE": "Maybe"}, ["ACCESS_MODE", "'None', 'Token' or 'OIDC'"], "ConfigurationInvalid"),
        (KEY | {"OPENROUTER_BASE_URL": "openrouter.ai"}, ["OPENROUTER_BASE_URL", "http"], "ConfigurationInvalid"),
        (KEY | {"OPENROUTER_BASE_URL": f"https://{ACCEPTED.token}@h/"}, ["OPENROUTER_BASE_URL", "user"], "ConfigurationInvalid"),
        (KEY | {"CHATASSISTANT_CONFIG": "/nowhere/config.json"}, ["/nowhere/config.json", "No such file"], "ConfigurationMissing"),
    ],
    ids=lambda value: str(value)[-40:],
)  # fmt: skip
def test_what_the_environment_lacks(
    tmp_path: Path, environment: dict[str, str], told: list[str], word: str
) -> None:
    refused = refusal(tmp_path, environment)
    assert [each for each in told if each not in refused.line] == []
    assert refused.word == word


SERVER = {"name": "todo", "url": "http://todo-tools/mcp"}
HEADERS = [{"name": "Authorization", "env": "MCP_HEADER_0_0"}]


def tools(**changes: Any) -> str:
    return json.dumps({"tools": {"mcpServers": [{**SERVER, **changes}]}})


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", ["Invalid JSON"]),
        ("[]", ["object"]),
        (json.dumps({"modle": {}}), ["modle", "no field"]),
        (json.dumps({"model": {"parameters": {"maxTokens": 0}}}), ["model.parameters.maxTokens", "greater"]),
        (json.dumps({"model": {"parameters": {"max_tokens": 9}}}), ["model.parameters.max_tokens", "no field"]),
        (json.dumps({"model": {"fallbacks": ["a/b"] * 4}}), ["model.fallbacks", "3"]),
        (json.dumps({"model": {"simpleQueries": {"maxCharacters": 5}}}), ["model.simpleQueries.name", "required"]),
        (json.dumps({"model": {"provider": {"sort": "beauty"}}}), ["model.provider.sort", "'exacto'"]),
        (json.dumps({"model": {"provider": {"maxPrice": {"prompt": -1}}}}), ["model.provider.maxPrice.prompt"]),
        (json.dumps({"gateway": {"baseURL": "openrouter.ai"}}), ["gateway.baseURL", "http"]),
        (json.dumps({"gateway": {"title": f"a\n{ACCEPTED.token}"}}), ["gateway.title"]),
        (json.dumps({"observability": {"logLevel": ACCEPTED.token}}), ["observability.logLevel", "'Debug'"]),
        (json.dumps({"credentials": {"delivery": "Pigeon"}}), ["credentials.delivery", "'Env' or 'File'"]),
        (json.dumps({"tools": {"maxRounds": 0}}), ["tools.maxRounds", "greater"]),
        (tools(url="todo-tools/mcp"), ["tools.mcpServers.0.url", "http"]),
        (tools(transport="Stdio"), ["tools.mcpServers.0.transport", "'StreamableHTTP'"]),
        (tools(timeoutSeconds=0), ["tools.mcpServers.0.timeoutSeconds", "greater"]),
        (tools(headers=[{"name": "no such:name", "env": "X"}]), ["tools.mcpServers.0.headers.0.name"]),
    ],
    ids=lambda value: str(value)[:60],
)  # fmt: skip
def test_what_is_wrong_in_the_file(tmp_path: Path, content: str, told: list[str]) -> None:
    path = tmp_path / "config.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(StartError) as refused:
        load(KEY | {"CHATASSISTANT_CONFIG": str(path)})
    line = str(refused.value)
    assert [word for word in told if word not in line] == []
    assert str(path) in line
    assert "\n" not in line
    assert ACCEPTED.token not in line
    assert refused.value.word == "ConfigurationInvalid"


BY_REDIS = json.dumps({"store": {"type": "Redis"}})
BY_FILE = json.dumps({"credentials": {"delivery": "File"}})


@pytest.mark.parametrize(
    ("content", "environment", "told", "word"),
    [
        (json.dumps({"access": {"mode": "Token"}}), {}, ["ACCESS_TOKEN"], "AccessTokenMissing"),
        (tools(headers=HEADERS), {}, ["MCP_HEADER_0_0", "not set", "Authorization", "todo"], "ConfigurationInvalid"),
        (tools(headers=HEADERS), {"MCP_HEADER_0_0": f"a\n{ACCEPTED.token}"}, ["MCP_HEADER_0_0", "characters"], "ConfigurationInvalid"),
        (BY_FILE, {}, ["OPENROUTER_API_KEY_FILE", "not set", "delivery"], "ApiKeyMissing"),
        (BY_FILE, {"OPENROUTER_API_KEY_FILE": "/nowhere/api-key"}, ["/nowhere/api-key", "No such file"], "ApiKeyMissing"),
        (BY_FILE, {"OPENROUTER_API_KEY_FILE": "/dev/null"}, ["/dev/null", "empty"], "ApiKeyMissing"),
        (BY_FILE, {"OPENROUTER_API_KEY_FILE": __file__}, [__file__, "spaces"], "ApiKeyMalformed"),
        (BY_REDIS, {}, ["STORE_URL", "not set", "store.type"], "StoreUrlMissing"),
        (BY_REDIS, {"STORE_URL": f"http://:{ACCEPTED.token}@h"}, ["STORE_URL", "rediss://"], "ConfigurationInvalid"),
        (BY_REDIS, {"STORE_URL": f"redis://:{ACCEPTED.token}@h:port"}, ["STORE_URL", "host:port"], "ConfigurationInvalid"),
        (BY_REDIS, {"STORE_URL": f"redis://h?{ACCEPTED.token}=1"}, ["STORE_URL", "options"], "ConfigurationInvalid"),
        (BY_REDIS, {"STORE_URL": "redis://h?decode_responses=1"}, ["STORE_URL", "options besides", "ssl_ca_data"], "ConfigurationInvalid"),
        (BY_REDIS, {"STORE_URL": "redis://h?socket_timeout=60&db=1"}, ["STORE_URL", "options besides"], "ConfigurationInvalid"),
        (BY_REDIS, {"STORE_URL": "redis://h?protocol"}, ["STORE_URL", "options besides"], "ConfigurationInvalid"),
        (BY_REDIS, {"STORE_URL": f"redis://:a?{ACCEPTED.token}@h"}, ["STORE_URL", "%3F"], "ConfigurationInvalid"),
        (BY_REDIS, {"STORE_URL": f"redis://h?db={ACCEPTED.token}"}, ["STORE_URL", "values that are none"], "ConfigurationInvalid"),
        (BY_REDIS, {"STORE_URL": f"redis://[{ACCEPTED.token}"}, ["STORE_URL", "host:port"], "ConfigurationInvalid"),
        (BY_REDIS, {"STORE_URL": "redis://h?ssl_ca_certs=/ca.pem"}, ["STORE_URL", "values that are none"], "ConfigurationInvalid"),
        (BY_REDIS, {"STORE_URL": "rediss://h?ssl_ca_certs=/nowhere/ca.pem"}, ["STORE_URL", "certificate"], "ConfigurationInvalid"),
        (BY_REDIS, {"STORE_URL": f"rediss://h?ssl_ca_data={ACCEPTED.token}"}, ["STORE_URL", "certificate"], "ConfigurationInvalid"),
        (BY_REDIS, {"STORE_URL": f"rediss://h?ssl_cert_reqs={ACCEPTED.token}"}, ["STORE_URL", "values that are none"], "ConfigurationInvalid"),
    ],
    ids=lambda value: str(value)[-40:],
)  # fmt: skip
def test_what_the_file_asks_of_the_environment(
    tmp_path: Path, content: str, environment: dict[str, str], told: list[str], word: str
) -> None:
    path = tmp_path / "config.json"
    path.write_text(content, encoding="utf-8")
    refused = refusal(tmp_path, KEY | {"CHATASSISTANT_CONFIG": str(path)} | environment)
    assert [each for each in told if each not in refused.line] == []
    assert refused.word == word


@pytest.mark.parametrize("variable", ["PORT", "METRICS_PORT"])
def test_a_port_that_is_taken(tmp_path: Path, variable: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = refusal(tmp_path, KEY | {variable: port})
    assert f"{variable}: 127.0.0.1:{port}" in refused.line
    assert "in use" in refused.line
    assert refused.word == "AddressInUse"


@pytest.mark.parametrize("path", ["", "/nowhere/termination-log", "/proc/version"])
def test_nobody_who_reads_the_word_is_no_error(tmp_path: Path, path: str) -> None:
    there = Path("/dev/termination-log").exists()
    assert "OPENROUTER_API_KEY" in refusal(tmp_path, {"TERMINATION_LOG_PATH": path}).line
    assert Path("/dev/termination-log").exists() == there, "it is Kubernetes that makes it"


def test_a_defect_is_told_in_a_word_too(tmp_path: Path) -> None:
    word = tmp_path / "termination-log"
    broken = f"from chatassistant_chatbot import __main__ as it; it.serve = lambda _: 1 / 0; it.main()  # {ACCEPTED.token}"
    result = subprocess.run(
        [sys.executable, "-c", broken],
        env={"PATH": os.environ["PATH"], "TERMINATION_LOG_PATH": str(word), **KEY},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert result.returncode == 1
    assert "ZeroDivisionError" in result.stderr
    assert word.read_text(encoding="utf-8") == "InternalError"


def test_what_ends_as_it_should_leaves_no_word(
    start_chatbot: Callable[..., Chatbot], gateway: GatewayProcess, tmp_path: Path
) -> None:
    word = tmp_path / "termination-log"
    chatbot = start_chatbot(configuration(gateway.base_url), TERMINATION_LOG_PATH=str(word))
    assert chatbot.stop() == 0
    assert not word.exists()


def test_by_itself_from_the_environment(
    start_chatbot: Callable[..., Chatbot], gateway: GatewayProcess
) -> None:
    chatbot = start_chatbot(
        OPENROUTER_API_KEY=f" {ACCEPTED.token}\n",
        OPENROUTER_BASE_URL=f"{gateway.base_url}/",
        AI_MODEL="openai/gpt-4o-mini",
    )
    assert httpx.post(chatbot.url + URL, json=HELLO).status_code == 200
    sent = gateway.log[-1]["body"]
    assert sent["model"] == "openai/gpt-4o-mini"
    assert sent["messages"][0]["content"] == "You are a helpful assistant"
    assert (sent["temperature"], sent["max_tokens"]) == (0.7, 1024)


def test_by_itself_with_a_token(start_chatbot: Callable[..., Chatbot], gateway: GatewayProcess) -> None:
    chatbot = start_chatbot(OPENROUTER_BASE_URL=gateway.base_url, ACCESS_TOKEN="letmein")
    assert httpx.get(f"{chatbot.url}/v1/models").status_code == 401
    right = {"Authorization": "Bearer letmein"}
    assert httpx.get(f"{chatbot.url}/v1/models", headers=right).status_code == 200


def test_it_starts_fast_and_small(start_chatbot: Callable[..., Chatbot], gateway: GatewayProcess) -> None:
    chatbot = start_chatbot(configuration(gateway.base_url))
    process = psutil.Process(chatbot.process.pid)
    assert httpx.get(f"{chatbot.health_url}/readyz").status_code == 200
    # Of its own time: other tests may have taken the machine's.
    assert sum(process.cpu_times()[:2]) < 2
    assert process.memory_info().rss < 80 * 1024 * 1024


def test_what_nobody_configured_is_not_even_imported() -> None:
    code = """
import asyncio, sys
import chatassistant_chatbot.__main__
from chatassistant_chatbot.tools.servers import ToolServers
asyncio.run(ToolServers((), {}).keep())
sys.exit(len({'mcp', 'httpx2'} & set(sys.modules)))
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_probes_and_metrics_have_a_port_of_their_own(chatbot: Chatbot) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        assert httpx.get(chatbot.health_url + path).status_code == 200
        assert httpx.get(chatbot.url + path).status_code == 404
    assert httpx.get(f"{chatbot.health_url}/v1/models").status_code == 404


def test_debug_logs_exchanges_with_the_key_masked_and_bodies_cut(
    start_chatbot: Callable[..., Chatbot], gateway: GatewayProcess
) -> None:
    chatbot = start_chatbot(configuration(gateway.base_url, observability={"logLevel": "Debug"}))
    long = {"messages": [{"role": "user", "content": "Hello " * 1000}]}
    httpx.post(chatbot.url + URL, json=long, headers={"X-Request-Id": "long"})
    entry = next(entry for entry in chatbot.entries if entry["message"] == "gateway exchange")
    assert entry["request_headers"]["Authorization"] == "***"
    assert (entry["status"], entry["request_id"]) == (200, "long")
    assert entry["generation"].startswith("gen-")
    assert "Hello" in entry["request_body"]
    assert len(entry["request_body"]) == 2000


class Asking(threading.Thread):
    """Asks for a stream, and keeps what came."""

    def __init__(self, chatbot: Chatbot) -> None:
        super().__init__()
        self._url = chatbot.url + URL
        self.text = ""
        self.problem = ""
        self.start()

    def run(self) -> None:
        try:
            with httpx.stream("POST", self._url, json={**HELLO, "stream": True}, timeout=20) as response:
                for piece in response.iter_text():
                    self.text += piece
        except httpx.HTTPError as error:
            self.problem = type(error).__name__


def test_running_answers_end_before_the_process_does(
    start_chatbot: Callable[..., Chatbot], gateway: GatewayProcess
) -> None:
    chatbot = start_chatbot(configuration(gateway.base_url), DRAIN_SECONDS="15")
    gateway.misbehave(route="/chat/completions", token_seconds=0.2)
    asking = [Asking(chatbot) for _ in range(5)]
    eventually(lambda: all("data:" in each.text for each in asking), "all streams run")
    chatbot.end()

    def not_ready() -> bool:
        return httpx.get(f"{chatbot.health_url}/readyz").status_code == 503

    eventually(not_ready, "readiness is down")
    assert httpx.get(f"{chatbot.health_url}/healthz").status_code == 200

    def closed() -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", int(chatbot.url.rpartition(":")[2]))) != 0

    eventually(closed, "nobody new is let in", timeout=5)
    for each in asking:
        each.join(timeout=15)
        assert each.text.endswith("data: [DONE]\n\n"), each.problem
    assert chatbot.process.wait(timeout=5) == 0
    assert chatbot.entries[-1]["message"] == "ended"


def test_answers_without_end_are_cut_when_the_time_is_over(
    start_chatbot: Callable[..., Chatbot], gateway: GatewayProcess
) -> None:
    patient: dict[str, Any] = {"baseURL": gateway.base_url, "timeoutSeconds": 60}
    chatbot = start_chatbot(configuration(gateway.base_url, gateway=patient), DRAIN_SECONDS="1")
    gateway.misbehave(route="/chat/completions", token_seconds=2)
    asking = Asking(chatbot)
    eventually(lambda: "data:" in asking.text, "the stream runs")
    started = time.monotonic()
    chatbot.end()
    assert chatbot.process.wait(timeout=8) == 0
    assert time.monotonic() - started < 4
    assert "an answer was cut" in chatbot.log
    asking.join(timeout=5)
    assert "[DONE]" not in asking.text
    assert asking.problem, "the cut is seen as one"
