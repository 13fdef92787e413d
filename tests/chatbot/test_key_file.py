"""A key that comes by file, as a mounted Secret does, and is exchanged while requests run."""

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from chatassistant_chatbot.credentials import _LOOK_SECONDS, _looks
from chatassistant_operator.local.openrouter.situations import (
    ACCEPTED,
    FREE_TIER,
    KEYS,
    MANAGEMENT,
    NO_CREDIT,
    UNKNOWN,
)
from support.chatbots import HELLO, Chatbot, configuration
from support.gateway import GatewayProcess
from support.waiting import eventually

URL = "/v1/chat/completions"
ROUTE = "/chat/completions"


class Secret:
    """A Secret's mount: the file is a link into `..data`, which is swapped by a rename."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._versions = 0
        self.file = folder / "api-key"
        folder.mkdir()
        self.write(ACCEPTED.token)
        self.file.symlink_to("..data/api-key")

    def write(self, value: str | bytes | None) -> None:
        """Swap to a version with that value, or with no such entry."""
        self._versions += 1
        version = self._folder / f"..version-{self._versions}"
        version.mkdir()
        if value is not None:
            (version / "api-key").write_bytes(value.encode() if isinstance(value, str) else value)
        link = self._folder / "..data_tmp"
        link.symlink_to(version.name)
        link.rename(self._folder / "..data")


def mounted(gateway: GatewayProcess, secret: Secret) -> tuple[dict[str, Any], dict[str, str]]:
    """The configuration and the environment of a chatbot whose key comes by file."""
    content = configuration(gateway.base_url, credentials={"delivery": "File"})
    # The variable of the other delivery is nothing to it.
    return content, {"OPENROUTER_API_KEY": "sk-or-none", "OPENROUTER_API_KEY_FILE": str(secret.file)}


@pytest.fixture(scope="module")
def _mounted(
    _gateway_process: GatewayProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Chatbot, Secret]]:
    folder = tmp_path_factory.mktemp("mounted")
    secret = Secret(folder / "secret")
    chatbot = Chatbot(folder, *mounted(_gateway_process, secret))
    yield chatbot, secret
    assert chatbot.stop() == 0
    assert "Traceback" not in chatbot.log
    assert [key.name for key in KEYS.values() if key.token in chatbot.log] == []


@pytest.fixture
def secret(_mounted: tuple[Chatbot, Secret]) -> Secret:
    return _mounted[1]


@pytest.fixture
def chatbot(_mounted: tuple[Chatbot, Secret], gateway: GatewayProcess) -> Chatbot:
    """A chatbot that has the key `accepted` from the file of `secret`."""
    chatbot, secret = _mounted
    secret.write(ACCEPTED.token)
    eventually(lambda: key_in_use(chatbot, gateway) == "accepted", "all is as in the beginning", timeout=5)
    assert not is_refused(chatbot)
    gateway.reset()
    return chatbot


def key_in_use(chatbot: Chatbot, gateway: GatewayProcess) -> str:
    """The name of the key with which a completion is asked for."""
    httpx.post(chatbot.url + URL, json=HELLO, timeout=10)
    name: str = next(entry["key"] for entry in reversed(gateway.log) if entry["route"] == f"POST {ROUTE}")
    return name


def questions(gateway: GatewayProcess) -> list[str]:
    """The keys that the gateway was asked about."""
    return [entry["key"] for entry in gateway.log if entry["route"] == "GET /key"]


def is_refused(chatbot: Chatbot) -> bool:
    refused: bool = chatbot.report["credentials"]["newKeyRefused"]
    return refused


def test_each_new_key_is_asked_about_and_then_used(
    chatbot: Chatbot, gateway: GatewayProcess, secret: Secret
) -> None:
    assert key_in_use(chatbot, gateway) == "accepted"
    assert questions(gateway) == []
    # More than one swap: who watches the file itself sees the first only.
    for key in (FREE_TIER, NO_CREDIT, ACCEPTED):
        asked = len(questions(gateway))
        secret.write(f" {key.token}\n")
        eventually(lambda asked=asked: questions(gateway)[asked:], "the gateway is asked", timeout=2)
        eventually(lambda key=key: key_in_use(chatbot, gateway) == key.name, "it is used", timeout=2)
        assert not is_refused(chatbot)
    assert questions(gateway) == ["free tier", "no credit", "accepted"]
    assert chatbot.process.poll() is None


async def test_no_request_fails_and_streams_go_on(
    chatbot: Chatbot, gateway: GatewayProcess, secret: Secret
) -> None:
    gateway.misbehave(route=ROUTE, token_seconds=0.2)
    async with httpx.AsyncClient(base_url=chatbot.url, timeout=20) as http:
        stream = asyncio.create_task(http.post(URL, json={**HELLO, "stream": True}))
        answers: list[httpx.Response] = []
        swapped, started = False, time.monotonic()
        while "free tier" not in [entry["key"] for entry in gateway.log[-4:] if entry["route"] != "GET /key"]:
            answers += await asyncio.gather(*(http.post(URL, json=HELLO) for _ in range(4)))
            if not swapped:
                secret.write(FREE_TIER.token)
                swapped = True
            assert time.monotonic() - started < 10, "the new key is used"
        assert {answer.status_code for answer in answers} == {200}
        assert not stream.done()
        assert (await stream).text.endswith("data: [DONE]\n\n")


@pytest.mark.parametrize(
    ("value", "asked"),
    [
        (UNKNOWN.token, ["unknown"]),
        (MANAGEMENT.token, ["management"]),
        ("", []),
        ("two words", []),
        (b"\xff\xfe", []),
        (None, []),
    ],
    ids=["unknown", "management", "empty", "two words", "binary", "missing"],
)
def test_what_is_no_good_key_is_reported_and_never_used(
    chatbot: Chatbot, gateway: GatewayProcess, secret: Secret, value: str | bytes | None, asked: list[str]
) -> None:
    secret.write(value)
    eventually(lambda: is_refused(chatbot), "it is reported", timeout=2)
    assert key_in_use(chatbot, gateway) == "accepted"
    assert questions(gateway) == asked
    assert chatbot.report["gateway"] == {"problem": None}
    secret.write(FREE_TIER.token)
    eventually(lambda: key_in_use(chatbot, gateway) == "free tier", "a good one is used", timeout=2)
    assert not is_refused(chatbot)


@pytest.mark.parametrize("status", [401, 402, 403, 404])
def test_a_definite_refusal_is_not_asked_again(
    chatbot: Chatbot, gateway: GatewayProcess, secret: Secret, status: int
) -> None:
    gateway.misbehave(route="/key", status=status)
    secret.write(FREE_TIER.token)
    eventually(lambda: is_refused(chatbot), "it is reported", timeout=2)
    assert f"answered {status}" in chatbot.entries[-1]["message"]
    secret.write(ACCEPTED.token)
    eventually(lambda: not is_refused(chatbot), "the old key is back, which is in use", timeout=2)
    assert questions(gateway) == ["free tier"]


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 408},
        {"error": "upstream_rate_limit"},
        {"status": 503},
        {"hang_up": True},
        {"body": "<h1>Welcome"},
        {"status": 302, "body": "", "headers": {"Location": "/elsewhere"}},
    ],
    ids=str,
)
def test_a_gateway_that_cannot_tell_is_asked_again(
    chatbot: Chatbot, gateway: GatewayProcess, secret: Secret, fault: dict[str, Any]
) -> None:
    gateway.misbehave(route="/key", times=1, **fault)
    secret.write(FREE_TIER.token)
    eventually(lambda: "asked again" in chatbot.entries[-1]["message"], "the gateway is asked", timeout=2)
    assert key_in_use(chatbot, gateway) == "accepted"
    assert not is_refused(chatbot)
    eventually(lambda: key_in_use(chatbot, gateway) == "free tier", "it is asked again", timeout=4)


def test_silence_is_no_answer(chatbot: Chatbot, gateway: GatewayProcess, secret: Secret) -> None:
    gateway.misbehave(route="/key", times=1, black_hole=True)
    secret.write(FREE_TIER.token)
    eventually(lambda: key_in_use(chatbot, gateway) == "free tier", "it is asked again", timeout=8)


def test_pauses_double_and_a_wish_for_patience_is_heard(
    chatbot: Chatbot, gateway: GatewayProcess, secret: Secret
) -> None:
    before = len(chatbot.entries)
    gateway.misbehave(route="/key", times=1, status=503)
    gateway.misbehave(route="/key", times=1, status=429, headers={"Retry-After": "5"})
    secret.write(FREE_TIER.token)
    eventually(lambda: len(questions(gateway)) == 1, "it is asked", timeout=2)
    first = time.monotonic()
    eventually(lambda: len(questions(gateway)) == 2, "it is asked again", timeout=4)
    second = time.monotonic()
    eventually(lambda: len(questions(gateway)) == 3, "it is asked a third time", timeout=8)
    assert 1.8 < second - first < 3
    assert 4.8 < time.monotonic() - second < 6.5
    waits = [entry["message"] for entry in chatbot.entries[before:] if "asked again" in entry["message"]]
    assert [message.rpartition(" in ")[2] for message in waits] == ["2 s", "5 s"]


def test_another_change_ends_the_asking(chatbot: Chatbot, gateway: GatewayProcess, secret: Secret) -> None:
    gateway.misbehave(route="/key", times=1, status=503, headers={"Retry-After": "3"})
    secret.write(UNKNOWN.token)
    eventually(lambda: questions(gateway), "the gateway is asked", timeout=2)
    secret.write(FREE_TIER.token)
    eventually(lambda: key_in_use(chatbot, gateway) == "free tier", "the newest is asked about", timeout=2)
    # Until after the other one would have been asked about again.
    time.sleep(3.5)
    assert questions(gateway) == ["unknown", "free tier"]
    assert not is_refused(chatbot)


def test_what_was_said_of_the_old_key_does_not_hold_for_the_new_one(
    chatbot: Chatbot, gateway: GatewayProcess, secret: Secret
) -> None:
    gateway.misbehave(route=ROUTE, error="unknown_key")
    key_in_use(chatbot, gateway)
    assert chatbot.report["gateway"] == {"problem": "KeyRejected"}
    secret.write(FREE_TIER.token)
    eventually(lambda: chatbot.report["gateway"] == {"problem": None}, "nothing is known of it", timeout=2)


def test_a_file_that_is_written_in_place_is_read_too(
    chatbot: Chatbot, gateway: GatewayProcess, secret: Secret
) -> None:
    secret.file.write_text(FREE_TIER.token, encoding="utf-8")
    eventually(lambda: key_in_use(chatbot, gateway) == "free tier", "the new key is used", timeout=8)


async def test_the_folder_is_watched_and_not_only_looked_into(secret: Secret) -> None:
    looks = _looks(secret.file.parent)
    # The first is at once, the second with the watch.
    await anext(looks)
    await anext(looks)
    for _ in range(3):
        secret.write(FREE_TIER.token)
        async with asyncio.timeout(0.7 * _LOOK_SECONDS):
            await anext(looks)
        # Until nothing has happened for as long as it may take.
        while True:
            started = time.monotonic()
            await anext(looks)
            if time.monotonic() - started > 0.9 * _LOOK_SECONDS:
                break
    await looks.aclose()


async def test_a_folder_that_cannot_be_watched_is_looked_into(tmp_path: Path) -> None:
    looks = _looks(tmp_path / "nowhere")
    async with asyncio.timeout(3 * _LOOK_SECONDS):
        for _ in range(3):
            await anext(looks)
    await looks.aclose()


def test_it_ends_while_it_asks(
    start_chatbot: Callable[..., Chatbot], gateway: GatewayProcess, tmp_path: Path
) -> None:
    secret = Secret(tmp_path / "secret")
    content, environment = mounted(gateway, secret)
    chatbot = start_chatbot(content, **environment)
    gateway.misbehave(route="/key", black_hole=True)
    secret.write(FREE_TIER.token)
    eventually(lambda: questions(gateway), "the gateway is asked", timeout=2)
    started = time.monotonic()
    assert chatbot.stop() == 0
    assert time.monotonic() - started < 3
