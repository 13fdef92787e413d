"""Is an object as we want it? Pure: compares what we say of it with what it is."""

import hashlib
from decimal import Decimal, InvalidOperation
from typing import Any, Final

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
    digest = hashlib.sha256(orjson.dumps(desired, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
    metadata = desired["metadata"]
    annotations = {**metadata.get("annotations", {}), names.DESIRED_HASH_ANNOTATION: digest}
    return {**desired, "metadata": {**metadata, "annotations": annotations}}


def differs(desired: Any, live: Any, field: str = "") -> bool:
    """Whether anything that `desired` says is not so in `live`; what only `live` has is someone else's.

    An empty map, list or null in `desired` says nothing: the API server drops them.
    """
    if desired in ({}, [], None):
        return False
    if isinstance(desired, dict):
        if not isinstance(live, dict):
            return True
        if field in _QUANTITIES:
            return any(_quantity(value) != _quantity(live.get(name)) for name, value in desired.items())
        return any(differs(value, live.get(name), name) for name, value in desired.items())
    if isinstance(desired, list):
        if not isinstance(live, list):
            return True
        keys = _keys(field, desired)
        return _lists_differ(desired, live, keys) if keys else _wholes_differ(desired, live)
    return bool(desired != live)


def _keys(field: str, items: list[Any]) -> tuple[str, ...] | None:
    if field == "ports" and isinstance(items[0], dict):
        return next(keys for keys in _PORT_KEYS if keys[0] in items[0])
    return _KEYS.get(field)


def _lists_differ(desired: list[Any], live: list[Any], keys: tuple[str, ...]) -> bool:
    by_key = {tuple(item.get(key) for key in keys): item for item in live}
    return any(differs(item, by_key.get(tuple(item.get(key) for key in keys))) for item in desired)


def _wholes_differ(desired: list[Any], live: list[Any]) -> bool:
    return len(desired) != len(live) or any(differs(*pair) for pair in zip(desired, live, strict=True))


def _quantity(value: Any) -> Decimal | None:
    """A Kubernetes quantity as a number: the API server rewrites `1000m` as `1`."""
    text = str(value)
    number = text.rstrip("numkKMGTPEi")
    try:
        return Decimal(number) * _SUFFIXES[text[len(number) :]]
    except (InvalidOperation, KeyError):
        return None
