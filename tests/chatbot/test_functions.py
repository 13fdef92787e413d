"""Tools as functions: names, descriptions and schemas that no provider refuses, whatever a server lists."""

import json
import re
from typing import Any

import jsonschema
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatassistant_chatbot.tools.functions import function
from chatassistant_chatbot.tools.schemas import parameters
from chatassistant_chatbot.tools.tool import Tool
from chatassistant_operator.local.openrouter.requests import Tool as Accepted

STRING, INTEGER = {"type": "string"}, {"type": "integer"}
NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def named(server: str, tool: str) -> str:
    return function(Tool(server, tool, "", {})).name


def test_names() -> None:
    assert named("todo", "list_tasks") == "todo__list_tasks"
    assert named("a" * 30, "b" * 32) == "a" * 30 + "__" + "b" * 32
    unusual = ["tasks.list", "tasks list", "tasks/list", "tâches", "a" * 100, "a" * 99 + "b", "💥", "__", "-"]
    names = [named("todo", each) for each in unusual]
    assert all(map(NAME.fullmatch, names))
    assert all(name.startswith("todo__") for name in names)
    assert len(set(names)) == len(names)
    assert named("todo", "tasks.list") == "todo__tasks_list_56cbd8ab", "always the same"
    assert len({named("a", "b__c"), named("a__b", "c"), named("a-b", "c"), named("a", "b-c")}) == 3


def test_descriptions() -> None:
    def described(text: str) -> Any:
        return function(Tool("todo", "add", text, {})).entry["function"].get("description")

    assert described("Adds.") == "Adds."
    assert described("") is None
    assert described("ä" * 1024) == "ä" * 1024
    assert described("ä" * 1025) == "ä" * 1023 + "…"
    assert described("\ud800x") == "?x"


