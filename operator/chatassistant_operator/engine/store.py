"""The local copy of the objects of one kind, and what may replace what in it."""

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from chatassistant_operator.engine.source import Object

T = TypeVar("T")

Key: TypeAlias = tuple[str, str]
"""(namespace, name) of an object; the namespace is empty where its kind has none."""


def key_of(body: Object) -> Key:
    """The key of an object."""
    metadata = body["metadata"]
    # Children share the names of what they belong to: interned, they are kept once.
    return sys.intern(metadata.get("namespace", "")), sys.intern(metadata["name"])


def version_of(body: Object) -> int:
    """The version of an object. Versions of one kind compare as integers (Kubernetes' KEP-5504)."""
    return int(body["metadata"]["resourceVersion"])


def controller_uids(body: Object) -> tuple[str, ...]:
    """The uid of the owner that controls an object, if there is one."""
    owners = body["metadata"].get("ownerReferences", ())
    return tuple(owner["uid"] for owner in owners if owner.get("controller"))


@dataclass(frozen=True, slots=True)
class _Held(Generic[T]):
    version: int
    kept: T
    owners: tuple[str, ...]
    own_write: bool


class Store(Generic[T]):
    """What is known of the objects of one kind, by key and by owner.

    `keep` makes of an object what is held of it, say `pack`. `changed` is called with the key and what was and is held, None for
    nothing; it must not raise, as there is nobody to tell. `index` gives the uids under which `by_owner` finds it.

    Three tell of objects, each in its own time: LIST, WATCH and the answers to our own writes (`put`). So an older
    version never replaces a newer one, a LIST says nothing of what came after it, and an answer says nothing new of
    a time that the watch has passed: an object missing then has been deleted since.
    """

    def __init__(
        self,
        keep: Callable[[Object], T],
        changed: Callable[[Key, T | None, T | None], None],
        index: Callable[[Object], Iterable[str]] = controller_uids,
    ) -> None:
        self._keep = keep
        self._changed = changed
        self._index = index
        self._held: dict[Key, _Held[T]] = {}
        self._owned: dict[
            str, tuple[Key, ...]
        ] = {}  # tuples: they have one to three keys, and sets are large
        self._told = 0  # LIST and WATCH have told all up to this version

    def __len__(self) -> int:
        return len(self._held)

    def get(self, key: Key) -> T | None:
        """What is held of an object, or None."""
        held = self._held.get(key)
        return None if held is None else held.kept

    def keys(self) -> list[Key]:
        """The keys of all objects."""
        return list(self._held)

    def by_owner(self, uid: str) -> list[T]:
        """What is held of the objects that belong to an owner, in no order."""
        return [self._held[key].kept for key in self._owned.get(uid, ())]

    def put(self, body: Object) -> None:
        """Take in the answer to a write of our own, so that the next look sees it. Calls no `changed`."""
        key, version = key_of(body), version_of(body)
        held = self._held.get(key)
        if version > (self._told if held is None else held.version):
            self._hold(key, body, own_write=True)

    def drop(self, key: Key) -> None:
        """Forget an object that the API server says is not there. Calls no `changed`."""
        if key in self._held:
            self._remove(key)

    def replace(self, items: Iterable[Object], resource_version: str) -> None:
        """Take in a LIST: also what is missing from it has changed, unless it is newer than the LIST."""
        listed_at = int(resource_version)
        self.reach(resource_version)
        listed: set[Key] = set()
        for body in items:
            key = key_of(body)
            listed.add(key)
            self._take_newer(key, body)
        for key, held in list(self._held.items()):
            if key not in listed and held.version <= listed_at:
                self._remove(key)
                self._changed(key, held.kept, None)

    def update(self, body: Object) -> None:
        """Take in a watch event of an object that is there."""
        key, version = key_of(body), version_of(body)
        self._told = max(self._told, version)
        held = self._held.get(key)
        if held is not None and held.own_write and version < held.version:
            # Somebody wrote between what we had seen and our own write. What is held has it already, but nobody has
            # been told.
            self._changed(key, held.kept, held.kept)
            return
        self._take_newer(key, body)

    def delete(self, body: Object) -> None:
        """Take in a watch event of an object that is no more."""
        key, version = key_of(body), version_of(body)
        self._told = max(self._told, version)
        held = self._held.get(key)
        if held is not None and version >= held.version:
            self._remove(key)
            self._changed(key, held.kept, None)

    def reach(self, resource_version: str) -> None:
        """All up to this version has been told."""
        self._told = max(self._told, int(resource_version))

    def _take_newer(self, key: Key, body: Object) -> None:
        held = self._held.get(key)
        if held is None or version_of(body) > held.version:
            new = self._hold(key, body, own_write=False)
            self._changed(key, None if held is None else held.kept, new)

    def _hold(self, key: Key, body: Object, *, own_write: bool) -> T:
        kept = self._keep(body)
        owners = tuple(sys.intern(uid) for uid in self._index(body))
        self.drop(key)
        self._held[key] = _Held(version_of(body), kept, owners, own_write)
        for uid in owners:
            self._owned[uid] = (*self._owned.get(uid, ()), key)
        return kept

    def _remove(self, key: Key) -> None:
        for uid in self._held.pop(key).owners:
            rest = tuple(other for other in self._owned[uid] if other != key)
            if rest:
                self._owned[uid] = rest
            else:
                del self._owned[uid]
