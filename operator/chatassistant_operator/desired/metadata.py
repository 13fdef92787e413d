"""What all children have in common: labels, ownership, and what their revision is made of."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from chatassistant_operator.api import names
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.observed import Manifest


def object_meta(
    assistant: ChatAssistant,
    name: str | None = None,
    annotations: dict[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
) -> Manifest:
    """The metadata of a child, named as its ChatAssistant where no name is given, with more labels if any.

    The ownerReference has no `blockOwnerDeletion`: setting it needs a right on the owner's finalizers where the
    admission plugin OwnerReferencesPermissionEnforcement is on.
    """
    owner = assistant.metadata
    metadata: Manifest = {
        "name": name or owner.name,
        "namespace": owner.namespace,
        "labels": {**(labels or {}), **names.labels(owner.name)},
        "ownerReferences": [
            {
                "apiVersion": names.API_VERSION,
                "kind": names.KIND,
                "name": owner.name,
                "uid": owner.uid,
                "controller": True,
            }
        ],
    }
    if annotations:
        metadata["annotations"] = annotations
    return metadata


def digest(content: Any) -> str:
    """Ten hexadecimal digits that change with the content."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def revision_of(deployment: Manifest) -> str:
    """The revision of a Deployment's pods."""
    revision: str = deployment["metadata"]["annotations"][names.REVISION_ANNOTATION]
    return revision
