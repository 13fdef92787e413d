"""Which model is asked, and how the gateway is told: a request and a configuration in, the gateway's body out."""

import json
from typing import Any

import pytest

from chatassistant_chatbot.errors import CallerError
from chatassistant_chatbot.settings import Configuration
from chatassistant_chatbot.turn import begin, offered, open_turn, read

SIMPLE = {"name": "a/fast", "maxCharacters": 10}
FALLBACKS = ["a/two", "a/three", "a/four"]
TODO = {"name": "todo", "url": "http://todo-tools/mcp"}
CLOCK = {"type": "function", "function": {"name": "clock", "parameters": {}}}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,eA=="}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "clock", "arguments": "{}"}}


def configuration(model: dict[str, Any], **others: Any) -> Configuration:
    return Configuration.model_validate_json(json.dumps({"model": {"name": "a/main", **model}, **others}))


def said(*texts: str) -> list[dict[str, Any]]:
    return [{"role": ("user", "assistant")[number % 2], "content": text} for number, text in enumerate(texts)]


def routed(settings: Configuration, messages: list[dict[str, Any]], **asked: Any) -> dict[str, Any]:
    """What the gateway is told of models and providers."""
    _, ask = begin(open_turn(settings, read(json.dumps({"messages": messages, **asked}).encode())))
    body = json.loads(ask.body)
    return {name: body[name] for name in ("model", "models", "provider") if name in body}


@pytest.mark.parametrize(
    ("model", "asked", "sent"),
    [
        ({}, None, {"model": "a/main"}),
        ({}, "default", {"model": "a/main"}),
        ({}, "a/main", {"model": "a/main"}),
        ({"fallbacks": FALLBACKS}, None, {"model": "a/main", "models": FALLBACKS}),
        ({"fallbacks": FALLBACKS}, "a/main", {"model": "a/main", "models": FALLBACKS}),
        ({"fallbacks": ["a/main", "a/two", "a/two"]}, None, {"model": "a/main", "models": ["a/two"]}),
        ({"fallbacks": FALLBACKS}, "a/three", {"model": "a/three"}),
        ({"fallbacks": FALLBACKS, "simpleQueries": SIMPLE}, "a/fast", {"model": "a/fast"}),
        ({"fallbacks": [], "provider": {}}, None, {"model": "a/main"}),
    ],
    ids=str,
)
def test_models(model: dict[str, Any], asked: str | None, sent: dict[str, Any]) -> None:
    assert routed(configuration(model), said("A question that is not simple"), model=asked) == sent


@pytest.mark.parametrize(
    ("messages", "asked", "tools", "simple"),
    [
        (said("0123456789"), {}, [], True),
        (said("01234567890"), {}, [], False),
        (said("Ünïcödé öö"), {}, [], True),
        (said("Hello", "Hi", "Bye"), {}, [], True),
        (said("Hello", "Hello", "x"), {}, [], False),
        ([{"role": "system", "content": "Speak French."}, *said("Hi")], {}, [], False),
        ([{"role": "user", "content": [{"type": "text", "text": "Hello"}] * 2}], {}, [], True),
        ([{"role": "user", "content": [{"type": "text", "text": "Hello"}] * 3}], {}, [], False),
        ([{"role": "user", "content": [{"type": "text", "text": "Hi"}, IMAGE]}], {}, [], False),
        ([{"role": "user", "content": [IMAGE]}, *said("Hi")], {}, [], False),
        (said("Hi"), {"model": "default"}, [], True),
        (said("Hi"), {"model": "a/main"}, [], True),
        (said("Hi"), {"tools": []}, [], True),
        (said("Hi"), {"tools": [CLOCK]}, [], False),
        (said("Hi"), {}, [TODO], False),
        (
            [
                *said("Hi"),
                {"role": "assistant", "content": None, "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "call_1", "content": "9"},
            ],
            {},
            [],
            False,
        ),
    ],
    ids=str,
)
def test_simple_queries(
    messages: list[dict[str, Any]], asked: dict[str, Any], tools: list[dict[str, Any]], simple: bool
) -> None:
    settings = configuration({"simpleQueries": SIMPLE, "fallbacks": ["a/two"]}, tools={"mcpServers": tools})
    main = {"model": "a/main", "models": ["a/two"]}
    fast = {"model": "a/fast", "models": ["a/main", "a/two"]}
    assert routed(settings, messages, **asked) == (fast if simple else main)


def test_a_simple_query_has_three_models_in_its_models_place_at_most() -> None:
    settings = configuration({"simpleQueries": SIMPLE, "fallbacks": FALLBACKS})
    assert routed(settings, said("Hi")) == {"model": "a/fast", "models": ["a/main", "a/two", "a/three"]}


def test_a_query_is_simple_up_to_50_characters_unless_told_otherwise() -> None:
    settings = configuration({"simpleQueries": {"name": "a/fast"}})
    assert routed(settings, said("x" * 50))["model"] == "a/fast"
    assert routed(settings, said("x" * 51))["model"] == "a/main"


@pytest.mark.parametrize(
    ("provider", "sent"),
    [
        ({"order": [], "only": [], "ignore": [], "maxPrice": {}}, None),
        (
            {"order": ["b", "a"], "only": ["a", "b"], "ignore": ["c"]},
            {"order": ["b", "a"], "only": ["a", "b"], "ignore": ["c"]},
        ),
        (
            {"allowFallbacks": False, "requireParameters": True, "zdr": True},
            {"allow_fallbacks": False, "require_parameters": True, "zdr": True},
        ),
        ({"dataCollection": "deny", "sort": "exacto"}, {"data_collection": "deny", "sort": "exacto"}),
        (
            {"maxPrice": {"prompt": 1.5, "completion": 2, "request": 0.1, "image": "0.30"}},
            {"max_price": {"prompt": "1.5", "completion": "2", "request": "0.1", "image": "0.30"}},
        ),
        (
            {"maxPrice": {"prompt": 1e-7, "completion": 0}},
            {"max_price": {"prompt": "0.0000001", "completion": "0"}},
        ),
    ],
    ids=str,
)
def test_providers(provider: dict[str, Any], sent: dict[str, Any] | None) -> None:
    settings = configuration({"provider": provider, "fallbacks": ["a/two"]})
    for asked in (None, "a/two"):
        assert routed(settings, said("Hello"), model=asked).get("provider") == sent


def test_what_may_be_named() -> None:
    settings = configuration({"fallbacks": [*FALLBACKS[:2], "a/fast"], "simpleQueries": SIMPLE})
    assert offered(settings.model) == ("a/main", "default", "a/two", "a/three", "a/fast")
    with pytest.raises(
        CallerError, match="a/main \\(also called default\\), a/two, a/three, a/fast"
    ) as raised:
        routed(settings, said("Hello"), model="a/four")
    assert (raised.value.status, raised.value.body()["error"]["code"]) == (404, "model_not_found")
