"""Do the pods of the wanted revision serve?"""

from chatassistant_operator.api import names
from chatassistant_operator.api.reasons import ConditionType, Reason
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.finding import Finding, Truth
from chatassistant_operator.observed import Manifest, ReplicaSet


def pods_serve(
    assistant: ChatAssistant,
    wanted: str | None,
    deployment: Manifest | None,
    replica_sets: tuple[ReplicaSet, ...],
) -> Finding:
    """Which revision of the pods serves.

    Args:
        assistant: The ChatAssistant.
        wanted: The revision that should run, or None while that cannot be told.
        deployment: The Deployment after this reconcile's writes.
        replica_sets: The Deployment's ReplicaSets, as last seen.
    """
    if assistant.spec.suspend:
        return _finding("Unknown", Reason.NOT_CHECKED, "Suspended: no pod runs.")
    if deployment is None:
        return _finding(
            "Unknown", Reason.NOT_CHECKED, "No pod runs yet: the other conditions say what is awaited."
        )
    running = deployment["metadata"].get("annotations", {}).get(names.REVISION_ANNOTATION)
    current = sum(each.available for each in replica_sets if each.revision == running)
    previous = sum(each.available for each in replica_sets if each.revision != running)
    total = assistant.spec.replicas
    if wanted not in {None, running} or previous:
        if current + previous:
            return _finding(
                "True",
                Reason.SERVING_PREVIOUS_REVISION,
                "Pods of the previous revision serve until those of the new one are ready.",
            )
    elif current:
        return _finding("True", Reason.DEPLOYMENT_AVAILABLE, f"{current} of {total} pods serve.")
    return _finding(
        "False",
        Reason.ROLLOUT_PROGRESSING,
        f"No pod is ready yet. `kubectl get pods -n {assistant.metadata.namespace} "
        f"-l {names.NAME_LABEL}={assistant.metadata.name}` shows them.",
    )


def _finding(truth: Truth, reason: Reason, message: str) -> Finding:
    return Finding(ConditionType.AVAILABLE, truth, reason, message)
