"""What is tried again, how often, and for how long."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from chatassistant_chatbot.errors import GatewayError
from chatassistant_chatbot.gateway.response import Patience

logger = logging.getLogger(__name__)

_MOST_RETRIES: Final = 2
_FIRST_PAUSE_SECONDS: Final = 0.25

T = TypeVar("T")


async def with_retries(attempt: Callable[[int, Patience], Awaitable[T]], seconds: float) -> T:
    """What the first attempt gives that gives something.

    Each is told how many there were before it, and how long to wait: no longer than the seconds for all of them.

    Raises:
        GatewayError: the last attempt's.
    """
    patience, retries = patience_for(seconds), 0
    while True:
        try:
            return await attempt(retries, patience)
        except GatewayError as error:
            pause = _pause(error, retries)
            if pause is None or patience_for(pause).until >= patience.until:
                raise
            logger.info("gateway: %s: tried again in %.2f s", error, pause)
        await asyncio.sleep(pause)
        retries += 1


def patience_for(seconds: float) -> Patience:
    """To wait for an answer for so many seconds from now on."""
    return Patience(asyncio.get_running_loop().time() + seconds, f"it gave no answer within {seconds:g} s")


def _pause(error: GatewayError, retries: int) -> float | None:
    """Seconds before the next attempt, None for no other: at most two, and one where patience is asked for."""
    if error.asks_for_patience:
        return error.retry_after if retries == 0 else None
    if not error.may_pass or retries == _MOST_RETRIES:
        return None
    pause: float = _FIRST_PAUSE_SECONDS * 2**retries * random.uniform(0.75, 1.25)  # noqa: S311 (jitter, no secret)
    return max(pause, error.retry_after or 0.0)
