"""The SDK that people point at OpenRouter works with the stand-in."""

from collections.abc import AsyncIterator

import openai
import pytest
from openai.types.chat import ChatCompletionUserMessageParam

from chatassistant_operator.local.openrouter import Fault, StandIn
from chatassistant_operator.local.openrouter.situations import ACCEPTED, UNKNOWN

MODEL = "openrouter/free"
HELLO: list[ChatCompletionUserMessageParam] = [{"role": "user", "content": "Hello"}]


@pytest.fixture
async def sdk(stand_in: StandIn) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=stand_in.base_url, api_key=ACCEPTED.token, max_retries=0) as sdk:
        yield sdk


async def test_an_answer_and_a_stream_say_the_same(sdk: openai.AsyncOpenAI) -> None:
    answer = await sdk.chat.completions.create(model=MODEL, messages=HELLO)
    stream = await sdk.chat.completions.create(model=MODEL, messages=HELLO, stream=True)
    chunks = [chunk async for chunk in stream]

    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == answer.choices[0].message.content
    assert chunks[-1].usage == answer.usage


async def test_errors_are_typed(stand_in: StandIn, sdk: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.AuthenticationError, match="User not found"):
        await sdk.with_options(api_key=UNKNOWN.token).chat.completions.create(model=MODEL, messages=HELLO)
    with pytest.raises(openai.BadRequestError, match="not a valid model ID"):
        await sdk.chat.completions.create(model="no/such", messages=HELLO)
    stand_in.faults.add(Fault(error_after=1))
    stream = await sdk.chat.completions.create(model=MODEL, messages=HELLO, stream=True)
    with pytest.raises(openai.APIError, match="Provider disconnected"):
        _ = [chunk async for chunk in stream]
