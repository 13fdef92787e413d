"""The kinds that a cluster has only where somebody has installed them, as CRDs that accept whatever they are given."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from chatassistant_operator.cluster.kinds import OPTIONAL, Kind
from support.control_plane import ControlPlane


@contextmanager
def installed(plane: ControlPlane, *kinds: Kind) -> Iterator[None]:
    """The kinds, all optional ones when none is named, until the context ends."""
    definitions = [_definition(kind) for kind in kinds or OPTIONAL]
    manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": definitions})
    plane.kubectl("apply", "-f", "-", stdin=manifest)
    try:
        names = [f"crd/{each['metadata']['name']}" for each in definitions]
        plane.kubectl("wait", "--for=condition=Established", "--timeout=30s", *names)
        yield
    finally:
        plane.kubectl("delete", "--ignore-not-found", "-f", "-", stdin=manifest)


def _definition(kind: Kind) -> dict[str, Any]:
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{kind.plural}.{kind.group}",
            # Else the API server keeps the group to projects of Kubernetes' own.
            "annotations": {"api-approved.kubernetes.io": "https://github.com/kubernetes-sigs/gateway-api"},
        },
        "spec": {
            "group": kind.group,
            "scope": "Namespaced",
            "names": {"kind": kind.name, "plural": kind.plural, "singular": kind.name.lower()},
            "versions": [
                {
                    "name": kind.version,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": anything},
                }
            ],
        },
    }
