"""All that is asked of one gateway: the questions, how often each is asked, and when nothing is."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from chatassistant_operator.api.api_key import ApiKey
from chatassistant_operator.asking.manners import namespace_of
from chatassistant_operator.asking.references import Changed
from chatassistant_operator.asking.standing import KeyStanding, Standing, after, after_key
from chatassistant_operator.desired.trial import more_tokens
from chatassistant_operator.engine.breaker import Breaker
from chatassistant_operator.engine.inquiries import Inquiries
from chatassistant_operator.engine.pace import Pace
from chatassistant_operator.observed.gateway import (
    Catalogue,
    Cause,
    CompletionAnswered,
    CompletionRefused,
    Endpoints,
    KeyAccepted,
    KeyRefused,
    KnownKey,
    Left,
    Unanswered,
)
from chatassistant_operator.openrouter.client import OpenRouter
from chatassistant_operator.openrouter.errors import (
    OpenRouterError,
    RateLimitedError,
    RefusedError,
    UnexpectedError,
)
from chatassistant_operator.ports import Key

_REQUESTS_A_SECOND: Final = 5
_AT_ONCE: Final = 8
_FIRST_BACKOFF_SECONDS: Final = 5.0
_LAST_BACKOFF_SECONDS: Final = 300.0
# A refused key may be enabled again, a limit raised, an account filled.
REFUSED_SECONDS: Final = 60.0
_NEVER: Final = float("inf")
# By chance, a question is asked up to a fifth earlier than its pause says; a gateway's wish for patience is kept.
_NOT_EARLIER: Final = 1.25

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Terms:
    """How one question is asked; of several assistants that ask the same, the first one's terms count."""

    timeout_seconds: float
    interval_seconds: float


@dataclass(frozen=True, slots=True)
class KeyQuestion:
    """Whether a key is accepted."""

    api_key: ApiKey
    terms: Terms = field(compare=False)


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """What everybody is answered alike: the catalogue, and who serves what."""

    model: str
    terms: Terms = field(compare=False)


@dataclass(frozen=True, slots=True)
class TrialQuestion:
    """Whether a completion of one token comes."""

    api_key: ApiKey
    digest: str
    terms: Terms = field(compare=False)
    request: dict[str, Any] = field(compare=False)


_Trial = Standing[CompletionAnswered | CompletionRefused]


