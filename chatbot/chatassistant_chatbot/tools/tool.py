"""What is known of tools and of their servers."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that may be called; `input_schema` is the JSON schema of its arguments."""

    server: str
    name: str
    description: str
    input_schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What the model is told of a call; when it `failed`, what went wrong in place of a result."""

    content: str
    failed: bool


class ToolProblem(StrEnum):
    """Why a server's tools cannot be had."""

    UNREACHABLE = "Unreachable"
    """No connection, or an answer that says so: 408, 429, 5xx, an internal error."""

    OUT_OF_REACH = "AddressNotAllowed"
    """Its URL leads to an address that may not be connected to: see `addresses`."""

    TIMED_OUT = "TimedOut"
    """It did not list its tools in time."""

    REFUSED = "Refused"
    """It does not let the assistant in: 401 or 403."""

    NOT_MCP = "NotMcp"
    """It answers, but not as a server of the Model Context Protocol that has tools."""
