"""Do the pods of the wanted revision serve, and if not, why?"""

from dataclasses import dataclass, replace
from datetime import datetime

from chatassistant_operator.api import names
from chatassistant_operator.api.reasons import ConditionType, Reason
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.checks.pods import Situation, root_cause, steady_at
from chatassistant_operator.finding import Finding, Truth
from chatassistant_operator.observed import Children, Manifest, annotation


@dataclass(frozen=True, slots=True)
class Rollout:
    """How the pods are.

    Attributes:
        serving: Whether pods serve, and which, whatever is wrong with others.
        trouble: What is wrong with pods of the current revision, also when others serve.
        complete: Whether pods of the wanted revision serve and no older ones are left.
        steady_at: When a pod that crashed counts as sound again, if any waits for that.
    """

    serving: Finding
    trouble: Finding | None = None
    complete: bool = False
    steady_at: datetime | None = None

    @property
    def finding(self) -> Finding:
        """The condition `Available`."""
        if self.trouble is None:
            return self.serving
        if self.serving.truth == "False":
            return self.trouble
        if self.serving.reason is Reason.SERVING_PREVIOUS_REVISION:
            return replace(self.serving, message=f"{self.serving.message} {self.trouble.message}")
        return self.serving


def pods_serve(
    assistant: ChatAssistant,
    wanted: str | None,
    deployment: Manifest | None,
    children: Children,
    now: datetime,
) -> Rollout:
    """Which revision of the pods serves.

    Args:
        assistant: The ChatAssistant.
        wanted: The revision that should run, or None while that cannot be told.
        deployment: The Deployment after this reconcile's writes.
        children: ReplicaSets and pods, as last seen.
        now: The time.
    """
    if assistant.spec.suspend:
        return Rollout(_finding("Unknown", Reason.NOT_CHECKED, "Suspended: no pod runs."))
    if deployment is None:
        message = "No pod runs yet: the other conditions say what is awaited."
        return Rollout(_finding("Unknown", Reason.NOT_CHECKED, message))
    running = annotation(deployment, names.REVISION_ANNOTATION)
    current_sets = [each for each in children.replica_sets if each.revision == running]
    current = sum(each.available for each in current_sets)
    previous = sum(each.available for each in children.replica_sets if each.revision != running)
    pods = [
        pod for pod in children.pods if pod.owner in {each.uid for each in current_sets} and not pod.ending
    ]
    trouble = root_cause(assistant, Situation(deployment, pods, now))
    steady = min((at for at in map(steady_at, pods) if at is not None and at > now), default=None)
    total: int = deployment["spec"]["replicas"] if assistant.spec.autoscaling else assistant.spec.replicas
    if current + previous and (wanted not in {None, running} or previous):
        message = "Pods of the previous revision serve until those of the new one are ready."
        return Rollout(_finding("True", Reason.SERVING_PREVIOUS_REVISION, message), trouble, steady_at=steady)
    if current or not total:
        message = f"{current} of {total} pods serve." if total else "No pod is asked for: spec.replicas is 0."
        finding = _finding("True", Reason.DEPLOYMENT_AVAILABLE, message)
        return Rollout(finding, trouble, complete=True, steady_at=steady)
    message = (
        f"No pod is ready yet. `kubectl get pods -n {assistant.metadata.namespace} "
        f"-l {names.NAME_LABEL}={assistant.metadata.name}` shows them."
    )
    progressing = _finding("False", Reason.ROLLOUT_PROGRESSING, message)
    return Rollout(progressing, trouble, steady_at=steady)


def _finding(truth: Truth, reason: Reason, message: str) -> Finding:
    return Finding(ConditionType.AVAILABLE, truth, reason, message)
