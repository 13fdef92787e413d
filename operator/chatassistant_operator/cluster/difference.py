"""Is an object as we want it? Pure: compares what we say of it with what it is."""

import hashlib
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeGuard

import orjson

from chatassistant_operator.api import names
from chatassistant_operator.observed import Manifest

# The associative lists of the kinds that we apply, by the fields that tell their items apart. Server-side apply
# merges these by key, so that other people's items in them are none of our business; any other list is a whole.
_KEYS: Final[dict[str, tuple[str, ...]]] = {
    "containers": ("name",),
    "env": ("name",),
    "imagePullSecrets": ("name",),
    "ownerReferences": ("uid",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "volumeMounts": ("mountPath",),
    "volumes": ("name",),
}
# To what these kinds say the API server adds nothing, and anybody else only what must not be there: another port, say.
_WHOLE: Final = frozenset({"NetworkPolicy"})
_PORT_KEYS: Final = (("containerPort", "protocol"), ("port", "protocol"))
_QUANTITIES: Final = frozenset({"requests", "limits"})
_SUFFIXES: Final = {
    **{
        suffix: Decimal(1000) ** power
        for power, suffix in enumerate(["n", "u", "m", "", "k", "M", "G", "T", "P", "E"], -3)
    },
    **{f"{suffix}i": Decimal(1024) ** power for power, suffix in enumerate("KMGTPE", 1)},
}


def settled(desired: Manifest, live: Manifest) -> bool:
    """Whether applying `desired`, which is stamped, would change nothing."""
    annotation = names.DESIRED_HASH_ANNOTATION
    wanted = desired["metadata"]["annotations"][annotation]
    return live["metadata"].get("annotations", {}).get(annotation) == wanted and not differs(desired, live)


def stamped(desired: Manifest) -> Manifest:
    """The manifest with a hash of itself as annotation, by which fields that we no longer want are noticed."""
    content = orjson.dumps(_unconditional(desired), option=orjson.OPT_SORT_KEYS)
    digest = hashlib.sha256(content).hexdigest()[:16]
    metadata = desired["metadata"]
    annotations = {**metadata.get("annotations", {}), names.DESIRED_HASH_ANNOTATION: digest}
    return {**desired, "metadata": {**metadata, "annotations": annotations}}


def differs(desired: Manifest, live: Manifest) -> bool:
    """Whether anything that `desired` says is not so in `live`; what only `live` has is someone else's.

    An empty map, list or null in `desired` says nothing: the API server drops them.
    """
    if desired.get("kind") in _WHOLE and desired.get("spec") != live.get("spec"):
        return True
    return _objects_differ(_unconditional(desired), live, "")


def _unconditional(desired: Manifest) -> Manifest:
    """The manifest without its resourceVersion, which says of what it may be applied to, and nothing of what is wanted."""
    metadata = desired.get("metadata", {})
    metadata = {name: value for name, value in metadata.items() if name != "resourceVersion"}
    return {**desired, "metadata": metadata}


def _values_differ(desired: Any, live: Any, field: str = "") -> bool:
    if desired in ({}, [], None):
        return False
    if _is_object(desired) and _is_object(live):
        return _objects_differ(desired, live, field)
    if _is_list(desired) and _is_list(live):
        return _lists_differ(desired, live, field)
    return bool(desired != live)


def _is_object(value: Any) -> TypeGuard[Manifest]:
    return isinstance(value, dict)


def _is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _objects_differ(desired: Manifest, live: Manifest, field: str) -> bool:
    if field in _QUANTITIES:
        return any(_quantity(value) != _quantity(live.get(name)) for name, value in desired.items())
    return any(_values_differ(value, live.get(name), name) for name, value in desired.items())


def _lists_differ(desired: list[Any], live: list[Any], field: str) -> bool:
    keys = _keys(field, desired)
    if keys is None:
        return len(desired) != len(live) or any(
            _values_differ(*pair) for pair in zip(desired, live, strict=True)
        )
    by_key = {tuple(item.get(key) for key in keys): item for item in live}
    return any(_values_differ(item, by_key.get(tuple(item.get(key) for key in keys))) for item in desired)


def _keys(field: str, items: list[Any]) -> tuple[str, ...] | None:
    if field == "ports" and isinstance(items[0], dict):
        return next(keys for keys in _PORT_KEYS if keys[0] in items[0])
    return _KEYS.get(field)


def _quantity(value: Any) -> Decimal | None:
    """A Kubernetes quantity as a number: the API server rewrites `1000m` as `1`."""
    text = str(value)
    number = text.rstrip("numkKMGTPEi")
    try:
        return Decimal(number) * _SUFFIXES[text[len(number) :]]
    except (InvalidOperation, KeyError):
        return None
