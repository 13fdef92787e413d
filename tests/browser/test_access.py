"""Who may chat: by the assistant's token, or by signing in with its issuer."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from playwright.async_api import BrowserContext, expect

from support.chat_page import ChatPage
from support.chatbots import Chatbot
from support.issuer import AUDIENCE
from support.processes import free_port
from support.sign_in_issuer import SignInIssuer

pytestmark = pytest.mark.asyncio(loop_scope="session")
Visit = Callable[..., Awaitable[ChatPage]]
NewContext = Callable[..., Awaitable[BrowserContext]]
TOKEN = "the-right-token-40b1"
BY_TOKEN: dict[str, Any] = {"access": {"mode": "Token"}}


async def test_a_token_is_asked_for_once(
    start_chatbot: Callable[..., Chatbot], visit: Visit, new_context: NewContext
) -> None:
    chatbot = start_chatbot({"ACCESS_TOKEN": TOKEN}, **BY_TOKEN)
    context = await new_context()
    chat = await visit(chatbot.url, context)
    field = chat.page.get_by_label("Access token")
    await field.fill("a wrong one")
    await chat.page.keyboard.press("Enter")
    await expect(chat.page.get_by_role("alert")).to_have_text("This token is not accepted.")
    await field.fill(TOKEN)
    await chat.page.get_by_role("button", name="Sign in").click()
    await chat.ask("Hello")
    await chat.page.reload()
    await expect(chat.questions).to_have_text(["Hello"])
    # Another tab is another session, and signing out ends one.
    other = await visit(chatbot.url, context)
    await expect(other.page.get_by_label("Access token")).to_be_visible()
    await chat.page.get_by_role("button", name="Settings").click()
    await chat.page.get_by_role("button", name="Sign out").click()
    await expect(field).to_be_visible()
    kept = await chat.evaluate("JSON.stringify([{ ...localStorage }, { ...sessionStorage }])")
    assert TOKEN not in kept


async def test_nothing_is_lost_when_the_token_changes(
    start_chatbot: Callable[..., Chatbot], visit: Visit
) -> None:
    port = str(free_port())
    chatbot = start_chatbot({"ACCESS_TOKEN": "the-old-token", "PORT": port}, **BY_TOKEN)
    chat = await visit(chatbot.url)
    await chat.page.get_by_label("Access token").fill("the-old-token")
    await chat.page.keyboard.press("Enter")
    await chat.ask("Hello")
    chatbot.stop()
    start_chatbot({"ACCESS_TOKEN": TOKEN, "PORT": port}, **BY_TOKEN)
    await chat.write("Are you still there?")
    dialog = chat.page.get_by_role("dialog", name="Sign in")
    await dialog.get_by_label("Access token").fill(TOKEN)
    await dialog.get_by_role("button", name="Sign in").click()
    await chat.answered()
    await expect(chat.text).to_contain_text("Are you still there?")


@pytest.fixture
def issuer() -> Iterator[SignInIssuer]:
    issuer = SignInIssuer()
    yield issuer
    issuer.stop()


@pytest.fixture
def by_oidc(start_chatbot: Callable[..., Chatbot], issuer: SignInIssuer) -> Chatbot:
    """A chatbot for people whom the issuer knows."""
    return by_issuer(start_chatbot, issuer)


def by_issuer(start_chatbot: Callable[..., Chatbot], issuer: SignInIssuer) -> Chatbot:
    access = {"mode": "OIDC", "oidc": {"issuer": issuer.url, "audience": AUDIENCE}}
    return start_chatbot({"CHATASSISTANT_ALLOWED_ENDPOINTS": '["*"]'}, access=access)


async def test_people_sign_in_with_the_issuer(
    by_oidc: Chatbot, visit: Visit, issuer: SignInIssuer, new_context: NewContext
) -> None:
    context = await new_context()
    chat = await visit(f"{by_oidc.url}/#later", context)
    await chat.page.get_by_role("button", name="Sign in").click()
    await chat.ask("Hello")
    assert issuer.redeemed == ["authorization_code"]
    assert "code=" not in chat.page.url
    # What one user said in this browser is not shown to the next one.
    issuer.subject = "bob"
    other = await visit(by_oidc.url, context)
    await other.page.get_by_role("button", name="Sign in").click()
    await expect(other.page.get_by_text("No conversations yet.")).to_be_visible()
    only_the_way_to_the_issuer = {f"{issuer.url}/authorize"}
    for each in (chat, other):
        assert {url.partition("?")[0] for url in each.foreign} == only_the_way_to_the_issuer
        each.foreign.clear()


async def test_tokens_are_renewed(by_oidc: Chatbot, visit: Visit, issuer: SignInIssuer) -> None:
    issuer.lifetime = 20
    chat = await visit(by_oidc.url)
    await chat.page.get_by_role("button", name="Sign in").click()
    await chat.ask("Hello")
    assert set(issuer.redeemed[1:]) == {"refresh_token"}
    chat.foreign.clear()


async def test_who_does_not_get_in_is_told(by_oidc: Chatbot, visit: Visit, issuer: SignInIssuer) -> None:
    issuer.refuses = True
    chat = await visit(by_oidc.url)
    await chat.page.get_by_role("button", name="Sign in").click()
    await expect(chat.page.get_by_role("alert")).to_have_text("Signing in did not work. Try it again.")
    chat.foreign.clear()


async def test_an_issuer_that_is_away_is_told_of(
    start_chatbot: Callable[..., Chatbot], visit: Visit, issuer: SignInIssuer
) -> None:
    issuer.stop()
    chat = await visit(by_issuer(start_chatbot, issuer).url)
    await chat.page.get_by_role("button", name="Sign in").click()
    await expect(chat.page.get_by_role("alert")).to_contain_text("cannot be asked to sign anybody in")
