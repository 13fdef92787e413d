"""For everybody: axe, keyboard, screen reader, contrast, motion, direction of writing, languages, phones."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from playwright.async_api import expect

from support.chat_page import ChatPage
from support.chatbots import Chatbot
from support.chromium import MODULES
from support.gateway import GatewayProcess
from support.waiting import eventually_async

pytestmark = pytest.mark.asyncio(loop_scope="session")
COMPLETIONS = "/chat/completions"
Visit = Callable[..., Awaitable[ChatPage]]
AXE = MODULES / "axe-core/axe.min.js"
RUN_AXE = """async () => (await axe.run()).violations.map((each) => [
    each.id, each.impact, each.nodes.map((node) => [node.html, node.failureSummary])])"""
RICH = """## A heading

Text with `code`, [a link](https://x.example/), *emphasis* and a formula $x^2$.

1. One
2. Two

- [x] done
- [ ] to do

> Said by somebody

| a | b |
|---|---|
| 1 | 2 |

```python
def f(x):  # a comment
    return "text", 1, None
```
"""


async def assert_accessible(chat: ChatPage, where: str) -> None:
    # What still moves is not where it will be.
    await chat.page.wait_for_function("document.getAnimations().length === 0")
    # By the browser's own tools: the page's policy keeps scripts of others out.
    violations: list[Any] = await chat.evaluate(RUN_AXE)
    assert violations == [], f"{where}: {json.dumps(violations, indent=2)}"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("device", ["desk", "phone"])
async def test_axe_finds_nothing(
    chatbot: Chatbot, visit: Visit, gateway: GatewayProcess, scheme: str, device: str
) -> None:
    phone = {"viewport": {"width": 375, "height": 700}, "has_touch": True, "is_mobile": True}
    chat = await visit(
        chatbot.url, color_scheme=scheme, bypass_csp=True, **(phone if device == "phone" else {})
    )
    await chat.page.add_init_script(path=AXE)
    await chat.page.reload()
    await expect(chat.input).to_be_visible()
    await assert_accessible(chat, "at the beginning")
    gateway.misbehave(route=COMPLETIONS, says=RICH)
    await chat.input.fill("Show me everything")
    await chat.page.get_by_role("button", name="Ask", exact=True).click()
    await chat.answered()
    await expect(chat.text.locator(".code-kwd").first).to_be_visible()
    await chat.answer.get_by_role("button", name="Details").click()
    await assert_accessible(chat, "with an answer")
    gateway.misbehave(route=COMPLETIONS, status=429, headers={"Retry-After": "60"})
    await chat.input.fill("Too much")
    await chat.page.get_by_role("button", name="Ask", exact=True).click()
    await chat.answered()
    await assert_accessible(chat, "with a problem")
    await chat.page.get_by_role("banner").get_by_role("button", name="Conversation", exact=True).click()
    await assert_accessible(chat, "with a menu")
    await chat.page.get_by_role("menuitem", name="Delete").click()
    await assert_accessible(chat, "with a dialogue")
    await chat.page.keyboard.press("Escape")
    if device == "phone":
        await chat.page.get_by_role("button", name="Conversations and settings").click()
        await assert_accessible(chat, "with the conversations")
    await chat.page.get_by_role("button", name="Settings", exact=True).click()
    await assert_accessible(chat, "with the settings")


async def test_axe_finds_nothing_where_people_sign_in(
    start_chatbot: Callable[..., Chatbot], visit: Visit
) -> None:
    chatbot = start_chatbot({"ACCESS_TOKEN": "token"}, access={"mode": "Token"})
    chat = await visit(chatbot.url, bypass_csp=True)
    await chat.page.add_init_script(path=AXE)
    await chat.page.reload()
    await expect(chat.page.get_by_label("Access token")).to_be_focused()
    await assert_accessible(chat, "signing in")


async def test_all_is_done_by_keyboard(chat: ChatPage, gateway: GatewayProcess) -> None:
    await expect(chat.input).to_be_focused()
    keyboard = chat.page.keyboard
    await keyboard.type("One line")
    await keyboard.press("Shift+Enter")
    await keyboard.type("and another")
    await keyboard.press("Enter")
    await chat.answered()
    await expect(chat.questions).to_have_text("One line\nand another", use_inner_text=True)
    await keyboard.press("Control+k")
    await expect(chat.page.get_by_role("searchbox")).to_be_focused()
    await keyboard.press("Tab")
    await expect(chat.conversations.first).to_be_focused()
    await keyboard.press("Tab")
    await keyboard.press("Enter")
    await keyboard.press("ArrowUp")
    await expect(chat.page.get_by_role("menuitem", name="Delete")).to_be_focused()
    await keyboard.press("Home")
    await keyboard.press("Enter")
    await keyboard.type("Named by keyboard")
    await keyboard.press("Enter")
    await expect(chat.conversations).to_have_text(["Named by keyboard"])
    await chat.page.get_by_role("button", name="Settings").focus()
    await keyboard.press("/")
    await expect(chat.input).to_be_focused()
    gateway.misbehave(route=COMPLETIONS, says="word " * 200, token_seconds=0.1)
    await keyboard.type("Long")
    await keyboard.press("Enter")
    await expect(chat.text).to_contain_text("word")
    await keyboard.press("Escape")
    await expect(chat.answer).to_contain_text("Stopped.")


async def test_a_screen_reader_hears_of_turning_points_only(chat: ChatPage, gateway: GatewayProcess) -> None:
    await expect(chat.input).to_be_visible()
    await chat.evaluate(
        """() => {
            window.heard = [];
            const live = document.querySelectorAll("[aria-live], [role=status], [role=alert], [role=log]");
            for (const each of live) new MutationObserver(() => {
                if (each.textContent) window.heard.push(each.textContent);
            }).observe(each, { childList: true, characterData: true, subtree: true });
        }"""
    )
    gateway.misbehave(route=COMPLETIONS, says="One two three four five six", token_seconds=0.2)
    await chat.ask("Count to six")
    expected = ["todo is answering", "Answer of todo: One two three four five six"]

    async def heard() -> bool:
        assert await chat.evaluate("window.heard") == expected
        return True

    await eventually_async(heard, "both are said")


async def test_nothing_moves_where_motion_is_unwelcome(
    chatbot: Chatbot, visit: Visit, gateway: GatewayProcess
) -> None:
    chat = await visit(chatbot.url, reduced_motion="reduce")
    gateway.misbehave(route=COMPLETIONS, delay_seconds=1)
    await chat.write("Hello")
    await expect(chat.answer.locator(".waiting")).to_be_visible()
    moving = await chat.evaluate(
        "document.getAnimations().filter((each) => each.playState === 'running').length"
    )
    assert moving == 0
    await chat.answered()


@pytest.mark.parametrize(
    ("locale", "language", "words"),
    [
        ("de-AT", "de", ["Neue Unterhaltung", "Was möchten Sie wissen?"]),
        ("es-MX", "es", ["Nueva conversación", "¿Qué le gustaría saber?"]),
        ("fr-CA", "fr", ["Nouvelle conversation", "Que voulez-vous savoir\u00a0?"]),
        ("zh-CN", "zh-Hans", ["新对话", "您想了解什么？"]),  # noqa: RUF001 (Chinese has its own marks)
        ("sv-SE", "en", ["New conversation", "What would you like to know?"]),
    ],
)
async def test_it_speaks_the_readers_language(
    chatbot: Chatbot, visit: Visit, locale: str, language: str, words: list[str]
) -> None:
    chat = await visit(chatbot.url, locale=locale)
    for each in words:
        await expect(chat.page.get_by_text(each, exact=True).last).to_be_visible()
    await expect(chat.page.locator("html")).to_have_attribute("lang", language)


async def test_language_and_appearance_are_chosen(chat: ChatPage) -> None:
    await chat.input.fill("Nothing is lost")
    await chat.page.get_by_role("button", name="Settings").click()
    await chat.page.get_by_label("Appearance").select_option("Dark")
    dark = await chat.evaluate("getComputedStyle(document.body).backgroundColor")
    await chat.page.get_by_label("Language").select_option("Deutsch")
    await expect(chat.page.get_by_role("button", name="Einstellungen")).to_be_visible()
    await expect(chat.page.get_by_role("textbox", name="todo fragen")).to_have_value("Nothing is lost")
    assert await chat.evaluate("getComputedStyle(document.body).backgroundColor") == dark
    assert dark == "rgb(23, 25, 27)"


async def test_it_is_written_from_right_to_left_too(chat: ChatPage, gateway: GatewayProcess) -> None:
    gateway.misbehave(route=COMPLETIONS, says="مرحبا بك\n\nand English\n\n```\nx = 1\n```")
    await chat.evaluate("document.documentElement.dir = 'rtl'")
    await chat.ask("كيف حالك؟")
    directions = [
        await each.evaluate("node => getComputedStyle(node).direction")
        for each in [
            chat.questions,
            chat.text.locator("p").first,
            chat.text.locator("p").last,
            chat.text.locator("figure"),
        ]
    ]
    assert directions == ["rtl", "rtl", "ltr", "ltr"]
    arrow = chat.answer.get_by_role("button", name="Details").locator("svg")
    assert await arrow.evaluate("node => getComputedStyle(node).transform") == "matrix(-1, 0, 0, 1, 0, 0)"
    sidebar = await chat.page.get_by_role("navigation").bounding_box()
    main = await chat.page.get_by_role("main").bounding_box()
    assert sidebar is not None
    assert main is not None
    assert sidebar["x"] > main["x"]


async def test_a_phone_shows_all_of_it(chatbot: Chatbot, visit: Visit, gateway: GatewayProcess) -> None:
    phone = {"viewport": {"width": 320, "height": 600}, "has_touch": True, "is_mobile": True}
    chat = await visit(chatbot.url, **phone)
    gateway.misbehave(route=COMPLETIONS, says=f"{RICH}\n{'long' * 100}\n")
    await chat.input.fill("Show me")
    # Enter begins a line here, as on any phone.
    await chat.input.press("Enter")
    await expect(chat.input).to_have_value("Show me\n")
    await chat.page.get_by_role("button", name="Ask", exact=True).tap()
    await chat.answered()
    width = (
        "document.querySelector('.scroller').scrollWidth - document.querySelector('.scroller').clientWidth"
    )
    assert await chat.evaluate(width) == 0
    assert await chat.evaluate("document.documentElement.scrollWidth") == 320
    await expect(chat.page.get_by_role("navigation")).to_be_hidden()
    await chat.page.get_by_role("button", name="Conversations and settings").tap()
    await expect(chat.conversations).to_have_text(["Show me"])
    await chat.page.get_by_role("button", name="New conversation").tap()
    await expect(chat.page.get_by_role("navigation")).to_be_hidden()
