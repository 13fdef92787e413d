"""Conversations: listed, named, found, saved and deleted; in the browser alone, or kept by the assistant."""

import json
import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import BrowserContext, expect

from support.chat_page import ChatPage
from support.chatbots import Chatbot
from support.gateway import GatewayProcess
from support.redis import RedisServer, serving
from support.waiting import eventually_async

pytestmark = pytest.mark.asyncio(loop_scope="session")
COMPLETIONS = "/chat/completions"
Visit = Callable[..., Awaitable[ChatPage]]
TOKEN = "a-token-that-all-share-7f3a"


async def test_they_are_listed_and_there_after_a_reload(chat: ChatPage) -> None:
    await expect(chat.page.get_by_text("No conversations yet.")).to_be_visible()
    await chat.ask("What is the first question?")
    await chat.page.get_by_role("button", name="New conversation").click()
    await chat.ask("What is the second one?")
    await chat.ask("And one more?")
    titles = ["What is the second one?", "What is the first question?"]
    await expect(chat.conversations).to_have_text(titles)
    await chat.page.reload()
    await expect(chat.conversations).to_have_text(titles)
    await expect(chat.questions).to_have_text(["What is the second one?", "And one more?"])
    await chat.conversations.last.click()
    await expect(chat.questions).to_have_text(["What is the first question?"])
    await expect(chat.page).to_have_title("What is the first question? · todo")
    await chat.answer.get_by_role("button", name="Details").click()
    await expect(chat.answer.locator("dl")).to_contain_text("claude-haiku")
    await chat.page.go_back()
    await expect(chat.questions).to_have_count(2)


async def test_they_are_renamed_and_found(chat: ChatPage, gateway: GatewayProcess) -> None:
    gateway.misbehave(route=COMPLETIONS, says="A hedgehog sleeps in winter")
    await chat.ask("Tell me of animals")
    await chat.menu("Rename")
    await chat.page.get_by_role("textbox", name="Name of the conversation").fill("About beasts")
    await chat.page.keyboard.press("Enter")
    await expect(chat.page.get_by_role("heading", level=1)).to_have_text("About beasts")
    await chat.page.get_by_role("button", name="New conversation").click()
    gateway.reset()
    await chat.ask("Something else")
    search = chat.page.get_by_role("searchbox", name="Search conversations")
    for words in ("beasts", "HEDGEHOG winter"):
        await search.fill(words)
        await expect(chat.conversations).to_have_text(["About beasts"])
    await search.fill("elephant")
    await expect(chat.page.get_by_text("Nothing found.")).to_be_visible()
    await chat.page.reload()
    await expect(chat.conversations).to_have_text(["Something else", "About beasts"])


async def test_they_are_saved_as_files(chat: ChatPage, gateway: GatewayProcess, tmp_path: Path) -> None:
    gateway.misbehave(route=COMPLETIONS, says="It is **42**.")
    await chat.ask("What is: the answer?")
    name, markdown = await chat.saved("Export as Markdown", tmp_path)
    assert name == "What is the answer.md"
    assert markdown.startswith(
        "# What is: the answer?\n\n## You\n\nWhat is: the answer?\n\n## Answer (anthropic/"
    )
    assert markdown.endswith(")\n\nIt is **42**.\n")
    name, text = await chat.saved("Export as JSON", tmp_path)
    content = json.loads(text)
    assert name == "What is the answer.json"
    assert content["messages"] == [
        {"role": "user", "content": "What is: the answer?"},
        {"role": "assistant", "content": "It is **42**."},
    ]
    assert content["exchanges"][0]["answer"]["usage"]["completion_tokens"] == 3


async def test_they_are_deleted_after_a_question(chat: ChatPage) -> None:
    await chat.ask("Forget me")
    await chat.menu("Delete")
    dialog = chat.page.get_by_role("dialog")
    await expect(dialog).to_contain_text("Delete “Forget me”?")
    await chat.page.keyboard.press("Escape")
    await expect(chat.conversations).to_have_count(1)
    await chat.menu("Delete")
    await dialog.get_by_role("button", name="Delete").click()
    await expect(chat.conversations).to_have_count(0)
    await expect(chat.questions).to_have_count(0)
    await chat.page.reload()
    await expect(chat.page.get_by_text("No conversations yet.")).to_be_visible()


async def test_a_deleted_one_does_not_come_back(chat: ChatPage, gateway: GatewayProcess) -> None:
    gateway.misbehave(route=COMPLETIONS, says="word " * 500, token_seconds=0.1)
    await chat.write("Forget me")
    await expect(chat.text).to_contain_text("word")
    await chat.menu("Delete")
    await chat.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(chat.conversations).to_have_count(0)

    async def hung_up() -> bool:
        return gateway.hang_ups == 1

    await eventually_async(hung_up, "its answer ends")
    await chat.page.reload()
    await expect(chat.page.get_by_text("No conversations yet.")).to_be_visible()


async def test_an_answer_goes_on_while_another_conversation_is_read(
    chat: ChatPage, gateway: GatewayProcess
) -> None:
    await chat.ask("The first")
    await chat.page.get_by_role("button", name="New conversation").click()
    gateway.misbehave(route=COMPLETIONS, says="word " * 20, token_seconds=0.1)
    await chat.write("The second")
    await expect(chat.text).to_contain_text("word")
    await chat.conversations.last.click()
    await expect(chat.questions).to_have_text(["The first"])
    await chat.conversations.first.click()
    await chat.answered()
    await expect(chat.text).to_have_text("word " * 20)


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    yield from serving(tmp_path_factory.mktemp("redis"))


