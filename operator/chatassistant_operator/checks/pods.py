"""Why pods do not become ready: one root cause, from what Deployments and pods say, with no right on events or logs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from chatassistant_operator.api import names
from chatassistant_operator.api.reasons import ConditionType, Reason
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.checks.termination import explained
from chatassistant_operator.finding import Finding
from chatassistant_operator.observed import Manifest
from chatassistant_operator.observed.pods import Pod

# A pod that crashed more than once counts as crashing until it has run for so long: between two crashes it may serve
# for a while, and the status would go to and fro with it.
_STEADY: Final = timedelta(minutes=5)
_RESTARTS: Final = 2
_PULL: Final = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "ImageInspectError",
        "RegistryUnavailable",
    }
)
_CONFIGURATION: Final = frozenset({"CreateContainerConfigError", "CreateContainerError"})
_OUT_OF_MEMORY: Final = "OOMKilled"
# What registries say, as the kubelet passes it on, and what that means.
_REGISTRY_WORDS: Final = (
    (("unauthorized", "denied", "401", "403", "authentication required"), "the registry wants other credentials: name a Secret that has them in spec.imagePullSecrets"),
    (("not found", "manifest unknown", "404"), "the registry has no such image: correct spec.image"),
    (("no such host", "timeout", "timed out", "connection refused", "unreachable"), "the node cannot reach the registry"),
    (("invalid reference", "couldn't parse image"), "that is no image name: correct spec.image"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Situation:
    """What is judged: the Deployment, the pods of its current revision, and the time."""

    deployment: Manifest
    pods: Sequence[Pod]
    now: datetime


def root_cause(assistant: ChatAssistant, seen: Situation) -> Finding | None:
    """The first cause that explains why pods are not ready; None when there is none, or none can be seen."""
    for cause in _CAUSES:
        found = cause(assistant, seen)
        if found is not None:
            return found
    return None


def steady_at(pod: Pod) -> datetime | None:
    """When a pod that crashed counts as sound again."""
    if pod.restarts < _RESTARTS or pod.running_since is None:
        return None
    return pod.running_since + _STEADY


def _quota_exceeded(assistant: ChatAssistant, seen: Situation) -> Finding | None:
    words = _replica_failure(seen.deployment)
    if "exceeded quota" not in words:
        return None
    quota = words[words.index("exceeded quota") :]
    return _finding(
        Reason.QUOTA_EXCEEDED,
        f"The namespace's quota leaves no room for a pod ({quota}). Have it raised, or lower spec.resources or "
        f"spec.replicas; `kubectl describe quota -n {assistant.metadata.namespace}` shows it.",
    )


def _pod_security_rejected(assistant: ChatAssistant, seen: Situation) -> Finding | None:
    words = _replica_failure(seen.deployment)
    if "violates PodSecurity" not in words:
        return None
    return _finding(
        Reason.POD_SECURITY_REJECTED,
        f"The namespace's Pod Security level refuses the pod: it {words[words.index('violates') :]}. Something added to "
        f"the Deployment what the level forbids (`kubectl get deployment {assistant.metadata.name} -n "
        f"{assistant.metadata.namespace} -o yaml --show-managed-fields` tells who); remove it, or have the level changed.",
    )


def _pods_are_refused(_: ChatAssistant, seen: Situation) -> Finding | None:
    words = _replica_failure(seen.deployment)
    if not words:
        return None
    # The name of the pod that was not made is another one with each try.
    _name, forbidden, why = words.partition("is forbidden:")
    return _finding(
        Reason.ROLLOUT_PROGRESSING, f"No pod can be made: {(why if forbidden else words).strip()}"
    )


def _image_pull_failed(_: ChatAssistant, seen: Situation) -> Finding | None:
    pod = _first(seen, lambda pod: pod.waiting is not None and pod.waiting[0] in _PULL)
    if pod is None or pod.waiting is None:
        return None
    image: str = seen.deployment["spec"]["template"]["spec"]["containers"][0]["image"]
    words = pod.waiting[1].lower()
    known = next((cure for parts, cure in _REGISTRY_WORDS if any(part in words for part in parts)), None)
    why = known or f"`kubectl describe pod {pod.name}` has the registry's words"
    return _finding(
        Reason.IMAGE_PULL_FAILED, f"The image {image} cannot be pulled: {why}.", vague=known is None
    )


def _out_of_memory(_: ChatAssistant, seen: Situation) -> Finding | None:
    pod = _first(
        seen, lambda pod: _crashes(pod, seen.now) and pod.ended is not None and pod.ended[0] == _OUT_OF_MEMORY
    )
    if pod is None:
        return None
    resources = seen.deployment["spec"]["template"]["spec"]["containers"][0].get("resources", {})
    limit = resources.get("limits", {}).get("memory")
    allowed = f" of {limit}" if limit else ""
    return _finding(
        Reason.OUT_OF_MEMORY,
        f"The chatbot was killed because it needed more memory than its limit{allowed}. Raise "
        "spec.resources.limits.memory.",
    )


def _crash_looping(assistant: ChatAssistant, seen: Situation) -> Finding | None:
    pod = _first(seen, lambda pod: _crashes(pod, seen.now))
    if pod is None:
        return None
    why = explained(pod.ended[1] if pod.ended else "")
    logs = (
        f"`kubectl logs -n {assistant.metadata.namespace} -l {names.NAME_LABEL}={assistant.metadata.name} --previous` "
        "shows its last words."
    )
    return _finding(
        Reason.CRASH_LOOPING, f"The chatbot ends again and again. {why or logs}", vague=why is None
    )


def _waits_for_configuration(_: ChatAssistant, seen: Situation) -> Finding | None:
    pod = _first(seen, lambda pod: pod.waiting is not None and pod.waiting[0] in _CONFIGURATION)
    if pod is None or pod.waiting is None:
        return None
    return _finding(Reason.ROLLOUT_PROGRESSING, f"A pod waits for what it needs to start: {pod.waiting[1]}.")


def _unschedulable(_: ChatAssistant, seen: Situation) -> Finding | None:
    pod = _first(seen, lambda pod: pod.unschedulable is not None)
    if pod is None:
        return None
    return _finding(
        Reason.UNSCHEDULABLE,
        f"No node can run the pod: {pod.unschedulable} Change what spec.pod and spec.resources ask for, or add a node.",
    )


def _deadline_exceeded(assistant: ChatAssistant, seen: Situation) -> Finding | None:
    progressing = _condition(seen.deployment, "Progressing")
    if progressing.get("reason") != "ProgressDeadlineExceeded":
        return None
    return _finding(
        Reason.ROLLOUT_FAILED,
        "New pods did not become ready within the progress deadline, and nothing says why. `kubectl describe pods -n "
        f"{assistant.metadata.namespace} -l {names.NAME_LABEL}={assistant.metadata.name}` shows them; undo the last "
        "change of the spec, or correct it.",
    )


_CAUSES: Final[tuple[Callable[[ChatAssistant, Situation], Finding | None], ...]] = (
    _quota_exceeded,
    _pod_security_rejected,
    _image_pull_failed,
    _out_of_memory,
    _crash_looping,
    _unschedulable,
    _deadline_exceeded,
    _waits_for_configuration,
    _pods_are_refused,
)


def _crashes(pod: Pod, now: datetime) -> bool:
    if pod.waiting is not None:
        return pod.waiting[0] == "CrashLoopBackOff"
    steady = steady_at(pod)
    return pod.restarts >= _RESTARTS and (steady is None or now < steady)


def _first(seen: Situation, matches: Callable[[Pod], bool]) -> Pod | None:
    return next((pod for pod in seen.pods if matches(pod)), None)


def _replica_failure(deployment: Manifest) -> str:
    failure = _condition(deployment, "ReplicaFailure")
    return str(failure.get("message", "")) if failure.get("status") == "True" else ""


def _condition(deployment: Manifest, type_: str) -> dict[str, Any]:
    conditions: list[dict[str, Any]] = deployment.get("status", {}).get("conditions", [])
    return next((each for each in conditions if each["type"] == type_), dict[str, Any]())


def _finding(reason: Reason, message: str, *, vague: bool = False) -> Finding:
    return Finding(ConditionType.AVAILABLE, "False", reason, message, vague=vague)
