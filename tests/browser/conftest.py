from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, async_playwright

from support.chat_page import ChatPage
from support.chatbots import Chatbot, configuration
from support.chromium import MissingBrowserError, launch
from support.gateway import GatewayProcess
from support.plugin import missing

# One that is paid, so that answers cost something.
MODEL = "anthropic/claude-haiku-4.5"
FAQ = [
    {"question": "What can you do for me?", "answer": "I keep a list of your **tasks**."},
    {"question": "How do I add a task?", "answer": "Say what it is, and when it is due."},
]


def settings(stand_in: GatewayProcess, **changes: Any) -> dict[str, Any]:
    """What the chatbots of these tests are told."""
    model = {"name": MODEL, "parameters": {"maxTokens": 60_000}}
    return configuration(stand_in.base_url, **{"model": model, "faq": FAQ, **changes})


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        try:
            browser = await launch(playwright)
        except MissingBrowserError as error:
            missing(str(error))
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def new_context(browser: Browser) -> AsyncIterator[Callable[..., Awaitable[BrowserContext]]]:
    """Gives browsers of other people: `await new_context(**options)`."""
    made: list[BrowserContext] = []

    async def make(**options: Any) -> BrowserContext:
        options = {"locale": "en-US", "viewport": {"width": 1200, "height": 800}, **options}
        made.append(await browser.new_context(**options))
        return made[-1]

    yield make
    for each in made:
        await each.close()


@pytest_asyncio.fixture(loop_scope="session")
async def visit(
    new_context: Callable[..., Awaitable[BrowserContext]],
) -> AsyncIterator[Callable[..., Awaitable[ChatPage]]]:
    """Opens the page of a chatbot: `await visit(url)`; it asked nobody else, and met with no defect."""
    visits: list[ChatPage] = []

    async def open_page(url: str, context: BrowserContext | None = None, **options: Any) -> ChatPage:
        visits.append(await ChatPage.visit(context or await new_context(**options), url))
        return visits[-1]

    yield open_page
    for each in visits:
        assert each.problems == []
        assert each.foreign == []


@pytest.fixture(scope="session")
def _shared_chatbot(
    _gateway_process: GatewayProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Chatbot]:
    chatbot = Chatbot(tmp_path_factory.mktemp("chatbot"), settings(_gateway_process))
    yield chatbot
    assert chatbot.stop() == 0
    assert "Traceback" not in chatbot.log


@pytest.fixture
def chatbot(_shared_chatbot: Chatbot, gateway: GatewayProcess) -> Chatbot:
    """The chatbot in front of `gateway`, which has nothing wrong and nothing counted yet."""
    return _shared_chatbot


@pytest_asyncio.fixture(loop_scope="session")
async def chat(chatbot: Chatbot, visit: Callable[..., Awaitable[ChatPage]]) -> ChatPage:
    """The page of `chatbot`."""
    return await visit(chatbot.url)


@pytest.fixture
def start_chatbot(tmp_path: Path, gateway: GatewayProcess) -> Iterator[Callable[..., Chatbot]]:
    """Starts a chatbot of the test's own: `start_chatbot(environment, **changes)` of its settings."""
    started: list[Chatbot] = []

    def start(environment: dict[str, str] | None = None, **changes: Any) -> Chatbot:
        folder = tmp_path / f"chatbot-{len(started)}"
        started.append(Chatbot(folder, settings(gateway, **changes), environment))
        return started[-1]

    yield start
    for each in started:
        each.stop()
        assert "Traceback" not in each.log
