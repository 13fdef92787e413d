"""`ports.References`, by reading single objects by name: `list` and `watch` on Secrets would show the operator all."""

import base64
import hashlib
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from chatassistant_operator.api import names
from chatassistant_operator.api.api_key import ApiKey
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.asking.manners import key_of, manner, namespace_of
from chatassistant_operator.engine.inquiries import Inquiries
from chatassistant_operator.engine.pace import Pace
from chatassistant_operator.observed import Manifest
from chatassistant_operator.observed.named import (
    Absent,
    Credential,
    CredentialReading,
    OtherSecret,
    OtherSecretReading,
    Prompt,
    PromptReading,
    Service,
    ServiceReading,
    Unreadable,
)
from chatassistant_operator.observed.pending import PENDING
from chatassistant_operator.ports import Key

_READS_A_SECOND: Final = 15
# What is missing is about to be made, most likely: look often at first.
_MISSING_SECONDS: Final = 5.0
_MISSING_FOR_SECONDS: Final = 600.0

Changed = Callable[[Iterable[Key]], None]
"""Called with the assistants that a new answer concerns."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A Secret or a ConfigMap, and the entry of it that is wanted; none for what is not to be looked into."""

    namespace: str
    name: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Readers:
    """How each kind of reference is read."""

    credential: Callable[[Reference], Awaitable[Absent | Unreadable | Credential]]
    secret: Callable[[Reference], Awaitable[Absent | Unreadable | OtherSecret]]
    config_map: Callable[[Reference], Awaitable[Absent | Unreadable | Prompt]]
    service: Callable[[Reference], Awaitable[Absent | Unreadable | Service]]


class AskedReferences:
    """What the spec names and others own.

    Args:
        readers: See `Readers`.
        changed: See `Changed`.
        interval_seconds: How often what is there is read again.
    """

    def __init__(self, readers: Readers, changed: Changed, interval_seconds: float) -> None:
        def pause(_: Reference, answer: object, age: float) -> float:
            complete = isinstance(answer, OtherSecret) or (
                isinstance(answer, Credential) and answer.key is not None
            )
            complete = complete or isinstance(answer, Service)
            complete = complete or (isinstance(answer, Prompt) and answer.text is not None)
            return interval_seconds if complete or age > _MISSING_FOR_SECONDS else _MISSING_SECONDS

        async def credential(question: Reference, _: object) -> Absent | Unreadable | Credential:
            return await readers.credential(question)

        async def secret(question: Reference, _: object) -> Absent | Unreadable | OtherSecret:
            return await readers.secret(question)

        async def config_map(question: Reference, _: object) -> Absent | Unreadable | Prompt:
            return await readers.config_map(question)

        async def service(question: Reference, _: object) -> Absent | Unreadable | Service:
            return await readers.service(question)

        pace = Pace(_READS_A_SECOND)
        self._credentials: Inquiries[Reference, Absent | Unreadable | Credential, Key] = Inquiries(
            credential, pause=pause, changed=changed, pace=pace, share=namespace_of
        )
        self._secrets: Inquiries[Reference, Absent | Unreadable | OtherSecret, Key] = Inquiries(
            secret, pause=pause, changed=changed, pace=pace, share=namespace_of
        )
        self._config_maps: Inquiries[Reference, Absent | Unreadable | Prompt, Key] = Inquiries(
            config_map, pause=pause, changed=changed, pace=pace, share=namespace_of
        )

        self._services: Inquiries[Reference, Absent | Unreadable | Service, Key] = Inquiries(
            service, pause=pause, changed=changed, pace=pace, share=namespace_of
        )

    def credential(self, assistant: ChatAssistant) -> CredentialReading:
        """The API key's Secret."""
        ref = assistant.spec.credentials.api_key_secret_ref
        question = Reference(assistant.metadata.namespace, ref.name, ref.key)
        return self._credentials.peek(question, key_of(assistant), manner(assistant)) or PENDING

    def hurry(self, assistant: ChatAssistant) -> None:
        """Look at the API key's Secret often for a while."""
        self._credentials.hasten(key_of(assistant))

    def secrets(self, assistant: ChatAssistant) -> Mapping[str, OtherSecretReading]:
        """The other Secrets that the spec names."""
        questions = tuple(
            Reference(assistant.metadata.namespace, name) for name in assistant.spec.other_secrets
        )
        answers = self._secrets.peek_all(questions, key_of(assistant), manner(assistant))
        return {
            question.name: PENDING if answer is None else answer
            for question, answer in zip(questions, answers, strict=True)
        }

    def services(self, assistant: ChatAssistant, names: tuple[str, ...]) -> Mapping[str, ServiceReading]:
        """Services of the assistant's namespace."""
        if not names:
            self._services.release(key_of(assistant))
            return {}
        questions = tuple(Reference(assistant.metadata.namespace, name) for name in names)
        answers = self._services.peek_all(questions, key_of(assistant), manner(assistant))
        return {name: answer or PENDING for name, answer in zip(names, answers, strict=True)}

    def prompt(self, assistant: ChatAssistant) -> PromptReading:
        """The ConfigMap of `systemPromptFrom`."""
        source = assistant.spec.system_prompt_from
        if source is None:
            self._config_maps.release(key_of(assistant))
            return PENDING
        ref = source.config_map_key_ref
        question = Reference(assistant.metadata.namespace, ref.name, ref.key)
        return self._config_maps.peek(question, key_of(assistant), manner(assistant)) or PENDING

    def has_looked(self, assistant: ChatAssistant) -> bool:
        """Whether all of it has been read since the last wish for that."""
        key = key_of(assistant)
        return all(each.fulfilled(key) for each in (self._credentials, self._secrets, self._config_maps))

    def forget(self, key: Key) -> None:
        """An assistant is gone."""
        for inquiries in (self._credentials, self._secrets, self._config_maps, self._services):
            inquiries.release(key)

    def runs(self) -> tuple[Coroutine[None, None, None], ...]:
        """What has to run for answers to come."""
        asked = (self._credentials, self._secrets, self._config_maps, self._services)
        return tuple(each.run() for each in asked)


