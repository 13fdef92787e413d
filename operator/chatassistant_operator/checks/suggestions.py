"""Which models could do the job of one that is not there."""

import difflib
import re
from collections.abc import Iterable
from typing import Final

from chatassistant_operator.observed.gateway import Catalogue, Model

_COUNT: Final = 3
_FAMILY: Final = re.compile(r"[a-z]+")
_BATCH: Final = ":batch"
# Below this, names have nothing in common that a person would see.
_LEAST_LIKENESS: Final = 0.4


def nearest(catalogue: Catalogue, name: str, *, tools: bool) -> tuple[str, ...]:
    """The three nearest ids that can do the job: same family and tools first, then spelling."""
    candidates = [row for row in _chat_models(catalogue) if row.supports_tools or not tools]
    ranked = sorted(candidates, key=lambda row: _rank(row, name), reverse=True)
    return tuple(row.id for row in ranked[:_COUNT] if _related(row.id, name))


def free_replacements(catalogue: Catalogue, name: str) -> tuple[str, ...]:
    """The free ids that could replace a free variant; zero price alone has music and content-safety models, too."""
    candidates = [row for row in _chat_models(catalogue) if row.free and row.supports_tools and ":" in row.id]
    return tuple(
        row.id for row in sorted(candidates, key=lambda row: _rank(row, name), reverse=True)[:_COUNT]
    )


def listed(ids: Iterable[str], words: str = "The nearest that can do the job") -> str:
    """A sentence that names ids, empty when there are none."""
    names = ", ".join(ids)
    return f" {words}: {names}." if names else ""


def _chat_models(catalogue: Catalogue) -> list[Model]:
    return [row for row in catalogue.models.values() if row.answers_in_text and not row.id.endswith(_BATCH)]


def _rank(row: Model, name: str) -> tuple[bool, bool, bool, float, str]:
    same_family = _family(row.id) == _family(name)
    same_author = _author(row.id) == _author(name)
    return same_family and same_author, same_family, row.supports_tools, _likeness(row.id, name), row.id


def _related(candidate: str, name: str) -> bool:
    return _family(candidate) == _family(name) or _likeness(candidate, name) >= _LEAST_LIKENESS


def _likeness(candidate: str, name: str) -> float:
    return difflib.SequenceMatcher(None, _slug(candidate), _slug(name)).ratio()


def _author(name: str) -> str:
    return name.lower().lstrip("~").partition("/")[0]


def _slug(name: str) -> str:
    return name.lower().partition("/")[2]


def _family(name: str) -> str:
    """The first word of the slug: gpt of gpt-5-mini, llama of llama-3.1-8b-instruct."""
    found = _FAMILY.search(_slug(name))
    return found[0] if found else ""
