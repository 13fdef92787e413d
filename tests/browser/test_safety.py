"""Whatever a model, a tool, a FAQ or a title says: it is read, and never run."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, expect

from support.chat_page import ChatPage
from support.chatbots import Chatbot
from support.gateway import GatewayProcess
from support.payloads import PAYLOADS
from support.proxy import below
from support.redis import RedisServer, serving
from support.scripted_gateway import ScriptedGateway, calls, scripted_gateway, text
from support.tool_servers import ToolServerProcess
from support.waiting import eventually_async

pytestmark = pytest.mark.asyncio(loop_scope="session")
COMPLETIONS = "/chat/completions"
Visit = Callable[..., Awaitable[ChatPage]]
# Counts what has run, and what would have but for the policy.
WATCH = """
    window.hits = [];
    window.hit = () => window.hits.push("run");
    for (const name of ["alert", "confirm", "prompt", "print"]) window[name] = window.hit;
    addEventListener("securitypolicyviolation", (event) => window.hits.push(event.violatedDirective));
"""
# Elements, attributes and links that no text may become.
UNWANTED = """() => [...document.body.querySelectorAll("*")].filter((each) =>
    each.matches("script, style, link, meta, base, iframe, object, embed, img, video, audio, form, math, template")
    || (each.localName === "svg" && !each.classList.contains("icon"))
    || each.getAttributeNames().some((name) => name.startsWith("on") || name === "srcdoc" || name === "style")
    || (each.matches("a") && !/^(https?:|mailto:|#)/.test(each.getAttribute("href")))
).map((each) => each.outerHTML)"""


async def assert_harmless(chat: ChatPage) -> None:
    for control in await chat.page.locator(".markdown *, .tool *, .bubble").all():
        await control.dispatch_event("mouseover")
    assert await chat.evaluate("window.hits") == []
    assert await chat.evaluate(UNWANTED) == []
    assert chat.foreign == []


@asynccontextmanager
async def watched(visit: Visit, url: str) -> AsyncIterator[ChatPage]:
    chat = await visit(url)
    await chat.page.add_init_script(WATCH)
    await chat.page.reload()
    await expect(chat.input).to_be_visible()
    yield chat
    await assert_harmless(chat)


async def test_the_payloads_run_where_they_are_taken_for_html(browser: Browser) -> None:
    page = await browser.new_page()
    await page.add_init_script(WATCH)
    ran = 0
    for payload in PAYLOADS:
        await page.goto("about:blank")
        await page.set_content(f"<title></title>{payload}", wait_until="commit")
        await page.wait_for_timeout(20)
        ran += bool(await page.evaluate("window.hits.length"))
    await page.close()
    assert len(PAYLOADS) >= 60
    assert ran >= 20


async def test_a_model_runs_nothing(chatbot: Chatbot, visit: Visit, gateway: GatewayProcess) -> None:
    places = [
        "\n\n".join(PAYLOADS),
        "\n".join(f"- **{each}**" for each in PAYLOADS),
        "| a |\n|---|\n" + "\n".join(f"| {each.replace(chr(10), ' ')} |" for each in PAYLOADS),
        "\n\n".join(f"[{each}](https://x.example/{each})" for each in PAYLOADS),
        "\n\n".join(f"```{each}\n{each}\n```" for each in PAYLOADS if "\n" not in each),
        "\n\n".join(f"> # ${each}$ `{each}`" for each in PAYLOADS),
    ]
    async with watched(visit, chatbot.url) as chat:
        for place in places:
            gateway.misbehave(route=COMPLETIONS, says=place)
            await chat.ask("Attack")
        await expect(chat.page.locator(".markdown").first).to_contain_text("<script>hit()</script>")
        await chat.page.reload()
        await expect(chat.answers).to_have_count(len(places))
        await chat.answered()


async def test_a_question_and_a_title_run_nothing(chatbot: Chatbot, visit: Visit) -> None:
    async with watched(visit, chatbot.url) as chat:
        await chat.ask("\n".join(PAYLOADS))
        await expect(chat.questions).to_contain_text("<img src=x onerror=hit()>")
        for payload in PAYLOADS[:3]:
            await chat.menu("Rename")
            await chat.page.get_by_role("textbox", name="Name of the conversation").fill(payload)
            await chat.page.keyboard.press("Enter")
            await expect(chat.conversations).to_have_text([payload])


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    yield from serving(tmp_path)


async def test_titles_that_the_assistant_keeps_run_nothing(
    start_chatbot: Callable[..., Chatbot], visit: Visit, redis: RedisServer
) -> None:
    environment = {"STORE_URL": redis.url, "ACCESS_TOKEN": "token"}
    chatbot = start_chatbot(environment, store={"type": "Redis"}, access={"mode": "Token"})
    headers = {"Authorization": "Bearer token"}
    async with httpx.AsyncClient(base_url=chatbot.url, headers=headers) as http:
        for payload in PAYLOADS:
            (await http.post("/v1/conversations", json={"title": payload})).raise_for_status()
    chat = await visit(chatbot.url)
    await chat.page.add_init_script(WATCH)
    await chat.page.reload()
    await chat.page.get_by_label("Access token").fill("token")
    await chat.page.keyboard.press("Enter")
    await expect(chat.conversations).to_have_count(len(PAYLOADS))
    for link in await chat.conversations.all():
        await link.click()
        await expect(chat.page.get_by_role("heading", level=1)).to_have_text(await link.inner_text())
    await assert_harmless(chat)


async def test_a_faq_runs_nothing(start_chatbot: Callable[..., Chatbot], visit: Visit) -> None:
    parts = [" ".join(PAYLOADS[start::6]) for start in range(6)]
    faq = [{"question": each, "answer": each} for each in parts]
    async with watched(visit, start_chatbot(faq=faq).url) as chat:
        buttons = chat.page.get_by_role("group", name="Questions to begin with").get_by_role("button")
        await expect(buttons).to_have_count(6)
        for number in range(6):
            await buttons.nth(number).click()
            await chat.answered()
            await chat.page.get_by_role("button", name="New conversation").click()
        await expect(buttons.first).to_contain_text("<script>hit()</script>")


async def test_a_tool_runs_nothing(
    start_chatbot: Callable[..., Chatbot], visit: Visit, tmp_path: Path
) -> None:
    server = ToolServerProcess(tmp_path / "tools")
    server.start(tools=["echo"])
    environment = {"CHATASSISTANT_ALLOWED_ENDPOINTS": '["*"]'}
    tools = {"mcpServers": [{"name": "lists", "url": server.url}], "maxRounds": 100}
    try:
        async with scripted_gateway() as gateway:
            chatbot = start_chatbot(environment, tools=tools, gateway={"baseURL": gateway.base_url})
            script(gateway)
            async with watched(visit, chatbot.url) as chat:
                await eventually_async(lambda: offered(chatbot), "the tool is offered")
                await chat.ask("Call them")
                await expect(chat.answer.locator(".tool")).to_have_count(len(PAYLOADS))
                for tool in await chat.answer.locator(".tool summary").all():
                    await tool.click()
                results = chat.answer.get_by_role("region", name="Result")
                await expect(results.first).to_contain_text("<script>hit()</script>")
    finally:
        server.stop()


def script(gateway: ScriptedGateway) -> None:
    """The model calls a tool with each payload, whose result is the same."""
    gateway.says(
        *(calls("lists__echo", arguments=json.dumps({"text": each})) for each in PAYLOADS), text("Done.")
    )


async def offered(chatbot: Chatbot) -> Any:
    return any(each["names"] for each in chatbot.report["tools"])


async def test_it_works_below_a_path(chatbot: Chatbot, visit: Visit, gateway: GatewayProcess) -> None:
    async with below("/teams/a", chatbot.url) as url:
        chat = await visit(f"{url}/")
        gateway.misbehave(route=COMPLETIONS, says="```python\nx = 1\n```")
        await chat.ask("Hello")
        await expect(chat.text.locator(".code-num")).to_have_text("1")
        await chat.page.reload()
        await expect(chat.questions).to_have_text(["Hello"])
        await chat.page.close()
