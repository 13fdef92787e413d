"""What is read by its name, and may not be there: Secrets, ConfigMaps and Services."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from chatassistant_operator.api.api_key import ApiKey
from chatassistant_operator.observed.pending import Pending


@dataclass(frozen=True, slots=True)
class Absent:
    """There is no object of that name."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The API server would not give it; `message` says why, in words for the owner of the object."""

    message: str


@dataclass(frozen=True, slots=True)
class Credential:
    """The API key's Secret is there.

    `key` is None when it has no entry of the name asked for; `revision` changes whenever the key does.
    """

    key: ApiKey | None
    revision: str


@dataclass(frozen=True, slots=True)
class OtherSecret:
    """A Secret for something else than the API key, without its values: the names of its entries and what its owner says.

    `revision` changes whenever the Secret does; `controller` is the uid of the object that it belongs to, if any, and
    `assistant` that object's name, if it is a ChatAssistant.
    """

    entries: frozenset[str]
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    annotations: Mapping[str, str] = field(default_factory=dict[str, str])
    revision: str = ""
    controller: str | None = None
    assistant: str | None = None


@dataclass(frozen=True, slots=True)
class Prompt:
    """The ConfigMap is there; `text` is None when it has no entry of the name asked for."""

    text: str | None


@dataclass(frozen=True, slots=True)
class Service:
    """Whom a Service leads to: pods with these labels, and by its own ports at which of theirs, by number or name.

    One that chooses no pods by labels has none.
    """

    selector: Mapping[str, str]
    target_ports: Mapping[int, int | str]


CredentialReading: TypeAlias = Pending | Absent | Unreadable | Credential
OtherSecretReading: TypeAlias = Pending | Absent | Unreadable | OtherSecret
PromptReading: TypeAlias = Pending | Absent | Unreadable | Prompt
ServiceReading: TypeAlias = Pending | Absent | Unreadable | Service
