"""What all models of the API share: names on the wire, strictness, and rules that CEL and Python both know."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Final, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

_READS: Final = re.compile(r"self\.(\w+)")


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that a schema's types cannot say, once in CEL for the API server and once in Python.

    `field` is the JSON path, below the object that has the rule, of what is wrong (`.name`). The rule stands on
    the object and not on the field, because the API server prints the value of a field that breaks its own rule,
    and that value may be a key which somebody pasted into the wrong place.
    """

    cel: str
    message: str
    holds: Callable[[Any], bool]
    field: str = ""


def matches(field: str, pattern: str, message: str, *, optional: bool = False) -> Rule:
    """The rule that a string field, by its Python name, matches a regular expression as a whole."""
    compiled, wire = re.compile(pattern), to_camel(field) if field != "base_url" else "baseURL"
    test = f"self.{wire}.matches(r'^{pattern}$')"

    def holds(model: Any) -> bool:
        value = getattr(model, field)
        return value is None or compiled.fullmatch(value) is not None

    return Rule(f"!has(self.{wire}) || {test}" if optional else test, message, holds, f".{wire}")


class ApiModel(BaseModel):
    """A part of the API: camelCase on the wire, unknown fields refused, immutable, values never in errors."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        extra="forbid",
        frozen=True,
        strict=True,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
    )
    rules: ClassVar[tuple[Rule, ...]] = ()

    @model_validator(mode="after")
    def _obeys_the_rules(self) -> Self:
        for rule in self.rules:
            if not rule.holds(self):
                context = {"message": rule.message, "field": rule.field, "cel": rule.cel}
                raise PydanticCustomError("rule", "{message}", context)
        return self


class Fault(NamedTuple):
    """One problem of an object.

    `path` leads to it, `message` says what is wrong without any value, `type` is pydantic's word for the error, and
    `reads` are the fields that a rule looks at.
    """

    path: tuple[str | int, ...]
    message: str
    type: str
    reads: tuple[str, ...] = ()


def faults(error: ValidationError) -> list[Fault]:
    """The problems one by one; a rule's path leads to the field that it is about."""
    found: list[Fault] = []
    for each in error.errors(include_url=False, include_input=False):
        context = each.get("ctx", {})
        path = (*each["loc"], *(context.get("field", "").split(".")[1:]))
        message = "unknown field" if each["type"] == "extra_forbidden" else each["msg"]
        reads = tuple(_READS.findall(context.get("cel", "")))
        found.append(Fault(path, message, each["type"], reads))
    # pydantic counts the valid items of a tuple only: what is in it seems to be missing, too.
    return [
        fault
        for fault in found
        if fault.type != "too_short" or not any(_is_inside(each.path, fault.path) for each in found)
    ]


def _is_inside(path: tuple[str | int, ...], other: tuple[str | int, ...]) -> bool:
    return len(path) > len(other) and path[: len(other)] == other


def dotted(path: Iterable[str | int]) -> str:
    """A path as kubectl writes it: `spec.faq[0].answer`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


def explain(error: ValidationError) -> list[str]:
    """The problems as kubectl would word them, `field: what is wrong`, without any value."""
    return [f"{dotted(fault.path)}: {fault.message}" for fault in faults(error)]
