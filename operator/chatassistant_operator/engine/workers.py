"""The tasks that take keys from the queue and work on them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable
from typing import Final, Generic, TypeVar, cast

from chatassistant_operator.engine.failures import FailureLog
from chatassistant_operator.engine.queue import WorkQueue

K = TypeVar("K", bound=Hashable)

_logger: Final = logging.getLogger(__name__)


class Workers(Generic[K]):
    """Runs `handle` on the queue's keys, `count` at a time.

    `handle` gives the seconds after which to look at the key again, None for "only when something changes". When it
    raises, the key is tried again with backoff, not before the exception's `retry_after` seconds if it has some.
    `may_work` is awaited before each call: by it those wait that do not lead.
    """

    def __init__(
        self,
        queue: WorkQueue[K],
        handle: Callable[[K], Awaitable[float | None]],
        may_work: Callable[[], Awaitable[object]],
        count: int = 16,
    ) -> None:
        self._queue = queue
        self._handle = handle
        self._may_work = may_work
        self._count = count
        self._failures = FailureLog(_logger)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            for number in range(self._count):
                group.create_task(self._work(), name=f"worker-{number}")

    async def _work(self) -> None:
        while True:
            key = await self._queue.get()
            try:
                await self._try(key)
            finally:
                self._queue.done(key)

    async def _try(self, key: K) -> None:
        try:
            await self._may_work()
            again = await self._handle(key)
        except asyncio.CancelledError as error:
            if _stopping():
                self._queue.add(key)  # nobody knows how far it came
                raise
            # Something that `handle` waited for was cancelled, which is its failure and not our end.
            self._failed(key, error)
        except Exception as error:  # noqa: BLE001 (a worker outlives whatever a key brings)
            self._failed(key, error)
        else:
            self._queue.forget(key)
            self._failures.clear(_text(key))
            if again is not None:
                self._queue.add(key, again)

    def _failed(self, key: K, error: BaseException) -> None:
        delay = self._queue.retry(key, getattr(error, "retry_after", None))
        self._failures.report(_text(key), error, delay)


def _stopping() -> bool:
    """Whether it is this task that was cancelled."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _text(key: Hashable) -> str:
    """A key as people write it: (namespace, name) with a slash."""
    return (
        "/".join(str(part) for part in cast("tuple[object, ...]", key))
        if isinstance(key, tuple)
        else str(key)
    )
