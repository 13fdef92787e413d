"""`ports.AccessTokens`, by reading each Secret by name, and with patience: only its deletion can be news."""

import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from typing import Final, TypeAlias

from chatassistant_operator.api import names
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.asking.manners import key_of, manner, namespace_of
from chatassistant_operator.asking.references import Changed, Reference, other_secret_of
from chatassistant_operator.engine.inquiries import Inquiries
from chatassistant_operator.engine.pace import Pace
from chatassistant_operator.observed import Manifest
from chatassistant_operator.observed.named import Absent, OtherSecret, OtherSecretReading, Unreadable
from chatassistant_operator.observed.pending import PENDING
from chatassistant_operator.ports import Key

# There is one for each ChatAssistant: reading them must not hold up reading what people are about to mend.
_READS_A_SECOND: Final = 5
_REMOVED_SECONDS: Final = 1.0

_Answer: TypeAlias = Absent | Unreadable | OtherSecret


class AskedTokens:
    """The Secrets with access tokens that the operator makes.

    Args:
        read: Reads one.
        make: Creates one with a fresh token, and gives it, or the one that is there.
        changed: See `references.Changed`.
        interval_seconds: How often what is there is read again.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        read: Callable[[Reference], Awaitable[_Answer]],
        make: Callable[[ChatAssistant, Manifest], Awaitable[Manifest]],
        changed: Changed,
        interval_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        async def ask(question: Reference, _: object) -> _Answer:
            return await read(question)

        self._make = make
        self._secrets: Inquiries[Reference, _Answer, Key] = Inquiries(
            ask,
            pause=lambda _question, _answer, _age: interval_seconds,
            changed=changed,
            pace=Pace(_READS_A_SECOND, clock),
            share=namespace_of,
            clock=clock,
        )

    def access_token(self, assistant: ChatAssistant) -> OtherSecretReading | None:
        """The Secret that was made; None where none is to be."""
        if not assistant.spec.access.token_is_generated:
            self._secrets.release(key_of(assistant))
            return None
        patient = replace(manner(assistant), patient=True)
        secret = self._secrets.peek(_question(assistant), key_of(assistant), patient)
        if isinstance(secret, OtherSecret) and secret.controller != assistant.metadata.uid:
            if secret.assistant == assistant.metadata.name:
                # It is that of an earlier one of the name, and about to be deleted.
                self._secrets.refresh(key_of(assistant), _REMOVED_SECONDS)
            else:
                # Somebody is about to delete what is in the way, most likely.
                self._secrets.hasten(key_of(assistant))
        return secret or PENDING

    async def make_access_token(self, assistant: ChatAssistant, secret: Manifest) -> None:
        """Create it; see `ports.AccessTokens`."""
        made = await self._make(assistant, secret)
        self._secrets.learn(_question(assistant), other_secret_of(made))

    def forget(self, key: Key) -> None:
        """An assistant is gone."""
        self._secrets.release(key)

    def runs(self) -> tuple[Coroutine[None, None, None], ...]:
        """What has to run for answers to come."""
        return (self._secrets.run(),)


def _question(assistant: ChatAssistant) -> Reference:
    return Reference(assistant.metadata.namespace, names.access_secret(assistant.metadata.name))
