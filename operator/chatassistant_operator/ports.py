"""What a reconcile needs of the world, as Protocols: a real cluster has one set, a laptop another."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from chatassistant_operator.api.api_key import ApiKey
from chatassistant_operator.api.policy import Policy
from chatassistant_operator.api.reasons import Reason
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.damping import Damper
from chatassistant_operator.observed import Children, Defaults, Manifest
from chatassistant_operator.observed.gateway import (
    CatalogueVerdict,
    CompletionVerdict,
    EndpointsVerdict,
    KeyVerdict,
    KnownKey,
)
from chatassistant_operator.observed.named import (
    CredentialReading,
    OtherSecretReading,
    PromptReading,
    ServiceReading,
)
from chatassistant_operator.observed.pods import Pod, ReportReading

Key = tuple[str, str]
"""(namespace, name) of a ChatAssistant."""


class Refused(Exception):  # noqa: N818 (a turn of events, not an error)
    """A write that will be refused again until somebody changes something.

    `reason` is the reason that the condition `Applied` gets, the text its message. After the time `again` it is tried once
    more: nobody tells us when what stands in the way is gone.
    """

    def __init__(self, reason: Reason, message: str, again: timedelta = timedelta(seconds=30)) -> None:
        super().__init__(message)
        self.reason = reason
        self.again = again


class NotInstalled(Refused):
    """The cluster does not know a kind, which is not installed; the text says how to get it."""

    def __init__(self, message: str) -> None:
        super().__init__(Reason.APPLY_FAILED, message)


class AssistantGone(Exception):  # noqa: N818 (a turn of events, not an error)
    """The ChatAssistant has been deleted meanwhile, or another one has its name: there is nothing to do."""


class Cluster(Protocol):
    """The children of a ChatAssistant."""

    def children(self, assistant: ChatAssistant) -> Children:
        """The children as last seen, without asking anybody."""
        ...

    async def apply(self, assistant: ChatAssistant, manifest: Manifest) -> Manifest:
        """Make a child be as the manifest says, writing only when it differs; gives the live object.

        Raises:
            NotInstalled: when the cluster does not know the kind.
            Refused: for what trying again does not mend, such as a name that someone else's object has.
        """
        ...

    async def delete(self, assistant: ChatAssistant, kind: str, name: str) -> None:
        """Delete a child; one that is gone already is no error.

        Raises:
            Refused: when the right is missing.
        """
        ...


class References(Protocol):
    """What the spec names and others own. Nothing here waits: an answer that is not there yet is `PENDING`."""

    def credential(self, assistant: ChatAssistant) -> CredentialReading:
        """The API key's Secret."""
        ...

    def hurry(self, assistant: ChatAssistant) -> None:
        """Somebody is about to mend the Secret: look at it often for a while."""
        ...

    def secrets(self, assistant: ChatAssistant) -> Mapping[str, OtherSecretReading]:
        """The other Secrets that the spec names, by name and without their values."""
        ...

    def prompt(self, assistant: ChatAssistant) -> PromptReading:
        """The ConfigMap that `systemPromptFrom` names."""
        ...

    def services(self, assistant: ChatAssistant, names: tuple[str, ...]) -> Mapping[str, ServiceReading]:
        """Services of the assistant's namespace, by name."""
        ...

    def has_looked(self, assistant: ChatAssistant) -> bool:
        """Whether all of it has been read since somebody wished for that last."""
        ...


class AccessTokens(Protocol):
    """The Secrets with access tokens that the operator makes, for specs that name none."""

    def access_token(self, assistant: ChatAssistant) -> OtherSecretReading | None:
        """The Secret that was made, without its value; None where the spec wants none. Nothing here waits."""
        ...

    async def make_access_token(self, assistant: ChatAssistant, secret: Manifest) -> None:
        """Create the Secret with a fresh token; one that was made for this ChatAssistant before stays as it is.

        Raises:
            Refused: when the name belongs to someone else, or the right to create it is missing.
        """
        ...


class Gateway(Protocol):
    """What the gateway says of a key and of its models. Nothing here waits, as with `References`."""

    def key(self, assistant: ChatAssistant, api_key: ApiKey | None, known: KnownKey) -> KeyVerdict | None:
        """Whether the gateway accepts the key, of which so much was known before; with no key, nothing is asked."""
        ...

    def doubt(self, assistant: ChatAssistant) -> None:
        """Something contradicts what was said of the key: ask again soon."""
        ...

    def catalogue(self, assistant: ChatAssistant) -> CatalogueVerdict:
        """The models that the gateway offers."""
        ...

    def endpoints(self, assistant: ChatAssistant, models: tuple[str, ...]) -> Mapping[str, EndpointsVerdict]:
        """Who serves each of these models, by id."""
        ...

    def zero_retention(self, assistant: ChatAssistant) -> EndpointsVerdict:
        """The endpoints that retain nothing, of all models."""
        ...

    def completion(self, assistant: ChatAssistant, api_key: ApiKey | None) -> CompletionVerdict | None:
        """Whether the gateway answers with one token; with no key, nothing is asked."""
        ...

    def has_looked(self, assistant: ChatAssistant) -> bool:
        """Whether all of it has been asked since somebody wished for that last, and answered."""
        ...

    def rest(self, assistant: ChatAssistant) -> None:
        """Nothing is to be asked for this assistant."""
        ...


class Pods(Protocol):
    """What pods say of themselves. Nothing here waits, as with `References`."""

    def reports(self, assistant: ChatAssistant, pods: tuple[Pod, ...]) -> Mapping[str, ReportReading]:
        """The last report of each pod that has given one, by the pod's name; `PENDING` for one not asked yet."""
        ...


class Turns(Protocol):
    """Whose pods roll, of all ChatAssistants; those roll in turn whose authors asked for nothing."""

    def has_room(self, key: Key) -> bool:
        """Whether one more may begin now."""
        ...

    def during(self, key: Key, *, wanted: bool) -> AbstractContextManager[None]:
        """The time in which one begins that wants to and has room; else, if it wants to, it is woken when there is room."""
        ...

    def leave(self, key: Key) -> None:
        """It waits no longer."""
        ...


@dataclass(frozen=True, slots=True)
class Ports:
    """All that a reconcile may reach, and what the operator's settings allow."""

    cluster: Cluster
    references: References
    gateway: Gateway
    pods: Pods
    damper: Damper
    policy: Policy
    defaults: Defaults
    tokens: AccessTokens
    turns: Turns
