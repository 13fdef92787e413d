"""The children of ChatAssistants: known by informers, written by the guarded client."""

import contextlib
from collections.abc import Callable, Coroutine, Iterable
from datetime import timedelta
from itertools import chain
from typing import Any, Final

from chatassistant_operator.api import names
from chatassistant_operator.api.reasons import Reason
from chatassistant_operator.api.v1alpha1 import ChatAssistant, Metadata
from chatassistant_operator.cluster.client import Client
from chatassistant_operator.cluster.difference import differs, settled, stamped
from chatassistant_operator.cluster.errors import ForbiddenError, NotFoundError, RefusedError
from chatassistant_operator.cluster.kinds import (
    BY_NAME,
    CHAT_ASSISTANT,
    CHILDREN,
    CONFIG_MAP,
    DEPLOYMENT,
    OCCASIONAL,
    OPTIONAL,
    POD,
    REPLICA_SET,
    Kind,
)
from chatassistant_operator.cluster.ownership import (
    BeingRemovedError,
    NameTakenError,
    OwnerGoneError,
    apply_child,
)
from chatassistant_operator.engine.informer import Informer
from chatassistant_operator.engine.packed import unpack
from chatassistant_operator.engine.store import Store
from chatassistant_operator.engine.turns import Turns
from chatassistant_operator.live.held import Held, Packed, counted, packed, watched
from chatassistant_operator.live.installed import InstalledKinds, not_installed
from chatassistant_operator.live.source import KindSource
from chatassistant_operator.observed import Children, Manifest
from chatassistant_operator.ports import AssistantGone, Key, Refused

_SELECTOR: Final = names.NAME_LABEL
_EVERYWHERE: Final = None
_REMOVED_SOON: Final = timedelta(seconds=1)


