"""Tools as the functions that a model is offered, and what it gives for their arguments. Pure: no I/O, no clock."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import orjson

from chatassistant_chatbot.tools.schemas import LONGEST_DESCRIPTION, parameters, safe_name
from chatassistant_chatbot.tools.tool import Tool

# As the schema in PyPI's `openrouter` 1.3.84 has it.
_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_LARGEST_BYTES: Final = 256 * 1024
_DEEPEST: Final = 32


class ArgumentsError(Exception):
    """The text is for the model, which can do better next time."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function that stands for a tool.

    Attributes:
        name: `server__tool`; always the same for a tool, and no other's.
        entry: What OpenAI's `tools` has of it, ready to be sent.
        renamed: The arguments' own names, where the entry gives them others.
    """

    tool: Tool
    name: str
    entry: dict[str, Any]
    renamed: Mapping[str, str]

    def arguments(self, text: str) -> dict[str, Any]:
        """The tool's arguments, of what a model wrote; nothing at all stands for none.

        Raises:
            ArgumentsError: for what is no JSON object, or too large or too deep.
        """
        if len(text.encode(errors="replace")) > _LARGEST_BYTES:
            raise ArgumentsError(
                f"The arguments are larger than {_LARGEST_BYTES // 1024} KiB. Give shorter ones."
            )
        try:
            given: object = orjson.loads(text) if text.strip() else {}
        except orjson.JSONDecodeError as error:
            raise ArgumentsError(f"The arguments are no JSON: {error}. Give one JSON object.") from None
        if not isinstance(given, dict):
            raise ArgumentsError('The arguments must be one JSON object, such as {} or {"name": "value"}.')
        if _is_deep(cast("object", given)):
            raise ArgumentsError(f"The arguments have more than {_DEEPEST} levels. Give simpler ones.")
        return {self.renamed.get(name, name): value for name, value in cast("dict[str, Any]", given).items()}


def function(tool: Tool) -> Function:
    """The function that stands for a tool."""
    name = f"{tool.server}__{tool.name}"
    if not _NAME.fullmatch(name):
        name = safe_name(name)
    taken = parameters(tool.input_schema)
    described = {"description": _shortened(tool.description)} if tool.description else {}
    content = {"name": name, **described, "parameters": taken.schema}
    return Function(tool, name, {"type": "function", "function": content}, taken.renamed)


def _shortened(description: str) -> str:
    text = description.encode(errors="replace").decode()
    return text if len(text) <= LONGEST_DESCRIPTION else text[: LONGEST_DESCRIPTION - 1] + "…"


def _is_deep(value: object) -> bool:
    """Whether it has more levels than can be written again by any library on the way."""
    level: list[object] = [value]
    for _ in range(_DEEPEST):
        level = [each for container in level for each in _inside(container)]
        if not level:
            return False
    return True


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return cast("dict[str, object]", value).values()
    return cast("list[object]", value) if isinstance(value, list) else ()
