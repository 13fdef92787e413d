"""Three replicas with one Redis: what they share, and what becomes of their callers when it dies."""

import asyncio
import collections
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from decimal import Decimal
from typing import Any

import httpx
import pytest

from support.chatbots import HELLO, Chatbot, configuration
from support.gateway import GatewayProcess
from support.redis import PASSWORD, RedisServer
from support.waiting import eventually

COMPLETIONS = "/v1/chat/completions"
CONVERSATIONS = "/v1/conversations"
PAID = "openai/gpt-5-mini"

Start = Callable[..., list[Chatbot]]


@pytest.fixture
def start_replicas(
    start_chatbot: Callable[..., Chatbot], gateway: GatewayProcess, own_redis: RedisServer
) -> Start:
    def start(**changes: Any) -> list[Chatbot]:
        content = configuration(
            gateway.base_url,
            uid="uid-1",
            **{"store": {"type": "Redis"}, "cache": {"enabled": False}, **changes},
        )
        return [start_chatbot(content, STORE_URL=own_redis.url) for _ in range(3)]

    return start


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


async def clients(stack: AsyncExitStack, replicas: list[Chatbot]) -> list[httpx.AsyncClient]:
    return [
        await stack.enter_async_context(httpx.AsyncClient(base_url=each.url, timeout=20)) for each in replicas
    ]


def state(chatbot: Chatbot) -> str:
    detail: dict[str, Any] = httpx.get(f"{chatbot.health_url}/readyz").json()
    assert detail["status"] == "ok", "a store that is away is no reason to send callers elsewhere"
    return str(detail["store"])


def all_in_state(replicas: list[Chatbot], expected: str) -> None:
    eventually(
        lambda: [state(each) for each in replicas] == [expected] * 3, f"all are {expected}", timeout=15
    )


async def test_a_limit_holds_over_replicas_to_the_request(
    start_replicas: Start, stack: AsyncExitStack
) -> None:
    three = await clients(stack, start_replicas(rateLimit={"requests": 10, "windowSeconds": 600}))
    answers = await asyncio.gather(*[each.post(COMPLETIONS, json=HELLO) for each in three for _ in range(12)])
    assert collections.Counter(each.status_code for each in answers) == {200: 10, 429: 26}
    told = {each.headers["RateLimit"].split(";")[1] for each in answers if each.status_code == 200}
    assert told == {f"r={left}" for left in range(10)}
    for refused in (each for each in answers if each.status_code == 429):
        assert refused.headers["RateLimit-Policy"] == '"default";q=10;w=600'
        assert refused.headers["RateLimit"].startswith('"default";r=0;t=')
        assert 590 <= int(refused.headers["Retry-After"]) <= 600


async def test_a_conversation_goes_on_at_any_replica(start_replicas: Start, stack: AsyncExitStack) -> None:
    three = await clients(stack, start_replicas())
    name = (await three[0].post(CONVERSATIONS, json={"title": "Tasks"})).json()["id"]
    for number in range(6):
        body = {"messages": [{"role": "user", "content": f"Question {number}"}], "conversation": name}
        assert (await three[number % 3].post(COMPLETIONS, json=body)).status_code == 200
    for each in three:
        messages = (await each.get(f"{CONVERSATIONS}/{name}")).json()["messages"]
        assert [m["content"] for m in messages[::2]] == [f"Question {number}" for number in range(6)]


async def test_what_the_cache_saved_is_counted_together(
    start_replicas: Start, stack: AsyncExitStack, own_redis: RedisServer, gateway: GatewayProcess
) -> None:
    replicas = start_replicas(cache={}, model={"name": PAID})
    three = await clients(stack, replicas)
    answers = [await each.post(COMPLETIONS, json=HELLO) for each in (*three, *three[1:])]
    assert [each.headers["X-Cache"] for each in answers] == ["miss", "hit", "hit", "hit", "hit"]
    cost = Decimal(str(answers[0].json()["usage"]["cost"]))
    assert cost > 0
    own_redis.end_the_day()
    for each in replicas:
        finished = each.report["usage"]["finished"]
        assert (finished["requests"], finished["cachedRequests"]) == (1, 4)
        assert (Decimal(finished["usd"]), Decimal(finished["savedUsd"])) == (cost, 4 * cost)


async def test_callers_notice_nothing_when_it_dies_under_load(
    start_replicas: Start, stack: AsyncExitStack, own_redis: RedisServer
) -> None:
    replicas = start_replicas(rateLimit={"requests": 1_000_000, "windowSeconds": 60})
    three = await clients(stack, replicas)
    kept = (await three[0].post(CONVERSATIONS)).json()["id"]
    over = asyncio.Event()
    statuses: collections.Counter[int] = collections.Counter()

    async def ask(http: httpx.AsyncClient) -> None:
        while not over.is_set():
            statuses[(await http.post(COMPLETIONS, json=HELLO)).status_code] += 1

    async with asyncio.TaskGroup() as group:
        for each in three:
            for _ in range(2):
                group.create_task(ask(each))
        await asyncio.sleep(1)
        own_redis.freeze()
        await asyncio.to_thread(all_in_state, replicas, "degraded")
        away = await three[0].get(f"{CONVERSATIONS}/{kept}")
        begun = (await three[1].post(CONVERSATIONS, json={"title": "Meanwhile"})).json()["id"]
        here = await three[1].get(f"{CONVERSATIONS}/{begun}")
        own_redis.thaw()
        await asyncio.to_thread(all_in_state, replicas, "ok")
        own_redis.kill()
        await asyncio.to_thread(all_in_state, replicas, "degraded")
        own_redis.start()
        await asyncio.to_thread(all_in_state, replicas, "ok")
        over.set()
    assert set(statuses) == {200}
    assert away.status_code == 503
    assert away.json()["error"]["code"] == "conversation_unavailable"
    assert here.status_code == 200
    assert all(each.metric("chatassistant_chatbot_store_degraded") == 0 for each in replicas)
    for each in replicas:
        assert PASSWORD not in each.log
        assert "the store cannot be used" in each.log
        assert "the store is back" in each.log
    assert [key for key in own_redis.times_to_live() if not key.startswith("chatassistant:uid-1:")] == []
