"""A long answer leaves the page quick: what one task on its main thread takes of the processor is bounded."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from playwright.async_api import Browser

from support.chat_page import ChatPage
from support.chatbots import Chatbot
from support.gateway import GatewayProcess

pytestmark = pytest.mark.asyncio(loop_scope="session")
COMPLETIONS = "/chat/completions"
Visit = Callable[..., Awaitable[ChatPage]]
LINES = 10_000
LONG = {
    "paragraph": "\n".join(f"line {number} of a long answer" for number in range(LINES)),
    "code": "```python\n" + "\n".join(f"x{number} = f({number})" for number in range(LINES)) + "\n```",
    "list": "\n".join(f"- item {number}" for number in range(LINES)),
    "table": "|a|b|\n|-|-|\n" + "\n".join(f"|{number}|**{number}**|" for number in range(LINES)),
}
# Half of what people notice as a delay (web.dev on Interaction to Next Paint: 200 ms).
BUDGET_MILLISECONDS = 100


@pytest.mark.parametrize("kind", list(LONG))
async def test_ten_thousand_lines_leave_the_page_responsive(
    chatbot: Chatbot, visit: Visit, gateway: GatewayProcess, browser: Browser, tmp_path: Path, kind: str
) -> None:
    chat = await visit(chatbot.url)
    page = chat.page
    gateway.misbehave(route=COMPLETIONS, says=LONG[kind])
    await chat.input.fill("Ten thousand lines, please")
    file = tmp_path / "trace.json"
    await browser.start_tracing(page=page, path=file, categories=["toplevel"])
    # From here on the page is asked for little, as finding things in it by role or text is work for it as well.
    await page.keyboard.press("Enter")
    await page.wait_for_selector(".markdown > *")
    # What is typed meanwhile is there at once.
    await page.keyboard.type("next question", delay=20)
    assert await page.input_value("textarea") == "next question"
    await page.wait_for_selector(".answer > .actions", timeout=120_000)
    await browser.stop_tracing()
    slowest = _tasks(json.loads(file.read_text(encoding="utf-8"))["traceEvents"])[-3:]
    assert slowest[-1] < BUDGET_MILLISECONDS, slowest
    assert str(LINES - 1) in (await chat.text.text_content() or "")
    # All of it is there, and its end is in sight.
    assert await chat.evaluate(
        "(() => { const each = document.querySelector('.scroller');"
        " return each.scrollHeight - each.scrollTop - each.clientHeight < 80; })()"
    )


def _tasks(events: list[dict[str, object]]) -> list[float]:
    """How long the page's tasks were at work, in milliseconds of the processor's time, in order."""
    pages = {
        (each["pid"], each["tid"])
        for each in events
        if each.get("name") == "thread_name" and each["args"] == {"name": "CrRendererMain"}
    }
    return sorted(
        float(str(each.get("tdur", 0))) / 1000
        for each in events
        if each.get("ph") == "X" and (each["pid"], each["tid"]) in pages
    )
