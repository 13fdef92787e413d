"""YAML documents of files, with the place of every field."""

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

import orjson
import yaml

from chatassistant_operator.api import names
from chatassistant_operator.openrouter.errors import masked

STDIN: Final = Path("-")
"""The name under which standard input is read."""

FieldPath = tuple[str | int, ...]
_ENDINGS: Final = frozenset({".yaml", ".yml", ".json"})
_PARTS: Final = re.compile(r"\[(\d+)\]|([^.\[\]]+)")
_TWICE: Final = "is there twice; the API server takes no such object"
_MERGE: Final = "tag:yaml.org,2002:merge"


class ManifestError(Exception):
    """Files that cannot be used; the text names file, object and field, and never a value."""


class Place(NamedTuple):
    """Where something stands in a file; both count from 1."""

    line: int
    column: int


class Severity(StrEnum):
    """How bad a problem is."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a file, and where.

    `rule` is a word for the kind of problem, `field` the path of what is wrong in `object`, a ChatAssistant's name; both
    may be empty.
    """

    file: str
    place: Place
    rule: str
    message: str
    field: str = ""
    object: str = ""
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        where = f"{self.file}:{self.place.line}:{self.place.column}"
        return f"{where}: {self.severity}: {f'{self.field}: ' if self.field else ''}{self.message}"


@dataclass(frozen=True, slots=True)
class Document:
    """One object of a file, as JSON has it, and its node, which knows where everything stands."""

    file: str
    body: dict[str, Any]
    node: yaml.Node = field(repr=False)

    @property
    def is_assistant(self) -> bool:
        """Whether it means to be a ChatAssistant."""
        of_group = str(self.body.get("apiVersion")).startswith(f"{names.GROUP}/")
        return self.body.get("kind") == names.KIND or of_group

    @property
    def name(self) -> str:
        """The object's name; empty when it has none."""
        metadata: Any = self.body.get("metadata")
        name = cast("dict[str, Any]", metadata).get("name") if isinstance(metadata, dict) else None
        return name if isinstance(name, str) else ""

    def problem(
        self, path: FieldPath, rule: str, message: str, shown: str, severity: Severity = Severity.ERROR
    ) -> Problem:
        """A problem with a field, at its place: that of the nearest field around it where it is not there."""
        node, mark = self.node, self.node.start_mark
        for part in path:
            found = _child(node, part)
            if found is None:
                break
            mark, node = found
        # A key may have been pasted anywhere, also as the name of a field or of the object.
        return Problem(self.file, _place(mark), rule, message, masked(shown), masked(self.name), severity)


def _child(node: yaml.Node, part: str | int) -> tuple[yaml.Mark, yaml.Node] | None:
    """Where a field or an item begins, and its value."""
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part].start_mark, node.value[part]
    if not isinstance(node, yaml.MappingNode):
        return None
    # The last of several counts, as it does for the values.
    for key, value in reversed(node.value):
        if key.value == part:
            return key.start_mark, value
    merged = (value for key, value in node.value if key.tag == _MERGE)
    sources = (each for value in merged for each in ([value] if _is_mapping(value) else value.value))
    return next(filter(None, (_child(each, part) for each in sources if isinstance(each, yaml.Node))), None)


def _is_mapping(node: yaml.Node) -> bool:
    return isinstance(node, yaml.MappingNode)


def _place(mark: yaml.Mark | None) -> Place:
    return Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)


def field_path(shown: str) -> FieldPath:
    """The path of a field that is written as `spec.faq[0].answer`."""
    return tuple(int(index) if index else name for index, name in _PARTS.findall(shown))


def files(paths: Iterable[Path]) -> list[tuple[Path, bool]]:
    """The files, each once, and whether it was named itself; of folders those that end in .yaml, .yml or .json."""
    found: dict[Path, bool] = {}
    for path in paths:
        if path.is_dir():
            inner = (each for each in sorted(path.rglob("*")) if each.suffix in _ENDINGS and each.is_file())
            found |= {each: False for each in inner if each not in found}
        else:
            found[path] = True
    return list(found.items())


def read(path: Path) -> tuple[list[Document], list[Problem]]:
    """The objects of a file, and what is wrong with its YAML.

    Lists (`kind: List`) are taken apart.

    Raises:
        ManifestError: for a file that cannot be read.
    """
    name = "<stdin>" if path == STDIN else str(path)
    try:
        text = sys.stdin.read() if path == STDIN else path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ManifestError(f"{name}: {error.strerror}.") from None
    except UnicodeDecodeError:
        return [], [Problem(name, Place(1, 1), "yaml", "is no YAML: it is not UTF-8.")]
    return parse(text, name)


def parse(text: str, name: str = "") -> tuple[list[Document], list[Problem]]:
    """The same of the text of a file."""
    documents: list[Document] = []
    problems: list[Problem] = []
    try:
        for node in yaml.compose_all(text, yaml.SafeLoader):
            if node.tag != "tag:yaml.org,2002:null":
                # Before merge keys are resolved, after which fields may be there twice with good reason.
                problems += (
                    Problem(name, _place(mark), "duplicate-field", _TWICE, key)
                    for key, mark in _duplicates(node, set())
                )
                documents += _objects(name, node, _value(node), problems)
    except TypeError as error:  # orjson's own: what JSON cannot have, such as a loop of anchors
        problems.append(Problem(name, Place(1, 1), "yaml", f"cannot be JSON: {error}."))
    except yaml.MarkedYAMLError as error:
        words = masked(f"is no YAML: {error.problem}.")
        problems.append(Problem(name, _place(error.problem_mark or error.context_mark), "yaml", words))
    except yaml.YAMLError:
        problems.append(Problem(name, Place(1, 1), "yaml", "is no YAML: it holds characters that none may."))
    except RecursionError:
        problems.append(
            Problem(name, Place(1, 1), "yaml", "is no YAML for a manifest: it is nested too deeply.")
        )
    return documents, problems


def _value(node: yaml.Node) -> Any:
    """What a node says, as JSON has it."""
    loader = yaml.SafeLoader("")
    try:
        construct = cast("Callable[[yaml.Node], Any]", loader.construct_document)  # pyright: ignore[reportUnknownMemberType]  # it has no types
        return orjson.loads(orjson.dumps(construct(node), option=orjson.OPT_NON_STR_KEYS))
    finally:
        loader.dispose()


def _objects(file: str, node: yaml.Node, value: Any, problems: list[Problem]) -> Iterator[Document]:
    """The objects of one YAML document."""
    body = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    kind = body.get("kind")
    if not isinstance(kind, str):
        words = "a document is no Kubernetes object; it needs apiVersion and kind."
        problems.append(Problem(file, _place(node.start_mark), "object", words))
    elif kind.endswith("List") and isinstance(body.get("items"), list):
        found = _child(node, "items")
        listed: list[Any] = body["items"]
        for inner, item in zip(found[1].value if found else (), listed, strict=True):
            yield from _objects(file, inner, item, problems)
    else:
        yield Document(file, body, node)


def _duplicates(node: yaml.Node, seen: set[int]) -> Iterator[tuple[str, yaml.Mark]]:
    """The fields that a mapping has more than once; each node is looked at once, since anchors may loop."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for each in node.value:
            yield from _duplicates(each, seen)
    elif isinstance(node, yaml.MappingNode):
        keys: set[str] = set()
        for key, value in node.value:
            if key.value in keys and isinstance(key.value, str):
                yield masked(key.value), key.start_mark
            if isinstance(key.value, str):
                keys.add(key.value)
            yield from _duplicates(value, seen)
