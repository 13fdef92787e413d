"""What was found out about files, as text, JSON, YAML, SARIF and GitHub's annotations."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import orjson
import yaml

from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.local.documents import Document, Problem, Severity

_SARIF_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_RULES: Final = {
    "yaml": "The file is YAML that a manifest may be made of.",
    "object": "A document is a Kubernetes object.",
    "duplicate-field": "A field is there once.",
    "unknown-field": "The API has the field.",
    "schema": "A field has the type, the bounds and the values of the API's schema.",
    "rule": "The API's rules on fields are kept.",
    "policy": "The operator's policy allows what is asked for.",
    "key": "The gateway accepts the API key.",
    "model": "The gateway offers the model for what it is to do.",
}
"""What each rule demands; the names are those of `Problem.rule`."""


class ReportFormat(StrEnum):
    """How problems are printed."""

    TEXT = "text"
    JSON = "json"
    YAML = "yaml"
    SARIF = "sarif"
    GITHUB = "github"


@dataclass(frozen=True, slots=True)
class Report:
    """What was found out.

    `sound` has the ChatAssistants that keep to schema and rules, with their typed objects; `others` the objects of other
    kinds.
    """

    problems: tuple[Problem, ...]
    files: tuple[str, ...]
    assistants: tuple[Document, ...]
    sound: tuple[tuple[Document, ChatAssistant], ...]
    others: tuple[Document, ...]

    @property
    def valid(self) -> bool:
        """Whether nothing is wrong, warnings apart."""
        return not any(each.severity is Severity.ERROR for each in self.problems)

    @property
    def summary(self) -> str:
        """What it comes to, for people, and the next step."""
        errors = sum(each.severity is Severity.ERROR for each in self.problems)
        warnings = len(self.problems) - errors
        what = f"{_count(len(self.assistants), 'ChatAssistant')} in {_count(len(self.files), 'file')}"
        found = f"{_count(errors, 'error')}, {_count(warnings, 'warning')}"
        if not self.valid:
            return f"{what}: {found}.\n"
        if not self.assistants:
            return f"{what}.\n"
        files = " ".join(f"-f {each.file}" for each in {each.file: each for each in self.assistants}.values())
        valid = f"{what}: valid{f', {found}' if warnings else ''}."
        return f"{valid} Next: kubectl apply {files.replace('<stdin>', '-')}\n"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def written(report: Report, form: ReportFormat) -> str:
    """The report in a format, with the end of its last line."""
    match form:
        case ReportFormat.TEXT:
            return "".join(f"{each}\n" for each in report.problems)
        case ReportFormat.JSON:
            return orjson.dumps(_data(report), option=orjson.OPT_INDENT_2).decode() + "\n"
        case ReportFormat.YAML:
            return yaml.safe_dump(_data(report), sort_keys=False, allow_unicode=True)
        case ReportFormat.SARIF:
            return orjson.dumps(_sarif(report.problems), option=orjson.OPT_INDENT_2).decode() + "\n"
        case ReportFormat.GITHUB:
            return "".join(map(_annotation, report.problems))


def _data(report: Report) -> dict[str, Any]:
    return {
        "valid": report.valid,
        "files": len(report.files),
        "assistants": len(report.assistants),
        "problems": [
            {
                "file": each.file,
                "line": each.place.line,
                "column": each.place.column,
                "severity": str(each.severity),
                "rule": each.rule,
                "object": each.object,
                "field": each.field,
                "message": each.message,
            }
            for each in report.problems
        ],
    }


def _sarif(problems: Iterable[Problem]) -> dict[str, Any]:
    """SARIF 2.1.0 (OASIS, 2020): `level` and regions as its sections 3.27.10 and 3.30 have them."""
    names = list(_RULES)
    driver = {
        "name": "kubectl-assistant",
        "version": version("chatassistant"),
        "rules": [{"id": name, "shortDescription": {"text": text}} for name, text in _RULES.items()],
    }
    results = [
        {
            "ruleId": each.rule,
            "ruleIndex": names.index(each.rule),
            "level": str(each.severity),
            "message": {"text": f"{each.field}: {each.message}" if each.field else each.message},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": _uri(each.file)},
                        "region": {"startLine": each.place.line, "startColumn": each.place.column},
                    },
                    **({"logicalLocations": [{"fullyQualifiedName": each.field}]} if each.field else {}),
                }
            ],
        }
        for each in problems
    ]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": _SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}


def _uri(file: str) -> str:
    path = Path(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())


def _annotation(problem: Problem) -> str:
    """A workflow command of GitHub Actions, which puts a note beside the line."""
    text = f"{problem.field}: {problem.message}" if problem.field else problem.message
    place = f"line={problem.place.line},col={problem.place.column}"
    title = f"kubectl-assistant: {problem.rule}"
    return (
        f"::{problem.severity} file={_escaped(problem.file, ':,')},{place},title={_escaped(title, ':,')}"
        f"::{_escaped(text)}\n"
    )


def _escaped(text: str, more: str = "") -> str:
    """The text as GitHub's toolkit escapes it, of properties ':' and ',' too."""
    return "".join(f"%{ord(each):02X}" if each in f"%\r\n{more}" else each for each in text)
