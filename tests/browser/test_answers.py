"""Asking and being answered, as it is seen on the page."""

import itertools
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from support.chat_page import ChatPage
from support.chatbots import Chatbot
from support.gateway import GatewayProcess
from support.tool_servers import ToolServerProcess
from support.waiting import eventually_async

pytestmark = pytest.mark.asyncio(loop_scope="session")
COMPLETIONS = "/chat/completions"
# What stands in the answer after each change, as long as more is to come.
REMEMBER_TEXTS = """() => {
    window.seen = [];
    new MutationObserver(() => {
        const text = document.querySelector(".answer[aria-busy] .markdown")?.textContent;
        if (text) window.seen.push(text);
    }).observe(document.body, { childList: true, characterData: true, subtree: true });
}"""
Visit = Callable[..., Awaitable[ChatPage]]


async def test_an_answer_is_seen_as_it_comes(chat: ChatPage, gateway: GatewayProcess) -> None:
    gateway.misbehave(route=COMPLETIONS, says="One two three four five six", token_seconds=0.2)
    await chat.evaluate(REMEMBER_TEXTS)
    await chat.ask("Count to six")
    await expect(chat.text).to_have_text("One two three four five six")
    await expect(chat.questions).to_have_text(["Count to six"])
    seen = await chat.evaluate("window.seen")
    assert len(set(seen)) >= 5
    assert all(later.startswith(sooner) for sooner, later in itertools.pairwise(seen))


async def test_details_say_who_answered_and_what_it_took(chat: ChatPage) -> None:
    await chat.ask("Hello")
    details = chat.answer.locator("dl")
    await expect(details).to_be_hidden()
    await chat.answer.get_by_role("button", name="Details").click()
    await expect(details).to_contain_text("anthropic/claude-haiku-4.5")
    await expect(details).to_contain_text("7 read, 16 written")
    await expect(details).to_contain_text("$0.000087")
    await expect(details).to_contain_text("s to the first word")


async def test_stop_ends_the_work_at_the_gateway(chat: ChatPage, gateway: GatewayProcess) -> None:
    gateway.misbehave(route=COMPLETIONS, says="word " * 500, token_seconds=0.1)
    await chat.write("Talk for ever")
    await expect(chat.text).to_contain_text("word word")
    await chat.page.get_by_role("button", name="Stop").click()
    await expect(chat.answer).to_contain_text("Stopped.")
    await expect(chat.page.get_by_role("button", name="Ask", exact=True)).to_be_visible()

    async def hung_up() -> bool:
        return gateway.hang_ups == 1

    await eventually_async(hung_up, "the gateway sees it", timeout=5)
    await expect(chat.text).to_contain_text("word word")
    assert gateway.requests[f"POST {COMPLETIONS}"] == 1


async def test_escape_stops_too(chat: ChatPage, gateway: GatewayProcess) -> None:
    gateway.misbehave(route=COMPLETIONS, says="word " * 500, token_seconds=0.1)
    await chat.write("Talk for ever")
    await expect(chat.text).to_contain_text("word")
    await chat.page.keyboard.press("Escape")
    await expect(chat.answer).to_contain_text("Stopped.")


async def test_asking_again_replaces_the_answer(chat: ChatPage, gateway: GatewayProcess) -> None:
    gateway.misbehave(route=COMPLETIONS, says="The first answer")
    await chat.ask("Hello")
    gateway.misbehave(route=COMPLETIONS, says="The second answer")
    await chat.answer.get_by_role("button", name="Ask again").click()
    await expect(chat.text).to_have_text("The second answer")
    await expect(chat.questions).to_have_text(["Hello"])
    (message,) = gateway.log[-1]["body"]["messages"][1:]
    assert message == {"role": "user", "content": "Hello"}


async def test_a_question_is_edited_and_asked_again(chat: ChatPage) -> None:
    await chat.ask("Helo")
    await chat.input.fill("Something else")
    await chat.questions.first.hover()
    await chat.page.get_by_role("button", name="Edit").click()
    await expect(chat.input).to_have_value("Helo")
    await chat.ask_in_place("Hello")
    await expect(chat.questions).to_have_text(["Hello"])
    await expect(chat.text).to_contain_text("Hello")
    await expect(chat.input).to_have_value("Something else")


async def test_an_earlier_question_is_asked_in_another_conversation(chat: ChatPage) -> None:
    for question in ("One", "Two", "Three"):
        await chat.ask(question)
    await chat.questions.nth(1).hover()
    await chat.page.get_by_role("button", name="Edit").nth(1).click()
    await expect(chat.page.locator(".editing")).to_contain_text("conversation of its own")
    await chat.ask_in_place("Another two")
    await expect(chat.questions).to_have_text(["One", "Another two"])
    await expect(chat.conversations).to_have_text(["Another two", "One"])
    await chat.conversations.last.click()
    await expect(chat.questions).to_have_text(["One", "Two", "Three"])