class LiveChildren:
    """`ports.Cluster` on an API server.

    Args:
        client: The API server.
        namespaces: The namespaces to watch; empty for all.
        changed: Called with the ChatAssistant of each child that changed.
        turns: Told whose pods are being begun or replaced.
        run: Lets something run until the operator ends.
    """

    def __init__(
        self,
        client: Client,
        namespaces: tuple[str, ...],
        changed: Callable[[Key], None],
        turns: Turns[Key],
        run: Callable[[Coroutine[Any, Any, Any]], None],
    ) -> None:
        self._client = client
        self._changed = changed
        self._turns = turns
        self._run = run
        self._installed = InstalledKinds(client)
        self._places: tuple[str | None, ...] = namespaces or (_EVERYWHERE,)
        self._packed: dict[tuple[str, str | None], Informer[Packed]] = {}
        for kind in CHILDREN:
            self._packed |= self._informers(kind)
        self._counted = {
            place: Informer(
                REPLICA_SET.plural, self._source(REPLICA_SET, place), Store(counted, self._notice)
            )
            for place in self._places
        }
        self._pods = {
            place: Informer(POD.plural, self._source(POD, place), Store(watched, self._notice))
            for place in self._places
        }
        # What the API server writes in another way than we say it differs for ever, and is not written again.
        self._as_good_as_it_gets: dict[tuple[str, Key], tuple[str, str]] = {}
        self._owners_seen: set[Key] = set()

    async def start(self) -> None:
        """Let everything run by which children are known, until all are; of optional kinds those that the cluster has."""
        for kind in OPTIONAL:
            if await self._installed.has(kind):
                self._packed |= self._informers(kind)
        informers: tuple[Informer[Any], ...] = (
            *self._packed.values(),
            *self._counted.values(),
            *self._pods.values(),
        )
        for informer in informers:
            self._run(informer.run())
        for informer in informers:
            await informer.synced.wait()

    def ages(self) -> dict[tuple[str, str], float]:
        """Seconds since each watch was told something, by (resource, namespace); the latter is empty for all."""
        packed = ((place, informer) for (_, place), informer in self._packed.items())
        watched: Iterable[tuple[str | None, Informer[Any]]] = chain(
            packed, self._counted.items(), self._pods.items()
        )
        return {(informer.name, place or ""): informer.age() for place, informer in watched}

    def children(self, assistant: ChatAssistant) -> Children:
        """The children as last seen."""
        owner = assistant.metadata
        self._owners_seen.discard((owner.namespace, owner.name))
        held = next(iter(self._held(DEPLOYMENT, owner)), None)
        deployment: Manifest | None = unpack(held.body) if held else None
        counted = self._counted[self._place(owner.namespace)].store
        replica_sets = counted.by_owner(deployment["metadata"]["uid"]) if deployment else []
        pods = self._pods[self._place(owner.namespace)].store
        return Children(
            deployment=deployment,
            replica_sets=tuple(each.replica_set for each in replica_sets),
            config_maps=tuple(each.name for each in self._held(CONFIG_MAP, owner)),
            pods=tuple(each.pod for owned in replica_sets for each in pods.by_owner(owned.replica_set.uid)),
            others=frozenset(
                (kind.name, each.name) for kind in OCCASIONAL for each in self._held(kind, owner)
            ),
            scaled_by_others=held is not None and held.scaled_by_others,
        )

    async def apply(self, assistant: ChatAssistant, manifest: Manifest) -> Manifest:
        """Apply a child where it differs; see `ports.Cluster.apply`."""
        kind, wanted = BY_NAME[manifest["kind"]], stamped(manifest)
        key = wanted["metadata"]["namespace"], wanted["metadata"]["name"]
        await self._look_for(kind)
        store = self._packed[kind.name, self._place(key[0])].store
        held = store.get(key)
        live: Manifest | None = unpack(held.body) if held else None
        if live is not None and (
            settled(wanted, live) or self._is_as_good_as_it_gets(kind, key, wanted, live)
        ):
            return live
        try:
            live = await apply_child(self._client, kind, wanted, live, lambda: self.owner_exists(assistant))
        except (NameTakenError, OwnerGoneError, RefusedError) as error:
            raise turn_of(error) from None
        except NotFoundError:
            if kind not in OPTIONAL:
                raise
            # It was there, and somebody has removed it.
            raise not_installed(kind) from None
        store.put(live)
        self._tell_rolling(kind, key, store.get(key))
        if differs(wanted, live):
            self._as_good_as_it_gets[kind.name, key] = _version_and_hash(wanted, live)
        return live

    async def delete(self, assistant: ChatAssistant, kind: str, name: str) -> None:
        """Delete a child."""
        key = assistant.metadata.namespace, name
        store = self._packed[kind, self._place(key[0])].store
        held = store.get(key)
        uid = unpack(held.body)["metadata"]["uid"] if held else None
        try:
            with contextlib.suppress(NotFoundError):
                await self._client.delete(BY_NAME[kind], *key, uid=uid)
        except RefusedError as error:
            raise turn_of(error) from None
        store.drop(key)

    async def _look_for(self, kind: Kind) -> None:
        """Begin to watch an optional kind that has appeared; until its watch knows a child, that is read by its name.

        Raises:
            NotInstalled: when the cluster still does not know it.
        """
        if (kind.name, self._places[0]) in self._packed:
            return
        if not await self._installed.has(kind):
            raise not_installed(kind)
        if (kind.name, self._places[0]) not in self._packed:
            informers = self._informers(kind)
            self._packed |= informers
            for informer in informers.values():
                self._run(informer.run())

    def _informers(self, kind: Kind) -> dict[tuple[str, str | None], Informer[Packed]]:
        def notice(key: Key, old: Packed | None, new: Packed | None) -> None:
            self._tell_rolling(kind, key, new)
            self._notice(key, old, new)

        return {
            (kind.name, place): Informer(kind.plural, self._source(kind, place), Store(packed, notice))
            for place in self._places
        }

    def _notice(self, _: Key, old: Held | None, new: Held | None) -> None:
        # A change of what nobody reads of pods and ReplicaSets is no news.
        if old != new or isinstance(new, Packed):
            for each in {held.assistant for held in (old, new) if held is not None}:
                self._changed(each)

    def _tell_rolling(self, kind: Kind, key: Key, held: Packed | None) -> None:
        if kind is DEPLOYMENT:
            self._turns.tell(key, under_way=held is not None and held.rolling)

    def _source(self, kind: Kind, place: str | None) -> KindSource:
        return KindSource(self._client, kind, place, _SELECTOR)

    def _place(self, namespace: str) -> str | None:
        return _EVERYWHERE if _EVERYWHERE in self._places else namespace

    def _held(self, kind: Kind, owner: Metadata) -> list[Packed]:
        informer = self._packed.get((kind.name, self._place(owner.namespace)))
        return informer.store.by_owner(owner.uid) if informer else []

    def _is_as_good_as_it_gets(self, kind: Kind, key: Key, wanted: Manifest, live: Manifest) -> bool:
        return self._as_good_as_it_gets.get((kind.name, key)) == _version_and_hash(wanted, live)

    async def owner_exists(self, assistant: ChatAssistant) -> bool:
        """Whether the ChatAssistant is still there; the API server is asked once a reconcile."""
        owner = assistant.metadata
        key = owner.namespace, owner.name
        if key not in self._owners_seen:
            try:
                live = await self._client.get(CHAT_ASSISTANT, *key)
            except NotFoundError:
                return False
            if live["metadata"]["uid"] != owner.uid:
                return False
            self._owners_seen.add(key)
        return True


def turn_of(error: NameTakenError | OwnerGoneError | RefusedError) -> Refused | AssistantGone:
    """What a write that was not done means to a reconcile."""
    match error:
        case BeingRemovedError():
            return Refused(Reason.NAME_CONFLICT, str(error), _REMOVED_SOON)
        case NameTakenError():
            return Refused(Reason.NAME_CONFLICT, str(error))
        case OwnerGoneError():
            return AssistantGone()
        case _:
            reason = Reason.FORBIDDEN if isinstance(error, ForbiddenError) else Reason.APPLY_FAILED
            return Refused(reason, str(error))


def _version_and_hash(wanted: Manifest, live: Manifest) -> tuple[str, str]:
    return live["metadata"]["resourceVersion"], wanted["metadata"]["annotations"][
        names.DESIRED_HASH_ANNOTATION
    ]
