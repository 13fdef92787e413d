from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from chatassistant_operator.local.openrouter.situations import KEYS
from support.chatbots import HELLO, Chatbot, configuration
from support.gateway import GatewayProcess
from support.redis import RedisServer, serving
from support.waiting import eventually


@pytest.fixture(scope="session")
def _shared_chatbot(
    _gateway_process: GatewayProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Chatbot]:
    chatbot = Chatbot(tmp_path_factory.mktemp("chatbot"), configuration(_gateway_process.base_url))
    yield chatbot
    assert chatbot.stop() == 0
    _assert_quiet(chatbot)


@pytest.fixture
def chatbot(_shared_chatbot: Chatbot, gateway: GatewayProcess) -> Chatbot:
    """The chatbot in front of `gateway`, which has nothing wrong and nothing counted yet, and is known to be well."""

    def answered() -> bool:
        return httpx.post(f"{_shared_chatbot.url}/v1/chat/completions", json=HELLO).is_success

    eventually(answered, "the gateway is asked", timeout=10)
    gateway.reset()
    return _shared_chatbot


@pytest.fixture
async def http(chatbot: Chatbot) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=chatbot.url, timeout=20) as http:
        yield http


@pytest.fixture
def start_chatbot(tmp_path: Path) -> Iterator[Callable[..., Chatbot]]:
    """Starts a chatbot of the test's own: `start_chatbot(content, **environment)`."""
    started: list[Chatbot] = []

    def start(content: dict[str, Any] | None = None, **environment: str) -> Chatbot:
        chatbot = Chatbot(tmp_path / f"chatbot-{len(started)}", content, environment)
        started.append(chatbot)
        return chatbot

    yield start
    for each in started:
        each.stop()
        _assert_quiet(each)


@pytest.fixture(scope="session")
def _redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    yield from serving(tmp_path_factory.mktemp("redis"))


@pytest.fixture
def redis(_redis_server: RedisServer) -> RedisServer:
    """A Redis with nothing in it, which stays up."""
    _redis_server.empty()
    return _redis_server


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of the test's own, to be killed."""
    yield from serving(tmp_path)


def _assert_quiet(chatbot: Chatbot) -> None:
    """It met with no defect, and told nobody a key."""
    assert "Traceback" not in chatbot.log
    assert [key.name for key in KEYS.values() if key.token in chatbot.log] == []
