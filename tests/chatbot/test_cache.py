"""Answers that need no request: frequently asked questions, and what was asked before."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
import pytest_asyncio

from support.chatbots import MODEL, Chatbot, configuration
from support.scripted_gateway import USAGE, Fails, ScriptedGateway, calls, scripted_gateway, text
from support.waiting import eventually_async

FAQ = [{"question": "What are your opening hours?", "answer": "Nine to five."}]
TOKEN = {"Authorization": "Bearer open-sesame"}


# One gateway and one chatbot for all; each test has a question of its own.
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module", name="_shared_gateway")
async def shared_gateway() -> AsyncIterator[ScriptedGateway]:
    async with scripted_gateway() as gateway:
        yield gateway


@pytest_asyncio.fixture(loop_scope="module", scope="module", name="_shared_chat")
async def shared_chat(
    _shared_gateway: ScriptedGateway, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[httpx.AsyncClient]:
    content = configuration(_shared_gateway.base_url, faq=FAQ, cache={})
    chatbot = Chatbot(tmp_path_factory.mktemp("chatbot"), content)
    async with httpx.AsyncClient(base_url=chatbot.url, timeout=20) as client:
        yield client
    assert chatbot.stop() == 0
    assert "Traceback" not in chatbot.log


@pytest.fixture
def scripted(_shared_gateway: ScriptedGateway) -> ScriptedGateway:
    _shared_gateway.says(text("Hello!"))
    return _shared_gateway


@pytest.fixture
def chat(_shared_chat: httpx.AsyncClient, scripted: ScriptedGateway) -> httpx.AsyncClient:
    return _shared_chat


@pytest.fixture
def question() -> str:
    return f"What is {uuid.uuid4()}?"


async def ask(
    client: httpx.AsyncClient, question: str, *, headers: Any = None, **more: Any
) -> httpx.Response:
    body = {"messages": [{"role": "user", "content": question}], **more}
    return await client.post("/v1/chat/completions", json=body, headers=headers)


def said(response: httpx.Response) -> str:
    assert response.status_code == 200, response.text
    if response.headers["Content-Type"].startswith("application/json"):
        content: str = response.json()["choices"][0]["message"]["content"]
        return content
    events = [line.removeprefix("data: ") for line in response.text.splitlines() if line.startswith("data: ")]
    assert events[-1] == "[DONE]"
    chunks = [json.loads(event) for event in events[:-1]]
    return "".join(each["choices"][0]["delta"].get("content") or "" for each in chunks if each["choices"])


@pytest.mark.parametrize(
    "question",
    [
        "What are your opening hours?",
        "  what are   YOUR opening\nhours ",
        "What are your opening hours",
        "\u201eWhat are your opening hours?\u201c!!",
        "\uff37hat are your opening hours\uff1f",
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_frequently_asked_question_asks_nobody(
    chat: httpx.AsyncClient, scripted: ScriptedGateway, question: str, stream: bool
) -> None:
    response = await ask(chat, question, stream=stream)
    assert (said(response), response.headers["X-Cache"]) == ("Nine to five.", "hit")
    assert scripted.requests == []


async def test_another_question_is_not_answered_from_the_list(
    chat: httpx.AsyncClient, scripted: ScriptedGateway
) -> None:
    assert said(await ask(chat, "What are your opening hours on Sunday?")) == "Hello!"
    wished = {"type": "json_object"}
    assert said(await ask(chat, "What are your opening hours?", response_format=wished)) == "Hello!"
    assert len(scripted.requests) == 2


@pytest.mark.parametrize("first", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("then", [False, True], ids=["whole", "streamed"])
async def test_an_equal_question_is_asked_once(
    chat: httpx.AsyncClient, scripted: ScriptedGateway, question: str, first: bool, then: bool
) -> None:
    scripted.says(text("Forty-two."))
    fresh = await ask(chat, question, stream=first)
    kept = await ask(chat, question, stream=then)
    assert (said(fresh), fresh.headers["X-Cache"]) == ("Forty-two.", "miss")
    assert (said(kept), kept.headers["X-Cache"]) == ("Forty-two.", "hit")
    assert len(scripted.requests) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"temperature": 0.1},
        {"max_tokens": 5},
        {"seed": 1},
        {"response_format": {"type": "json_object"}},
        {"stop": "END"},
    ],
    ids=str,
)
async def test_what_shapes_an_answer_tells_questions_apart(
    chat: httpx.AsyncClient, scripted: ScriptedGateway, question: str, other: dict[str, Any]
) -> None:
    await ask(chat, question)
    assert (await ask(chat, question, **other)).headers["X-Cache"] == "miss"
    assert len(scripted.requests) == 2


@pytest.mark.parametrize(
    ("more", "headers"),
    [
        ({}, {"Cache-Control": "no-cache"}),
        ({}, {"Cache-Control": "max-age=0, no-store"}),
        ({"temperature": 1.1}, {}),
        ({"tools": [{"type": "function", "function": {"name": "clock", "parameters": {}}}]}, {}),
    ],
    ids=str,
)
async def test_some_questions_are_always_asked(
    chat: httpx.AsyncClient,
    scripted: ScriptedGateway,
    question: str,
    more: dict[str, Any],
    headers: dict[str, str],
) -> None:
    for _ in range(2):
        response = await ask(chat, question, headers=headers, **more)
        assert response.headers["X-Cache"] == "bypass"
    assert len(scripted.requests) == 2


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "bad", [calls("clock"), Fails(400, {"code": 400, "message": "no"})], ids=["calls", "fails"]
)
async def test_only_answers_that_ended_well_are_kept(
    chat: httpx.AsyncClient, scripted: ScriptedGateway, question: str, stream: bool, bad: Any
) -> None:
    scripted.says(bad, text("Better."))
    await ask(chat, question, stream=stream)
    assert said(await ask(chat, question, stream=stream)) == "Better."


@pytest.mark.parametrize("stream", [False, True])
async def test_of_equal_questions_that_come_together_one_is_asked(
    chat: httpx.AsyncClient, scripted: ScriptedGateway, question: str, stream: bool
) -> None:
    scripted.says(text("Once."))
    scripted.hold.clear()
    asking = [asyncio.ensure_future(ask(chat, question, stream=stream)) for _ in range(20)]
    await eventually_async(lambda: _asked(scripted, 1), "the first is asked")
    scripted.hold.set()
    assert {said(each) for each in await asyncio.gather(*asking)} == {"Once."}
    assert len(scripted.requests) == 1


async def test_what_it_saved_is_what_the_answer_had_cost(
    scripted: ScriptedGateway, start_chatbot: Callable[..., Chatbot]
) -> None:
    """Of who asks, three wait for the same answer, and three come later; an FAQ would have cost nothing."""
    chatbot = start_chatbot(configuration(scripted.base_url, faq=FAQ, cache={}))

    def saved() -> float:
        return chatbot.metric(f'chatassistant_chatbot_saved_usd_total{{model="{MODEL}"}}')

    async with httpx.AsyncClient(base_url=chatbot.url) as client:
        scripted.hold.clear()
        asking = [asyncio.ensure_future(ask(client, "Hello", stream=number == 0)) for number in range(4)]
        await eventually_async(lambda: _asked(scripted, 1), "the first is asked")
        scripted.hold.set()
        await asyncio.gather(*asking)
        for stream in (False, True, False):
            assert (await ask(client, "Hello", stream=stream)).headers["X-Cache"] == "hit"
        assert (await ask(client, FAQ[0]["question"])).headers["X-Cache"] == "hit"
    assert saved() == pytest.approx(6 * USAGE["cost"])


async def test_when_the_one_who_asks_goes_away_another_asks(
    chat: httpx.AsyncClient, scripted: ScriptedGateway, question: str
) -> None:
    scripted.hold.clear()
    first = asyncio.ensure_future(ask(chat, question))
    await eventually_async(lambda: _asked(scripted, 1), "the first is asked")
    second = asyncio.ensure_future(ask(chat, question))
    first.cancel()
    await eventually_async(lambda: _asked(scripted, 2), "the second is asked")
    scripted.hold.set()
    assert said(await second) == "Hello!"


@pytest.mark.parametrize(
    ("mode", "shared", "hits"), [("Token", False, True), ("Token", True, True), ("None", False, True)]
)
async def test_equal_users_share_what_is_kept(
    scripted: ScriptedGateway, start_chatbot: Callable[..., Chatbot], mode: str, shared: bool, hits: bool
) -> None:
    content = configuration(scripted.base_url, access={"mode": mode}, cache={"shared": shared})
    chatbot = start_chatbot(content, ACCESS_TOKEN="open-sesame")
    async with httpx.AsyncClient(base_url=chatbot.url, headers=TOKEN) as client:
        await ask(client, "Hello")
        assert (await ask(client, "Hello")).headers["X-Cache"] == ("hit" if hits else "miss")


async def test_a_kept_answer_has_its_time(
    scripted: ScriptedGateway, start_chatbot: Callable[..., Chatbot]
) -> None:
    chatbot = start_chatbot(configuration(scripted.base_url, cache={"ttlSeconds": 1}))
    async with httpx.AsyncClient(base_url=chatbot.url) as client:
        await ask(client, "Hello")
        assert (await ask(client, "Hello")).headers["X-Cache"] == "hit"

        async def forgotten() -> bool:
            return (await ask(client, "Hello")).headers["X-Cache"] == "miss"

        await eventually_async(forgotten, "it is asked again", timeout=5)


async def test_nothing_is_kept_where_that_is_not_wished(
    scripted: ScriptedGateway, start_chatbot: Callable[..., Chatbot]
) -> None:
    chatbot = start_chatbot(configuration(scripted.base_url, cache={"enabled": False}))
    async with httpx.AsyncClient(base_url=chatbot.url) as client:
        for _ in range(2):
            assert (await ask(client, "Hello")).headers["X-Cache"] == "bypass"
    assert len(scripted.requests) == 2


async def _asked(gateway: ScriptedGateway, count: int) -> bool:
    return len(gateway.requests) >= count
