"""Waiting for something to become true, with a deadline and a word about what was seen last."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
_PAUSE_SECONDS = 0.05


def eventually(check: Callable[[], T], what: str, timeout: float = 30.0) -> T:
    """Call `check` until it neither raises AssertionError nor gives something false; gives what it gave."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            value = check()
            if value:
                return value
            last = f"it gave {value!r}"
        except AssertionError as error:
            last = str(error)
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {timeout} s; last seen: {last}")
        time.sleep(_PAUSE_SECONDS)


async def eventually_async(check: Callable[[], Awaitable[T]], what: str, timeout: float = 30.0) -> T:
    """The same for something that has to be awaited."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            value = await check()
            if value:
                return value
            last = f"it gave {value!r}"
        except AssertionError as error:
            last = str(error)
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {timeout} s; last seen: {last}")
        await asyncio.sleep(_PAUSE_SECONDS)
