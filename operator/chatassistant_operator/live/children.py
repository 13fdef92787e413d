"""The children of ChatAssistants: known by informers, written by the guarded client."""

import contextlib
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from chatassistant_operator.api import names
from chatassistant_operator.api.reasons import Reason
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.cluster.client import Client
from chatassistant_operator.cluster.difference import differs, settled, stamped
from chatassistant_operator.cluster.errors import ForbiddenError, NotFoundError, RefusedError
from chatassistant_operator.cluster.kinds import (
    BY_NAME,
    CHAT_ASSISTANT,
    CHILDREN,
    DEPLOYMENT,
    POD,
    REPLICA_SET,
    Kind,
)
from chatassistant_operator.cluster.ownership import NameTakenError, OwnerGoneError, apply_child
from chatassistant_operator.engine.informer import Informer
from chatassistant_operator.engine.packed import pack, unpack
from chatassistant_operator.engine.store import Store
from chatassistant_operator.live.source import KindSource
from chatassistant_operator.observed import Children, Manifest
from chatassistant_operator.observed.pods import Pod, ReplicaSet, read_pod
from chatassistant_operator.ports import AssistantGone, Key, Refused

_SELECTOR: Final = names.NAME_LABEL
_EVERYWHERE: Final = None


@dataclass(frozen=True, slots=True)
class _Packed:
    """A child as compact JSON, a tenth of what it takes as dictionaries, and the ChatAssistant that it is of."""

    assistant: Key
    body: bytes


@dataclass(frozen=True, slots=True)
class _Counted:
    """What is read of a ReplicaSet."""

    assistant: Key
    replica_set: ReplicaSet


@dataclass(frozen=True, slots=True)
class _Watched:
    """What is read of a pod."""

    assistant: Key
    pod: Pod


_Held = _Packed | _Counted | _Watched


class LiveChildren:
    """`ports.Cluster` on an API server.

    Args:
        client: The API server.
        namespaces: The namespaces to watch; empty for all.
        changed: Called with the ChatAssistant of each child that changed.
    """

    def __init__(self, client: Client, namespaces: tuple[str, ...], changed: Callable[[Key], None]) -> None:
        self._client = client
        self._places: tuple[str | None, ...] = namespaces or (_EVERYWHERE,)

        def notice(_: Key, old: _Held | None, new: _Held | None) -> None:
            # A change of what nobody reads of pods and ReplicaSets is no news.
            if old != new or isinstance(new, _Packed):
                for each in {held.assistant for held in (old, new) if held is not None}:
                    changed(each)

        self._packed = {
            (kind.name, place): Informer(kind.plural, self._source(kind, place), Store(_pack, notice))
            for kind in CHILDREN
            for place in self._places
        }
        self._counted = {
            place: Informer(REPLICA_SET.plural, self._source(REPLICA_SET, place), Store(_count, notice))
            for place in self._places
        }
        self._pods = {
            place: Informer(POD.plural, self._source(POD, place), Store(_watch, notice))
            for place in self._places
        }
        # What the API server writes in another way than we say it differs for ever, and is not written again.
        self._as_good_as_it_gets: dict[tuple[str, Key], tuple[str, str]] = {}
        self._owners_seen: set[Key] = set()

    @property
    def informers(self) -> tuple[Informer[Any], ...]:
        """What has to run for the children to be known."""
        return (*self._packed.values(), *self._counted.values(), *self._pods.values())

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
        deployments = self._owned(DEPLOYMENT, owner.namespace, owner.uid)
        deployment = deployments[0] if deployments else None
        counted = self._counted[self._place(owner.namespace)].store
        replica_sets = counted.by_owner(deployment["metadata"]["uid"]) if deployment else []
        pods = self._pods[self._place(owner.namespace)].store
        config_maps = self._owned(BY_NAME["ConfigMap"], owner.namespace, owner.uid)
        return Children(
            deployment=deployment,
            replica_sets=tuple(each.replica_set for each in replica_sets),
            config_maps=tuple(each["metadata"]["name"] for each in config_maps),
            pods=tuple(each.pod for owned in replica_sets for each in pods.by_owner(owned.replica_set.uid)),
        )

    async def apply(self, assistant: ChatAssistant, manifest: Manifest) -> Manifest:
        """Apply a child where it differs; see `ports.Cluster.apply`."""
        kind, wanted = BY_NAME[manifest["kind"]], stamped(manifest)
        key = wanted["metadata"]["namespace"], wanted["metadata"]["name"]
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
        store.put(live)
        if differs(wanted, live):
            self._as_good_as_it_gets[kind.name, key] = _version_and_hash(wanted, live)
        return live

    async def delete(self, assistant: ChatAssistant, kind: str, name: str) -> None:
        """Delete a child."""
        key = assistant.metadata.namespace, name
        store = self._packed[kind, self._place(key[0])].store
        held = store.get(key)
        uid = unpack(held.body)["metadata"]["uid"] if held else None
        with contextlib.suppress(NotFoundError):
            await self._client.delete(BY_NAME[kind], *key, uid=uid)
        store.drop(key)

    def _source(self, kind: Kind, place: str | None) -> KindSource:
        return KindSource(self._client, kind, place, _SELECTOR)

    def _place(self, namespace: str) -> str | None:
        return _EVERYWHERE if _EVERYWHERE in self._places else namespace

    def _owned(self, kind: Kind, namespace: str, uid: str) -> list[Manifest]:
        store = self._packed[kind.name, self._place(namespace)].store
        return [unpack(held.body) for held in store.by_owner(uid)]

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


def _assistant_of(body: Manifest) -> Key:
    metadata = body["metadata"]
    return sys.intern(metadata["namespace"]), sys.intern(metadata.get("labels", {}).get(names.NAME_LABEL, ""))


def _pack(body: Manifest) -> _Packed:
    """A child without what nobody reads."""
    metadata = {field: value for field, value in body["metadata"].items() if field != "managedFields"}
    return _Packed(_assistant_of(body), pack({**body, "metadata": metadata}))


def _count(body: Manifest) -> _Counted:
    spec, status, metadata = body["spec"], body.get("status", {}), body["metadata"]
    volumes = spec["template"]["spec"].get("volumes", [])
    config_map = next((each["configMap"]["name"] for each in volumes if "configMap" in each), None)
    return _Counted(
        _assistant_of(body),
        ReplicaSet(
            name=metadata["name"],
            revision=metadata.get("annotations", {}).get(names.REVISION_ANNOTATION),
            config_map=config_map,
            replicas=status.get("replicas", 0),
            available=status.get("availableReplicas", 0),
            uid=metadata["uid"],
        ),
    )


def _watch(body: Manifest) -> _Watched:
    return _Watched(_assistant_of(body), read_pod(body))
