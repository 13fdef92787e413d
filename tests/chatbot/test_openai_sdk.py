"""The openai SDK is at home here."""

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

from support.chatbots import MODEL, Chatbot
from support.gateway import GatewayProcess

ROUTE = "/chat/completions"
MESSAGES: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hello"}]


@pytest.fixture
def client(chatbot: Chatbot) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{chatbot.url}/v1", api_key="any", max_retries=0, timeout=10)


def test_in_one_piece(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="default", messages=MESSAGES)
    assert "Hello" in (answer.choices[0].message.content or "")
    assert answer.usage is not None
    assert [model.id for model in client.models.list()] == [MODEL, "default"]


def test_as_a_stream(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True)
    assert "Hello" in "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)


async def test_asynchronously(chatbot: Chatbot) -> None:
    async with openai.AsyncOpenAI(base_url=f"{chatbot.url}/v1", api_key="any", timeout=10) as client:
        answer = await client.chat.completions.create(model="default", messages=MESSAGES)
        assert "Hello" in (answer.choices[0].message.content or "")
        stream = await client.chat.completions.create(model="default", messages=MESSAGES, stream=True)
        pieces = [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]
        assert "Hello" in "".join(pieces)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 429, "headers": {"Retry-After": "60"}}, openai.RateLimitError),
        ({"status": 400}, openai.BadRequestError),
        ({"error": "unknown_key"}, openai.InternalServerError),
    ],
    ids=str,
)
def test_errors(
    client: openai.OpenAI, gateway: GatewayProcess, fault: dict[str, object], error: type[Exception]
) -> None:
    gateway.misbehave(route=ROUTE, **fault)
    with pytest.raises(error):
        client.chat.completions.create(model="default", messages=MESSAGES)
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="gpt-4", messages=MESSAGES)


def test_its_own_retries_work(chatbot: Chatbot, gateway: GatewayProcess) -> None:
    gateway.misbehave(route=ROUTE, times=3, error="bad_gateway")
    client = openai.OpenAI(base_url=f"{chatbot.url}/v1", api_key="any", max_retries=1, timeout=10)
    assert client.chat.completions.create(model="default", messages=MESSAGES).choices
    assert gateway.requests == {f"POST {ROUTE}": 4}


@pytest.mark.parametrize("fault", [{"cut_after": 3}, {"error_after": 3}], ids=str)
def test_a_broken_stream_raises(
    client: openai.OpenAI, gateway: GatewayProcess, fault: dict[str, int]
) -> None:
    gateway.misbehave(route=ROUTE, **fault)
    stream = client.chat.completions.create(model="default", messages=MESSAGES, stream=True)
    with pytest.raises(openai.APIError):
        list(stream)
