"""The page as a person uses it: by what can be seen and read, in a real browser."""

import re
from pathlib import Path
from typing import Any, Final

from playwright.async_api import BrowserContext, ConsoleMessage, Download, Locator, Page, Request, expect

ANSWER_SECONDS: Final = 30.0
# Chromium reports each answer that is an error, which is no fault of the page's.
_EXPECTED: Final = re.compile(r"Failed to load resource|net::ERR_")


class ChatPage:
    """A tab with the page; whatever goes wrong in it is in `problems`, what it asked for elsewhere in `foreign`."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url.partition("#")[0]
        self.problems: list[str] = []
        self.foreign: list[str] = []
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("request", self._request)

    @classmethod
    async def visit(cls, context: BrowserContext, url: str) -> "ChatPage":
        """A new tab that shows the page."""
        chat = cls(await context.new_page(), url)
        await chat.page.goto(url)
        return chat

    @property
    def input(self) -> Locator:
        """Where questions are written."""
        return self.page.get_by_role("textbox", name="Ask todo")

    @property
    def answers(self) -> Locator:
        """All answers."""
        return self.page.locator(".answer")

    @property
    def answer(self) -> Locator:
        """The last answer."""
        return self.answers.last

    @property
    def text(self) -> Locator:
        """The last answer's own text."""
        return self.answer.locator(".markdown")

    @property
    def questions(self) -> Locator:
        """All questions."""
        return self.page.locator(".bubble")

    @property
    def conversations(self) -> Locator:
        """The titles of the conversations that are listed."""
        return self.page.get_by_role("navigation").get_by_role("link")

    async def write(self, question: str) -> None:
        """Send a question."""
        await self.input.fill(question)
        await self.input.press("Enter")

    async def ask(self, question: str) -> None:
        """Send a question, and wait for the end of its answer."""
        before = await self.answers.count()
        await self.write(question)
        await expect(self.answers).to_have_count(before + 1)
        await self.answered()

    async def ask_in_place(self, question: str) -> None:
        """Send a question in the place of another, and wait for the end of its answer."""
        await self.input.fill(question)
        await self.input.press("Enter")
        await expect(self.questions.last).to_have_text(question)
        await self.answered()

    async def answered(self) -> None:
        """Wait until the last answer is over."""
        await expect(self.answer.locator(".actions, .problem").first).to_be_visible(
            timeout=ANSWER_SECONDS * 1000
        )

    async def menu(self, *path: str) -> None:
        """Choose from the menu of the conversation that is open."""
        await self.page.get_by_role("banner").get_by_role("button", name="Conversation", exact=True).click()
        await self.page.get_by_role("menuitem", name=path[0], exact=True).click()

    async def saved(self, item: str, folder: Path) -> tuple[str, str]:
        """What a menu item saves: the file's name and content."""
        async with self.page.expect_download() as saving:
            await self.menu(item)
        download: Download = await saving.value
        path = folder / download.suggested_filename
        await download.save_as(path)
        return download.suggested_filename, path.read_text(encoding="utf-8")

    async def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page."""
        return await self.page.evaluate(expression)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not _EXPECTED.search(message.text):
            self.problems.append(message.text)

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self.url, "blob:", "data:")):
            self.foreign.append(request.url)
