"""The page's main states as pictures; `--update-goldens` writes them to `docs/images`, to be looked at."""

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from support.chat_page import ChatPage
from support.chatbots import Chatbot
from support.chromium import ROOT
from support.gateway import GatewayProcess
from support.tool_servers import ToolServerProcess
from support.waiting import eventually_async

pytestmark = pytest.mark.asyncio(loop_scope="session")
COMPLETIONS = "/chat/completions"
Visit = Callable[..., Awaitable[ChatPage]]
Take = Callable[[ChatPage, str], Awaitable[None]]
DESK: dict[str, Any] = {"viewport": {"width": 1080, "height": 720}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 780},
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 1.5,
}
PLAN = """Three tasks are due this week. I would begin with the **draft**, as the review waits for it:

| Task | Due | Hours |
|:-----|:----|------:|
| Write the draft | Monday | 3 |
| Review with `team` | Tuesday | 2.5 |
| Book the room | Friday | 0.5 |

This adds them to your calendar:

```python
from calendar import add

for task in week.tasks:
    add(task.name, due=task.due)  # skips what is done
```

- [x] Invitations are out
- [ ] The room is [not booked yet](https://rooms.example/12)
"""


@pytest.fixture
def take(request: pytest.FixtureRequest) -> Take:
    """Takes a picture once nothing moves any more."""
    folder: Path | None = None
    if request.config.getoption("--update-goldens"):
        folder = ROOT / "docs/images"
        folder.mkdir(exist_ok=True)

    async def picture(chat: ChatPage, name: str) -> None:
        await chat.page.evaluate("document.fonts.ready")
        # Away from all that shows that it is pointed at.
        await chat.page.mouse.move(700, 4)
        path = folder / f"page-{name}.png" if folder else None
        content = await chat.page.screenshot(path=path, caret="hide")
        assert len(content) < 200_000

    return picture


async def test_the_beginning(chatbot: Chatbot, visit: Visit, take: Take) -> None:
    chat = await visit(chatbot.url, **DESK)
    await expect(chat.page.get_by_role("group", name="Questions to begin with")).to_be_visible()
    await take(chat, "beginning")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_an_answer(
    chatbot: Chatbot, visit: Visit, gateway: GatewayProcess, take: Take, scheme: str
) -> None:
    chat = await visit(chatbot.url, color_scheme=scheme, **DESK)
    await chat.ask("Which tasks did I finish?")
    await chat.page.get_by_role("button", name="New conversation").click()
    gateway.misbehave(route=COMPLETIONS, says=PLAN)
    await chat.ask("What should I do this week?")
    await expect(chat.text.locator(".code-kwd").first).to_be_visible()
    if scheme == "dark":
        await chat.answer.get_by_role("button", name="Details").click()
        await expect(chat.answer.locator("dl")).to_be_in_viewport()
    else:
        await chat.evaluate("document.querySelector('.scroller').scrollTop = 0")
    await take(chat, f"answer-{scheme}")


@pytest.fixture
def tools(tmp_path: Path) -> Iterator[dict[str, Any]]:
    server = ToolServerProcess(tmp_path / "tools")
    schema = {
        "type": "object",
        "properties": {"seconds": {"type": "number"}, "text": {"type": "string"}},
        "required": ["seconds", "text"],
    }
    server.start(tools=["slow"], schemas={"slow": schema})
    yield {"mcpServers": [{"name": "calendar", "url": server.url}]}
    server.stop()


async def test_a_tool_and_a_limit(
    start_chatbot: Callable[..., Chatbot],
    visit: Visit,
    gateway: GatewayProcess,
    take: Take,
    tools: dict[str, Any],
) -> None:
    chatbot = start_chatbot({"CHATASSISTANT_ALLOWED_ENDPOINTS": '["*"]'}, tools=tools)
    chat = await visit(chatbot.url, **DESK)

    async def offered() -> bool:
        return any(each["names"] for each in chatbot.report["tools"])

    await eventually_async(offered, "the tool is offered")
    await chat.ask("Ask the slow calendar")
    await chat.answer.locator(".tool summary").click()
    gateway.misbehave(route=COMPLETIONS, status=429, headers={"Retry-After": "37"})
    await chat.ask("And for next week?")
    await take(chat, "tool-and-limit")


async def test_a_phone_in_german(chatbot: Chatbot, visit: Visit, gateway: GatewayProcess, take: Take) -> None:
    chat = await visit(chatbot.url, color_scheme="dark", locale="de-DE", **PHONE)
    gateway.misbehave(
        route=COMPLETIONS,
        says="Drei Aufgaben sind fällig:\n\n1. **Entwurf** schreiben\n2. mit dem Team durchsehen\n3. Raum buchen\n\n"
        "> Der Raum ist noch frei.\n\nSoll ich ihn *jetzt* buchen?",
    )
    await chat.page.get_by_role("textbox", name="todo fragen").fill("Was steht diese Woche an?")
    await chat.page.get_by_role("button", name="Fragen", exact=True).tap()
    await chat.answered()
    await take(chat, "phone")


async def test_right_to_left(chatbot: Chatbot, visit: Visit, gateway: GatewayProcess, take: Take) -> None:
    chat = await visit(chatbot.url, **DESK)
    await chat.evaluate("document.documentElement.dir = 'rtl'")
    gateway.misbehave(
        route=COMPLETIONS,
        says="لديك ثلاث مهام هذا الأسبوع:\n\n1. كتابة **المسودة**\n2. المراجعة مع `team`\n3. حجز القاعة\n",
    )
    await chat.ask("ماذا عليّ أن أفعل هذا الأسبوع؟")
    await take(chat, "right-to-left")


async def test_signing_in(start_chatbot: Callable[..., Chatbot], visit: Visit, take: Take) -> None:
    chatbot = start_chatbot({"ACCESS_TOKEN": "token"}, access={"mode": "Token"})
    chat = await visit(chatbot.url, **DESK)
    await expect(chat.page.get_by_label("Access token")).to_be_visible()
    await take(chat, "sign-in")
