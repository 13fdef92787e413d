"""Values that are kept for a while, in memory. Pure: the time is given, in seconds of any clock that never goes back."""

from collections import OrderedDict
from typing import Final

# What a value takes beside its key and itself.
_OVERHEAD: Final = 300


class Expiring:
    """At most so many values of so many bytes together; those that were read or written longest ago go first."""

    def __init__(self, most_entries: int, most_bytes: int) -> None:
        self._most_entries = most_entries
        self._most_bytes = most_bytes
        self._values: OrderedDict[str, tuple[bytes, float]] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: str, now: float) -> bytes | None:
        """The value, when its time is not over."""
        found = self._values.get(key)
        if found is None:
            return None
        value, until = found
        if until <= now:
            self._remove(key)
            return None
        self._values.move_to_end(key)
        return value

    def put(self, key: str, value: bytes, until: float) -> None:
        """Keep the value up to then; not at all, when it alone is too large."""
        if key in self._values:
            self._remove(key)
        if _size(key, value) > self._most_bytes:
            return
        self._values[key] = value, until
        self._bytes += _size(key, value)
        while len(self._values) > self._most_entries or self._bytes > self._most_bytes:
            self._remove(next(iter(self._values)))

    def _remove(self, key: str) -> None:
        value, _ = self._values.pop(key)
        self._bytes -= _size(key, value)


def _size(key: str, value: bytes) -> int:
    return len(key) + len(value) + _OVERHEAD
