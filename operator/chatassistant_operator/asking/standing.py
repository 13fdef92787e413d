"""What is told of a question when an answer contradicts those before it. Pure: the time is given.

A failure after a good answer is told when it lasts, and not at the first one. A refusal of a key that was accepted
before is believed only after several over some time: in the outage of 19 February 2026 OpenRouter answered 401 `User
not found.` to valid keys (anomalyco/opencode#14252). What was believed against a key, and the last answer to any other
question, are told along until another answer comes.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Generic, TypeVar

from chatassistant_operator.observed.gateway import (
    Answer,
    Cause,
    KeyAccepted,
    KeyRefused,
    KnownKey,
    Unanswered,
    against,
)

T = TypeVar("T", bound=Answer)

_UNAUTHORIZED: Final = 401
_REFUSALS: Final = 4
_REFUSED_FOR: Final = timedelta(minutes=3)
# One failure may be chance.
_TOLD_AFTER: Final = 2


@dataclass(frozen=True, slots=True)
class Standing(Generic[T]):
    """What is told, and what decides what is told next; two are equal when they tell the same.

    Attributes:
        told: The verdict.
        good_at: When the question was last answered well.
        failures: How often in a row it was not.
    """

    told: T | Unanswered
    good_at: datetime | None = field(default=None, compare=False)
    failures: int = field(default=0, compare=False)


def after(last: Standing[T] | None, answer: T | Unanswered, now: datetime) -> Standing[T]:
    """What is told of a question that only has good answers or none."""
    if not isinstance(answer, Unanswered):
        return Standing(answer, now)
    if last is None:
        return Standing(answer, failures=1)
    failures = last.failures + 1
    if _may_be_chance(answer, failures) and not isinstance(last.told, Unanswered):
        return replace(last, failures=failures)
    stands = last.told.stands if isinstance(last.told, Unanswered) else last.told
    return Standing(replace(answer, last_good=last.good_at, stands=stands), last.good_at, failures)


@dataclass(frozen=True, slots=True)
class KeyStanding:
    """The same for a key.

    Attributes:
        told: The verdict.
        known: What good answers told of the key.
        failures: How often in a row there was no answer, or one that is not believed yet.
        refusals: How often in a row it was refused.
        refused_since: When that began.
    """

    told: KeyAccepted | KeyRefused | Unanswered
    known: KnownKey = field(default=KnownKey(), compare=False)
    failures: int = field(default=0, compare=False)
    refusals: int = field(default=0, compare=False)
    refused_since: datetime | None = field(default=None, compare=False)


def after_key(
    last: KeyStanding | None,
    known: KnownKey,
    answer: KeyAccepted | KeyRefused | Unanswered,
    now: datetime,
) -> KeyStanding:
    """What is told of a key.

    Args:
        last: What was told before, None for the first answer.
        known: What was known of the key before that.
        answer: The newest answer.
        now: When it came.
    """
    known = last.known if last else known
    match answer:
        case KeyAccepted():
            return KeyStanding(replace(answer, accepted_at=now), KnownKey(True, now, answer.expires_at))
        case Unanswered():
            failures = last.failures + 1 if last else 1
            if last and _may_be_chance(answer, failures) and not isinstance(last.told, Unanswered):
                return replace(last, failures=failures)
            return KeyStanding(_unanswered(last, known, answer), known, failures)
        case KeyRefused():
            return _after_refusal(last, known, replace(answer, refused_at=now), now)


def _after_refusal(
    last: KeyStanding | None, known: KnownKey, answer: KeyRefused, now: datetime
) -> KeyStanding:
    if known.expires_at is not None and known.expires_at <= now:
        return KeyStanding(replace(answer, expired_at=known.expires_at), known)
    refusals = last.refusals + 1 if last else 1
    since = (last.refused_since if last else None) or now
    lasting = refusals >= _REFUSALS and now - since >= _REFUSED_FOR
    if answer.status != _UNAUTHORIZED or not known.accepted or lasting:
        # Whether it was accepted once no longer counts: it is refused now.
        return KeyStanding(answer, replace(known, accepted=False), 0, refusals, since)
    failures = last.failures + 1 if last else 1
    if last and failures < _TOLD_AFTER:
        return replace(last, failures=failures, refusals=refusals, refused_since=since)
    detail = (
        f"The gateway refuses the key ({answer.status}: {answer.message}), which it accepted before. Outages have looked "
        "like this, so it is asked several times before the key is called rejected."
    )
    doubt = _unanswered(last, known, Unanswered(Cause.DOUBTFUL, detail))
    return KeyStanding(doubt, known, failures, refusals, since)


def _unanswered(last: KeyStanding | None, known: KnownKey, answer: Unanswered) -> Unanswered:
    """No answer, with what is known from before."""
    return replace(answer, last_good=known.accepted_at, stands=against(last.told) if last else None)


def _may_be_chance(answer: Unanswered, failures: int) -> bool:
    return answer.cause is Cause.UNREACHABLE and failures < _TOLD_AFTER
