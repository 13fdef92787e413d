"""What is told of a question, answer by answer: one failure may be chance, and an outage refuses good keys."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from chatassistant_operator.asking.standing import KeyStanding, Standing, after, after_key
from chatassistant_operator.observed.gateway import (
    Catalogue,
    Cause,
    KeyAccepted,
    KeyRefused,
    KnownKey,
    Left,
    Unanswered,
)
from support.situations import CATALOGUE, NOW

Answer = KeyAccepted | KeyRefused | Unanswered
Story = list[tuple[int, Answer, str]]

HOUR = timedelta(hours=1)
GOOD = KeyAccepted("sk-or-v1-012...def")
ENDING = KeyAccepted("sk-or-v1-012...def", expires_at=NOW + HOUR)
REFUSED, NO_CREDIT = KeyRefused(401, "User not found."), KeyRefused(402, "Insufficient credits.")
LIMIT, ELSEWHERE = KeyRefused(403, "Key limit exceeded"), KeyRefused(404, "Not found")
USED_UP = KeyAccepted("sk-or-v1-012...def", credits=Left.NONE)
MANAGES = KeyAccepted("sk-or-v1-012...def", management=True)
DOWN, LIMITED = Unanswered(Cause.UNREACHABLE, "Silence."), Unanswered(Cause.RATE_LIMITED, "Slow down.")


def word(told: object) -> str:
    """A verdict in short."""
    match told:
        case KeyAccepted():
            return "useless" if told.useless else "accepted"
        case KeyRefused(status, _, None):
            return f"refused {status}"
        case KeyRefused():
            return "expired"
        case Unanswered(stands=None):
            return told.cause.value
        case Unanswered():
            return f"{told.cause.value}, {word(told.stands)}"
        case _:
            raise AssertionError(told)


STORIES: dict[str, tuple[KnownKey, Story]] = {
    "accepted": (KnownKey(), [(0, GOOD, "accepted"), (600, GOOD, "accepted")]),
    "never any good": (KnownKey(), [(0, REFUSED, "refused 401"), (60, REFUSED, "refused 401")]),
    "mended": (KnownKey(), [(0, REFUSED, "refused 401"), (60, GOOD, "accepted")]),
    "no answer at first": (KnownKey(), [(0, DOWN, "Unreachable"), (5, GOOD, "accepted")]),
    "no answer, then refused": (KnownKey(), [(0, DOWN, "Unreachable"), (5, REFUSED, "refused 401")]),
    "one failure": (KnownKey(), [(0, GOOD, "accepted"), (600, DOWN, "accepted"), (605, GOOD, "accepted")]),
    "two failures, each by itself": (
        KnownKey(),
        [(0, GOOD, "accepted"), (600, DOWN, "accepted"), (605, GOOD, "accepted"), (1200, DOWN, "accepted")],
    ),
    "an outage": (
        KnownKey(),
        [(0, GOOD, "accepted"), (600, DOWN, "accepted"), (605, DOWN, "Unreachable"), (700, GOOD, "accepted")],
    ),
    "too many requests": (KnownKey(), [(0, GOOD, "accepted"), (600, LIMITED, "RateLimited")]),
    "one refusal": (KnownKey(), [(0, GOOD, "accepted"), (600, REFUSED, "accepted"), (605, GOOD, "accepted")]),
    "several refusals within three minutes": (
        KnownKey(),
        [(0, GOOD, "accepted")] + [(600 + 5 * n, REFUSED, "Doubtful" if n else "accepted") for n in range(30)],
    ),
    "several refusals over three minutes": (
        KnownKey(),
        [
            (0, GOOD, "accepted"),
            (600, REFUSED, "accepted"),
            (605, REFUSED, "Doubtful"),
            (665, REFUSED, "Doubtful"),
            (725, REFUSED, "Doubtful"),
            (785, REFUSED, "refused 401"),
            (845, REFUSED, "refused 401"),
            (905, GOOD, "accepted"),
            (965, REFUSED, "accepted"),
        ],
    ),
    "three refusals, however long": (
        KnownKey(),
        [(0, GOOD, "accepted"), (60, REFUSED, "accepted"), (600, REFUSED, "Doubtful"), (1200, REFUSED, "Doubtful")],
    ),
    "an outage that refuses and ends": (
        KnownKey(),
        [
            (0, GOOD, "accepted"),
            (600, REFUSED, "accepted"),
            (605, REFUSED, "Doubtful"),
            (665, GOOD, "accepted"),
            (1265, REFUSED, "accepted"),
        ],
    ),
    "no credit": (KnownKey(), [(0, GOOD, "accepted"), (600, NO_CREDIT, "refused 402")]),
    "the key's limit": (KnownKey(), [(0, GOOD, "accepted"), (600, LIMIT, "refused 403")]),
    "another base URL": (KnownKey(), [(0, GOOD, "accepted"), (600, ELSEWHERE, "refused 404")]),
    "refused after its end": (KnownKey(), [(0, ENDING, "accepted"), (3599, REFUSED, "accepted"), (3600, REFUSED, "expired")]),
    "accepted before a restart": (
        KnownKey(True, NOW - HOUR),
        [(0, REFUSED, "Doubtful"), (60, REFUSED, "Doubtful"), (120, REFUSED, "Doubtful"), (180, REFUSED, "refused 401")],
    ),
    "accepted before a restart, ended during it": (KnownKey(True, NOW - HOUR, NOW), [(0, REFUSED, "expired"), (60, REFUSED, "expired")]),
    "an outage after a refusal": (
        KnownKey(),
        [
            (0, REFUSED, "refused 401"),
            (60, DOWN, "refused 401"),
            (65, DOWN, "Unreachable, refused 401"),
            (665, DOWN, "Unreachable, refused 401"),
            (700, LIMITED, "RateLimited, refused 401"),
            (760, REFUSED, "refused 401"),
            (820, DOWN, "refused 401"),
            (825, DOWN, "Unreachable, refused 401"),
            (900, GOOD, "accepted"),
            (1500, DOWN, "accepted"),
            (1505, DOWN, "Unreachable"),
        ],
    ),
    "an outage after no credit": (KnownKey(), [(0, GOOD, "accepted"), (600, NO_CREDIT, "refused 402"), (660, LIMITED, "RateLimited, refused 402")]),
    "an outage after its end": (KnownKey(True, NOW - HOUR, NOW), [(0, REFUSED, "expired"), (60, LIMITED, "RateLimited, expired")]),
    "an outage after the limit was used up": (KnownKey(), [(0, USED_UP, "useless"), (60, DOWN, "useless"), (65, DOWN, "Unreachable, useless")]),
    "an outage of a key that manages keys": (KnownKey(), [(0, MANAGES, "useless"), (60, LIMITED, "RateLimited, useless")]),
    "a used-up limit, refused in an outage": (KnownKey(), [(0, USED_UP, "useless"), (60, REFUSED, "useless"), (65, REFUSED, "Doubtful, useless")]),
    "refused before a restart": (KnownKey(False, NOW - HOUR), [(0, REFUSED, "refused 401")]),
}  # fmt: skip


@pytest.mark.parametrize("story", STORIES)
def test_what_is_told_of_a_key(story: str) -> None:
    known, steps = STORIES[story]
    last: KeyStanding | None = None
    told: list[str] = []
    for seconds, answer, _ in steps:
        last = after_key(last, known, answer, NOW + timedelta(seconds=seconds))
        told.append(word(last.told))
    assert told == [expected for _, _, expected in steps]


def at(seconds: int) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_when_a_key_was_accepted_last_is_remembered() -> None:
    last = after_key(None, KnownKey(), GOOD, NOW)
    assert isinstance(last.told, KeyAccepted)
    assert last.told.accepted_at == NOW
    for seconds in (600, 605):
        last = after_key(last, KnownKey(), DOWN, at(seconds))
    assert last.told == Unanswered(Cause.UNREACHABLE, "Silence.", last_good=NOW)
    for seconds in (700, 760):
        last = after_key(last, KnownKey(), REFUSED, at(seconds))
    assert isinstance(last.told, Unanswered)
    assert last.told.last_good == NOW
    before = after_key(None, KnownKey(True, NOW), LIMITED, at(60))
    assert before.told == Unanswered(Cause.RATE_LIMITED, "Slow down.", last_good=NOW)


def test_when_a_key_was_refused_last_is_remembered() -> None:
    last = after_key(None, KnownKey(), REFUSED, NOW)
    for seconds in (60, 120):
        last = after_key(last, KnownKey(), REFUSED, at(seconds))
    for seconds in (180, 185, 190):
        last = after_key(last, KnownKey(), DOWN, at(seconds))
    assert isinstance(last.told, Unanswered)
    assert isinstance(last.told.stands, KeyRefused)
    assert last.told.stands.refused_at == at(120)
    assert after_key(last, KnownKey(), DOWN, at(600)) == last, "the same is no news"


def test_a_doubt_says_what_the_gateway_said_and_names_no_number_that_moves() -> None:
    last = after_key(None, KnownKey(True, NOW), REFUSED, at(0))
    next_one = after_key(last, KnownKey(), REFUSED, at(60))
    assert isinstance(last.told, Unanswered)
    assert "(401: User not found.)" in last.told.detail
    assert next_one == last, "the same is no news"


def test_what_moves_with_each_answer_is_no_news() -> None:
    first = after_key(None, KnownKey(), GOOD, NOW)
    assert after_key(first, KnownKey(), GOOD, at(600)) == first
    assert after_key(first, KnownKey(), DOWN, at(600)) == first
    assert after_key(first, KnownKey(), LIMITED, at(600)) != first


LIST, LONGER = Catalogue({}), CATALOGUE
ANSWERS: dict[str, list[tuple[Any, Any]]] = {
    "answered": [(LIST, LIST), (LIST, LIST)],
    "another answer": [(LIST, LIST), (LONGER, LONGER)],
    "one failure": [(LIST, LIST), (DOWN, LIST), (LIST, LIST), (DOWN, LIST)],
    "failures": [(LIST, LIST), (DOWN, LIST), (DOWN, Cause.UNREACHABLE), (DOWN, Cause.UNREACHABLE)],
    "failures that end": [(LIST, LIST), (DOWN, LIST), (DOWN, Cause.UNREACHABLE), (LIST, LIST), (DOWN, LIST)],
    "no answer at first": [(DOWN, Cause.UNREACHABLE), (LIST, LIST)],
    "too many requests": [(LIST, LIST), (LIMITED, Cause.RATE_LIMITED)],
}  # fmt: skip


@pytest.mark.parametrize("story", ANSWERS)
def test_what_is_told_of_anything_else(story: str) -> None:
    last: Standing[Catalogue] | None = None
    for number, (answer, expected) in enumerate(ANSWERS[story]):
        last = after(last, answer, at(number))
        told = last.told.cause if isinstance(last.told, Unanswered) else last.told
        assert told == expected, number


def test_when_something_was_answered_last_is_remembered() -> None:
    last: Standing[Catalogue] = after(None, LIST, NOW)
    for seconds in (600, 605, 610):
        last = after(last, DOWN, at(seconds))
    assert isinstance(last.told, Unanswered)
    assert last.told == replace(DOWN, last_good=NOW, stands=LIST), "what was told then, too"
    assert last.failures == 3
