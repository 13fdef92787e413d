"""How often a user may ask: a sliding window, told as the IETF's draft has it.

The fields are those of draft-ietf-httpapi-ratelimit-headers-11: `RateLimit-Policy: "default";q=10;w=60` is the rule,
`RateLimit: "default";r=3;t=21` says that no more than 3 may be asked within the next 21 seconds.
"""

import math
from typing import Final

from chatassistant_chatbot.errors import CallerError
from chatassistant_chatbot.settings.configuration import RateLimit
from chatassistant_chatbot.store import Store, Window

COMPLETIONS: Final = "completions"


class Place:
    """A place in a user's window."""

    __slots__ = ("_limiter", "_user_id", "_window")

    def __init__(self, limiter: "RateLimiter", user_id: str, window: Window) -> None:
        self._limiter = limiter
        self._user_id = user_id
        self._window = window

    def headers(self) -> dict[str, str]:
        """`RateLimit` and `RateLimit-Policy`, for whatever the request is answered with."""
        window = self._window
        return {
            "RateLimit-Policy": self._limiter.policy,
            "RateLimit": f"{self._limiter.name};r={window.remaining};t={math.ceil(window.seconds)}",
        }

    async def give_back(self) -> None:
        """The request was refused after all, which counts for nothing."""
        window = self._window
        if window.place is not None:
            self._window = window._replace(place=None, remaining=window.remaining + 1)
            await self._limiter.give_back(self._user_id, window.place)


class RateLimiter:
    """Lets so many requests of a user pass within any so many seconds, exactly; each kind of them for itself."""

    def __init__(self, settings: RateLimit, store: Store, kind: str = COMPLETIONS) -> None:
        self._store = store
        self.name = '"default"' if kind == COMPLETIONS else f'"{kind}"'
        self.policy = f"{self.name};q={settings.requests};w={settings.window_seconds}"
        self._kind = kind
        self._prefix = "" if kind == COMPLETIONS else f"{kind}:"
        self._requests = settings.requests
        self._seconds = settings.window_seconds

    async def take(self, user_id: str) -> Place:
        """A place in the user's window.

        Raises:
            CallerError: 429 when there is none, with the seconds until there is one.
        """
        window = await self._store.take(self._prefix + user_id, self._requests, self._seconds)
        place = Place(self, user_id, window)
        if window.place is None:
            raise CallerError(
                429,
                "rate_limit_exceeded",
                f"At most {self._requests} {self._kind} may be asked for within {self._seconds} s: "
                f"the next one in {math.ceil(window.seconds)} s.",
                type="rate_limit_error",
                retry_after=window.seconds,
                headers=place.headers(),
            )
        return place

    async def give_back(self, user_id: str, place: int) -> None:
        """A place in the user's window is free again."""
        await self._store.give_back(self._prefix + user_id, place)
