"""Which tool the stand-in asks for, and with which arguments: as a model would, for simple wishes, but always the same.

A tool is asked for when the last message is the user's and has words of the tool's name, of three letters or more, in
it: the tool with most of them, or of several the one whose word comes first, as "add" does in "Add milk to my list".
The arguments that it requires get a value of the right type: a number that the user said, or their words, without the
tool's when something is left, so that it is "milk" that is added.

The form of tools and of their calls is the schema's in PyPI's `openrouter` 1.3.84 (October 2026).
"""

import re
from typing import Any, Final

from chatassistant_operator.local.openrouter.requests import ChatRequest, NamedTool, Tool

_NAME_WORD: Final = re.compile(r"[a-z]{3,}")
_NUMBER: Final = re.compile(r"\d+")
_QUOTED: Final = re.compile(r"[\"“”„](.+?)[\"“”]|:\s+(.+)")
# What ends a thing that is to be done with something of the user's: "… to my list", "… from the list, please".
_END: Final = re.compile(
    r"(\s+(to|on|in|from|of|off)\s+(my|the|your|our)\b.*|,?\s*please)?[\s.!?]*$", re.IGNORECASE
)


def chosen_tool(request: ChatRequest) -> Tool | None:
    """The tool that the request insists on, or the one whose name shares most words with the user's message."""
    tools, last = request.tools or [], request.messages[-1]
    if isinstance(request.tool_choice, NamedTool):
        wanted = request.tool_choice.function.name
        return next((tool for tool in tools if tool.function.name == wanted), None)
    if request.tool_choice == "none" or last.role != "user":
        return None
    said = _NAME_WORD.findall(last.text.lower())

    def shared(tool: Tool) -> tuple[int, int]:
        """How many words, and how early: the larger, the better."""
        places = [said.index(word) for word in _names(tool) & set(said)]
        return len(places), -min(places, default=0)

    best = max(tools, key=shared, default=None)
    return best if best and (request.tool_choice == "required" or shared(best)[0]) else None


def _names(tool: Tool) -> set[str]:
    return set(_NAME_WORD.findall(tool.function.name.lower()))


def arguments_of(tool: Tool, said: str) -> dict[str, Any]:
    """A value of the right type for each argument that is required: the first of an `enum`, or what was said."""
    number = _NUMBER.search(said)
    count = int(number.group()) if number else 1
    samples: dict[str, Any] = {"integer": count, "number": count, "boolean": True, "array": [], "object": {}}
    properties: dict[str, dict[str, Any]] = tool.function.parameters.get("properties", {})
    required: list[str] = tool.function.parameters.get("required", [])

    def value(name: str) -> object:
        rules = properties.get(name, {})
        return (
            rules["enum"][0]
            if rules.get("enum")
            else samples.get(str(rules.get("type")), _object(tool, said))
        )

    return {name: value(name) for name in required}


def _object(tool: Tool, said: str) -> str:
    """What the user wants something done with: what is quoted or comes after a colon or the tool's word; or all of it."""
    quoted = _QUOTED.search(said)
    if quoted:
        return (quoted.group(1) or quoted.group(2)).strip()
    words = (word for word in _NAME_WORD.finditer(said.lower()) if word.group() in _names(tool))
    first = next(words, None)
    rest = _END.sub("", said[first.end() :]).strip() if first else ""
    return rest or said
