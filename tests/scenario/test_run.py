"""`kubectl-assistant run`: from files to an answer, with no cluster."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import yaml

from chatassistant_operator.local.openrouter.situations import ACCEPTED, UNKNOWN
from support.assistants import merged
from support.bad_manifests import KEY
from support.gateway import GatewayProcess
from support.processes import start, stop
from support.waiting import eventually

QUICKSTART = Path(__file__).parents[2] / "deploy" / "samples" / "quickstart.yaml"


def _run(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "chatassistant_operator.cli", "run", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
        env={"PATH": os.environ["PATH"], **environment},
    )


def test_asks_once_and_ends() -> None:
    result = _run(QUICKSTART, "--ask", "Hello")
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("\n") == 1
    assert "Hello" in result.stdout
    assert "stand-in" in result.stderr


def test_with_a_key_of_ones_own(gateway: GatewayProcess) -> None:
    result = _run(
        QUICKSTART, "--openrouter", gateway.base_url, "--ask", "Hi", OPENROUTER_API_KEY=ACCEPTED.token
    )
    assert result.returncode == 0, result.stderr
    assert gateway.requests["GET /key"] == 1
    assert ACCEPTED.token not in result.stdout + result.stderr


def test_with_a_secret_that_is_refused(gateway: GatewayProcess) -> None:
    secret = f"openrouter-secret={UNKNOWN.token}"
    result = _run(QUICKSTART, "--openrouter", gateway.base_url, "--secret", secret, "--ask", "Hi")
    assert result.returncode == 1
    assert "KeyRejected" in result.stderr
    assert "User not found." in result.stderr


OWN_TOKEN = """
  access:
    tokenSecretRef: {name: mine}
