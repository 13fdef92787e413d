"""Entries of Secrets and ConfigMaps that a spec names; all are in the ChatAssistant's own namespace."""

from typing import Annotated, ClassVar, Final

from pydantic import Field
from pydantic.alias_generators import to_camel

from chatassistant_operator.api.v1alpha1.base import ApiModel, Rule, matches

OBJECT_NAME: Final = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_DATA_KEY: Final = r"[-._a-zA-Z0-9]+"
_ENTRY: Final = "must be the name of an entry: letters, digits, '-', '_' and '.'"


def no_key(field: str, what: str, *, optional: bool = False) -> Rule:
    """The rule that an API key was not pasted where something else belongs; the field goes by its Python name."""
    wire = to_camel(field)
    test = f"!self.{wire}.startsWith('sk-')"
    return Rule(
        f"!has(self.{wire}) || {test}" if optional else test,
        f"this looks like an API key, but {what} belongs here; treat that key as leaked: revoke it, put a new one "
        "into a Secret, and name that Secret here",
        lambda model: not (getattr(model, field) or "").startswith("sk-"),
        f".{wire}",
    )


def _is_object(kind: str) -> Rule:
    return matches(
        "name", OBJECT_NAME, f"must be the name of {kind}: lower-case letters, digits, '-' and '.'"
    )


class SecretKeyRef(ApiModel):
    """The entry of a Secret that holds the API key."""

    name: Annotated[str, Field(max_length=253)]
    """The Secret's name, not the key itself."""

    key: Annotated[str, Field(max_length=253)] = "api-key"
    """The entry's name in that Secret."""

    rules: ClassVar[tuple[Rule, ...]] = (
        no_key("name", "the name of a Secret"),
        no_key("key", "the name of an entry of the Secret"),
        _is_object("a Secret"),
        matches("key", _DATA_KEY, _ENTRY),
    )


class SecretEntryRef(ApiModel):
    """An entry of a Secret whose owner allows its use by a label."""

    name: Annotated[str, Field(max_length=253)]
    """The Secret's name."""

    key: Annotated[str, Field(max_length=253)]
    """The entry's name in that Secret."""

    rules: ClassVar[tuple[Rule, ...]] = (
        no_key("name", "the name of a Secret"),
        no_key("key", "the name of an entry of the Secret"),
        _is_object("a Secret"),
        matches("key", _DATA_KEY, _ENTRY),
    )


class ConfigMapKeyRef(ApiModel):
    """An entry of a ConfigMap."""

    name: Annotated[str, Field(max_length=253)]
    """The ConfigMap's name."""

    key: Annotated[str, Field(max_length=253)]
    """The entry's name in that ConfigMap."""

    rules: ClassVar[tuple[Rule, ...]] = (
        no_key("name", "the name of a ConfigMap"),
        _is_object("a ConfigMap"),
        matches("key", _DATA_KEY, _ENTRY),
    )


class SystemPromptSource(ApiModel):
    """Where the system prompt stands."""

    config_map_key_ref: ConfigMapKeyRef
    """The entry of a ConfigMap that holds the system prompt."""


class LocalObjectReference(ApiModel):
    """An object in the same namespace."""

    name: Annotated[str, Field(min_length=1, max_length=253)]
    """The object's name."""

    rules: ClassVar[tuple[Rule, ...]] = (
        no_key("name", "the name of a Secret"),
        _is_object("an object"),
    )
