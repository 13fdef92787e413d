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


class Callers:
    """All who wait for an answer; those who are still there a moment later are listened to."""

    def __init__(self) -> None:
        self._new: set[_Caller] = set()
        self._beginning: asyncio.TimerHandle | None = None

    async def unless_hung_up(self, receive: Receive, work: Coroutine[Any, Any, T]) -> T:
        """What the work gives; it is cancelled as soon as the caller hangs up.

        The request's body must have been read. Neither uvicorn nor Starlette cancel a request that is answered in one
        piece.

        Raises:
            HangUpError: when the caller has gone first.
        """
        caller = _Caller(receive)
        self._new.add(caller)
        if self._beginning is None:
            # One timer for all who come meanwhile.
            loop = asyncio.get_running_loop()
            self._beginning = loop.call_later(_LISTENS_AFTER_SECONDS, self._listen)
        try:
            # The work stays in its own task: one more for each request costs 15 us.
            return await work
        except asyncio.CancelledError:
            if caller.ended_it():
                raise HangUpError from None
            raise
        finally:
            self._new.discard(caller)
            caller.leave()

    def _listen(self) -> None:
        self._beginning = None
        for caller in self._new:
            caller.listen()
        self._new.clear()


class _Caller:
    """Cancels the task in which it was made when there is nobody left to answer."""

    __slots__ = ("_gone", "_listening", "_receive", "_task")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._task = asyncio.current_task()
        self._listening: asyncio.Task[None] | None = None
        self._gone = False

    def listen(self) -> None:
        self._listening = asyncio.create_task(self._hang_up())

    def leave(self) -> None:
        """There is an answer, or none is wanted any more."""
        if self._listening is not None:
            self._listening.cancel()

    def ended_it(self) -> bool:
        """Whether it was this that cancelled the task: whoever else wants it to end is not to be taken for the caller."""
        return self._gone and self._task is not None and self._task.uncancel() == 0

    async def _hang_up(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        if self._task is not None:
            self._task.cancel()
