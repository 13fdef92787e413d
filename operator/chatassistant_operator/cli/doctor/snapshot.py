"""Everything that the doctor knows of one ChatAssistant: read once, frozen, plain data."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeAlias

from chatassistant_operator.api.reasons import ConditionType
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.observed import Manifest
from chatassistant_operator.observed.gateway import Catalogue, KeyAccepted, KeyRefused
from chatassistant_operator.observed.named import Absent, Unreadable

One: TypeAlias = Manifest | Absent | Unreadable
"""One object, or why it was not read."""
Many: TypeAlias = tuple[Manifest, ...] | Unreadable
"""Objects, or why they were not read."""


class Right(NamedTuple):
    """A right that the doctor needs, and what for."""

    verb: str
    group: str
    resource: str
    subresource: str
    purpose: str

    @property
    def words(self) -> str:
        """As `kubectl auth can-i` takes it."""
        part = f"/{self.subresource}" if self.subresource else ""
        return f"{self.verb} {self.resource}{f'.{self.group}' if self.group else ''}{part}"


RIGHTS: Final = (
    Right("get", "", "secrets", "", "to look at the key and the access token"),
    Right("list", "", "pods", "", "to look at the pods"),
    Right("get", "apps", "deployments", "", "to see why there are no pods"),
    Right("list", "networking.k8s.io", "networkpolicies", "", "to see whether one is in the way"),
    Right("get", "", "pods", "portforward", "to ask a question"),
    Right("create", "", "pods", "portforward", "to ask a question"),
)


@dataclass(frozen=True, slots=True)
class Live:
    """What the gateway said when it was asked from this machine; a text where it could not tell, or was not asked."""

    key: KeyAccepted | KeyRefused | str
    catalogue: Catalogue | str


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a question to the assistant.

    `problem` is None for an answer; `code` is the assistant's own word for the problem. `may_not` says that a right of
    the command's user is missing, which tells nothing of the assistant.
    """

    seconds: float
    problem: str | None = None
    code: str = ""
    may_not: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is looked at.

    Attributes:
        namespace: The assistant's.
        name: The assistant's, or `*` where none could be read.
        server: The API server's URL; why it cannot be reached.
        now: The API server's time.
        served: Whether the API server knows ChatAssistants.
        assistant: The ChatAssistant.
        typed: The same, typed; what is wrong with it where it cannot be.
        rights: Which of `RIGHTS` the command's user has.
        leases: The Leases by which operators agree, of the namespace if it has one, else of the cluster.
        secret: The API key's Secret. It is never printed.
        deployment: The assistant's Deployment.
        pods: The assistant's pods.
        network_policies: Those of the namespace.
        live: What the gateway said just now, None where nobody wished to ask.
        answer: What became of a question, None where none was asked yet.
        may_ask: Whether a question is to be asked at all.
    """

    namespace: str
    name: str
    server: str | Unreadable
    now: datetime
    served: bool | Unreadable = True
    assistant: One = field(default_factory=Absent)
    typed: ChatAssistant | str = ""
    rights: Mapping[Right, bool] | Unreadable = field(default_factory=dict[Right, bool])
    leases: Many = ()
    secret: One = field(default_factory=Absent, repr=False)
    deployment: One = field(default_factory=Absent)
    pods: Many = ()
    network_policies: Many = ()
    live: Live | None = None
    answer: Answer | None = None
    may_ask: bool = True

    @property
    def chat(self) -> ChatAssistant:
        """The typed ChatAssistant; only for links behind the one that makes sure of it."""
        assert isinstance(self.typed, ChatAssistant)  # noqa: S101 (for the type checker)
        return self.typed

    def condition(self, type_: ConditionType) -> Manifest | None:
        """What the operator says of the spec as it is now."""
        body: dict[str, Any] = self.assistant if isinstance(self.assistant, dict) else {}
        said: list[Manifest] = body.get("status", {}).get("conditions", [])
        generation = body.get("metadata", {}).get("generation")
        current = (each for each in said if each.get("observedGeneration") == generation)
        return next((each for each in current if each["type"] == type_), None)

    @property
    def key_text(self) -> str:
        """The value of the Secret's entry as it stands there, empty where there is none or it is no text."""
        entry = self.chat.spec.credentials.api_key_secret_ref.key
        encoded = self.secret.get("data", {}).get(entry, "") if isinstance(self.secret, dict) else ""
        return base64.b64decode(encoded).decode(errors="replace")
