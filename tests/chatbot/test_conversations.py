"""What the assistant remembers of whom, over HTTP."""

import asyncio
import itertools
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest
from openai import AsyncOpenAI, NotFoundError

from support.chatbots import MODEL, Chatbot, configuration
from support.gateway import GatewayProcess

URL = "/v1/conversations"
COMPLETIONS = "/v1/chat/completions"
NUMBERS = itertools.count(1)


def settings(gateway: GatewayProcess, **changes: Any) -> dict[str, Any]:
    """Users are addresses, which a proxy on this machine tells."""
    plenty = {"requests": 1_000_000, "windowSeconds": 60}
    return configuration(
        gateway.base_url, trustedProxies=["127.0.0.1/32"], **{"rateLimit": plenty, **changes}
    )


@pytest.fixture(scope="module")
def _chatbot(_gateway_process: GatewayProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chatbot]:
    chatbot = Chatbot(tmp_path_factory.mktemp("conversations"), settings(_gateway_process))
    yield chatbot
    chatbot.stop()
    assert "Traceback" not in chatbot.log


@pytest.fixture
def chatbot(_chatbot: Chatbot, gateway: GatewayProcess) -> Chatbot:
    return _chatbot


@pytest.fixture
async def ada(chatbot: Chatbot) -> AsyncIterator[httpx.AsyncClient]:
    """A user of whom nothing is known."""
    async with client_of(chatbot) as http:
        yield http


@pytest.fixture
async def bob(chatbot: Chatbot) -> AsyncIterator[httpx.AsyncClient]:
    """Another one."""
    async with client_of(chatbot) as http:
        yield http


def client_of(chatbot: Chatbot) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=chatbot.url, headers=address(), timeout=20)


def address() -> dict[str, str]:
    """One that nobody had before."""
    return {"X-Forwarded-For": f"192.0.2.{next(NUMBERS)}"}


async def begun(http: httpx.AsyncClient, **content: Any) -> dict[str, Any]:
    answer = await http.post(URL, json=content)
    assert answer.status_code == 200, answer.text
    conversation: dict[str, Any] = answer.json()
    return conversation


async def say(http: httpx.AsyncClient, conversation: str, content: str) -> str:
    body = {"messages": [{"role": "user", "content": content}], "conversation": conversation}
    answer = await http.post(COMPLETIONS, json=body)
    assert answer.status_code == 200, answer.text
    said: str = answer.json()["choices"][0]["message"]["content"]
    return said


async def test_a_conversation_from_its_beginning_to_its_end(ada: httpx.AsyncClient) -> None:
    before = int(time.time())
    one = await begun(ada)
    assert re.fullmatch(r"conv_[0-9a-f]{32}", one["id"])
    assert before <= one.pop("created_at") == one.pop("updated_at") <= time.time()
    name = one.pop("id")
    assert one == {"object": "conversation", "title": "", "metadata": {}}
    answer = await say(ada, name, "Which tasks\nare  left?")
    read = (await ada.get(f"{URL}/{name}")).json()
    assert read["title"] == "Which tasks are left?"
    assert [(each["role"], each["content"]) for each in read["messages"]] == [
        ("user", "Which tasks\nare  left?"),
        ("assistant", answer),
    ]
    renamed = await ada.post(f"{URL}/{name}", json={"title": "Tasks", "metadata": {"list": "work"}})
    assert renamed.json() == {**{key: read[key] for key in read if key != "messages"}, "title": "Tasks", "metadata": {"list": "work"}}  # fmt: skip
    await say(ada, name, "And tomorrow?")
    again = (await ada.get(f"{URL}/{name}")).json()
    assert (again["title"], len(again["messages"])) == ("Tasks", 4)
    gone = await ada.delete(f"{URL}/{name}")
    assert gone.json() == {"id": name, "object": "conversation.deleted", "deleted": True}
    for answered in (
        await ada.get(f"{URL}/{name}"),
        await ada.post(f"{URL}/{name}", json={"title": "x"}),
        await ada.delete(f"{URL}/{name}"),
        await ada.post(
            COMPLETIONS, json={"messages": [{"role": "user", "content": "Hello"}], "conversation": name}
        ),
    ):
        assert answered.status_code == 404
        assert answered.json()["error"]["code"] == "conversation_not_found"


