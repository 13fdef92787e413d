"""Whether pods serve, and why not: by situation, from what a Deployment, its ReplicaSets and its pods say."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, NamedTuple

import pytest

from chatassistant_operator.api.reasons import Reason
from chatassistant_operator.checks.pods import Situation as Pods
from chatassistant_operator.checks.pods import root_cause
from chatassistant_operator.checks.rollout import Rollout, pods_serve
from chatassistant_operator.checks.termination import EXPLANATIONS
from chatassistant_operator.finding import Finding, Truth
from chatassistant_operator.observed import Children, Manifest
from chatassistant_operator.observed.pods import Pod, ReplicaSet
from support.situations import NOW, assistant, running

READY = Pod("todo-r1-a", owner="r1", ready=True, running_since=NOW - timedelta(hours=1))
STARTING = Pod("todo-r1-b", owner="r1")
OLD = Pod("todo-r0-a", owner="r0", ready=True)
FREE_TEXT = "Traceback: KeyError sk-or-v1-c0ffee"
QUOTA = 'pods "todo-5d9f7-{}" is forbidden: exceeded quota: compute, requested: pods=1, used: pods=5, limited: pods=5'
SECURITY = 'pods "todo-5d9f7-{}" is forbidden: violates PodSecurity "restricted:latest": privileged (container "chatbot" must not)'
UNKNOWN_REFUSAL = 'pods "todo-5d9f7-{}" is forbidden: no ServiceAccount "todo"'


def waiting(why: str, words: str = "") -> Pod:
    """A pod whose container waits."""
    return replace(STARTING, waiting=(why, words))


def ended(word: str = "", why: str = "Error", *, restarts: int = 3, ran: float | None = None) -> Pod:
    """A pod whose container ended with this last word; it waits for its next start, or runs for so many minutes."""
    now = ("CrashLoopBackOff", "back-off") if ran is None else None
    since = None if ran is None else NOW - timedelta(minutes=ran)
    return replace(STARTING, waiting=now, ended=(why, word), restarts=restarts, running_since=since)


def told(type_: str, status: str, reason: str = "", words: str = "") -> dict[str, Any]:
    """A Deployment that says this of itself."""
    said = {"type": type_, "status": status, "reason": reason, "message": words}
    return {"deployment": running(conditions=[said])}


def failure(words: str) -> dict[str, Any]:
    """A Deployment whose pods nobody lets be made."""
    return told("ReplicaFailure", "True", "FailedCreate", words.format("x7k2p"))


def pods(*each: Pod, old: int = 0, new: int | None = None) -> dict[str, Any]:
    """Pods, and how many of the older and of the current revision serve."""
    serving = sum(pod.ready for pod in each if pod.owner == "r1") if new is None else new
    sets = (ReplicaSet("r0", "r0", "c0", old, old, "r0"), ReplicaSet("r1", "r1", "c1", 1, serving, "r1"))
    return {"pods": each, "sets": sets}


class Situation(NamedTuple):
    """What is seen, what Available says, what is told to be wrong with current pods, and whether the roll-out is over."""

    name: str
    spec: dict[str, Any]
    seen: dict[str, Any]
    truth: Truth
    reason: Reason
    words: str
    trouble: Reason | None = None
    complete: bool = False


SITUATIONS: tuple[Situation, ...] = tuple(Situation(*row) for row in (
    # name, spec, seen, Available's status, its reason, a part of its message, what is wrong, whether it is over
    ("nothing yet", {}, {"deployment": None}, "Unknown", Reason.NOT_CHECKED, "No pod runs yet"),
    ("suspended", {"suspend": True}, pods(READY), "Unknown", Reason.NOT_CHECKED, "Suspended"),
    ("scaled to zero", {"replicas": 0}, pods(), "True", Reason.DEPLOYMENT_AVAILABLE, "spec.replicas is 0", None, True),
    ("all serve", {"replicas": 2}, pods(READY, READY, new=2), "True", Reason.DEPLOYMENT_AVAILABLE, "2 of 2 pods serve.", None, True),
    ("some serve", {"replicas": 2}, pods(READY, STARTING), "True", Reason.DEPLOYMENT_AVAILABLE, "1 of 2 pods serve.", None, True),
    ("some serve, another crashes", {"replicas": 2}, pods(READY, ended("InternalError")), "True", Reason.DEPLOYMENT_AVAILABLE, "1 of 2 pods serve.", Reason.CRASH_LOOPING, True),
    ("they start", {}, pods(STARTING), "False", Reason.ROLLOUT_PROGRESSING, "`kubectl get pods -n todo-chatbot -l chatassistant.dev/name=todo` shows them."),
    ("no ReplicaSet yet", {}, {}, "False", Reason.ROLLOUT_PROGRESSING, "No pod is ready yet."),
    ("older ones serve", {}, pods(OLD, STARTING, old=1), "True", Reason.SERVING_PREVIOUS_REVISION, "until those of the new one are ready."),
    ("older ones serve, new ones crash", {}, pods(OLD, ended("ConfigurationInvalid"), old=1), "True", Reason.SERVING_PREVIOUS_REVISION, "are ready. The chatbot ends again and again. It does not understand", Reason.CRASH_LOOPING),
    ("older ones crash, and are replaced", {}, pods(replace(ended("x"), owner="r0"), STARTING, old=1), "True", Reason.SERVING_PREVIOUS_REVISION, "previous revision"),
    ("new ones serve, older ones too", {}, pods(OLD, READY, old=1), "True", Reason.SERVING_PREVIOUS_REVISION, "previous revision"),
    ("what runs is not what is wanted", {}, {**pods(READY), "wanted": "r2"}, "True", Reason.SERVING_PREVIOUS_REVISION, "previous revision"),
    ("what is wanted cannot be told yet", {}, {**pods(READY), "wanted": None}, "True", Reason.DEPLOYMENT_AVAILABLE, "1 of 1", None, True),
    ("one that ends has no say", {}, pods(READY, replace(ended("x"), ending=True)), "True", Reason.DEPLOYMENT_AVAILABLE, "1 of 1", None, True),
    ("one restart", {}, pods(ended("InternalError", restarts=1, ran=0.1)), "False", Reason.ROLLOUT_PROGRESSING, "No pod is ready yet."),
    ("one restart, and serving", {}, pods(replace(READY, restarts=1)), "True", Reason.DEPLOYMENT_AVAILABLE, "1 of 1", None, True),
    ("two restarts, running for 4 minutes", {}, pods(ended(restarts=2, ran=4)), "False", Reason.CRASH_LOOPING, "again and again", Reason.CRASH_LOOPING),
    ("two restarts, serving for 4 minutes", {}, pods(replace(ended(restarts=2, ran=4), ready=True)), "True", Reason.DEPLOYMENT_AVAILABLE, "1 of 1", Reason.CRASH_LOOPING, True),
    ("two restarts, serving for 5 minutes", {}, pods(replace(ended(restarts=2, ran=5), ready=True)), "True", Reason.DEPLOYMENT_AVAILABLE, "1 of 1", None, True),
    ("crashing, with no word", {}, pods(ended()), "False", Reason.CRASH_LOOPING, "`kubectl logs -n todo-chatbot -l chatassistant.dev/name=todo --previous` shows its last words.", Reason.CRASH_LOOPING),
    ("out of memory", {}, pods(ended(why="OOMKilled")), "False", Reason.OUT_OF_MEMORY, "its limit of 256Mi. Raise spec.resources.limits.memory.", Reason.OUT_OF_MEMORY),
    ("out of memory once", {}, pods(ended(why="OOMKilled", restarts=1, ran=1)), "False", Reason.ROLLOUT_PROGRESSING, "No pod is ready yet."),
    ("no such image", {}, pods(waiting("ErrImagePull", "manifest unknown: not found")), "False", Reason.IMAGE_PULL_FAILED, "The image ghcr.io/x/y:1 cannot be pulled: the registry has no such image: correct spec.image.", Reason.IMAGE_PULL_FAILED),
    ("other credentials", {}, pods(waiting("ErrImagePull", "pull access denied, 401 Unauthorized")), "False", Reason.IMAGE_PULL_FAILED, "name a Secret that has them in spec.imagePullSecrets.", Reason.IMAGE_PULL_FAILED),
    ("no registry", {}, pods(waiting("ErrImagePull", "dial tcp: lookup ghcr.io: no such host")), "False", Reason.IMAGE_PULL_FAILED, "the node cannot reach the registry.", Reason.IMAGE_PULL_FAILED),
    ("no name of an image", {}, pods(waiting("InvalidImageName", "couldn't parse image name")), "False", Reason.IMAGE_PULL_FAILED, "that is no image name", Reason.IMAGE_PULL_FAILED),
    ("an image that cannot be pulled again", {}, pods(waiting("ImagePullBackOff", "Back-off pulling image")), "False", Reason.IMAGE_PULL_FAILED, "`kubectl describe pod todo-r1-b` has the registry's words.", Reason.IMAGE_PULL_FAILED),
    ("no node", {}, pods(replace(STARTING, unschedulable="0/3 nodes are available: 3 Insufficient cpu.")), "False", Reason.UNSCHEDULABLE, "No node can run the pod: 0/3 nodes are available: 3 Insufficient cpu. Change", Reason.UNSCHEDULABLE),
    ("no room in the quota", {}, failure(QUOTA), "False", Reason.QUOTA_EXCEEDED, "(exceeded quota: compute, requested: pods=1, used: pods=5, limited: pods=5)", Reason.QUOTA_EXCEEDED),
    ("no room in the quota for one more", {"replicas": 2}, {**failure(QUOTA), **pods(READY)}, "True", Reason.DEPLOYMENT_AVAILABLE, "1 of 2", Reason.QUOTA_EXCEEDED, True),
    ("against the namespace's Pod Security", {}, failure(SECURITY), "False", Reason.POD_SECURITY_REJECTED, 'it violates PodSecurity "restricted:latest": privileged (container "chatbot" must not). Something', Reason.POD_SECURITY_REJECTED),
    ("forbidden for another reason", {}, failure(UNKNOWN_REFUSAL), "False", Reason.ROLLOUT_PROGRESSING, 'No pod can be made: no ServiceAccount "todo"', Reason.ROLLOUT_PROGRESSING),
    ("a failure that is over", {}, told("ReplicaFailure", "False", "", QUOTA), "False", Reason.ROLLOUT_PROGRESSING, "No pod is ready yet."),
    ("something that a pod needs", {}, pods(waiting("CreateContainerConfigError", 'secret "openrouter-secret" not found')), "False", Reason.ROLLOUT_PROGRESSING, 'A pod waits for what it needs to start: secret "openrouter-secret" not found.', Reason.ROLLOUT_PROGRESSING),
    ("for too long", {}, {**told("Progressing", "False", "ProgressDeadlineExceeded"), **pods(STARTING)}, "False", Reason.ROLLOUT_FAILED, "within the progress deadline", Reason.ROLLOUT_FAILED),
    ("for too long, older ones serve", {}, {**told("Progressing", "False", "ProgressDeadlineExceeded"), **pods(OLD, STARTING, old=1)}, "True", Reason.SERVING_PREVIOUS_REVISION, "within the progress deadline", Reason.ROLLOUT_FAILED),
    ("for too long, because of the image", {}, {**told("Progressing", "False", "ProgressDeadlineExceeded"), **pods(waiting("ErrImagePull", "not found"))}, "False", Reason.IMAGE_PULL_FAILED, "no such image", Reason.IMAGE_PULL_FAILED),
))  # fmt: skip


def serve(spec: dict[str, Any], seen: dict[str, Any]) -> Rollout:
    deployment: Manifest | None = seen.get("deployment", running())
    children = Children(deployment, seen.get("sets", ()), pods=seen.get("pods", ()))
    return pods_serve(assistant(**spec), seen.get("wanted", "r1"), deployment, children, NOW)


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.name)
def test_found(situation: Situation) -> None:
    rollout = serve(situation.spec, situation.seen)
    assert (rollout.finding.truth, rollout.finding.reason) == (situation.truth, situation.reason)
    assert situation.words in rollout.finding.message
    assert (rollout.trouble.reason if rollout.trouble else None) == situation.trouble
    assert rollout.complete == situation.complete


def cause(*pods: Pod, **deployment: Any) -> Finding:
    found = root_cause(assistant(), Pods(deployment.get("deployment", running()), pods, NOW))
    assert found is not None
    return found


@pytest.mark.parametrize("word", EXPLANATIONS)
def test_the_chatbots_last_word_is_explained(word: str) -> None:
    found = cause(ended(word))
    assert found.reason is Reason.CRASH_LOOPING
    assert EXPLANATIONS[word] in found.message
    assert not found.vague


@pytest.mark.parametrize("text", [FREE_TEXT, "ConfigurationInvalid ", "configurationinvalid", ""])
def test_free_text_is_never_shown(text: str) -> None:
    found = cause(ended(text))
    assert found.vague
    assert "KeyError" not in found.message
    assert "does not understand" not in found.message


@pytest.mark.parametrize("words", [QUOTA, SECURITY, UNKNOWN_REFUSAL])
def test_what_changes_with_each_try_is_in_no_message(words: str) -> None:
    first = cause(**told("ReplicaFailure", "True", "FailedCreate", words.format("aaaaa")))
    assert first == cause(**told("ReplicaFailure", "True", "FailedCreate", words.format("bbbbb")))
    assert "todo-5d9f7" not in first.message


def test_only_a_registrys_own_words_tell_why_an_image_cannot_be_pulled() -> None:
    assert not cause(waiting("ErrImagePull", "not found")).vague
    assert cause(waiting("ImagePullBackOff", 'Back-off pulling image "ghcr.io/x/y:1"')).vague


def test_of_several_causes_the_first_explains_the_others() -> None:
    crashed, unpulled = ended("ApiKeyMissing"), waiting("ErrImagePull", "not found")
    assert cause(crashed, unpulled).reason is Reason.IMAGE_PULL_FAILED
    assert cause(crashed, unpulled, **failure(QUOTA)).reason is Reason.QUOTA_EXCEEDED
    assert root_cause(assistant(), Pods(running(), (READY, STARTING), NOW)) is None


def test_a_pod_that_crashed_is_looked_at_again_when_it_has_run_for_five_minutes() -> None:
    rollout = serve({}, pods(ended(ran=2), ended(ran=4), READY))
    assert rollout.steady_at == NOW + timedelta(minutes=1)
    assert serve({}, pods(ended(ran=5), READY, new=2)).steady_at is None
    assert serve({}, pods(ended())).steady_at is None
