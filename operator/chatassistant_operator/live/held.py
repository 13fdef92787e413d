"""What is held of children, ReplicaSets and pods: what somebody reads, and no more."""

import sys
from dataclasses import dataclass
from typing import TypeAlias

from chatassistant_operator.api import names
from chatassistant_operator.engine.packed import pack
from chatassistant_operator.observed import Manifest, is_rolling
from chatassistant_operator.observed.pods import Pod, ReplicaSet, read_pod
from chatassistant_operator.ports import Key


@dataclass(frozen=True, slots=True)
class Packed:
    """A child as compact JSON, a tenth of what it takes as dictionaries.

    Attributes:
        assistant: The ChatAssistant that it is of.
        name: Its name.
        body: The JSON.
        scaled_by_others: Whether the number of its pods is somebody else's to say, and not ours.
        rolling: Of a Deployment, whether its pods are being begun or replaced.
    """

    assistant: Key
    name: str
    body: bytes
    scaled_by_others: bool
    rolling: bool


@dataclass(frozen=True, slots=True)
class Counted:
    """What is read of a ReplicaSet."""

    assistant: Key
    replica_set: ReplicaSet


@dataclass(frozen=True, slots=True)
class Watched:
    """What is read of a pod."""

    assistant: Key
    pod: Pod


Held: TypeAlias = Packed | Counted | Watched


def packed(body: Manifest) -> Packed:
    """A child without what nobody reads."""
    metadata = {field: value for field, value in body["metadata"].items() if field != "managedFields"}
    name, content = sys.intern(metadata["name"]), pack({**body, "metadata": metadata})
    return Packed(_assistant_of(body), name, content, _is_scaled_by_others(body), is_rolling(body))


def counted(body: Manifest) -> Counted:
    """A ReplicaSet."""
    spec, status, metadata = body["spec"], body.get("status", {}), body["metadata"]
    volumes = spec["template"]["spec"].get("volumes", [])
    config_map = next((each["configMap"]["name"] for each in volumes if "configMap" in each), None)
    return Counted(
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


def watched(body: Manifest) -> Watched:
    """A pod."""
    return Watched(_assistant_of(body), read_pod(body))


def _assistant_of(body: Manifest) -> Key:
    metadata = body["metadata"]
    return sys.intern(metadata["namespace"]), sys.intern(metadata.get("labels", {}).get(names.NAME_LABEL, ""))


def _is_scaled_by_others(body: Manifest) -> bool:
    managers: list[Manifest] = body["metadata"].get("managedFields", [])
    owners = {
        each.get("manager") for each in managers if "f:replicas" in each.get("fieldsV1", {}).get("f:spec", {})
    }
    return bool(owners) and names.FIELD_MANAGER not in owners
