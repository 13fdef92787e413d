"""The JSON schema of a tool's arguments, as models' providers take it. Pure: no I/O, no clock.

One schema that a provider refuses fails every request that offers it, whatever was asked. Seen to be refused:
alternatives at the top (langchain-ai/langchainjs#9804, anomalyco/opencode#47543), `$ref` (anomalyco/opencode#12295), an
array without `items` (mark3labs/mcphost#35), arguments whose names have other characters than letters, digits and `_.-`
or more than 64 of them (decocms/studio#6874).
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import unquote

import orjson

JsonObject = dict[str, Any]

LONGEST_DESCRIPTION: Final = 1024
"""OpenAI's (getsentry/sentry-mcp#106), in characters."""
_LONGEST_NAME: Final = 64
_LARGEST_BYTES: Final = 16 * 1024
# Of one schema, after its references were put in: each may lead to several others, and so on.
_MOST_PARTS: Final = 1000
_DEEPEST: Final = 16
_ARGUMENT: Final = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
_TYPES: Final = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})
_ALTERNATIVES: Final = ("allOf", "anyOf", "oneOf")
_WORDS: Final = ("description", "title", "default")
# What else says something to a model; a server checks what it is given in any case.
_TEXTS: Final = frozenset({"format", "pattern"})
_FLAGS: Final = frozenset({"uniqueItems", "nullable"})
_NUMBERS: Final = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})
_COUNTS: Final = frozenset(
    {"minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"}
)


@dataclass(frozen=True, slots=True)
class Parameters:
    """A function's parameters: an object's schema, and its arguments' own names where it gives them others."""

    schema: JsonObject
    renamed: Mapping[str, str]


def parameters(input_schema: object) -> Parameters:
    """The parameters of a function, of whatever a server gave for a schema."""
    root = _Reader(input_schema).read(input_schema)
    folded = _folded(root)
    own_names = {_argument(name): name for name in folded["properties"]}
    schema: JsonObject = {
        "type": "object",
        "properties": {new: folded["properties"][old] for new, old in own_names.items()},
        "required": [_argument(name) for name in folded["required"]],
    }
    if isinstance(root.get("additionalProperties"), bool):
        schema["additionalProperties"] = root["additionalProperties"]
    schema = _bounded(_consistent(schema))
    renamed = {new: own_names[new] for new in schema["properties"] if new != own_names[new]}
    return Parameters(schema, renamed)


def safe_name(name: str) -> str:
    """At most 64 letters, digits, `_` and `-`, made of a name that is anything else: readable, and no other's."""
    digest = hashlib.sha256(name.encode(errors="replace")).hexdigest()[:8]
    return f"{re.sub(r'[^a-zA-Z0-9_-]', '_', name)[: _LONGEST_NAME - 9]}_{digest}"


def _argument(name: str) -> str:
    return name if _ARGUMENT.fullmatch(name) else safe_name(name)


class _Reader:
    """Takes of a schema what says something to a model, with what its references lead to in their place."""

    def __init__(self, document: object) -> None:
        self._document = document
        self._left = _MOST_PARTS

    def read(self, node: object, opened: tuple[str, ...] = (), depth: int = 0) -> JsonObject:
        """A schema's part; anything for one that refers to itself, and for what goes too deep or too far."""
        if not isinstance(node, Mapping) or depth > _DEEPEST or self._left <= 0:
            return {}
        self._left -= 1
        node = cast("Mapping[str, object]", node)
        result: JsonObject = {}
        reference = node.get("$ref")
        if isinstance(reference, str) and reference not in opened:
            result = self.read(self._target(reference), (*opened, reference), depth + 1)
        for keyword, value in node.items():
            kept = self._parts(keyword, value, opened, depth + 1)
            if kept is not None:
                result[keyword] = kept
        return result

    def _parts(self, keyword: str, value: object, opened: tuple[str, ...], depth: int) -> object:
        """A keyword's value as it is kept, None when it is not."""
        if keyword == "properties" and isinstance(value, Mapping):
            parts = cast("Mapping[str, object]", value).items()
            return {name: self.read(each, opened, depth) for name, each in parts if each is not False}
        if keyword in {"items", "additionalProperties"} and isinstance(value, Mapping):
            return self.read(cast("object", value), opened, depth)
        if keyword in _ALTERNATIVES:
            return [self.read(each, opened, depth) for each in _items(value)] or None
        return _value(keyword, value)

    def _target(self, reference: str) -> object:
        """What a reference within the document leads to (RFC 6901); None for any other."""
        if reference != "#" and not reference.startswith("#/"):
            return None
        target: Any = self._document
        for step in unquote(reference[1:]).split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            if isinstance(target, Mapping):
                target = cast("Mapping[str, object]", target).get(name)
            else:
                target = dict(zip(map(str, range(_MOST_PARTS)), _items(target), strict=False)).get(name)
        return target


