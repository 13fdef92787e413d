"""Image, pods, the key in them, and the tools."""

from typing import Any, Final

from chatassistant_operator.api import names
from chatassistant_operator.api.reasons import ConditionType, Reason
from chatassistant_operator.checks.pods import Situation, root_cause
from chatassistant_operator.checks.termination import explained
from chatassistant_operator.cli.doctor.cluster import by_condition, cure_of, judged
from chatassistant_operator.cli.doctor.finding import Finding, broken, ok, unknown, warning
from chatassistant_operator.cli.doctor.snapshot import Snapshot
from chatassistant_operator.finding import Finding as Cause
from chatassistant_operator.observed import Manifest
from chatassistant_operator.observed.named import Absent
from chatassistant_operator.observed.pods import read_pod

_KEY_VARIABLE: Final = "OPENROUTER_API_KEY"
_FILE_VARIABLE: Final = "OPENROUTER_API_KEY_FILE"


def image(seen: Snapshot) -> Finding:
    """The nodes can pull the image."""
    cause = _cause(seen)
    if cause is not None and cause.reason is Reason.IMAGE_PULL_FAILED:
        return judged(seen, cause)
    said = seen.condition(ConditionType.AVAILABLE)
    if cause is None and said is not None and said["reason"] == Reason.IMAGE_PULL_FAILED:
        return broken(said["message"], cure_of(seen, said))
    return ok("No node fails to pull the image.")


def pods(seen: Snapshot) -> Finding:
    """Pods run and are ready: no crash loop, memory, node or quota is in the way."""
    if isinstance(seen.deployment, Absent):
        return broken(
            "There is no Deployment yet: the operator makes it once Secret, key and model are known to be good.",
            f"kubectl assistant status {seen.name} -n {seen.namespace}",
        )
    if not isinstance(seen.pods, tuple) or not isinstance(seen.deployment, dict):
        return by_condition(seen, ConditionType.AVAILABLE, "Pods serve.")
    cause, found = _cause(seen), _pods(seen)
    ready = sum(read_pod(each).ready for each in found)
    if ready and cause is None:
        return _with_last_words(seen, f"{ready} of {seen.chat.spec.replicas} pods are ready.")
    if cause is not None:
        found_wrong = judged(seen, cause)
        return warning(cause.message, found_wrong.cure) if ready else found_wrong
    if not seen.chat.spec.replicas:
        return broken(
            "spec.replicas is 0: no pod is asked for.",
            f"kubectl scale chat {seen.name} -n {seen.namespace} --replicas=1",
        )
    return broken(
        "No pod is ready yet, and nothing says why: it may be about to start.",
        f"kubectl get pods -n {seen.namespace} -l {names.NAME_LABEL}={seen.name} --watch",
    )


def key_in_the_pods(seen: Snapshot) -> Finding:
    """Each pod gets the key that the spec names, and in its present revision; seen in its manifest, with no `exec`."""
    if not isinstance(seen.pods, tuple):
        return unknown(f"The pods cannot be read: {_why(seen)}")
    restart = f"kubectl rollout restart deployment {seen.name} -n {seen.namespace}"
    ref = seen.chat.spec.credentials.api_key_secret_ref
    for each in _pods(seen):
        name, given = each["metadata"]["name"], _key_of(each)
        if given is None:
            return broken(
                f"The pod {name} is given no API key: its manifest has no {_KEY_VARIABLE}.", restart
            )
        if given != (ref.name, ref.key):
            return broken(
                f"The pod {name} is given the entry {given[1]!r} of the Secret {given[0]!r}, and the spec names {ref.key!r} of "
                f"{ref.name!r}.",
                restart,
            )
    old = _of_an_earlier_key(seen)
    if old:
        return warning(
            f"The pod {old[0]} was made for an earlier key: the operator rolls to the new one once it is accepted.",
            restart,
        )
    where = "a file" if seen.chat.spec.credentials.delivery == "File" else f"their {_KEY_VARIABLE}"
    return ok(f"The pods get the key of the Secret {ref.name!r} as {where}.")


def tools(seen: Snapshot) -> Finding:
    """The MCP servers answer and offer what the spec allows."""
    if not seen.chat.spec.tools.mcp_servers:
        return ok("The spec names no MCP servers.")
    return by_condition(seen, ConditionType.TOOLS_AVAILABLE, "The MCP servers answer.")


def _pods(seen: Snapshot) -> list[Manifest]:
    """The pods that are not about to end."""
    found = seen.pods if isinstance(seen.pods, tuple) else ()
    return [each for each in found if "deletionTimestamp" not in each["metadata"]]


def _cause(seen: Snapshot) -> Cause | None:
    """Why pods do not become ready, as the operator's own checks find it."""
    if not isinstance(seen.deployment, dict) or not isinstance(seen.pods, tuple):
        return None
    current = [read_pod(each) for each in _pods(seen)]
    return root_cause(seen.chat, Situation(seen.deployment, current, seen.now))


def _with_last_words(seen: Snapshot, message: str) -> Finding:
    """Ready pods; one that was started anew has left a word of why."""
    for each in map(read_pod, _pods(seen)):
        if each.restarts and each.ended is not None:
            words = explained(each.ended[1]) or each.ended[0]
            return warning(
                f"{message} The chatbot in {each.name} was started anew {each.restarts} times: {words}",
                f"kubectl logs -n {seen.namespace} {each.name} --previous",
            )
    return ok(message)


def _key_of(pod: Manifest) -> tuple[str, str] | None:
    """The Secret and its entry that a pod gets as its API key."""
    containers: list[Manifest] = pod["spec"]["containers"]
    chatbot = next((each for each in containers if each["name"] == names.CONTAINER), containers[0])
    variables: dict[str, dict[str, Any]] = {each["name"]: each for each in chatbot.get("env", [])}
    ref = variables.get(_KEY_VARIABLE, {}).get("valueFrom", {}).get("secretKeyRef")
    if ref:
        return ref["name"], ref["key"]
    mounted = {each["name"] for each in chatbot.get("volumeMounts", [])}
    for volume in pod["spec"].get("volumes", []):
        if _FILE_VARIABLE in variables and "secret" in volume and volume["name"] in mounted:
            items: list[dict[str, str]] = volume["secret"].get("items") or [{"key": ""}]
            return volume["secret"]["secretName"], items[0]["key"]
    return None


def _of_an_earlier_key(seen: Snapshot) -> list[str]:
    status = seen.chat.status
    current = status.credentials.subject if status and status.credentials else None
    marks = {
        each["metadata"]["name"]: each["metadata"]
        .get("annotations", {})
        .get(names.CREDENTIALS_REVISION_ANNOTATION)
        for each in _pods(seen)
    }
    return [name for name, mark in marks.items() if current and mark and mark != current]


def _why(seen: Snapshot) -> str:
    return "" if isinstance(seen.pods, tuple) else seen.pods.message
