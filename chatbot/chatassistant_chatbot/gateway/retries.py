"""What is tried again, how often, and for how long."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from chatassistant_chatbot.errors import GatewayError

logger = logging.getLogger(__name__)

_MOST_RETRIES: Final = 2
_FIRST_PAUSE_SECONDS: Final = 0.25

T = TypeVar("T")


async def with_retries(attempt: Callable[[int], Awaitable[T]], seconds: float) -> T:
    """What the first attempt gives that gives something; each is told how many there were before it.

    Raises:
        GatewayError: the last attempt's, or 504 when the seconds for all of them are over.
    """
    deadline = time.monotonic() + seconds
    retries = 0
    while True:
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                return await attempt(retries)
        except TimeoutError:
            raise silence(seconds) from None
        except GatewayError as error:
            pause = _pause(error, retries)
            if pause is None or time.monotonic() + pause >= deadline:
                raise
            logger.info("gateway: %s: tried again in %.2f s", error, pause)
        await asyncio.sleep(pause)
        retries += 1


def silence(seconds: float) -> GatewayError:
    """The error that stands for no answer in so many seconds."""
    return GatewayError(504, f"it gave no answer within {seconds:g} s")


def _pause(error: GatewayError, retries: int) -> float | None:
    """Seconds before the next attempt, None for no other: at most two, and one where patience is asked for."""
    if error.asks_for_patience:
        return error.retry_after if retries == 0 else None
    if not error.may_pass or retries == _MOST_RETRIES:
        return None
    pause: float = _FIRST_PAUSE_SECONDS * 2**retries * random.uniform(0.75, 1.25)  # noqa: S311 (jitter, no secret)
    return max(pause, error.retry_after or 0.0)
