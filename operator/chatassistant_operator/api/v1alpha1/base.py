"""What all models of the API share: names on the wire, strictness, and rules that CEL and Python both know."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError


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
                raise PydanticCustomError("rule", "{message}", {"message": rule.message, "field": rule.field})
        return self


def explain(error: ValidationError) -> list[str]:
    """The problems as kubectl would word them, `field: what is wrong`, without any value."""
    problems: list[str] = []
    for each in error.errors(include_url=False, include_input=False):
        path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in each["loc"]).lstrip(
            "."
        )
        path += each.get("ctx", {}).get("field", "")
        message = "unknown field" if each["type"] == "extra_forbidden" else each["msg"]
        problems.append(f"{path}: {message}")
    return problems
