"""What the model gets to read of a tool's result. Pure: no I/O, no clock."""

import json
from collections.abc import Iterator
from typing import Any, Final

from mcp_types import (
    AudioContent,
    CallToolResult,
    ContentBlock,
    EmbeddedResource,
    ImageContent,
    ResourceLink,
    TextContent,
    TextResourceContents,
)

from chatassistant_chatbot.tools.tool import ToolResult

LARGEST_BYTES: Final = 256 * 1024
"""Of what the model is given, in UTF-8."""
_SILENT_FAILURE: Final = "The tool failed and does not say why."
_NOTHING: Final = "The tool gave nothing back."


def tool_result(result: CallToolResult) -> ToolResult:
    """A result as text: texts as they are, data as JSON, and of pictures and sounds that there are some."""
    parts = [_described(block) for block in result.content]
    texts = [block.text for block in result.content if isinstance(block, TextContent)]
    if result.structured_content is not None and not _says(texts, result.structured_content):
        parts.append(json.dumps(result.structured_content, ensure_ascii=False))
    text = "\n".join(part for part in parts if part)
    empty = _SILENT_FAILURE if result.is_error else _NOTHING
    return ToolResult(_cut(text or empty), failed=result.is_error)


def _described(block: ContentBlock) -> str:
    match block:
        case TextContent():
            return block.text
        case ImageContent() | AudioContent():
            return _not_shown(block.type, block.mime_type, block.data)
        case ResourceLink():
            known = (block.title or block.name, block.uri, block.mime_type, block.description)
            return f"[resource: {', '.join(each for each in known if each)}]"
        case EmbeddedResource(resource=resource):
            if isinstance(resource, TextResourceContents):
                return f"[resource: {resource.uri}]\n{resource.text}"
            return f"{_not_shown('resource', resource.mime_type, resource.blob)} {resource.uri}"


def _not_shown(kind: str, mime_type: str | None, base64: str) -> str:
    return (
        f"[{kind}, {mime_type or 'of unknown type'}, {_size(len(base64) * 3 // 4)}; it cannot be shown here]"
    )


def _says(texts: list[str], structured: Any) -> bool:
    """Whether texts have the structured content in them already, as servers should see to.

    The official SDK's server has a list in several texts, and wraps it, and what else is no object, as `result`.
    """
    values = list(_values(texts))
    wrapped = [{"result": values}, *({"result": each} for each in values)]
    return structured in [*values, *wrapped, *({"result": each} for each in texts)]


def _values(texts: list[str]) -> Iterator[Any]:
    for text in texts:
        try:
            yield json.loads(text)
        except (ValueError, RecursionError):
            continue


def _cut(text: str) -> str:
    content = text.encode(errors="replace")
    if len(content) <= LARGEST_BYTES:
        return content.decode()
    note = f"\n[Cut: the result has {_size(len(content))}, of which this is the beginning. Ask for less at a time.]"
    return content[: LARGEST_BYTES - len(note.encode())].decode(errors="ignore") + note


def _size(count: int) -> str:
    return f"{count} bytes" if count < 1024 else f"{-(-count // 1024)} KiB"  # noqa: PLR2004 (bytes in a KiB)