async def test_what_was_said_before_goes_with_the_next_question(
    chat: ChatPage, gateway: GatewayProcess
) -> None:
    gateway.misbehave(route=COMPLETIONS, says="I do")
    await chat.ask("Do you remember?")
    await chat.ask("What?")
    told = [(each["role"], each["content"]) for each in gateway.log[-1]["body"]["messages"][1:]]
    assert told == [("user", "Do you remember?"), ("assistant", "I do"), ("user", "What?")]


async def test_questions_of_the_spec_are_there_to_begin_with(
    start_chatbot: Callable[..., Chatbot], visit: Visit, gateway: GatewayProcess
) -> None:
    chat = await visit(start_chatbot().url)
    buttons = chat.page.get_by_role("group", name="Questions to begin with").get_by_role("button")
    await expect(buttons).to_have_text(["What can you do for me?", "How do I add a task?"])
    await buttons.first.click()
    await expect(chat.text).to_have_text("I keep a list of your tasks.")
    await expect(chat.text.locator("strong")).to_have_text("tasks")
    await expect(buttons).to_have_count(0)
    await chat.answer.get_by_role("button", name="Details").click()
    await expect(chat.answer.locator("dl")).to_contain_text("memory")
    assert f"POST {COMPLETIONS}" not in gateway.requests


async def test_an_answer_that_is_remembered_costs_nothing_and_can_be_asked_for_anew(
    start_chatbot: Callable[..., Chatbot], visit: Visit, gateway: GatewayProcess
) -> None:
    chat = await visit(start_chatbot(cache={"enabled": True}).url)
    gateway.misbehave(route=COMPLETIONS, says="The first answer")
    await chat.ask("Hello")
    gateway.misbehave(route=COMPLETIONS, says="The second answer")
    await chat.page.get_by_role("button", name="New conversation").click()
    await chat.ask("Hello")
    await expect(chat.text).to_have_text("The first answer")
    await chat.answer.get_by_role("button", name="Details").click()
    await expect(chat.answer.locator("dl")).to_contain_text("memory")
    await chat.answer.get_by_role("button", name="Ask again").click()
    await expect(chat.text).to_have_text("The second answer")


async def test_the_user_chooses_among_the_models(
    start_chatbot: Callable[..., Chatbot], visit: Visit, gateway: GatewayProcess
) -> None:
    model = {"name": "anthropic/claude-haiku-4.5", "fallbacks": ["openai/gpt-5-mini"]}
    chat = await visit(start_chatbot(model=model).url)
    await chat.ask("Hello")
    await chat.page.get_by_role("combobox", name="Model").select_option("openai/gpt-5-mini")
    await chat.ask("Hello")
    assert [each["body"]["model"] for each in gateway.log[-2:]] == [model["name"], "openai/gpt-5-mini"]


@pytest.fixture
def tools(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """A tool that takes a second, as settings name it."""
    server = ToolServerProcess(tmp_path / "tools")
    seconds = {"type": "object", "properties": {"seconds": {"type": "number"}}, "required": ["seconds"]}
    server.start(tools=["slow"], schemas={"slow": seconds})
    yield {"mcpServers": [{"name": "lists", "url": server.url}]}
    server.stop()


async def test_tools_are_seen_while_they_run(
    start_chatbot: Callable[..., Chatbot], visit: Visit, tools: dict[str, Any]
) -> None:
    chatbot = start_chatbot({"CHATASSISTANT_ALLOWED_ENDPOINTS": '["*"]'}, tools=tools)
    chat = await visit(chatbot.url)

    async def offered() -> bool:
        return any(each["names"] for each in chatbot.report["tools"])

    await eventually_async(offered, "the tool is offered")
    await chat.write("Be slow")
    tool = chat.answer.locator(".tool")
    await expect(tool).to_contain_text("slow")
    await expect(tool).to_contain_text("running")
    await chat.answered()
    await expect(tool).to_contain_text("done")
    await expect(chat.text).to_contain_text("The tool says")
    await expect(tool.get_by_role("region")).to_have_count(0)
    await tool.locator("summary").click()
    await expect(tool.get_by_role("region", name="Arguments")).to_contain_text('"seconds": 1')
    await expect(tool.get_by_role("region", name="Result")).to_contain_text('"seconds": 1')
