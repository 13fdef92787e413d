"""A made-up kind of object, and an API server in memory that has only that kind."""

from typing import Any

Object = dict[str, Any]


def widget(
    name: str, version: int, *, uid: str | None = None, owner: str | None = None, **spec: object
) -> Object:
    metadata: dict[str, Any] = {
        "namespace": "shop",
        "name": name,
        "uid": uid or f"uid-{name}",
        "resourceVersion": str(version),
    }
    if owner is not None:
        metadata["ownerReferences"] = [
            {"uid": owner, "controller": True},
            {"uid": "other", "controller": False},
        ]
    return {"apiVersion": "example.dev/v1", "kind": "Widget", "metadata": metadata, "spec": spec}