# What a server lists, and what becomes of it, both without `type` and, when there are none, `properties`.
CASES: dict[str, tuple[Any, dict[str, Any]]] = {
    "nothing": (None, {}),
    "no object": ({"type": "string"}, {}),
    "an array": ({"type": "array", "items": STRING}, {}),
    "no type": ({"properties": {"a": STRING}}, {"properties": {"a": STRING}}),
    "what only says what it is": (
        {
            "$schema": "x",
            "$id": "y",
            "$comment": "z",
            "title": "T",
            "x-mcp-header": "h",
            "properties": {"a": {}},
        },
        {"properties": {"a": {}}},
    ),
    "all that says something": (
        {
            "properties": {
                "a": {**STRING, "minLength": 1, "format": "date", "default": "x", "enum": ["x", "y"]}
            }
        },
        {
            "properties": {
                "a": {**STRING, "minLength": 1, "format": "date", "default": "x", "enum": ["x", "y"]}
            }
        },
    ),
    "what is required and not there": (
        {"properties": {"a": STRING}, "required": ["a", "b", 1]},
        {"properties": {"a": STRING}, "required": ["a"]},
    ),
    "nothing required": ({"properties": {"a": STRING}, "required": True}, {"properties": {"a": STRING}}),
    "true and false": ({"properties": {"a": True, "b": False}}, {"properties": {"a": {}}}),
    "an array of anything": (
        {"properties": {"a": {"type": "array"}, "b": {"type": ["array", "null"]}}},
        {"properties": {"a": {"type": "array", "items": {}}, "b": {"type": ["array", "null"], "items": {}}}},
    ),
    "types that do not exist": (
        {"properties": {"a": {"type": "text"}, "b": {"type": ["string", "any"]}, "c": {"type": {}}}},
        {"properties": {"a": {}, "b": STRING, "c": {}}},
    ),
    "an empty choice": ({"properties": {"a": {"enum": []}}}, {"properties": {"a": {}}}),
    "one of several sets": (
        {"properties": {"a": STRING, "b": STRING}, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
        {"properties": {"a": STRING, "b": STRING}},
    ),
    "one of several objects": (
        {
            "oneOf": [
                {"properties": {"kind": {"const": "a"}, "n": INTEGER}, "required": ["kind", "n"]},
                {"properties": {"kind": {"const": "b"}, "n": INTEGER}, "required": ["kind"]},
                {"properties": {"kind": {"const": "c"}}, "required": ["kind"]},
            ]
        },
        {
            "properties": {"kind": {"anyOf": [{"const": "a"}, {"const": "b"}, {"const": "c"}]}, "n": INTEGER},
            "required": ["kind"],
        },
    ),
    "all of several objects": (
        {"properties": {"a": STRING}, "allOf": [{"properties": {"b": STRING}}, {"required": ["a", "b"]}]},
        {"properties": {"a": STRING, "b": STRING}, "required": ["a", "b"]},
    ),
    "alternatives below the top": (
        {"properties": {"a": {"anyOf": [STRING, {"type": "null"}]}}, "additionalProperties": False},
        {"properties": {"a": {"anyOf": [STRING, {"type": "null"}]}}, "additionalProperties": False},
    ),
    "references": (
        {
            "properties": {
                "a": {"$ref": "#/$defs/A", "description": "own"},
                "b": {"$ref": "#/definitions/a~1b%20c"},
            },
            "$defs": {"A": {**STRING, "description": "its"}},
            "definitions": {"a/b c": INTEGER},
        },
        {"properties": {"a": {**STRING, "description": "own"}, "b": INTEGER}},
    ),
    "a reference at the top": (
        {"$ref": "#/$defs/A", "$defs": {"A": {"properties": {"a": STRING}, "required": ["a"]}}},
        {"properties": {"a": STRING}, "required": ["a"]},
    ),
    "a reference into a list": (
        {
            "properties": {
                "a": {"$ref": "#/$defs/0"},
                "b": {"$ref": "#/$defs/7"},
                "c": {"$ref": f"#/$defs/{'9' * 5000}"},
            },
            "$defs": [STRING],
        },
        {"properties": {"a": STRING, "b": {}, "c": {}}},
    ),
    "references that lead nowhere": (
        {
            "properties": {
                "a": {"$ref": "https://example.com/a"},
                "b": {"$ref": "#/no"},
                "c": {"$ref": 1},
                "d": {"$ref": "#d"},
            }
        },
        {"properties": {"a": {}, "b": {}, "c": {}, "d": {}}},
    ),
    "itself": ({"$ref": "#"}, {}),
    "a tree": (
        {
            "properties": {"root": {"$ref": "#/$defs/Node"}},
            "$defs": {
                "Node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}, "n": INTEGER}}
            },
        },
        {"properties": {"root": {"type": "object", "properties": {"next": {}, "n": INTEGER}}}},
    ),
    "what no JSON carries": (
        {"properties": {"a": {**INTEGER, "maximum": 10**30}}},
        {"properties": {"a": INTEGER}},
    ),
}


@pytest.mark.parametrize(("listed", "expected"), CASES.values(), ids=CASES)
def test_schemas(listed: Any, expected: dict[str, Any]) -> None:
    assert parameters(listed).schema == {"type": "object", "properties": {}, **expected}


def test_arguments_with_names_that_providers_refuse() -> None:
    names = ["filter[id]", "$top", "a" * 65, "a b", "a.b-c_d"]
    taken = parameters({"properties": dict.fromkeys(names, STRING), "required": names})
    assert list(taken.renamed.values()) == names[:-1]
    assert taken.schema["required"] == list(taken.schema["properties"]) == [*taken.renamed, "a.b-c_d"]
    assert all(re.fullmatch(r"[a-zA-Z0-9_.-]{1,64}", name) for name in taken.schema["properties"])


def test_schemas_are_of_a_bounded_size() -> None:
    wide = {f"p{number}": {**STRING, "description": "d" * 900} for number in range(100)}
    assert parameters({"properties": wide}).schema["properties"] == dict.fromkeys(wide, STRING)
    choices = {f"p{number}": {**STRING, "enum": ["e" * 900]} for number in range(100)}
    assert parameters({"properties": choices}).schema["properties"] == dict.fromkeys(choices, STRING)
    endless = {f"p{number}": STRING for number in range(5000)}
    assert parameters({"properties": endless}).schema == {"type": "object", "properties": {}}
    definitions: dict[str, Any] = {
        f"d{number}": {"properties": {side: {"$ref": f"#/$defs/d{number + 1}"} for side in ("left", "right")}}
        for number in range(60)
    }
    doubling = {"properties": {"a": {"$ref": "#/$defs/d0"}}, "$defs": definitions}
    assert len(orjson.dumps(parameters(doubling).schema)) <= 16 * 1024


KEYWORDS = st.sampled_from(
    [
        "$ref",
        "$defs",
        "type",
        "properties",
        "required",
        "items",
        "anyOf",
        "oneOf",
        "allOf",
        "enum",
        "const",
        "additionalProperties",
        "description",
        "default",
        "minimum",
        "exclusiveMinimum",
        "minLength",
        "maxItems",
        "multipleOf",
        "uniqueItems",
        "pattern",
        "format",
        "not",
        "if",
        "a",
        "b[c]",
    ]
)
SIMPLE = st.sampled_from(
    ["#", "#/$defs/a", "#/properties/a", "string", "array", "object", True, False, None, -1, 2**70]
)
VALUES = st.recursive(
    SIMPLE,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYWORDS, inner, max_size=5),
    max_leaves=20,
)


@given(st.dictionaries(KEYWORDS, VALUES, max_size=6))
def test_whatever_is_listed_can_be_sent(listed: Any) -> None:
    made = function(Tool("todo", "add", "Adds.", listed))
    Accepted.model_validate(json.loads(orjson.dumps(made.entry)))
    schema = made.entry["function"]["parameters"]
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["type"] == "object"
    assert schema.keys() <= {"type", "properties", "required", "additionalProperties"}
