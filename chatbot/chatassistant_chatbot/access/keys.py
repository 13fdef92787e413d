"""An issuer's keys as they are known here: asked for in the background, and once more when a token has a new one.

One task asks, and all who wait for an answer wait for that task. Tokens with made-up keys cannot have it ask more
often than a few times in half a minute.
"""

import asyncio
import contextlib
import logging
import random
import time
from collections import deque
from dataclasses import dataclass
from typing import Final, Protocol

from jwt import PyJWK

from chatassistant_chatbot.access.discovery import IssuerError, IssuerProblem, Key
from chatassistant_chatbot.errors import CallerError

logger = logging.getLogger(__name__)

_MOST_ASKED_BY_CALLERS: Final = 3


class Issuer(Protocol):
    """Who says which keys are its own."""

    async def keys(self) -> tuple[Key, ...]:
        """All of them, at least one.

        Raises:
            IssuerError: when it does not say.
        """
        ...


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds.

    Attributes:
        refresh: Between two questions when all is well: as long may a key be used that the issuer has withdrawn.
        first_pause: After a question that got no answer; each other one doubles it.
        longest_pause: What it doubles to.
        kept: How long known keys are used while the issuer gives no answer.
        window: In which callers may have the issuer asked three times.
        patience: How long a caller waits for the issuer's answer.
    """

    refresh: float = 300
    first_pause: float = 1
    longest_pause: float = 60
    kept: float = 86_400
    window: float = 30
    patience: float = 6


class IssuerKeys:
    """The keys of one issuer; `keep` has to run beside those who look for one.

    Attributes:
        problem: Why the issuer did not tell its keys when it was asked last; None when it did.
    """

    def __init__(self, issuer: Issuer, pace: Pace = Pace()) -> None:
        self._issuer = issuer
        self._pace = pace
        self._keys: tuple[Key, ...] = ()
        self._learnt = 0.0
        # Whether the last answer was one: only then is a key that is not among these no key of the issuer's.
        self._certain = False
        self.problem: IssuerProblem | None = None
        self._next = 0.0
        self._asking = True
        self._wanted = asyncio.Event()
        self._answered = asyncio.Event()
        self._asked_by_callers: deque[float] = deque(maxlen=_MOST_ASKED_BY_CALLERS)

    async def find(self, kid: str | None, algorithm: str) -> PyJWK | None:
        """The key of this name for this algorithm, None when the issuer has none.

        A token without a `kid` is checked with the only key that fits.

        Raises:
            CallerError: 503 when the issuer was not heard, so that nobody can tell.
        """
        key = self._find(kid, algorithm)
        if key is None:
            await self._news()
            key = self._find(kid, algorithm)
        if key is None and not self._certain:
            raise CallerError(
                503,
                "access_unavailable",
                "The issuer of access tokens cannot be asked for its keys now; try again later.",
                type="api_error",
                retry_after=max(1.0, self._next - time.monotonic()),
            )
        return key

    @property
    def known(self) -> bool:
        """Whether there are keys with which tokens can be checked."""
        return bool(self._keys) and time.monotonic() - self._learnt <= self._pace.kept

    def _find(self, kid: str | None, algorithm: str) -> PyJWK | None:
        if not self.known:
            return None
        fitting = [
            each.key
            for each in self._keys
            if each.key.algorithm_name == algorithm and (kid is None or kid == each.kid)
        ]
        return fitting[0] if len(fitting) == 1 else None

    async def _news(self) -> None:
        """Wait for the issuer's next answer, unless it was asked often enough for now."""
        if not self._asking:
            now = time.monotonic()
            asked = self._asked_by_callers
            if len(asked) == asked.maxlen and now - asked[0] < self._pace.window:
                return
            asked.append(now)
            self._asking = True
            self._wanted.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._pace.patience):
                await self._answered.wait()

    async def keep(self) -> None:
        """Ask the issuer now and then; never ends."""
        pause = self._pace.first_pause
        while True:
            self._wanted.clear()
            self._asking = True
            try:
                self._learn(await self._issuer.keys())
                pause, seconds = self._pace.first_pause, self._pace.refresh
            except IssuerError as error:
                self._certain, self.problem = False, error.problem
                seconds = pause * random.uniform(0.5, 1.5)  # noqa: S311 (jitter, no secret)
                pause = min(2 * pause, self._pace.longest_pause)
                logger.warning(
                    "access: the issuer does not tell its keys: %s; the %d known ones are used for %g hours at most; "
                    "asked again in %.1f s",
                    error, len(self._keys), self._pace.kept / 3600, seconds,
                )  # fmt: skip
            self._next = time.monotonic() + seconds
            self._asking = False
            self._answered.set()
            self._answered = asyncio.Event()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._wanted.wait()

    def _learn(self, keys: tuple[Key, ...]) -> None:
        if [each.kid for each in keys] != [each.kid for each in self._keys]:
            logger.info("access: the issuer has %d keys", len({each.kid for each in keys}))
        self._keys, self._learnt, self._certain, self.problem = keys, time.monotonic(), True, None
