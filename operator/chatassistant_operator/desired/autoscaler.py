"""The HorizontalPodAutoscaler, and how many pods the Deployment asks for where there is one."""

from typing import NamedTuple

from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.desired.metadata import object_meta
from chatassistant_operator.observed import Children, Manifest, is_running


def autoscaler(assistant: ChatAssistant) -> Manifest | None:
    """The HorizontalPodAutoscaler, if `autoscaling` asks for one; Kubernetes lets it rest while there are no pods."""
    scaling = assistant.spec.autoscaling
    if scaling is None:
        return None
    target = {"type": "Utilization", "averageUtilization": scaling.target_cpu_utilization_percentage}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": object_meta(assistant),
        "spec": {
            "scaleTargetRef": {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "name": assistant.metadata.name,
            },
            "minReplicas": scaling.min_replicas,
            "maxReplicas": scaling.max_replicas,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        },
    }


class Replicas(NamedTuple):
    """How many pods the Deployment asks for.

    Attributes:
        number: Of pods; None where it is an autoscaler's to say.
        read_from: The `resourceVersion` of the Deployment that had it, where it is not the spec's: an autoscaler may have
            said another number since.
    """

    number: int | None
    read_from: str | None = None


def replicas(assistant: ChatAssistant, children: Children) -> Replicas:
    """How many pods the Deployment asks for.

    With `autoscaling` the number goes on being applied as it is until somebody else has said one: to leave it out while
    it is ours would have the API server put its default in its place, and so drop pods that serve.
    """
    spec, live = assistant.spec, children.deployment
    if spec.suspend:
        return Replicas(0)
    if spec.autoscaling is None:
        return Replicas(spec.replicas)
    if live is None or not is_running(live):
        return Replicas(spec.autoscaling.min_replicas)
    if children.scaled_by_others:
        return Replicas(None)
    return Replicas(live["spec"]["replicas"], live["metadata"]["resourceVersion"])
