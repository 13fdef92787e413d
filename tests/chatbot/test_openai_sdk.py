"""The openai SDK is at home here."""

from collections.abc import AsyncIterator, Callable

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam
from pydantic import BaseModel

from support.chatbots import MODEL, Chatbot, configuration
from support.gateway import GatewayProcess
from support.scripted_gateway import ScriptedGateway, calls, scripted_gateway, text

ROUTE = "/chat/completions"
MESSAGES: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hello"}]
ADD: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "add",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "number"}, "b": {"type": "number"}},
            "required": ["a", "b"],
            "additionalProperties": False,
        },
    },
}


class Sum(BaseModel):
    sum: int


@pytest.fixture
def client(chatbot: Chatbot) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{chatbot.url}/v1", api_key="any", max_retries=0, timeout=10)


@pytest.fixture
async def scripted() -> AsyncIterator[ScriptedGateway]:
    async with scripted_gateway() as gateway:
        yield gateway


@pytest.fixture
async def scripted_client(
    scripted: ScriptedGateway, start_chatbot: Callable[..., Chatbot]
) -> AsyncIterator[openai.AsyncOpenAI]:
    chatbot = start_chatbot(configuration(scripted.base_url))
    async with openai.AsyncOpenAI(
        base_url=f"{chatbot.url}/v1", api_key="any", max_retries=0, timeout=10
    ) as client:
        yield client


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


async def test_tools_of_the_caller(scripted: ScriptedGateway, scripted_client: openai.AsyncOpenAI) -> None:
    scripted.says(calls("add", arguments='{"a": 20, "b": 22}'), text("It is 42."))
    create = scripted_client.chat.completions.create
    first = await create(model="default", messages=MESSAGES, tools=[ADD])
    assert first.choices[0].message.tool_calls is not None
    (call,) = first.choices[0].message.tool_calls
    assert call.type == "function"
    assert (call.function.name, call.function.arguments) == ("add", '{"a": 20, "b": 22}')
    said: list[ChatCompletionMessageParam] = [
        *MESSAGES,
        {
            "role": "assistant",
            "tool_calls": [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": "add", "arguments": call.function.arguments},
                }
            ],
        },
        {"role": "tool", "tool_call_id": call.id, "content": "42"},
    ]
    second = await create(model="default", messages=said, tools=[ADD])
    assert second.choices[0].message.content == "It is 42."
    assert [request["tools"] for request in scripted.requests] == [[ADD], [ADD]]
    assert scripted.requests[1]["messages"][-2:] == said[-2:]


async def test_tools_of_the_caller_in_a_stream(
    scripted: ScriptedGateway, scripted_client: openai.AsyncOpenAI
) -> None:
    scripted.says(calls("add", arguments='{"a": 20, "b": 22}'))
    async with scripted_client.chat.completions.stream(
        model="default", messages=MESSAGES, tools=[ADD]
    ) as stream:
        whole = await stream.get_final_completion()
    assert whole.choices[0].message.tool_calls is not None
    (call,) = whole.choices[0].message.tool_calls
    assert (call.function.name, call.function.arguments) == ("add", '{"a": 20, "b": 22}')
    assert whole.choices[0].finish_reason == "tool_calls"


async def test_structured_output(scripted: ScriptedGateway, scripted_client: openai.AsyncOpenAI) -> None:
    scripted.says(text('{"sum": 42}'))
    answer = await scripted_client.chat.completions.parse(
        model="default", messages=MESSAGES, response_format=Sum
    )
    assert answer.choices[0].message.parsed == Sum(sum=42)
    (request,) = scripted.requests
    assert request["response_format"]["json_schema"]["schema"]["required"] == ["sum"]


def test_who_shows_no_good_token(gateway: GatewayProcess, start_chatbot: Callable[..., Chatbot]) -> None:
    content = configuration(gateway.base_url, access={"mode": "Token"})
    chatbot = start_chatbot(content, ACCESS_TOKEN="letmein")
    client = openai.OpenAI(base_url=f"{chatbot.url}/v1", api_key="any", timeout=10)
    with pytest.raises(openai.AuthenticationError) as error:
        client.chat.completions.create(model="default", messages=MESSAGES)
    assert error.value.code == "invalid_token"
    client = client.with_options(api_key="letmein")
    assert client.chat.completions.create(model="default", messages=MESSAGES).choices


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


def test_it_comes_again_when_it_was_told_to(chatbot: Chatbot, gateway: GatewayProcess) -> None:
    gateway.misbehave(route=ROUTE, times=1, status=429, headers={"Retry-After": "4"})
    client = openai.OpenAI(base_url=f"{chatbot.url}/v1", api_key="any", max_retries=1, timeout=10)
    assert client.chat.completions.create(model="default", messages=MESSAGES).choices
    first, second = (seconds for seconds, route in gateway.times if route.endswith(ROUTE))
    # By itself it would wait for a second at most, and the chatbot waits for no more than 3.
    assert second - first >= 4


@pytest.mark.parametrize("fault", [{"cut_after": 3}, {"error_after": 3}], ids=str)
def test_a_broken_stream_raises(
    client: openai.OpenAI, gateway: GatewayProcess, fault: dict[str, int]
) -> None:
    gateway.misbehave(route=ROUTE, **fault)
    stream = client.chat.completions.create(model="default", messages=MESSAGES, stream=True)
    with pytest.raises(openai.APIError):
        list(stream)
