"""What looking at one link of the chain found."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from chatassistant_operator.cluster.kinds import Kind

# Commands stand in backquotes in the operator's messages and in the guide.
_COMMAND: Final = re.compile(r"`(kubectl [^`]*)`")


class State(StrEnum):
    """How a link is."""

    OK = "Ok"
    WARNING = "Warning"
    """It holds, and something about it should be known."""
    UNKNOWN = "Unknown"
    """It cannot be told, for want of a right or because nobody has asked yet."""
    BROKEN = "Broken"
    """Nothing that comes after it can work."""
    NOT_LOOKED_AT = "NotLookedAt"
    """A link before it is broken."""


@dataclass(frozen=True, slots=True)
class Fix:
    """A change that mends a link and harms nothing: a merge patch of an object of the assistant's namespace.

    `question` is what the command's user is asked before; the patch may hold a key and is never shown.
    """

    question: str
    kind: Kind
    name: str
    patch: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """How a link is, in words, and the command that mends it."""

    state: State
    message: str
    cure: str | None = None
    fix: Fix | None = None


def ok(message: str) -> Finding:
    """The link holds."""
    return Finding(State.OK, message)


def warning(message: str, cure: str | None = None, fix: Fix | None = None) -> Finding:
    """The link holds, and yet."""
    return Finding(State.WARNING, message, cure, fix)


def unknown(message: str, cure: str | None = None) -> Finding:
    """It cannot be told."""
    return Finding(State.UNKNOWN, message, cure)


def broken(message: str, cure: str | None = None, fix: Fix | None = None) -> Finding:
    """The link is broken; without a cure, the command that the message names."""
    return Finding(State.BROKEN, message, cure or command_in(message), fix)


def command_in(text: str) -> str | None:
    """The first kubectl command in a text."""
    found = _COMMAND.search(text)
    return found[1] if found else None
