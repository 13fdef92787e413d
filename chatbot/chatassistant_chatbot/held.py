"""What a request has to give back."""

from collections.abc import Callable
from typing import Self

from chatassistant_chatbot.accounting import Accounting
from chatassistant_chatbot.answering import Outcome
from chatassistant_chatbot.limits.budget import Reservation


class Held:
    """What a request holds until its answer's end, as an async context manager."""

    __slots__ = ("_accounting", "_release", "_settling")

    def __init__(self, accounting: Accounting) -> None:
        self._accounting = accounting
        self._release: list[Callable[[], None]] = []
        self._settling: tuple[Reservation, Outcome] | None = None

    def until_the_end(self, release: Callable[[], None]) -> None:
        """Call this then; the last one first."""
        self._release.append(release)

    def settled(self, reservation: Reservation, outcome: Outcome) -> None:
        """Settle what was reserved then."""
        self._settling = reservation, outcome

    def handed_on(self) -> "Held":
        """All of it, which is from now on somebody else's to let go."""
        whole = Held(self._accounting)
        whole._release, whole._settling = self._release, self._settling
        self._release, self._settling = [], None
        return whole

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            if self._settling is not None:
                await self._accounting.settle(*self._settling)
        finally:
            for release in reversed(self._release):
                release()