@pytest.fixture
def keeping(start_chatbot: Callable[..., Chatbot], redis: RedisServer) -> Callable[..., Chatbot]:
    """Starts a chatbot that keeps conversations in a Redis."""

    def start(**changes: Any) -> Chatbot:
        environment = {"STORE_URL": redis.url, "ACCESS_TOKEN": TOKEN}
        return start_chatbot(environment, store={"type": "Redis"}, **changes)

    return start


async def signed_in(visit: Visit, url: str) -> ChatPage:
    chat = await visit(url)
    await chat.page.get_by_label("Access token").fill(TOKEN)
    await chat.page.keyboard.press("Enter")
    await expect(chat.input).to_be_visible()
    return chat


async def test_the_assistant_keeps_them_for_its_user(
    keeping: Callable[..., Chatbot], visit: Visit, gateway: GatewayProcess
) -> None:
    chatbot = keeping(access={"mode": "Token"})
    here = await signed_in(visit, chatbot.url)
    await here.ask("Do you keep this?")
    await here.ask("And this?")
    told = [each["content"] for each in gateway.log[-1]["body"]["messages"][1:]]
    assert [told[0], told[2]] == ["Do you keep this?", "And this?"]
    there = await signed_in(visit, chatbot.url)
    await there.conversations.first.click()
    await expect(there.questions).to_have_text(["Do you keep this?", "And this?"])
    await there.menu("Rename")
    await there.page.get_by_role("textbox", name="Name of the conversation").fill("Kept")
    await there.page.keyboard.press("Enter")
    await expect(there.conversations).to_have_text(["Kept"])
    await here.page.reload()
    await expect(here.conversations).to_have_text(["Kept"])
    await here.menu("Delete")
    await here.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(here.conversations).to_have_count(0)
    await there.page.reload()
    await expect(there.page.get_by_text("No conversations yet.")).to_be_visible()


async def test_a_kept_question_is_asked_anew(
    keeping: Callable[..., Chatbot], visit: Visit, gateway: GatewayProcess
) -> None:
    chat = await signed_in(visit, keeping(access={"mode": "Token"}).url)
    await chat.ask("One")
    await chat.ask("Two")
    gateway.misbehave(route=COMPLETIONS, says="Another answer")
    await chat.answer.get_by_role("button", name="Ask again").click()
    await expect(chat.text).to_have_text("Another answer")
    await chat.answered()
    await expect(chat.conversations).to_have_text(["One"])
    await chat.page.reload()
    await expect(chat.questions).to_have_text(["One", "Two"])
    await expect(chat.text).to_have_text("Another answer")
    told = [each["content"] for each in gateway.log[-1]["body"]["messages"][1:]]
    assert [told[0], *told[2:]] == ["One", "Two"]


async def test_what_an_answer_took_is_there_after_a_reload(
    keeping: Callable[..., Chatbot], visit: Visit, gateway: GatewayProcess
) -> None:
    """And still there, when a later question was asked anew, which moves all to a conversation of its own."""
    chat = await signed_in(visit, keeping(access={"mode": "Token"}).url)
    await chat.ask("One")

    async def details() -> dict[str, str]:
        await chat.answers.first.get_by_role("button", name="Details").click()
        rows = chat.answers.first.locator("dl")
        await expect(rows).to_be_visible()
        names, values = await rows.locator("dt").all_inner_texts(), await rows.locator("dd").all_inner_texts()
        return dict(zip(names, values, strict=True))

    fresh = await details()
    await chat.page.reload()
    kept = await details()
    assert list(kept) == ["Model", "Tokens", "Cost", "Time"]
    assert {name: fresh[name] for name in list(kept)[:3]} == {name: kept[name] for name in list(kept)[:3]}
    assert re.fullmatch(r"[0-9.]+ s in all", kept["Time"])
    await chat.ask("Two")
    await chat.answer.get_by_role("button", name="Ask again").click()
    await chat.answered()
    await chat.page.reload()
    await expect(chat.questions).to_have_text(["One", "Two"])
    assert await details() == kept
    asked = [each["body"]["messages"] for each in gateway.log if each["body"]]
    assert not any("metadata" in each for each in asked[-1])


async def test_what_the_assistant_did_not_keep_is_not_lost(
    keeping: Callable[..., Chatbot], visit: Visit, gateway: GatewayProcess
) -> None:
    chat = await signed_in(visit, keeping(access={"mode": "Token"}).url)
    gateway.misbehave(route=COMPLETIONS, says="word " * 500, token_seconds=0.1)
    await chat.write("Talk for ever")
    await expect(chat.text).to_contain_text("word word")
    await chat.page.get_by_role("button", name="Stop").click()
    await expect(chat.answer).to_contain_text("Stopped.")
    await chat.page.reload()
    await expect(chat.answer).to_contain_text("Stopped.")
    gateway.reset()
    await chat.ask("What did you say?")
    told = [each["content"] for each in gateway.log[-1]["body"]["messages"][1:]]
    assert told[0] == "Talk for ever"
    assert told[1].startswith("word word")
    await chat.page.reload()
    await expect(chat.questions).to_have_text(["Talk for ever", "What did you say?"])


async def test_nobody_sees_what_others_said_from_the_same_address(
    keeping: Callable[..., Chatbot],
    visit: Visit,
    new_context: Callable[..., Awaitable[BrowserContext]],
    redis: RedisServer,
) -> None:
    redis.empty()
    chatbot = keeping(access={"mode": "None"})
    context = await new_context()
    mine = await visit(chatbot.url, context)
    await mine.ask("A secret of mine")
    theirs = await visit(chatbot.url)
    await expect(theirs.page.get_by_text("No conversations yet.")).to_be_visible()
    again = await visit(chatbot.url, context)
    await expect(again.conversations).to_have_text(["A secret of mine"])
