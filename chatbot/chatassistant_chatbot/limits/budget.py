"""How much money and how many tokens may be spent.

Money is counted in whole nano-dollars (10^-9 USD): no rounding adds up over a day of cheap tokens.
"""

import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from chatassistant_chatbot.errors import CallerError
from chatassistant_chatbot.settings import Configuration
from chatassistant_chatbot.store import Hold, Spending, Store, Usage
from chatassistant_chatbot.store.bounds import MOST_DAYS
from chatassistant_chatbot.turn import Opening

_CHARACTERS_PER_TOKEN: Final = 4
_THRESHOLDS: Final = (100, 80, 50)
_NANO: Final = 9
_NANOS: Final = 10**_NANO
_DAY_SECONDS: Final = 86_400


def tokens_of(characters: int) -> int:
    """How many tokens a prompt of so many characters has, roughly: one for every four, rounded up.

    English prose has about four to a token. Counted as bytes of JSON, with its names and marks, a prompt is estimated
    rather too high, and a character of another script, of two to four bytes, as up to a whole token.
    """
    return -(-characters // _CHARACTERS_PER_TOKEN)


class Reservation:
    """A part of the budget that is held for a request until it is known what that costs."""

    __slots__ = (
        "_charged",
        "_completion_tokens",
        "_counted",
        "_day",
        "_hold",
        "_nanos",
        "_prompt_tokens",
        "_store",
    )

    def __init__(self, store: Store, day: str, nanos: int, hold: Hold | None) -> None:
        self._store = store
        self._day = day
        self._nanos = nanos
        self._hold = hold
        self._charged = 0
        self._counted = False
        self._prompt_tokens = self._completion_tokens = 0

    def used(self, prompt_tokens: int, completion_tokens: int) -> None:
        """Tokens that the next `settle` accounts for."""
        self._prompt_tokens += prompt_tokens
        self._completion_tokens += completion_tokens

    async def settle(self, cost: float | None, model: str) -> None:
        """Account for what it cost, in USD; None costs what was reserved. What is settled again is corrected."""
        nanos = self._nanos if cost is None else _nanos(cost * _NANOS)
        usage = Usage(
            0 if self._counted else 1, self._prompt_tokens, self._completion_tokens, nanos - self._charged
        )
        self._charged, self._counted = nanos, True
        self._prompt_tokens = self._completion_tokens = 0
        hold, self._hold = self._hold, None
        await self._store.settle(self._day, hold, model, usage)


@dataclass(frozen=True, slots=True)
class Spent:
    """What the day has cost.

    Attributes:
        day: Its date (UTC).
        today: In nano-dollars, and by model.
        crossed: How much of the budget that is, in percent: 100, 80, 50 or 0, whatever was reached last.
        finished: The last day before it on which anything was asked, as far as is remembered; with its date.
    """

    day: str
    today: Spending
    crossed: int
    finished: tuple[str, Spending] | None


class Budget:
    """Lets requests pass while there is money left for the day (UTC).

    `clock` gives seconds since 1970.
    """

    def __init__(
        self, configuration: Configuration, store: Store, clock: Callable[[], float] = time.time
    ) -> None:
        budget = configuration.budget
        self._store = store
        self._clock = clock
        self._limit = None if budget.daily_usd is None else math.ceil(budget.daily_usd * _NANOS)
        self._most_tokens = budget.tokens_per_request
        self._is_shared = configuration.store.type == "Redis"
        # Nano-dollars for a token of the prompt, and for one of the answer.
        self._prices = {
            model: (float(price.prompt * _NANOS), float(price.completion * _NANOS))
            for model, price in configuration.prices.items()
        }
        self._finished: tuple[str, Spending] | None = None

    def within(self, opening: Opening) -> Opening:
        """The same with so short an answer that prompt and answer together keep to `tokensPerRequest`.

        Raises:
            CallerError: 400 when the prompt leaves room for none.
        """
        if self._most_tokens is None:
            return opening
        prompt = tokens_of(opening.characters)
        if prompt >= self._most_tokens:
            raise CallerError(
                400,
                "tokens_per_request_exceeded",
                f"The messages have about {prompt} tokens, and this assistant takes {self._most_tokens} a request, "
                "its answer included: shorten them.",
                param="messages",
            )
        left = self._most_tokens - prompt
        return opening if opening.max_tokens <= left else opening._replace(max_tokens=left)

    async def reserve(self, prompt_characters: int, max_tokens: int, models: Sequence[str]) -> Reservation:
        """Hold what a request costs at most: at the prices of the dearest of the models that may answer.

        A request passes while less than the budget is spent or held, so the last one may go beyond it by less than its
        own reservation. What is known to be free always passes. Where no price is known nothing is held, and only what
        was spent counts.

        Raises:
            CallerError: 429 when the budget is used up, with the seconds until the next midnight (UTC).
        """
        now = self._clock()
        day = _date(now)
        prompt, prices = tokens_of(prompt_characters), self._prices
        costs = [prompt * prices[each][0] + max_tokens * prices[each][1] for each in models if each in prices]
        nanos = _nanos(max(costs, default=0))
        is_free = nanos == 0 and len(costs) == len(models)
        if self._limit is None or is_free:
            return Reservation(self._store, day, nanos, None)
        hold = Hold(f"{random.getrandbits(64):016x}", nanos)
        if not (await self._store.reserve(day, hold, self._limit)).granted:
            raise CallerError(
                429,
                "budget_exceeded",
                "The assistant has spent its budget for today: it answers again after midnight (UTC).",
                type="rate_limit_error",
                retry_after=_DAY_SECONDS - now % _DAY_SECONDS,
            )
        return Reservation(self._store, day, nanos, hold)

    async def save(self, cost: float, model: str) -> None:
        """Account for an answer that needed no request, by what it had cost when it was fresh, in USD."""
        usage = Usage(cached_requests=1, saved_nanos=_nanos(cost * _NANOS))
        await self._store.settle(_date(self._clock()), None, model, usage)

    async def spent(self) -> Spent:
        """What the day has cost so far, and what the last one did."""
        now = self._clock()
        today = await self._store.spending(_date(now))
        finished = await self._last_day_before(now)
        # While a shared store is away, nobody knows of the days that are over; they do not change any more.
        if self._store.state == "ok":
            self._finished = finished
        limit = self._limit
        crossed = 0
        if limit is not None:
            crossed = next((each for each in _THRESHOLDS if today.nanos * 100 >= limit * each), 0)
        return Spent(_date(now), today, crossed, self._finished)

    async def report(self) -> dict[str, Any]:
        """`usage` in the report to the operator, which says only what stands still while nothing happens."""
        spent = await self.spent()
        finished: dict[str, Any] | None = None
        if spent.finished is not None:
            day, spending = spent.finished
            total = sum_of(spending)
            finished = {
                "day": day,
                "requests": total.requests,
                "promptTokens": total.prompt_tokens,
                "completionTokens": total.completion_tokens,
                "usd": _usd(spending.nanos),
                "cachedRequests": total.cached_requests,
                "savedUsd": _usd(total.saved_nanos),
            }
        return {"day": spent.day, "crossed": spent.crossed, "shared": self._is_shared, "finished": finished}

    async def _last_day_before(self, now: float) -> tuple[str, Spending] | None:
        for days in range(1, MOST_DAYS):
            day = _date(now - days * _DAY_SECONDS)
            spending = await self._store.spending(day)
            if spending.models:
                return day, spending
        return None


def sum_of(spending: Spending) -> Usage:
    """All models together."""
    total = Usage()
    for usage in spending.models.values():
        total = total.plus(usage)
    return total


def _date(seconds: float) -> str:
    return _date_of(int(seconds // _DAY_SECONDS))


@lru_cache(maxsize=MOST_DAYS)
def _date_of(day: int) -> str:
    """The date (UTC) of a day since 1970, which is written once and not for each request."""
    return datetime.fromtimestamp(day * _DAY_SECONDS, UTC).date().isoformat()


def _usd(nanos: int) -> str:
    return format(Decimal(nanos).scaleb(-_NANO), "f")


def _nanos(amount: float) -> int:
    """Whole ones, rounded up, but for what is less than binary fractions of it can tell."""
    return math.ceil(amount - 0.0005)
