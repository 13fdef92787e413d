"""What is due when, and whose turn it is among all that is due."""

import heapq
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

T = TypeVar("T", bound=Hashable)

NEVER: Final = float("inf")


class Agenda(Generic[T]):
    """Items with the time at which each is due; those that are due are taken in turn by the name they go under.

    So hundreds of items under one name delay those under another by one turn each, not by hundreds.

    Args:
        name: Under which name an item goes at the moment; asked when it becomes due.
        clock: Seconds that only grow.
    """

    def __init__(self, name: Callable[[T], Hashable], clock: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._clock = clock
        self._due: dict[T, float] = {}
        self._heap: list[tuple[float, int, T]] = []
        self._order = 0
        self._lined_up: OrderedDict[Hashable, deque[T]] = OrderedDict()

    def when(self, item: T) -> float:
        """When an item is due, `NEVER` when it is not on the agenda."""
        return self._due.get(item, NEVER)

    def put(self, item: T, when: float) -> bool:
        """Have an item due then, unless it is due earlier; whether that is news."""
        if when >= self.when(item):
            return False
        self._due[item] = when
        self._order += 1
        heapq.heappush(self._heap, (when, self._order, item))
        return True

    def remove(self, item: T) -> None:
        """Take an item off the agenda."""
        self._due.pop(item, None)

    def pause(self) -> float | None:
        """Seconds until something is due, 0.0 when something is, None when nothing ever is."""
        self._line_up()
        if any(self._is_due(item) for waiting in self._lined_up.values() for item in waiting):
            return 0.0
        return self._heap[0][0] - self._clock() if self._heap else None

    def take(self) -> T | None:
        """What is due, from each name in turn; it is off the agenda then."""
        self._line_up()
        while self._lined_up:
            name, waiting = self._lined_up.popitem(last=False)
            item = waiting.popleft()
            if waiting:
                self._lined_up[name] = waiting
            if self._is_due(item):
                del self._due[item]
                return item
        return None

    def _is_due(self, item: T) -> bool:
        return self.when(item) <= self._clock()

    def _line_up(self) -> None:
        while self._heap and self._heap[0][0] <= self._clock():
            when, _, item = heapq.heappop(self._heap)
            if self._due.get(item) == when:
                self._lined_up.setdefault(self._name(item), deque()).append(item)
