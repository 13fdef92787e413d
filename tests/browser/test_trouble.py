"""When something goes wrong: it is said in words, there is a way on, and nothing that was typed is lost."""

from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import expect

from support.chat_page import ChatPage
from support.chatbots import Chatbot
from support.gateway import GatewayProcess
from support.processes import free_port

pytestmark = pytest.mark.asyncio(loop_scope="session")
COMPLETIONS = "/chat/completions"
Visit = Callable[..., Awaitable[ChatPage]]


async def test_a_limit_counts_down(chat: ChatPage, gateway: GatewayProcess) -> None:
    gateway.misbehave(route=COMPLETIONS, status=429, headers={"Retry-After": "5"})
    await chat.ask("Hello")
    problem = chat.answer.locator(".problem")
    retry = problem.get_by_role("button", name="Try again")
    await expect(problem).to_contain_text("The assistant is over its limit: try again in 5 s.")
    await expect(retry).to_be_disabled()
    await expect(problem).to_contain_text("try again in 3 s.")
    gateway.reset()
    await expect(retry).to_be_enabled(timeout=10_000)
    await retry.click()
    await chat.answered()
    await expect(chat.text).to_contain_text("Hello")
    await expect(chat.questions).to_have_text(["Hello"])


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"error": "unknown_key"}, "The assistant is not set up properly"),
        ({"error": "no_credit"}, "The assistant has no credit left."),
        ({"status": 502}, "The model cannot be reached at the moment."),
        ({"black_hole": True}, "The model took too long to answer."),
        ({"says": "One two three four", "error_after": 2}, "The model cannot be reached at the moment."),
        ({"says": "One two three four", "cut_after": 2}, "The model cannot be reached at the moment."),
    ],
)
async def test_problems_are_said_in_words(
    start_chatbot: Callable[..., Chatbot],
    visit: Visit,
    gateway: GatewayProcess,
    fault: dict[str, object],
    words: str,
) -> None:
    # Of its own: a gateway that fails often is left alone for a while.
    chat = await visit(start_chatbot().url)
    gateway.misbehave(route=COMPLETIONS, **fault)
    await chat.ask("Hello")
    await expect(chat.answer.locator(".problem")).to_contain_text(words)
    if "says" in fault:
        await expect(chat.text).to_have_text("One two")
    gateway.reset()
    await chat.answer.get_by_role("button", name="Try again").click()
    await expect(chat.text).to_contain_text("Hello")


async def test_what_is_typed_is_there_after_a_reload(chat: ChatPage) -> None:
    await chat.ask("Hello")
    await chat.input.fill("Half a question")
    await chat.page.get_by_role("button", name="New conversation").click()
    await expect(chat.input).to_have_value("")
    await chat.input.fill("Another half")
    await chat.page.reload()
    await expect(chat.input).to_have_value("Another half")
    await chat.conversations.first.click()
    await expect(chat.input).to_have_value("Half a question")


async def test_an_answer_that_a_reload_interrupts_is_asked_for_again(
    chat: ChatPage, gateway: GatewayProcess
) -> None:
    gateway.misbehave(route=COMPLETIONS, delay_seconds=30)
    await chat.write("Hello?")
    await expect(chat.conversations).to_have_text(["Hello?"])
    await expect(chat.page.get_by_role("button", name="Stop")).to_be_visible()
    await chat.page.reload()
    await expect(chat.answer.locator(".problem")).to_contain_text("The answer was interrupted.")
    gateway.reset()
    await chat.answer.get_by_role("button", name="Try again").click()
    await expect(chat.text).to_contain_text("Hello?")


async def test_being_offline_is_noticed_and_being_back_too(chat: ChatPage) -> None:
    banner = chat.page.locator(".banner")
    await chat.page.context.set_offline(True)
    await expect(banner).to_have_text("You are offline. What you write is kept.")
    await chat.ask("Is anybody there?")
    await expect(chat.answer.locator(".problem")).to_contain_text("The connection was lost.")
    await chat.page.context.set_offline(False)
    await expect(banner).to_have_text("The assistant can be reached again.")
    await expect(banner).to_be_hidden(timeout=10_000)
    await chat.answer.get_by_role("button", name="Try again").click()
    await expect(chat.text).to_contain_text("Is anybody there?")


async def test_an_assistant_that_goes_and_comes_is_noticed(
    start_chatbot: Callable[..., Chatbot], visit: Visit, gateway: GatewayProcess
) -> None:
    port = str(free_port())
    chatbot = start_chatbot({"PORT": port, "DRAIN_SECONDS": "0"})
    chat = await visit(chatbot.url)
    gateway.misbehave(route=COMPLETIONS, says="word " * 500, token_seconds=0.1)
    await chat.write("Talk for ever")
    await expect(chat.text).to_contain_text("word word")
    chatbot.process.kill()
    await chat.answered()
    await expect(chat.text).to_contain_text("word word")
    await expect(chat.answer.locator(".problem")).to_contain_text("The connection was lost.")
    await expect(chat.page.locator(".banner")).to_contain_text("The assistant cannot be reached.")
    gateway.reset()
    start_chatbot({"PORT": port})
    await expect(chat.page.locator(".banner")).to_have_text(
        "The assistant can be reached again.", timeout=20_000
    )
    await chat.answer.get_by_role("button", name="Try again").click()
    await expect(chat.text).to_contain_text("You said")


async def test_a_page_that_is_opened_before_the_assistant_waits_for_it(
    start_chatbot: Callable[..., Chatbot], visit: Visit
) -> None:
    port = str(free_port())
    chatbot = start_chatbot({"PORT": port})
    chat = await visit(chatbot.url)
    await expect(chat.input).to_be_visible()
    await chat.page.route("**/page/config.json", lambda route: route.abort())
    await chat.page.reload()
    await expect(chat.page.get_by_role("alert")).to_have_text("The connection was lost.")
    await chat.page.unroute("**/page/config.json")
    await expect(chat.input).to_be_visible(timeout=10_000)