---
kind: Secret
metadata: {name: mine, namespace: todo-chatbot, labels: {chatassistant.dev/use: access}}
stringData: {token: open-sesame}
"""


def test_with_an_access_token_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(QUICKSTART.read_text(encoding="utf-8") + OWN_TOKEN, encoding="utf-8")
    result = _run(path, "--ask", "Hello")
    assert result.returncode == 0, result.stderr
    assert "Hello" in result.stdout
    assert "stand-in" in result.stderr, "that Secret is no API key"
    assert "open-sesame" not in result.stdout + result.stderr


def test_a_secret_that_its_owner_has_not_labelled(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    text = QUICKSTART.read_text(encoding="utf-8") + OWN_TOKEN.replace("use: access", "use: store")
    path.write_text(text, encoding="utf-8")
    result = _run(path, "--ask", "Hello")
    assert result.returncode == 1
    assert "chatassistant.dev/use=access" in result.stderr


def test_without_any_secret(gateway: GatewayProcess) -> None:
    result = _run(QUICKSTART, "--openrouter", gateway.base_url, "--ask", "Hi")
    assert result.returncode == 1
    assert "SecretNotFound" in result.stderr


def test_the_policy_holds_here_too() -> None:
    key = {"OPENROUTER_API_KEY": ACCEPTED.token}
    result = _run(
        QUICKSTART, "--ask", "Hi", CHATASSISTANT_POLICY__ALLOWED_GATEWAYS='["https://a.example"]', **key
    )
    assert result.returncode == 1
    assert "PolicyDenied" in result.stderr
    assert "allowedGateways" in result.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "is no YAML"),
        ("a: b", "no Kubernetes object"),
        ("kind: ConfigMap\nmetadata: {name: x}", "None of the files holds a ChatAssistant"),
        ("kind: ChatAssistant\nmetadata: {}", "bad.yaml:2:1: error: metadata.name"),
        (
            QUICKSTART.read_text(encoding="utf-8").replace("openrouter-secret\n", f"{KEY}\n"),
            "apiKeySecretRef.name",
        ),
        (QUICKSTART.read_text(encoding="utf-8") + "\n  repliacs: 1\n", "spec.repliacs: unknown field"),
    ],
    ids=["no YAML", "no object", "no assistant", "no name", "a key", "unknown field"],
)
def test_files_that_cannot_be_run(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text, encoding="utf-8")
    result = _run(path)
    assert result.returncode == 2
    assert words in result.stderr
    assert KEY not in result.stderr
    assert "Traceback" not in result.stderr
    assert _run(tmp_path / "nowhere.yaml").returncode == 2


def test_several_at_once_with_secrets_and_prompts_from_files_until_sigterm(
    tmp_path: Path, gateway: GatewayProcess
) -> None:
    ref = {"credentials": {"apiKeySecretRef": {"name": "mine"}}, "gateway": {"baseURL": gateway.base_url}}
    prompt = {"systemPromptFrom": {"configMapKeyRef": {"name": "prompts", "key": "p"}}}
    head = {"apiVersion": "chatassistant.dev/v1alpha1", "kind": "ChatAssistant"}
    documents = [
        {"kind": "Secret", "metadata": {"name": "mine"}, "stringData": {"api-key": ACCEPTED.token}},
        {"kind": "ConfigMap", "metadata": {"name": "prompts"}, "data": {"p": "Answer in rhymes."}},
        {**head, "metadata": {"name": "one"}, "spec": ref | prompt},
        {**head, "metadata": {"name": "two"}, "spec": ref | {"replicas": 2}},
    ]
    path = tmp_path / "both.yaml"
    path.write_text(yaml.safe_dump_all(documents), encoding="utf-8")
    log = tmp_path / "run.log"
    command = [sys.executable, "-u", "-m", "chatassistant_operator.cli", "run", path]
    allowed = {"CHATASSISTANT_POLICY__ALLOWED_GATEWAYS": f'["{gateway.base_url}"]'}
    process = start(command, log, {"PATH": os.environ["PATH"], **allowed})
    try:
        text = eventually(lambda: _of_ready(log, 2), "both are ready")
        url = next(line for line in text.splitlines() if line.startswith("one answers at")).split()[-1]
        body = {"messages": [{"role": "user", "content": "Hello"}]}
        assert httpx.post(f"{url}/chat/completions", json=body, timeout=10).status_code == 401
        (command,) = (line for line in text.splitlines() if f"curl {url}" in line)
        (token,) = re.findall(r"Authorization: Bearer ([-\w]+)", command)
        headers = {"Authorization": f"Bearer {token}"}
        asked = httpx.post(f"{url}/chat/completions", json=body, headers=headers, timeout=10)
        assert asked.status_code == 200
        assert log.read_text(encoding="utf-8").count(token) == 1, "it is told once"
        assert gateway.log[-1]["body"]["messages"][0]["content"] == "Answer in rhymes."
        chatbots = psutil.Process(process.pid).children()
        assert len(chatbots) == 3
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert time.monotonic() - started < 30
        psutil.wait_procs(chatbots, timeout=1)
        assert not any(chatbot.is_running() for chatbot in chatbots)
    finally:
        stop(process)


def _of_ready(log: Path, count: int) -> str:
    """The log, once it has so many whole lines that say how an assistant is asked; empty before."""
    text = log.read_text(encoding="utf-8")
    return text if len(re.findall(r"curl http.+\n", text)) >= count else ""


def _with(log: Path, *words: str) -> str:
    text = log.read_text(encoding="utf-8")
    return text if all(word in text for word in words) else ""


def test_chatbots_end_even_when_it_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "run.log"
    command = [sys.executable, "-u", "-m", "chatassistant_operator.cli", "run", QUICKSTART]
    process = start(command, log, {"PATH": os.environ["PATH"]})
    try:
        eventually(lambda: _with(log, "answers at"), "it is ready")
        chatbots = psutil.Process(process.pid).children()
        assert chatbots
        process.kill()
        process.wait()
        eventually(
            lambda: not any(chatbot.is_running() for chatbot in chatbots), "the chatbots end", timeout=5
        )
    finally:
        stop(process)


class Watched:
    """`run --watch` of one file, which a test edits."""

    def __init__(self, path: Path, log: Path, *words: str) -> None:
        self.path = path
        self.log = log
        self.write("Answer in rhymes.")
        command = [sys.executable, "-u", "-m", "chatassistant_operator.cli", "run", "--watch", path, *words]
        self.process = start(command, log, {"PATH": os.environ["PATH"]})

    def wait(self) -> None:
        def ready() -> str:
            text = _of_ready(self.log, 1)
            assert text, self.log.read_text(encoding="utf-8")
            return text

        text = eventually(ready, "it is ready", timeout=60)
        (self.url,) = re.findall(r"^todo answers at (\S+)$", text, re.MULTILINE)
        (self.token,) = re.findall(r"Authorization: Bearer ([-\w]+)", text)

    def write(self, prompt: str, change: dict[str, Any] | None = None, more: str = "") -> None:
        manifest = merged(yaml.safe_load(QUICKSTART.read_text(encoding="utf-8")), change or {})
        manifest["spec"]["systemPrompt"] = prompt
        self.path.write_text(yaml.safe_dump(manifest, sort_keys=False) + more, encoding="utf-8")

    def ask(self, url: str = "") -> int:
        body = {"messages": [{"role": "user", "content": "Hello"}]}
        headers = {"Authorization": f"Bearer {self.token}"}
        try:
            return httpx.post(
                f"{url or self.url}/chat/completions", json=body, headers=headers, timeout=10
            ).status_code
        except httpx.TransportError:
            return 0

    def chatbots(self) -> list[int]:
        return [each.pid for each in psutil.Process(self.process.pid).children()]


@pytest.fixture
def watched(tmp_path: Path, gateway: GatewayProcess) -> Iterator[Watched]:
    words = ("--openrouter", gateway.base_url, "--secret", f"openrouter-secret={ACCEPTED.token}")
    watched = Watched(tmp_path / "todo.yaml", tmp_path / "run.log", *words)
    try:
        watched.wait()
        yield watched
    finally:
        stop(watched.process)
    assert "Traceback" not in watched.log.read_text(encoding="utf-8")


def test_an_edit_restarts_the_chat_at_the_same_address(watched: Watched, gateway: GatewayProcess) -> None:
    assert watched.ask() == 200
    assert gateway.log[-1]["body"]["messages"][0]["content"] == "Answer in rhymes."
    before = watched.chatbots()
    watched.write("Answer in prose.")

    def is_new() -> bool:
        assert watched.ask() == 200
        return bool(gateway.log[-1]["body"]["messages"][0]["content"] == "Answer in prose.")

    eventually(is_new, "the edit is used")
    assert not set(before) & set(watched.chatbots())
    assert "The files have changed: todo" in watched.log.read_text(encoding="utf-8")


def test_an_edit_that_is_broken_changes_nothing(watched: Watched, gateway: GatewayProcess) -> None:
    before = watched.chatbots()
    watched.write("Answer in prose.", {"spec": {"repliacs": 1}})
    line = 1 + watched.path.read_text(encoding="utf-8").splitlines().index("  repliacs: 1")
    words = f"todo.yaml:{line}:3: error: spec.repliacs: unknown field; did you mean replicas?"
    eventually(lambda: _with(watched.log, words, "what ran before it goes on"), "it is told")
    watched.path.write_text("a: [", encoding="utf-8")
    eventually(lambda: _with(watched.log, "todo.yaml:1:5: error: is no YAML"), "it is told")
    watched.path.unlink()
    eventually(lambda: _with(watched.log, "todo.yaml: No such file or directory"), "it is told")
    assert watched.ask() == 200
    assert gateway.log[-1]["body"]["messages"][0]["content"] == "Answer in rhymes."
    assert watched.chatbots() == before


def test_an_edit_that_the_gateway_refuses_leaves_the_chat_alone(
    watched: Watched, gateway: GatewayProcess
) -> None:
    before = watched.chatbots()
    watched.write("Answer in prose.", {"spec": {"model": {"name": "openai/gpt-5-mimi"}}})
    eventually(lambda: _with(watched.log, "ModelNotFound"), "it is told")
    assert watched.ask() == 200
    assert watched.chatbots() == before
    watched.write("Answer in prose.", {"spec": {"model": {"name": "openai/gpt-5-mini"}}})
    eventually(lambda: watched.chatbots() != before and watched.ask() == 200, "the chat restarts")
    assert gateway.log[-1]["body"]["model"] == "openai/gpt-5-mini"


def test_assistants_come_and_go(watched: Watched) -> None:
    second = yaml.safe_load(QUICKSTART.read_text(encoding="utf-8"))
    second["metadata"]["name"] = "second"
    watched.write("Answer in rhymes.", more=f"---\n{yaml.safe_dump(second)}")
    text = eventually(lambda: _of_ready(watched.log, 2), "the second is ready")
    (url,) = re.findall(r"^second answers at (\S+)$", text, re.MULTILINE)
    assert watched.ask() == 200
    assert len(watched.chatbots()) == 2
    assert watched.ask(url) == 401, "it has a token of its own"
    watched.write("Answer in rhymes.")
    eventually(lambda: watched.ask(url) == 0 and len(watched.chatbots()) == 1, "the second ends")
    assert watched.ask() == 200


def test_a_question_and_a_watch_exclude_each_other() -> None:
    result = _run(QUICKSTART, "--ask", "Hello", "--watch")
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
