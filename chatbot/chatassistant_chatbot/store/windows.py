"""Sliding windows in memory. Pure: the time is given, in nanoseconds of any clock that never goes back."""

from array import array
from bisect import bisect_right
from collections import OrderedDict
from typing import Final

from chatassistant_chatbot.store.protocol import Window

_NANOSECONDS: Final = 1_000_000_000


class SlidingWindows:
    """For each user, when the places of the window were taken.

    Exact at its edges: a place taken at t is free again at t + the window's length, not earlier and not later. A user
    whose places are all free is forgotten. When more than `most_users` are known, who has been silent for longest is
    forgotten too, so that no flood of made-up users fills the memory.
    """

    def __init__(self, most_users: int) -> None:
        self._most_users = most_users
        # In the order of their last place; as 64-bit integers, ten of them take 200 bytes.
        self._taken: OrderedDict[str, array[int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._taken)

    def take(self, user: str, requests: int, seconds: int, now: int) -> Window:
        """Take a place, when there is one."""
        length = seconds * _NANOSECONDS
        taken = self._taken.get(user)
        if taken is None:
            self._forget(now - length)
            taken = self._taken[user] = array("q")
        elif taken[0] <= now - length:
            del taken[: bisect_right(taken, now - length)]
        remaining = requests - len(taken)
        if remaining > 0:
            taken.append(now)
            self._taken.move_to_end(user)
        # After a limit was lowered, more than one has to leave before the next may come.
        next_free = taken[max(0, -remaining)] + length - now
        return Window(now if remaining > 0 else None, max(0, remaining - 1), next_free / _NANOSECONDS)

    def give_back(self, user: str, place: int) -> None:
        """Free a place before its time."""
        taken = self._taken.get(user)
        if taken is not None and place in taken:
            taken.remove(place)
            if not taken:
                del self._taken[user]

    def _forget(self, horizon: int) -> None:
        """Make room for a user: at most two go for each one who comes, so that nobody waits for a great cleaning."""
        for _ in range(2):
            if not self._taken:
                return
            user, taken = next(iter(self._taken.items()))
            if taken[-1] > horizon and len(self._taken) < self._most_users:
                return
            del self._taken[user]
