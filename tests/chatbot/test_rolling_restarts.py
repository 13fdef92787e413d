"""Replicas are replaced one after the other while callers stream: nobody's answer is cut, nobody gets a 5xx."""

import asyncio
import itertools
import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from support.chatbots import Chatbot, configuration
from support.scripted_gateway import ScriptedGateway, scripted_gateway, text
from support.waiting import eventually_async

STREAMS = 100
RESTARTS = 20
ANSWER = "One two three four five six."


class Endpoints:
    """The replicas that are ready, as a Service knows them: one that is to end is taken out before."""

    def __init__(self) -> None:
        self.ready: list[Chatbot] = []
        self.failures: list[str] = []
        self.answered = 0
        self._turns = itertools.count()
        self._asked: Counter[Chatbot] = Counter()

    async def stream_until(self, over: asyncio.Event, client: aiohttp.ClientSession) -> None:
        """One caller, who asks again and again."""
        body = {"messages": [{"role": "user", "content": "Count."}], "stream": True}
        while not over.is_set():
            replica = self.ready[next(self._turns) % len(self.ready)]
            self._asked[replica] += 1
            try:
                async with client.post(f"{replica.url}/v1/chat/completions", json=body) as response:
                    self._asked[replica] -= 1
                    content = await response.text()
            except aiohttp.ClientError as error:
                self.failures.append(repr(error))
                continue
            events = [line[6:] for line in content.splitlines() if line.startswith("data: ")]
            whole = events and events[-1] == "[DONE]"
            if response.status != 200 or not whole:
                self.failures.append(f"{response.status}: {content[-200:]}")
                continue
            chunks = [json.loads(event) for event in events[:-1]]
            said = "".join(
                each["choices"][0]["delta"].get("content", "") for each in chunks if each["choices"]
            )
            assert said == ANSWER
            self.answered += 1

    async def replace(self, old: Chatbot, fresh: Chatbot) -> None:
        """Nobody asks the old one any more; gives back when those who were about to have been heard."""
        self.ready = [*(each for each in self.ready if each is not old), fresh]
        await eventually_async(lambda: self._is_unasked(old), "all who asked the old one are answered")

    async def _is_unasked(self, replica: Chatbot) -> bool:
        return self._asked[replica] == 0


@pytest.fixture
async def gateway() -> AsyncIterator[ScriptedGateway]:
    async with scripted_gateway() as scripted:
        scripted.says(text(ANSWER))
        # An answer takes about as long as a restart.
        scripted.pause_seconds = 0.25
        yield scripted


async def test_twenty_restarts_under_a_hundred_streams(gateway: ScriptedGateway, tmp_path: Path) -> None:
    content = configuration(gateway.base_url, limits={"concurrent": 200})
    endpoints, over = Endpoints(), asyncio.Event()

    async def start(number: int) -> Chatbot:
        return await asyncio.to_thread(Chatbot, tmp_path / str(number), content)

    endpoints.ready = [await start(0), await start(1)]
    # A new connection for each request: what one that is kept open would do is the client's affair.
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True, limit=0)) as client:
        asking = [asyncio.create_task(endpoints.stream_until(over, client)) for _ in range(STREAMS)]
        starting = asyncio.ensure_future(start(2))
        for number in range(RESTARTS):
            old, fresh = endpoints.ready[0], await starting
            starting = asyncio.ensure_future(start(3 + number))
            await endpoints.replace(old, fresh)
            assert await asyncio.to_thread(old.stop) == 0
        over.set()
        endpoints.ready.append(await starting)
        await asyncio.gather(*asking)
    for chatbot in endpoints.ready:
        assert await asyncio.to_thread(chatbot.stop) == 0
    assert endpoints.failures == []
    assert endpoints.answered > STREAMS * RESTARTS / 2
