"""The PodDisruptionBudget: of several pods, nodes that are drained take one at a time."""

from chatassistant_operator.api import names
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.desired.metadata import object_meta
from chatassistant_operator.observed import Manifest


def disruption_budget(assistant: ChatAssistant) -> Manifest | None:
    """The PodDisruptionBudget, where there are always several pods; one alone must not keep a node from being drained."""
    if assistant.spec.pods_at_least < 2:  # noqa: PLR2004 (one is alone)
        return None
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": object_meta(assistant),
        "spec": {
            "maxUnavailable": 1,
            "selector": {"matchLabels": names.selector(assistant.metadata.name)},
            # A pod that does not serve protects nobody.
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }
