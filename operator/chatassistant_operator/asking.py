"""The ports that ask the world, each question once however many assistants ask it: references and the gateway."""

import base64
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Final

from chatassistant_operator.api.api_key import ApiKey
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.engine.inquiries import Inquiries
from chatassistant_operator.engine.pace import Pace
from chatassistant_operator.observed import (
    PENDING,
    Absent,
    Catalogue,
    CatalogueVerdict,
    Cause,
    Credential,
    CredentialReading,
    KeyAccepted,
    KeyRefused,
    KeyVerdict,
    Manifest,
    Prompt,
    PromptReading,
    Unanswered,
    Unreadable,
)
from chatassistant_operator.openrouter.client import OpenRouter
from chatassistant_operator.openrouter.errors import OpenRouterError, RateLimitedError, RefusedError
from chatassistant_operator.ports import Key

_READS_A_SECOND: Final = 20
_GATEWAY_REQUESTS_A_SECOND: Final = 5
# What is missing is about to be made, most likely: look often at first.
_MISSING_SECONDS: Final = 5.0
_MISSING_FOR_SECONDS: Final = 600.0
_FIRST_BACKOFF_SECONDS: Final = 5.0
_LAST_BACKOFF_SECONDS: Final = 300.0
# A refused key may be enabled again.
_REFUSED_SECONDS: Final = 60.0

Changed = Callable[[Iterable[Key]], None]
"""Called with the assistants that a new answer concerns."""


def _key(assistant: ChatAssistant) -> Key:
    return assistant.metadata.namespace, assistant.metadata.name


def credential_of(secret: Manifest, key: str) -> Credential:
    """The entry of a Secret that the API key should be in."""
    metadata, encoded = secret["metadata"], secret.get("data", {}).get(key)
    revision = f"{metadata.get('uid')}/{metadata.get('resourceVersion')}"
    if encoded is None:
        return Credential(None, revision)
    try:
        return Credential(ApiKey(base64.b64decode(encoded).decode()), revision)
    except ValueError:
        return Credential(ApiKey(""), revision)


def prompt_of(config_map: Manifest, key: str) -> Prompt:
    """The entry of a ConfigMap that the system prompt should be in."""
    return Prompt(config_map.get("data", {}).get(key))


def _patient(assistant: ChatAssistant) -> bool:
    """Whether the status speaks of this generation already, so that nobody waits for an answer."""
    return (
        assistant.status is not None and assistant.status.observed_generation == assistant.metadata.generation
    )


@dataclass(frozen=True, slots=True)
class Reference:
    """An entry of a Secret or a ConfigMap."""

    namespace: str
    name: str
    key: str


class AskedReferences:
    """`ports.References`, by reading single objects by name.

    Args:
        secret: Reads an entry of a Secret.
        config_map: Reads an entry of a ConfigMap.
        changed: See `Changed`.
        interval_seconds: How often what is there is read again.
    """

    def __init__(
        self,
        secret: Callable[[Reference], Awaitable[Absent | Unreadable | Credential]],
        config_map: Callable[[Reference], Awaitable[Absent | Unreadable | Prompt]],
        changed: Changed,
        interval_seconds: float,
    ) -> None:
        def pause(_: Reference, answer: object, age: float) -> float:
            complete = isinstance(answer, Credential) and answer.key is not None
            complete = complete or (isinstance(answer, Prompt) and answer.text is not None)
            return interval_seconds if complete or age > _MISSING_FOR_SECONDS else _MISSING_SECONDS

        pace = Pace(_READS_A_SECOND)
        self._secrets: Inquiries[Reference, Absent | Unreadable | Credential, Key] = Inquiries(
            secret, pause=pause, changed=changed, pace=pace
        )
        self._config_maps: Inquiries[Reference, Absent | Unreadable | Prompt, Key] = Inquiries(
            config_map, pause=pause, changed=changed, pace=pace
        )

    def credential(self, assistant: ChatAssistant) -> CredentialReading:
        """The API key's Secret."""
        ref = assistant.spec.credentials.api_key_secret_ref
        question = Reference(assistant.metadata.namespace, ref.name, ref.key)
        return self._secrets.peek(question, _key(assistant), patient=_patient(assistant)) or PENDING

    def hurry(self, assistant: ChatAssistant) -> None:
        """Look at the Secret often for a while."""
        self._secrets.hasten(_key(assistant))

    def prompt(self, assistant: ChatAssistant) -> PromptReading:
        """The ConfigMap of `systemPromptFrom`."""
        source = assistant.spec.system_prompt_from
        if source is None:
            return PENDING
        ref = source.config_map_key_ref
        question = Reference(assistant.metadata.namespace, ref.name, ref.key)
        return self._config_maps.peek(question, _key(assistant), patient=_patient(assistant)) or PENDING

    def forget(self, key: Key) -> None:
        """An assistant is gone."""
        self._secrets.release(key)
        self._config_maps.release(key)

    def runs(self) -> tuple[Coroutine[None, None, None], ...]:
        """What has to run for answers to come."""
        return self._secrets.run(), self._config_maps.run()


@dataclass(frozen=True, slots=True)
class _KeyQuestion:
    base_url: str
    api_key: ApiKey
    # Of several assistants that ask the same, the first one's manners count.
    timeout_seconds: float = field(compare=False)
    interval_seconds: float = field(compare=False)


@dataclass(frozen=True, slots=True)
class _CatalogueQuestion:
    base_url: str
    timeout_seconds: float = field(compare=False)
    interval_seconds: float = field(compare=False)


class AskedGateway:
    """`ports.Gateway`, by asking OpenRouter or what is like it."""

    def __init__(self, openrouter: OpenRouter, changed: Changed) -> None:
        self._openrouter = openrouter
        pace = Pace(_GATEWAY_REQUESTS_A_SECOND)
        self._keys: Inquiries[_KeyQuestion, KeyAccepted | KeyRefused | Unanswered, Key] = Inquiries(
            self._ask_key, pause=_pause, changed=changed, pace=pace
        )
        self._catalogues: Inquiries[_CatalogueQuestion, Catalogue | Unanswered, Key] = Inquiries(
            self._ask_catalogue, pause=_pause, changed=changed, pace=pace
        )

    def key(self, assistant: ChatAssistant, api_key: ApiKey) -> KeyVerdict:
        """Whether the gateway accepts the key."""
        gateway, validation = assistant.spec.gateway, assistant.spec.validation
        question = _KeyQuestion(
            gateway.base_url, api_key, gateway.timeout_seconds, validation.interval_seconds
        )
        return self._keys.peek(question, _key(assistant)) or PENDING

    def catalogue(self, assistant: ChatAssistant) -> CatalogueVerdict:
        """The models that the gateway offers."""
        gateway, validation = assistant.spec.gateway, assistant.spec.validation
        question = _CatalogueQuestion(gateway.base_url, gateway.timeout_seconds, validation.interval_seconds)
        return self._catalogues.peek(question, _key(assistant), patient=_patient(assistant)) or PENDING

    def forget(self, key: Key) -> None:
        """An assistant is gone."""
        self._keys.release(key)
        self._catalogues.release(key)

    def runs(self) -> tuple[Coroutine[None, None, None], ...]:
        """What has to run for answers to come."""
        return self._keys.run(), self._catalogues.run()

    async def _ask_key(self, question: _KeyQuestion) -> KeyAccepted | KeyRefused | Unanswered:
        try:
            return await self._openrouter.key(question.base_url, question.api_key, question.timeout_seconds)
        except RefusedError as error:
            return KeyRefused(error.status, str(error))
        except OpenRouterError as error:
            return _unanswered(error)

    async def _ask_catalogue(self, question: _CatalogueQuestion) -> Catalogue | Unanswered:
        try:
            return await self._openrouter.models(question.base_url, question.timeout_seconds)
        except OpenRouterError as error:
            return _unanswered(error)


def _unanswered(error: OpenRouterError) -> Unanswered:
    cause = Cause.RATE_LIMITED if isinstance(error, RateLimitedError) else Cause.UNREACHABLE
    return Unanswered(cause, str(error), error.retry_after)


def _pause(question: _KeyQuestion | _CatalogueQuestion, answer: object, age: float) -> float:
    """Seconds until the gateway is asked again: the interval, or less after no answer, more each time."""
    if isinstance(answer, Unanswered):
        backoff = min(_LAST_BACKOFF_SECONDS, max(_FIRST_BACKOFF_SECONDS, age))
        return max(backoff, answer.retry_after or 0.0)
    return (
        min(_REFUSED_SECONDS, question.interval_seconds)
        if isinstance(answer, KeyRefused)
        else question.interval_seconds
    )
