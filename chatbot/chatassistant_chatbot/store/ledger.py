"""What is spent and held on each day, in memory. Pure: the time is given, in seconds of a clock that never goes back."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import NamedTuple

from chatassistant_chatbot.store.bounds import MOST_DAYS
from chatassistant_chatbot.store.protocol import Hold, Reserved, Spending, Usage


@dataclass(slots=True)
class _Day:
    """Holds with the times at which they end, oldest first; `elsewhere` is known to be spent by others."""

    models: dict[str, Usage] = field(default_factory=dict[str, Usage])
    holds: OrderedDict[str, tuple[int, float]] = field(default_factory=OrderedDict[str, tuple[int, float]])
    spent: int = 0
    held: int = 0
    elsewhere: int = 0


class Entry(NamedTuple):
    """What was used of a model on a day."""

    day: str
    model: str
    usage: Usage


class Ledger:
    """The days' accounts; only the last ones are kept."""

    def __init__(self, hold_seconds: float) -> None:
        self._hold_seconds = hold_seconds
        self._days: dict[str, _Day] = {}

    def __len__(self) -> int:
        """How many entries there are to take."""
        return sum(len(account.models) for account in self._days.values())

    def reserve(self, day: str, hold: Hold, limit: int, now: float) -> Reserved:
        """Hold a part of the budget while less than all is spent or held."""
        account = self._day(day)
        while account.holds:
            name, (nanos, until) = next(iter(account.holds.items()))
            if until > now:
                break
            del account.holds[name]
            account.held -= nanos
        spent = account.spent + account.elsewhere
        granted = spent + account.held < limit
        if granted:
            account.holds[hold.id] = hold.nanos, now + self._hold_seconds
            account.held += hold.nanos
        return Reserved(granted, spent)

    def settle(self, day: str, hold: Hold | None, model: str, usage: Usage) -> int:
        """Let the hold go and add what was used; gives what is spent."""
        account = self._day(day)
        if hold is not None and account.holds.pop(hold.id, None) is not None:
            account.held -= hold.nanos
        account.models[model] = account.models.get(model, Usage()).plus(usage)
        account.spent += usage.nanos
        return account.spent + account.elsewhere

    def spending(self, day: str) -> Spending:
        """What is spent, and what was used of each model."""
        account = self._days.get(day, _Day())
        return Spending(account.spent + account.elsewhere, dict(account.models))

    def note_elsewhere(self, day: str, nanos: int) -> None:
        """Count what others are known to have spent."""
        self._day(day).elsewhere = nanos

    def take_entry(self) -> Entry | None:
        """Remove something of what was used, to be told elsewhere; None when there is nothing."""
        for day, account in self._days.items():
            if account.models:
                model, usage = account.models.popitem()
                account.spent -= usage.nanos
                return Entry(day, model, usage)
        return None

    def _day(self, day: str) -> _Day:
        account = self._days.get(day)
        if account is None:
            account = self._days[day] = _Day()
            while len(self._days) > MOST_DAYS:
                del self._days[min(self._days)]
        return account
