"""The ChatAssistant, `chatassistant.dev/v1alpha1`: these models are the only source of its schema."""

import re
from datetime import datetime
from typing import Any, ClassVar, Final, Literal

import orjson
from pydantic import ConfigDict

from chatassistant_operator.api import names
from chatassistant_operator.api.v1alpha1.base import ApiModel, Fault, Rule, dotted, explain, faults
from chatassistant_operator.api.v1alpha1.spec import Spec
from chatassistant_operator.api.v1alpha1.status import (
    Condition,
    CredentialsStatus,
    ModelStatus,
    Pricing,
    Rollout,
    Status,
    ToolServerStatus,
    UsageStatus,
)

__all__ = [
    "ChatAssistant",
    "Condition",
    "CredentialsStatus",
    "Fault",
    "Metadata",
    "ModelStatus",
    "Pricing",
    "Rollout",
    "Spec",
    "Status",
    "ToolServerStatus",
    "UsageStatus",
    "dotted",
    "explain",
    "faults",
]

_LONGEST_WISH: Final = 256
_NAME: Final = r"[a-z]([-a-z0-9]{0,51}[a-z0-9])?"


def _is_name(name: str) -> bool:
    return re.fullmatch(_NAME, name) is not None


class Metadata(ApiModel):
    """What is read of an object's metadata."""

    model_config = ConfigDict(extra="ignore")

    name: str
    namespace: str
    uid: str
    generation: int
    creation_timestamp: datetime
    annotations: dict[str, str] = {}


class ChatAssistant(ApiModel):
    """A chatbot: which model answers, who pays, and how it runs."""

    api_version: Literal["chatassistant.dev/v1alpha1"]
    kind: Literal["ChatAssistant"]
    metadata: Metadata
    spec: Spec
    status: Status | None = None

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            f"self.metadata.name.matches('^{_NAME}$')",
            "metadata.name must be at most 53 lower-case letters, digits and '-', and begin with a letter: the Service and the "
            "pods are named after it",
            lambda assistant: _is_name(assistant.metadata.name),
            ".metadata.name",
        ),
    )

    @property
    def validate_at(self) -> str | None:
        """What somebody who wants Secret, key and model checked at once has set; another value is another wish."""
        wish = self.metadata.annotations.get(names.VALIDATE_AT_ANNOTATION)
        return wish[:_LONGEST_WISH] if wish is not None else None

    def condition(self, type_: str) -> Condition | None:
        """What the status says of a condition already."""
        said = self.status.conditions if self.status else ()
        return next((each for each in said if each.type == str(type_)), None)

    @classmethod
    def parse(cls, body: dict[str, Any], *, strict: bool = False) -> "ChatAssistant":
        """The typed object.

        Args:
            body: The object as JSON has it.
            strict: Whether unknown fields are refused, as for a file that a person wrote. Of an API server's
                object they are passed over: they are those of a newer CRD.

        Raises:
            pydantic.ValidationError: see `explain`; it holds no values.
        """
        return cls.model_validate_json(orjson.dumps(body), extra=None if strict else "ignore", by_name=False)
