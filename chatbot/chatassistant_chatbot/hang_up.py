"""Work that ends when the caller hangs up: an abandoned answer costs money."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from starlette.types import Receive

T = TypeVar("T")
# Whoever is answered sooner needs nobody to listen: a task of its own for that costs 5 us.
_LISTENS_AFTER_SECONDS: Final = 0.05


class HangUpError(Exception):
    """The caller has gone: there is nobody to answer."""


async def unless_hung_up(receive: Receive, work: Coroutine[Any, Any, T]) -> T:
    """What the work gives; it is cancelled as soon as the caller hangs up.

    The request's body must have been read. Neither uvicorn nor Starlette cancel a request that is answered in one
    piece.

    Raises:
        HangUpError: when the caller has gone first.
    """
    asking = asyncio.current_task()
    gone = False

    async def listen() -> None:
        nonlocal gone
        while (await receive())["type"] != "http.disconnect":
            pass
        gone = True
        if asking is not None:
            asking.cancel()

    listening: asyncio.Task[None] | None = None

    def begin() -> None:
        nonlocal listening
        listening = asyncio.create_task(listen())

    # The work stays in its own task: one more for each request costs 15 us.
    beginning = asyncio.get_running_loop().call_later(_LISTENS_AFTER_SECONDS, begin)
    try:
        return await work
    except asyncio.CancelledError:
        # Whoever else wants this task to end is not to be taken for the caller.
        if gone and asking is not None and asking.uncancel() == 0:
            raise HangUpError from None
        raise
    finally:
        beginning.cancel()
        if listening is not None:
            listening.cancel()