async def test_what_was_said_before_is_known(ada: httpx.AsyncClient, gateway: GatewayProcess) -> None:
    name = (await begun(ada))["id"]
    first = await say(ada, name, "My name is Ada.")
    gateway.misbehave(route="/chat/completions", error="moderation")
    body = {"messages": [{"role": "user", "content": "Lost"}], "conversation": name}
    assert (await ada.post(COMPLETIONS, json=body)).status_code >= 400
    gateway.reset()
    second = await say(ada, name, "What is my name?")
    messages = (await ada.get(f"{URL}/{name}")).json()["messages"]
    said = [each["content"] for each in messages]
    assert said == ["My name is Ada.", first, "What is my name?", second], (
        "a turn that failed leaves no trace"
    )


@pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])
async def test_what_an_answer_took_is_kept_and_told_to_no_model(
    ada: httpx.AsyncClient, gateway: GatewayProcess, stream: bool
) -> None:
    name = (await begun(ada))["id"]
    mine = {"model": "mine", "seconds": 1}
    said = [
        {"role": "user", "content": "Long ago"},
        {"role": "assistant", "content": "Once upon a time", "metadata": mine},
        {"role": "user", "content": "Hello"},
    ]
    started = time.monotonic()
    body = {"messages": said, "conversation": name, "stream": stream}
    assert (await ada.post(COMPLETIONS, json=body)).status_code == 200
    elapsed = time.monotonic() - started
    await say(ada, name, "And now?")
    messages = (await ada.get(f"{URL}/{name}")).json()["messages"]
    assert messages[:3] == said
    metadata = messages[3]["metadata"]
    assert metadata["model"] == MODEL
    assert metadata["usage"]["prompt_tokens"] > 0
    assert metadata["usage"]["completion_tokens"] > 0
    assert metadata["usage"]["cost"] >= 0
    assert 0 < metadata["seconds"] <= elapsed
    assert ["metadata" in each for each in messages[4:]] == [False, True]
    asked = [request["body"]["messages"][1:] for request in gateway.log if "messages" in request["body"]]
    assert [len(each) for each in asked] == [3, 5]
    assert not any("metadata" in message for each in asked for message in each)
    assert asked[0] == [{key: each[key] for key in ("role", "content")} for each in said]


async def test_it_is_openais_api(chatbot: Chatbot) -> None:
    async with AsyncOpenAI(base_url=f"{chatbot.url}/v1", api_key="none", default_headers=address()) as client:
        made = await client.conversations.create(metadata={"topic": "demo"})
        assert made.object == "conversation"
        found = await client.conversations.retrieve(made.id)
        assert found.metadata == {"topic": "demo"}
        changed = await client.conversations.update(made.id, metadata={"topic": "tasks"})
        assert changed.metadata == {"topic": "tasks"}
        deleted = await client.conversations.delete(made.id)
        assert deleted.deleted
        with pytest.raises(NotFoundError):
            await client.conversations.retrieve(made.id)


async def test_nobody_sees_anothers(ada: httpx.AsyncClient, bob: httpx.AsyncClient) -> None:
    name = (await begun(ada, title="Secret"))["id"]
    await say(ada, name, "Hello")
    unknown = f"conv_{'0' * 32}"

    async def asked(http: httpx.AsyncClient, which: str) -> list[tuple[int, str]]:
        path = f"{URL}/{which}"
        body = {"messages": [{"role": "user", "content": "Hello"}], "conversation": which}
        answers = [
            await http.get(path),
            await http.post(path, json={"title": "Mine"}),
            await http.delete(path),
            await http.post(COMPLETIONS, json=body),
            await http.get(URL, params={"after": which}),
        ]
        return [(each.status_code, each.text) for each in answers]

    assert await asked(bob, name) == await asked(bob, unknown)
    assert {status for status, _ in await asked(bob, name)} == {404}
    assert (await bob.get(URL)).json() == {
        "object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False,
    }  # fmt: skip
    mine = (await ada.get(f"{URL}/{name}")).json()
    assert (mine["title"], len(mine["messages"])) == ("Secret", 2)


