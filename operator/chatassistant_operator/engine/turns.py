"""At most so many of many things under way at a time, and who waits is woken when there is room."""

from collections.abc import Callable, Generator, Hashable
from contextlib import contextmanager
from itertools import islice
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Turns(Generic[K]):
    """Who may begin something that goes on by itself afterwards, and is then told to be under way by whoever sees it.

    What begins without having asked counts, too.

    Args:
        limit: How many may be under way at a time.
        wake: Called with those who have waited and may ask again.
    """

    def __init__(self, limit: int, wake: Callable[[K], None]) -> None:
        self._limit = limit
        self._wake = wake
        self._under_way: set[K] = set()
        self._beginning: set[K] = set()
        self._waiting: dict[K, None] = {}  # in the order in which they came

    def has_room(self, key: K) -> bool:
        """Whether a key may begin now; what it has under way itself does not stand in its way."""
        return self._busy() - (key in self._under_way or key in self._beginning) < self._limit

    @contextmanager
    def during(self, key: K, *, wanted: bool) -> Generator[None]:
        """The time in which a key begins, if it wants to and there is room; else, if it wants to, it waits from now on."""
        begins = wanted and self.has_room(key)
        if begins:
            self._beginning.add(key)
        if wanted and not begins:
            self._waiting.setdefault(key)
        else:
            self.leave(key)
        try:
            yield
        finally:
            if begins:
                self._beginning.discard(key)
                self._wake_next()

    def leave(self, key: K) -> None:
        """A key waits no longer, if it did."""
        if key in self._waiting:
            del self._waiting[key]
            self._wake_next()

    def tell(self, key: K, *, under_way: bool) -> None:
        """What a key has begun goes on, or has ended."""
        if under_way:
            self._under_way.add(key)
        elif key in self._under_way:
            self._under_way.discard(key)
            self._wake_next()

    def _busy(self) -> int:
        return len(self._under_way) + len(self._beginning - self._under_way)

    def _wake_next(self) -> None:
        for key in list(islice(self._waiting, max(0, self._limit - self._busy()))):
            self._wake(key)
