"""`ports.Gateway`, by asking OpenRouter or what is like it.

A verdict belongs to a gateway and a key, or a gateway and its models, and not to an assistant. Each gateway has a
budget of requests, and is left alone when it is down: see `questions.py`.
"""

import asyncio
from collections.abc import Coroutine, Iterator, Mapping
from typing import Final

from chatassistant_operator.api.api_key import ApiKey
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.asking.manners import key_of, manner
from chatassistant_operator.asking.questions import (
    REFUSED_SECONDS,
    Clocks,
    KeyQuestion,
    OpenQuestion,
    Questions,
    Terms,
    TrialQuestion,
)
from chatassistant_operator.asking.references import Changed
from chatassistant_operator.desired.trial import trial, trial_digest
from chatassistant_operator.engine.inquiries import AT_ONCE
from chatassistant_operator.observed.gateway import (
    CatalogueVerdict,
    Cause,
    CompletionVerdict,
    EndpointsVerdict,
    KeyAccepted,
    KeyVerdict,
    KnownKey,
    Unanswered,
)
from chatassistant_operator.observed.pending import PENDING, Pending
from chatassistant_operator.openrouter.client import OpenRouter
from chatassistant_operator.ports import Key

_CLOCKS: Final = Clocks()


class AskedGateway:
    """What gateways say.

    Args:
        openrouter: Asks.
        changed: Called with the assistants that a new answer concerns.
        clocks: The time.
    """

    def __init__(
        self,
        openrouter: OpenRouter,
        changed: Changed,
        clocks: Clocks = _CLOCKS,
    ) -> None:
        self._openrouter = openrouter
        self._changed = changed
        self._clocks = clocks
        self._gateways: dict[str, Questions] = {}
        self._news: asyncio.Event = asyncio.Event()

    def key(self, assistant: ChatAssistant, api_key: ApiKey | None, known: KnownKey) -> KeyVerdict | None:
        """Whether the gateway accepts the key."""
        gateway = self._of(assistant)
        if api_key is None:
            gateway.keys.release(key_of(assistant))
            return None
        question = KeyQuestion(api_key, _terms(assistant))
        interval = assistant.spec.validation.interval_seconds
        standing = gateway.keys.peek(
            question, key_of(assistant), manner(assistant, interval, known=known.accepted)
        )
        if standing is not None:
            return standing.told
        if known.accepted:
            gateway.known[question] = known
        return _still_waiting(gateway.keys.waited(question), question.terms)

    def doubt(self, assistant: ChatAssistant) -> None:
        """Ask of the key again at once, or a minute after the last answer."""
        self._of(assistant).keys.refresh(key_of(assistant), REFUSED_SECONDS)

    def catalogue(self, assistant: ChatAssistant) -> CatalogueVerdict:
        """The models that the gateway offers."""
        gateway, question = self._of(assistant), OpenQuestion("", _terms(assistant))
        manners = manner(assistant, assistant.spec.validation.interval_seconds)
        standing = gateway.catalogue.peek(question, key_of(assistant), manners)
        return (
            standing.told if standing else _still_waiting(gateway.catalogue.waited(question), question.terms)
        )

    def endpoints(self, assistant: ChatAssistant, models: tuple[str, ...]) -> Mapping[str, EndpointsVerdict]:
        """Who serves each of these models."""
        gateway, terms = self._of(assistant), _terms(assistant)
        questions = tuple(OpenQuestion(model, terms) for model in models)
        answers = gateway.endpoints.peek_all(questions, key_of(assistant), manner(assistant))
        return {
            question.model: standing.told
            if standing
            else _still_waiting(gateway.endpoints.waited(question), terms)
            for question, standing in zip(questions, answers, strict=True)
        }

    def zero_retention(self, assistant: ChatAssistant) -> EndpointsVerdict:
        """The endpoints that retain nothing."""
        gateway, question = self._of(assistant), OpenQuestion("", _terms(assistant))
        standing = gateway.zero_retention.peek(question, key_of(assistant), manner(assistant))
        return (
            standing.told
            if standing
            else _still_waiting(gateway.zero_retention.waited(question), question.terms)
        )

    def completion(self, assistant: ChatAssistant, api_key: ApiKey | None) -> CompletionVerdict | None:
        """Whether the gateway answers with one token."""
        gateway, terms = self._of(assistant), _terms(assistant)
        if api_key is None:
            gateway.trials.release(key_of(assistant))
            return None
        question = TrialQuestion(api_key, trial_digest(assistant, ""), terms, trial(assistant))
        standing = gateway.trials.peek(question, key_of(assistant), AT_ONCE)
        return standing.told if standing else _still_waiting(gateway.trials.waited(question), terms)

    def has_looked(self, assistant: ChatAssistant) -> bool:
        """Whether all of it has been asked since the last wish for that, and answered."""
        return all(inquiries.fulfilled(key_of(assistant)) for inquiries in self._of(assistant).all)

    def rest(self, assistant: ChatAssistant) -> None:
        """Nothing is to be asked for an assistant."""
        self.forget(key_of(assistant))

    def forget(self, key: Key) -> None:
        """An assistant is gone."""
        for gateway in self._gateways.values():
            for inquiries in gateway.all:
                inquiries.release(key)

    def keys(self) -> Iterator[tuple[KeyAccepted, frozenset[Key]]]:
        """What each accepted key has left, and which assistants use it."""
        for gateway in self._gateways.values():
            for _, standing, askers in gateway.keys.answers():
                if isinstance(standing.told, KeyAccepted):
                    yield standing.told, askers

    def down(self) -> Mapping[str, bool]:
        """Whether each gateway, by its base URL, is left alone because it is down."""
        return {base_url: gateway.is_down for base_url, gateway in self._gateways.items()}

    def runs(self) -> tuple[Coroutine[None, None, None], ...]:
        """What has to run for answers to come."""
        return (self._run(),)

    async def _run(self) -> None:
        running: set[str] = set()
        async with asyncio.TaskGroup() as group:
            while True:
                self._news.clear()
                for base_url, gateway in self._gateways.items():
                    if base_url not in running:
                        running.add(base_url)
                        for inquiries in gateway.all:
                            group.create_task(inquiries.run())
                await self._news.wait()

    def _of(self, assistant: ChatAssistant) -> Questions:
        base_url = assistant.spec.gateway.base_url.rstrip("/")
        if base_url not in self._gateways:
            self._gateways[base_url] = Questions(self._openrouter, base_url, self._changed, self._clocks)
            self._news.set()
        # An assistant has one gateway: what it wanted of another it wants no more.
        for other, gateway in self._gateways.items():
            if other != base_url:
                for inquiries in gateway.all:
                    inquiries.release(key_of(assistant))
        return self._gateways[base_url]


def _terms(assistant: ChatAssistant) -> Terms:
    return Terms(assistant.spec.gateway.timeout_seconds, assistant.spec.validation.interval_seconds)


def _still_waiting(waited: float, terms: Terms) -> Pending | Unanswered:
    """Nothing waits for an answer longer than one may take: the queue before the gateway may be long."""
    if waited <= terms.timeout_seconds:
        return PENDING
    return Unanswered(
        Cause.QUEUED, f"other questions to the gateway took longer than {terms.timeout_seconds:g} s."
    )
