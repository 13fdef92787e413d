"""How the assistant stands with its gateway: what was last said of its key, as completions met it."""

import time
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from chatassistant_chatbot.errors import GatewayError

_REMEMBERED_SECONDS: Final = 600.0


class GatewayProblem(StrEnum):
    """What only the owner of the key can mend."""

    KEY_REJECTED = "KeyRejected"
    """The key is unknown, deleted, expired or disabled: 401."""

    INSUFFICIENT_CREDITS = "InsufficientCredits"
    """The account has no credit left: 402, unless running requests hold what there is."""

    KEY_LIMIT_REACHED = "KeyLimitReached"
    """The key's own limit is used up: 403 with those words."""


class Standing:
    """Remembers the last problem, for ten minutes: after that nobody knows any more.

    The clock gives seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: tuple[GatewayProblem, float] | None = None

    def met(self, error: GatewayError) -> None:
        """A completion ended with an error; most say nothing of the key."""
        problem = _problem(error)
        if problem is not None:
            self._last = (problem, self._clock())

    def clear(self) -> None:
        """A completion succeeded, or there is another key."""
        self._last = None

    @property
    def problem(self) -> GatewayProblem | None:
        """The problem that there is, as far as anybody knows."""
        if self._last is None:
            return None
        problem, met = self._last
        return problem if self._clock() - met < _REMEMBERED_SECONDS else None


def _problem(error: GatewayError) -> GatewayProblem | None:
    if error.status == 401:  # noqa: PLR2004 (HTTP's own)
        return GatewayProblem.KEY_REJECTED
    if error.status == 402 and not error.asks_for_patience:  # noqa: PLR2004 (HTTP's own)
        return GatewayProblem.INSUFFICIENT_CREDITS
    # 403 is also what moderation, guardrails and regions answer; only the words tell (gptme/gptme#1449).
    if error.status == 403 and "key limit" in error.said.lower():  # noqa: PLR2004 (HTTP's own)
        return GatewayProblem.KEY_LIMIT_REACHED
    return None