async def test_a_user_begins_as_many_as_there_may_be_completions(
    start_chatbot: Callable[..., Chatbot], gateway: GatewayProcess
) -> None:
    chatbot = start_chatbot(settings(gateway, rateLimit={"requests": 3, "windowSeconds": 600}))
    async with client_of(chatbot) as ada, client_of(chatbot) as bob:
        assert (await ada.post(URL, json={"title": 7})).status_code == 400, "what is refused does not count"
        for _ in range(3):
            await begun(ada)
        refused = await ada.post(URL)
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limit_exceeded")
        assert "3 conversations" in refused.json()["error"]["message"]
        assert 0 < int(refused.headers["Retry-After"]) <= 600
        assert refused.headers["RateLimit-Policy"] == '"conversations";q=3;w=600'
        await begun(bob)
        page = (await ada.get(URL)).json()
        assert len(page["data"]) == 3
        # Each counts for itself.
        for each in page["data"]:
            await say(ada, each["id"], "Hello")


async def test_they_are_listed_in_pages(ada: httpx.AsyncClient) -> None:
    names = [(await begun(ada, title=f"Number {number}"))["id"] for number in range(5)]
    await say(ada, names[1], "Hello again")
    expected = [names[number] for number in (1, 4, 3, 2, 0)]
    page = (await ada.get(URL, params={"limit": 2})).json()
    assert [each["id"] for each in page["data"]] == expected[:2]
    assert page["data"][0]["title"] == "Number 1"
    assert (page["first_id"], page["last_id"], page["has_more"]) == (expected[0], expected[1], True)
    page = (await ada.get(URL, params={"limit": 2, "after": page["last_id"]})).json()
    assert [each["id"] for each in page["data"]] == expected[2:4]
    page = (await ada.get(URL, params={"after": page["last_id"]})).json()
    assert [each["id"] for each in page["data"]] == expected[4:]
    assert page["has_more"] is False


@pytest.mark.parametrize(
    ("method", "path", "content", "param"),
    [
        ("GET", "?limit=0", None, "limit"),
        ("GET", "?limit=101", None, "limit"),
        ("GET", "?limit=²", None, "limit"),
        ("GET", "?limit=" + "9" * 5000, None, "limit"),
        ("POST", "", b'{"title": 1}', "title"),
        ("POST", "", b'{"title": "' + b"x" * 201 + b'"}', "title"),
        ("POST", "", b'{"metadata": {"a": 1}}', "metadata"),
        ("POST", "", b'{"metadata": {"a": "' + b"x" * 513 + b'"}}', "metadata"),
        ("POST", "/conv_1", b"[]", None),
        ("POST", "", b"{", None),
        ("POST", "", b'{"title": "\\ud800"}', None),
    ],
)
async def test_what_is_no_request_is_named(
    ada: httpx.AsyncClient, method: str, path: str, content: bytes | None, param: str | None
) -> None:
    headers = {"Content-Type": "application/json"} if content else {}
    answer = await ada.request(method, URL + path, content=content, headers=headers)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["param"] == param


@pytest.mark.parametrize("name", ["conv_1", "..", "%2e%2e", "conv_" + "0" * 31 + "g", "a" * 4000, "%00", "*"])
async def test_what_is_no_id_is_unknown(ada: httpx.AsyncClient, name: str) -> None:
    assert (await ada.get(f"{URL}/{name}")).status_code == 404


async def test_no_body_is_needed(ada: httpx.AsyncClient) -> None:
    assert (await ada.post(URL)).status_code == 200
    assert (await ada.post(URL, content=b"x", headers={"Content-Type": "text/plain"})).status_code == 415


async def test_turns_of_one_moment_stay_whole(ada: httpx.AsyncClient) -> None:
    name = (await begun(ada))["id"]
    answers = await asyncio.gather(*[say(ada, name, f"Question {number}") for number in range(30)])
    messages = (await ada.get(f"{URL}/{name}")).json()["messages"]
    assert [each["role"] for each in messages] == ["user", "assistant"] * 30
    pairs = {(messages[at]["content"], messages[at + 1]["content"]) for at in range(0, 60, 2)}
    assert pairs == {(f"Question {number}", answer) for number, answer in enumerate(answers)}