@dataclass(frozen=True, slots=True)
class Clocks:
    """The time of day, and seconds that only grow."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    monotonic: Callable[[], float] = time.monotonic

    def second(self) -> datetime:
        """The time of day in whole seconds, as Kubernetes keeps it."""
        return self.now().replace(microsecond=0)


class Questions:
    """All that is asked of one gateway."""

    def __init__(self, openrouter: OpenRouter, base_url: str, changed: Changed, clocks: Clocks) -> None:
        self._openrouter = openrouter
        self._base_url = base_url
        self._clocks = clocks
        self._breaker = Breaker(clock=clocks.monotonic)
        self._down = Unanswered(Cause.UNREACHABLE, "")
        self.known: dict[KeyQuestion, KnownKey] = {}
        pace = Pace(_REQUESTS_A_SECOND, clocks.monotonic)
        manners: dict[str, Any] = {
            "changed": changed,
            "pace": pace,
            "share": namespace_of,
            "settled": _is_settled,
            "at_once": _AT_ONCE,
            "clock": clocks.monotonic,
        }
        self.keys: Inquiries[KeyQuestion, KeyStanding, Key] = Inquiries(
            self._ask_key, pause=_key_pause, **manners
        )
        self.catalogue: Inquiries[OpenQuestion, Standing[Catalogue], Key] = Inquiries(
            self._ask_catalogue, pause=_pause, **manners
        )
        self.endpoints: Inquiries[OpenQuestion, Standing[Endpoints], Key] = Inquiries(
            self._ask_endpoints, pause=_pause, **manners
        )
        self.zero_retention: Inquiries[OpenQuestion, Standing[Endpoints], Key] = Inquiries(
            self._ask_zero_retention, pause=_pause, **manners
        )
        self.trials: Inquiries[TrialQuestion, _Trial, Key] = Inquiries(
            self._ask_trial, pause=_trial_pause, **manners
        )

    @property
    def all(self) -> tuple[Inquiries[Any, Any, Key], ...]:
        """Everything that is asked."""
        return self.keys, self.catalogue, self.endpoints, self.zero_retention, self.trials

    @property
    def is_down(self) -> bool:
        """Whether it is left alone at the moment."""
        return self._breaker.is_open

    async def _ask_key(self, question: KeyQuestion, last: KeyStanding | None) -> KeyStanding:
        async def ask() -> KeyAccepted | KeyRefused | Unanswered:
            try:
                return await self._openrouter.key(
                    self._base_url, question.api_key, question.terms.timeout_seconds
                )
            except RefusedError as error:
                return KeyRefused(error.status, str(error))

        answer: KeyAccepted | KeyRefused | Unanswered = await self._unless_down(last, ask)
        return after_key(last, self.known.pop(question, KnownKey()), answer, self._clocks.second())

    async def _ask_catalogue(
        self, question: OpenQuestion, last: Standing[Catalogue] | None
    ) -> Standing[Catalogue]:
        timeout = question.terms.timeout_seconds
        answer = await self._unless_down(last, lambda: self._openrouter.models(self._base_url, timeout))
        return after(last, answer, self._clocks.second())

    async def _ask_endpoints(
        self, question: OpenQuestion, last: Standing[Endpoints] | None
    ) -> Standing[Endpoints]:
        timeout = question.terms.timeout_seconds
        endpoints = self._openrouter.endpoints
        ask = _whether_or_not_there(lambda: endpoints(self._base_url, question.model, timeout))
        return after(last, await self._unless_down(last, ask), self._clocks.second())

    async def _ask_zero_retention(
        self, question: OpenQuestion, last: Standing[Endpoints] | None
    ) -> Standing[Endpoints]:
        timeout = question.terms.timeout_seconds
        ask = _whether_or_not_there(lambda: self._openrouter.zero_retention(self._base_url, timeout))
        return after(last, await self._unless_down(last, ask), self._clocks.second())

    async def _ask_trial(self, question: TrialQuestion, last: _Trial | None) -> _Trial:
        async def ask() -> CompletionAnswered | CompletionRefused | Unanswered:
            try:
                await self._complete(question, question.request)
            except RefusedError as error:
                return CompletionRefused(error.status, str(error))
            except RateLimitedError as error:
                # A limit of this key, or of the model's provider: the gateway itself is up.
                return _unanswered(error)
            return CompletionAnswered()

        return after(last, await self._unless_down(last, ask), self._clocks.second())

    async def _complete(self, question: TrialQuestion, request: dict[str, Any]) -> None:
        """Ask for as few tokens as there may be."""
        terms, openrouter = question.terms, self._openrouter
        try:
            await openrouter.complete(self._base_url, question.api_key, request, terms.timeout_seconds)
        except RefusedError as error:
            wants = more_tokens(request, error.status, str(error))
            if wants is None:
                raise
            await openrouter.complete(self._base_url, question.api_key, wants, terms.timeout_seconds)

    async def _unless_down(
        self, last: Standing[Any] | KeyStanding | None, ask: Callable[[], Awaitable[T | Unanswered]]
    ) -> T | Unanswered:
        """The answer, or at once why there is none while the gateway is left alone.

        What the question itself met stays told then: what another one met is the same in other words.
        """
        wait = self._breaker.wait()
        if wait > 0:
            told = last.told if last else None
            if isinstance(told, Unanswered) and told.cause is self._down.cause:
                return replace(told, retry_after=wait)
            return replace(self._down, retry_after=wait)
        try:
            answer = await ask()
        except OpenRouterError as error:
            self._breaker.failed(error.retry_after)
            self._down = _unanswered(error)
            return self._down
        except BaseException:
            self._breaker.given_up()
            raise
        self._breaker.succeeded()
        return answer


def _whether_or_not_there(
    ask: Callable[[], Awaitable[Endpoints]],
) -> Callable[[], Awaitable[Endpoints | Unanswered]]:
    """A gateway that is only like OpenRouter need not have these lists: it is not down without them."""

    async def answer() -> Endpoints | Unanswered:
        try:
            return await ask()
        except UnexpectedError as error:
            return _unanswered(error)

    return answer


def _is_settled(standing: Standing[Any] | KeyStanding) -> bool:
    """Whether the last answer is what is told; one failure that may be chance is not, and another is on its way."""
    return not standing.failures or isinstance(standing.told, Unanswered)


def _unanswered(error: OpenRouterError) -> Unanswered:
    cause = Cause.RATE_LIMITED if isinstance(error, RateLimitedError) else Cause.UNREACHABLE
    return Unanswered(cause, str(error), retry_after=error.retry_after)


def _backoff(told: object, failures: int, age: float) -> float | None:
    """Seconds until a question that got no answer is asked again, more each time; None when it got one."""
    if not failures and not isinstance(told, Unanswered):
        return None
    retry_after = (told.retry_after or 0.0) * _NOT_EARLIER if isinstance(told, Unanswered) else 0.0
    lasting = age if isinstance(told, Unanswered) else 0.0
    return max(min(_LAST_BACKOFF_SECONDS, max(_FIRST_BACKOFF_SECONDS, lasting)), retry_after)


def _pause(question: OpenQuestion, answer: Standing[Any], age: float) -> float:
    backoff = _backoff(answer.told, answer.failures, age)
    return question.terms.interval_seconds if backoff is None else backoff


def _key_pause(question: KeyQuestion, answer: KeyStanding, age: float) -> float:
    """As often as the terms say; more often while it is refused, or used up, and may come back."""
    interval, told = question.terms.interval_seconds, answer.told
    if isinstance(told, Unanswered) and told.cause is Cause.DOUBTFUL:
        return REFUSED_SECONDS
    backoff = _backoff(told, answer.failures, age)
    if backoff is not None:
        return backoff
    used_up = isinstance(told, KeyAccepted) and told.credits is Left.NONE
    return min(REFUSED_SECONDS, interval) if isinstance(told, KeyRefused) or used_up else interval


def _trial_pause(_: TrialQuestion, answer: _Trial, age: float) -> float:
    """A trial that was answered is over: each costs money."""
    backoff = _backoff(answer.told, answer.failures, age)
    if backoff is not None:
        return backoff
    return REFUSED_SECONDS if isinstance(answer.told, CompletionRefused) else _NEVER
