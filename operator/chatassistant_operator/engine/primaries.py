"""The objects that the queue's keys name, as the events of Kopf bring them."""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from chatassistant_operator.engine.packed import pack, unpack
from chatassistant_operator.engine.source import Object
from chatassistant_operator.engine.store import Key


@dataclass(frozen=True, slots=True)
class Audit:
    """What a comparison with a LIST has shown.

    `vanished` are held and not listed, `changed` are listed and not held, or not in that version. A LIST may be
    older than what is held of an object that is new, so read an object by name before you `drop` it.
    """

    vanished: frozenset[Key]
    changed: frozenset[Key]


@dataclass(frozen=True, slots=True)
class _Held:
    uid: str
    version: int
    packed: bytes


class Primaries:
    """The primary objects by key, without their `metadata.managedFields`.

    Kopf watches them, but never says which objects vanished while its watch was broken: `audit` does.
    """

    def __init__(self) -> None:
        self._held: dict[Key, _Held] = {}

    def __len__(self) -> int:
        return len(self._held)

    def get(self, key: Key) -> Object | None:
        """An object of the caller's own, freshly parsed, or None."""
        held = self._held.get(key)
        return None if held is None else unpack(held.packed)

    def keys(self) -> list[Key]:
        """The keys of all objects."""
        return list(self._held)

    def observe(self, event_type: str | None, body: Mapping[str, Any]) -> bool:
        """Take in an event, or an object that was read; `event_type` is DELETED or anything else.

        Returns:
            Whether it is news. Repetitions, the echoes of our own writes and late events are none.
        """
        metadata = body["metadata"]
        key = _key(metadata)
        held = self._held.get(key)
        version = int(metadata["resourceVersion"])
        if event_type == "DELETED":
            if held is None or version < held.version:
                return False
            del self._held[key]
            return True
        if held is not None and version <= held.version:
            return False
        self._held[key] = _hold(body)
        return True

    def put(self, body: Mapping[str, Any]) -> None:
        """Take in the answer to our own write, so that its echo is no news.

        Only for answers to writes: what was merely read may bring news, and `observe` says so. An object that is
        no longer held has been deleted since.
        """
        metadata = body["metadata"]
        key = _key(metadata)
        held = self._held.get(key)
        if (
            held is not None
            and held.uid == metadata["uid"]
            and int(metadata["resourceVersion"]) > held.version
        ):
            self._held[key] = _hold(body)

    def drop(self, key: Key) -> None:
        """Forget an object that the API server says is not there."""
        self._held.pop(key, None)

    def audit(self, listing: Iterable[tuple[Key, str, str]]) -> Audit:
        """Compare with a LIST, given as (key, uid, resourceVersion) of each object. Changes nothing."""
        vanished = set(self._held)
        changed: set[Key] = set()
        for key, uid, resource_version in listing:
            vanished.discard(key)
            held = self._held.get(key)
            if held is None or int(resource_version) > held.version or held.uid != uid:
                changed.add(key)
        return Audit(frozenset(vanished), frozenset(changed))


def _key(metadata: Mapping[str, Any]) -> Key:
    return sys.intern(metadata.get("namespace", "")), sys.intern(metadata["name"])


def _hold(body: Mapping[str, Any]) -> _Held:
    metadata = {field: value for field, value in body["metadata"].items() if field != "managedFields"}
    return _Held(metadata["uid"], int(metadata["resourceVersion"]), pack({**body, "metadata": metadata}))
