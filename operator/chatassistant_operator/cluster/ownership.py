"""Children are written so that nobody else's object is ever taken over.

Server-side apply, even without force, merges into an object of the same name that someone else made and adds our
ownerReference; deleting the ChatAssistant then deletes that object. So each update carries the uid of the child
that we know to be ours, and before a child is made its name is read.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from chatassistant_operator.cluster.client import Client
from chatassistant_operator.cluster.difference import settled
from chatassistant_operator.cluster.errors import ConflictError, NotFoundError
from chatassistant_operator.cluster.kinds import Kind
from chatassistant_operator.observed import Manifest


class NameTakenError(Exception):
    """An object of the child's name belongs to someone else; it was left as it is."""


class BeingRemovedError(NameTakenError):
    """It belongs to an earlier owner of the same name, which is gone: the garbage collector is about to delete it."""


class OwnerGoneError(Exception):
    """The owner does not exist any more, or another one has its name: nothing is to be made for it."""


async def apply_child(
    client: Client,
    kind: Kind,
    manifest: Manifest,
    live: Manifest | None,
    owner_exists: Callable[[], Awaitable[bool]],
) -> Manifest:
    """Apply a child and give the live object.

    Args:
        client: The API server.
        kind: The child's kind.
        manifest: What to apply; its controller's ownerReference says who owns it.
        live: The child as our watch knows it, or None where it knows none.
        owner_exists: Asks the API server whether the owner is still there.

    Raises:
        NameTakenError: when the name belongs to someone else.
        OwnerGoneError: when the owner is gone, so that the child would be an orphan.
        ClusterError: for anything that the API server refuses.
    """
    if live is None:
        live = await _read(client, kind, manifest)
    if live is not None:
        if not _same_owner(manifest, live):
            raise _taken(kind, manifest, live)
        if settled(manifest, live):
            # Our watch did not know yet: the operator that led before has made it just now.
            return live
        return (await client.apply(kind, _with_uid(manifest, live))).object
    if not await owner_exists():
        raise OwnerGoneError
    applied = await client.apply(kind, manifest)
    if not applied.created:
        # Someone made it between our look and our write: give back what we said of it.
        metadata = {key: manifest["metadata"][key] for key in ("name", "namespace")}
        await client.apply(
            kind, {key: manifest[key] for key in ("apiVersion", "kind")} | {"metadata": metadata}
        )
        raise ConflictError(f"{_in_the_way(kind, applied.object)} It was made at the same moment.")
    return applied.object


async def create_child(
    client: Client, kind: Kind, manifest: Manifest, owner_exists: Callable[[], Awaitable[bool]]
) -> Manifest:
    """Create a child that is never changed, and give the live object; one of the same owner's stays as it is.

    The arguments and errors are those of `apply_child`.
    """
    if not await owner_exists():
        raise OwnerGoneError
    try:
        return await client.create(kind, manifest)
    except ConflictError:
        live = await _read(client, kind, manifest)
    if live is None:
        raise ConflictError(f"The {kind.name} {manifest['metadata']['name']!r} was there, and is gone.")
    if not _same_owner(manifest, live):
        raise _taken(kind, manifest, live)
    return live


async def _read(client: Client, kind: Kind, manifest: Manifest) -> Manifest | None:
    try:
        return await client.get(kind, manifest["metadata"]["namespace"], manifest["metadata"]["name"])
    except NotFoundError:
        return None


def _with_uid(manifest: Manifest, live: Manifest) -> Manifest:
    return {**manifest, "metadata": {**manifest["metadata"], "uid": live["metadata"]["uid"]}}


def _same_owner(manifest: Manifest, live: Manifest) -> bool:
    ours, theirs = _controller(manifest), _controller(live)
    return ours is not None and theirs is not None and ours["uid"] == theirs["uid"]


def _controller(manifest: Manifest) -> dict[str, Any] | None:
    references: list[dict[str, Any]] = manifest["metadata"].get("ownerReferences", [])
    return next((each for each in references if each.get("controller")), None)


def _taken(kind: Kind, manifest: Manifest, live: Manifest) -> NameTakenError:
    ours, theirs = _controller(manifest), _controller(live)
    if ours is not None and theirs is not None and {**theirs, "uid": ours["uid"]} == ours:
        name, namespace = live["metadata"]["name"], live["metadata"]["namespace"]
        return BeingRemovedError(
            f"The {kind.name} {name!r} in namespace {namespace!r} is that of an earlier {theirs['kind']} of this name, "
            "and is being removed."
        )
    return NameTakenError(_in_the_way(kind, live))


def _in_the_way(kind: Kind, live: Manifest) -> str:
    metadata, owner = live["metadata"], _controller(live)
    holder = f"belongs to the {owner['kind']} {owner['name']!r}" if owner else "was not made by this operator"
    return (
        f"The {kind.name} {metadata['name']!r} in namespace {metadata['namespace']!r} {holder}, so it is left alone. "
        f"Delete it (`kubectl delete {kind.name.lower()} {metadata['name']} -n {metadata['namespace']}`) or give the "
        "ChatAssistant another name."
    )
