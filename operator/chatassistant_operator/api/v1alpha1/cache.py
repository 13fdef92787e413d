"""Answers that need no call of a model."""

from typing import Annotated, Any, Final

from pydantic import Field

from chatassistant_operator.api.v1alpha1.base import ApiModel

_ATOMIC: Final[dict[str, Any]] = {"x-kubernetes-list-type": "atomic"}


class Cache(ApiModel):
    """Answers that are given again to equal questions."""

    enabled: bool = True
    """Whether answers are kept."""

    ttl_seconds: Annotated[int, Field(ge=1, le=2_592_000)] = 3600
    """For how many seconds an answer is given again."""

    max_entries: Annotated[int, Field(ge=1, le=100_000)] = 1000
    """How many answers are kept."""

    shared: bool = False
    """Whether users get answers that others have asked for; without access control they always do."""


class FaqEntry(ApiModel):
    """A question whose answer is known."""

    question: Annotated[str, Field(min_length=1, max_length=500)]
    """The question."""

    answer: Annotated[str, Field(min_length=1, max_length=2000)]
    """Its answer, word for word."""


# So many and so long that the longest ones, beside the longest prompt, still fit into a ConfigMap (1 MiB).
Faq = Annotated[tuple[FaqEntry, ...], Field(max_length=64, json_schema_extra=_ATOMIC)]
