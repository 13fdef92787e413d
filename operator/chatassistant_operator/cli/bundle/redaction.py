"""What leaves a cluster in a bundle: no key, no token, no Secret's value, and none of the users' own texts. Pure.

Objects are told by what may stay in them: values of environment variables, annotations, arguments and ConfigMaps are
left out unless they are known to be harmless. What is left is searched for anything that looks like a credential.
"""

import re
from collections.abc import Iterable
from typing import Final, TypeAlias

from chatassistant_operator.api import names
from chatassistant_operator.api.policy import Policy
from chatassistant_operator.settings import PREFIX, Settings

Json: TypeAlias = "str | int | float | list[Json] | dict[str, Json] | None"
"""Whatever JSON has."""

MASK: Final = "[removed]"

_LEAST: Final = 6
_CREDENTIALS: Final = (
    re.compile(r"\bsk-[A-Za-z0-9_-]{4,}"),
    re.compile(r"(?i)\b(?:bearer|basic)\s+[A-Za-z0-9._~+/=-]{4,}"),
    re.compile(r"\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?"),
    re.compile(r"(?<=://)[^/\s@\"']+@"),
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
    # As random as a token: long, with small and capital letters and digits. Digests and uids have no capitals.
    re.compile(r"(?<![\w-])(?=[\w-]*[a-z])(?=[\w-]*[A-Z])(?=[\w-]*\d)[A-Za-z0-9_-]{32,}={0,2}"),
)
# `password=…`, `"api_key": "…"`: what follows such a name.
_NAMED: Final = re.compile(
    r"""(?ix) (\b[\w-]*(?:api[-_]?key|token|secret|passwo?r?d|authorization|credential) [\\"']*\s*[:=]\s*)
        ("(?:[^"\\]|\\.)*" | '[^']*' | [\\"']*[^\s,;&"'}\]\\]+)"""
)
_DATA: Final = frozenset({"data", "binaryData", "stringData"})
# What people write is in the others.
_HARMLESS_ANNOTATIONS: Final = frozenset(
    {
        *(str(value) for name, value in vars(names).items() if name.endswith("_ANNOTATION")),
        "deployment.kubernetes.io/revision",
        "deployment.kubernetes.io/desired-replicas",
        "deployment.kubernetes.io/max-replicas",
    }
) - {names.VALIDATE_AT_ANNOTATION, names.HOSTS_ANNOTATION}
_HARMLESS_VARIABLES: Final = frozenset(
    f"{PREFIX}{name.upper()}"
    for name in (
        *(each for each in Settings.model_fields if each != "policy"),
        *(f"policy__{each}" for each in Policy.model_fields),
    )
)


class Redactor:
    """Takes out what must not leave.

    Args:
        values: Values that are known to be secret; each is searched for as it is.
    """

    def __init__(self, values: Iterable[str] = ()) -> None:
        pieces = {piece.strip() for value in values for piece in (value, *value.splitlines())}
        longest_first = sorted((each for each in pieces if len(each) >= _LEAST), key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def text(self, text: str) -> str:
        """A text without credentials."""
        if self._known is not None:
            text = self._known.sub(MASK, text)
        for pattern in _CREDENTIALS:
            text = pattern.sub(MASK, text)
        return _NAMED.sub(rf"\1{MASK}", text)

    def clean(self, value: Json) -> Json:
        """Whatever JSON has, Kubernetes objects among it, without credentials and users' texts; what is left out says so."""
        match value:
            case str():
                return self.text(value)
            case list():
                return [self.clean(each) for each in value]
            case dict():
                holds_data = value.get("kind") in ("ConfigMap", "Secret")
                return {
                    key: _sizes(each) if holds_data and key in _DATA else self._field(key, each)
                    for key, each in value.items()
                    if key != "managedFields"
                }
            case _:
                return value

    def _field(self, key: str, value: Json) -> Json:
        if key == "systemPrompt" and isinstance(value, str):
            return _left_out(f"{len(value)} characters")
        if key == "annotations" and isinstance(value, dict):
            return {name: self._annotation(name, text) for name, text in value.items()}
        if key in {"faq", "args", "command", "env"} and isinstance(value, list):
            if key == "env":
                return [self._variable(each) for each in value]
            return _left_out(f"{len(value)} entries")
        return self.clean(value)

    def _annotation(self, name: str, value: Json) -> Json:
        return self.clean(value) if name in _HARMLESS_ANNOTATIONS else _left_out(_size(value))

    def _variable(self, variable: Json) -> Json:
        if not isinstance(variable, dict) or "value" not in variable:
            return self.clean(variable)
        if variable.get("name") in _HARMLESS_VARIABLES:
            return self.clean(variable)
        return {**variable, "value": _left_out(_size(variable["value"]))}


def _left_out(size: str) -> str:
    return f"(left out: {size})"


def _size(value: Json) -> str:
    return f"{len(str(value))} characters"


def _sizes(entries: Json) -> Json:
    names_of = entries if isinstance(entries, dict) else {}
    return {name: _left_out(_size(value)) for name, value in names_of.items()}