def credential_of(secret: Manifest, key: str) -> Credential:
    """The entry of a Secret that the API key should be in."""
    encoded, revision = secret.get("data", {}).get(key), _revision(secret)
    if encoded is None:
        return Credential(None, revision)
    api_key = ApiKey(base64.b64decode(encoded))
    return Credential(api_key, api_key.fingerprint or revision)


def other_secret_of(secret: Manifest) -> OtherSecret:
    """A Secret without its values."""
    metadata = secret["metadata"]
    owners: list[Manifest] = metadata.get("ownerReferences", [])
    none: Manifest = {}
    controller = next((each for each in owners if each.get("controller")), none)
    return OtherSecret(
        entries=frozenset(secret.get("data", {})),
        labels=metadata.get("labels", {}),
        annotations=metadata.get("annotations", {}),
        revision=_revision(secret),
        controller=controller.get("uid"),
        assistant=controller.get("name") if controller.get("kind") == names.KIND else None,
    )


def _revision(secret: Manifest) -> str:
    """What another version of a Secret has another one of; it is made of nothing that stands in the Secret."""
    metadata = secret["metadata"]
    version = f"{metadata.get('uid')}/{metadata.get('resourceVersion')}"
    return hashlib.sha256(version.encode()).hexdigest()[:12]


def prompt_of(config_map: Manifest, key: str) -> Prompt:
    """The entry of a ConfigMap that the system prompt should be in."""
    return Prompt(config_map.get("data", {}).get(key))


def service_of(service: Manifest) -> Service:
    """Whom a Service leads to."""
    spec = service["spec"]
    ports: list[Manifest] = spec.get("ports", [])
    return Service(
        # An ExternalName leads to a name, whatever else it says.
        selector={} if spec.get("type") == "ExternalName" else spec.get("selector", {}),
        target_ports={each["port"]: each.get("targetPort") or each["port"] for each in ports},
    )