def _items(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else []


def _value(keyword: str, value: object) -> object:
    """The value of a keyword that has no schemas in it, None when it is not kept."""
    match keyword, value:
        case "type", _:
            return _type(value)
        case "required", _:
            return [each for each in _items(value) if isinstance(each, str)]
        case "description" | "title", str():
            return value[:LONGEST_DESCRIPTION]
        case "enum", _:
            return _items(value) or None
        case ("const" | "default", _) | ("additionalProperties", bool()):
            return value
        case _:
            return value if _is_plain(keyword, value) else None


def _is_plain(keyword: str, value: object) -> bool:
    if isinstance(value, bool):
        return keyword in _FLAGS
    if isinstance(value, int | float):
        return keyword in _NUMBERS or (keyword in _COUNTS and isinstance(value, int) and value >= 0)
    return keyword in _TEXTS and isinstance(value, str)


def _type(value: object) -> str | list[str] | None:
    """A type, or several of which any will do."""
    given = _items(value) or [value]
    known = dict.fromkeys(each for each in given if isinstance(each, str) and each in _TYPES)
    types = list(known)
    return types[0] if len(types) == 1 else types or None


def _folded(schema: JsonObject) -> JsonObject:
    """The properties of an object and of all its alternatives, and those that it requires whichever is chosen."""
    properties: JsonObject = dict(schema.get("properties", {}))
    required: list[str] = list(schema.get("required", []))
    for keyword in _ALTERNATIVES:
        parts = [_folded(each) for each in schema.get(keyword, [])]
        for part in parts:
            for name, each in part["properties"].items():
                properties[name] = _either(properties[name], each) if name in properties else each
        of_all = dict.fromkeys(name for part in parts for name in part["required"])
        required += [
            name for name in of_all if keyword == "allOf" or all(name in part["required"] for part in parts)
        ]
    return {"properties": properties, "required": list(dict.fromkeys(required))}


def _either(one: JsonObject, other: JsonObject) -> JsonObject:
    options: list[JsonObject] = one["anyOf"] if one.keys() == {"anyOf"} else [one]
    return one if other in options else {"anyOf": [*options, other]}


def _consistent(schema: JsonObject) -> JsonObject:
    """An array has `items`; what is required is there."""
    result = _with_parts(schema, _consistent)
    if "array" in _as_list(result.get("type")):
        result.setdefault("items", {})
    given = dict.fromkeys(result.pop("required", []))
    required = [name for name in given if name in result.get("properties", {})]
    return {**result, "required": required} if required else result


def _bounded(schema: JsonObject) -> JsonObject:
    """The schema, or as much of it as is not too large and can be sent."""
    for smaller in (schema, _without_words(schema), _types_alone(schema)):
        try:
            if len(orjson.dumps(smaller)) <= _LARGEST_BYTES:
                return smaller
        except orjson.JSONEncodeError:
            # A number that no JSON carries, or too many levels.
            continue
    return {"type": "object", "properties": {}}


def _without_words(schema: JsonObject) -> JsonObject:
    result = _with_parts(schema, _without_words)
    return {keyword: value for keyword, value in result.items() if keyword not in _WORDS}


def _types_alone(schema: JsonObject) -> JsonObject:
    typed = {
        name: {"type": each["type"]} if "type" in each else {} for name, each in schema["properties"].items()
    }
    return _consistent({"type": "object", "properties": typed, "required": schema.get("required", [])})


def _with_parts(schema: JsonObject, changed: Callable[[JsonObject], JsonObject]) -> JsonObject:
    """The schema with each schema right below it changed."""
    result = dict(schema)
    for keyword in ("items", "additionalProperties"):
        if isinstance(result.get(keyword), dict):
            result[keyword] = changed(result[keyword])
    for keyword in _ALTERNATIVES:
        if keyword in result:
            result[keyword] = [changed(each) for each in result[keyword]]
    if "properties" in result:
        result["properties"] = {name: changed(each) for name, each in result["properties"].items()}
    return result


def _as_list(value: str | Sequence[str] | None) -> Sequence[str]:
    return [value] if isinstance(value, str) else value or []
