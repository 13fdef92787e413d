"""ChatAssistants with a status for each reason, as the operator would write it."""

from typing import Any, Final

from chatassistant_operator.api.reasons import ConditionType, Reason
from support.kstatus import ABNORMAL, ALWAYS

TIME: Final = "2026-01-24T12:00:00Z"
_TYPES_OF_REASONS: Final = {
    ConditionType.CREDENTIALS_VALID: (
        Reason.KEY_ACCEPTED,
        Reason.SECRET_NOT_FOUND,
        Reason.SECRET_KEY_MISSING,
        Reason.KEY_MALFORMED,
        Reason.KEY_REJECTED,
        Reason.KEY_EXPIRED,
        Reason.MANAGEMENT_KEY,
        Reason.KEY_LIMIT_REACHED,
        Reason.INSUFFICIENT_CREDITS,
        Reason.GATEWAY_UNREACHABLE,
        Reason.RATE_LIMITED,
    ),
    ConditionType.MODEL_AVAILABLE: (
        Reason.MODEL_FOUND,
        Reason.MODEL_NOT_FOUND,
        Reason.FREE_VARIANT_ENDED,
        Reason.TOOLS_UNSUPPORTED,
        Reason.NO_ENDPOINT_FOR_POLICY,
        Reason.CATALOG_UNAVAILABLE,
        Reason.NOT_CHECKED,
    ),
    ConditionType.AVAILABLE: (
        Reason.DEPLOYMENT_AVAILABLE,
        Reason.SERVING_PREVIOUS_REVISION,
        Reason.ROLLOUT_PROGRESSING,
        Reason.ROLLOUT_FAILED,
        Reason.IMAGE_PULL_FAILED,
        Reason.CRASH_LOOPING,
        Reason.UNSCHEDULABLE,
        Reason.QUOTA_EXCEEDED,
        Reason.POD_SECURITY_REJECTED,
        Reason.OUT_OF_MEMORY,
    ),
    ConditionType.TOOLS_AVAILABLE: (
        Reason.TOOLS_LISTED,
        Reason.TOOL_SERVER_UNREACHABLE,
        Reason.TOOL_NOT_FOUND,
    ),
}
_TYPE_OF_REASON: Final = {reason: type_ for type_, reasons in _TYPES_OF_REASONS.items() for reason in reasons}
_ALL_IS_WELL: Final[dict[str, Reason]] = {
    ConditionType.READY: Reason.READY,
    ConditionType.APPLIED: Reason.APPLIED,
    **{type_: reasons[0] for type_, reasons in _TYPES_OF_REASONS.items()},
}


def type_of(reason: Reason) -> ConditionType:
    """The condition that may have this reason, beside Ready; Applied for those that no other has."""
    return _TYPE_OF_REASON.get(reason, ConditionType.APPLIED)


def condition(type_: str, status: str = "True", reason: str | None = None, **fields: Any) -> dict[str, Any]:
    """One condition of generation 1."""
    return {
        "type": str(type_),
        "status": status,
        "reason": str(reason or _ALL_IS_WELL[type_]),
        "message": "What happened, and what to do.",
        "lastTransitionTime": TIME,
        "observedGeneration": 1,
        **fields,
    }


def chat(*conditions: dict[str, Any], generation: int = 1, observed: int | None = 1) -> dict[str, Any]:
    """A ChatAssistant with these conditions; with tools where they say so."""
    tools = {"tools": {"mcpServers": [{"name": "todo", "url": "http://todo:8000/mcp"}]}}
    with_tools = any(each["type"] == ConditionType.TOOLS_AVAILABLE for each in conditions)
    status: dict[str, Any] = {"conditions": list(conditions)}
    return {
        "apiVersion": "chatassistant.dev/v1alpha1",
        "kind": "ChatAssistant",
        "metadata": {"name": "todo", "namespace": "todo-chatbot", "uid": "1", "generation": generation},
        "spec": {"credentials": {"apiKeySecretRef": {"name": "openrouter-secret"}}}
        | (tools if with_tools else {}),
        "status": status if observed is None else {"observedGeneration": observed, **status},
    }


def judged(ready: dict[str, Any], *others: dict[str, Any], generation: int = 1) -> dict[str, Any]:
    """A ChatAssistant with all the conditions that it always has; those not given are True."""
    given = {each["type"]: each for each in (ready, *others)}
    always = [given.pop(type_) if type_ in given else condition(type_) for type_ in ALWAYS]
    return chat(*always, *given.values(), generation=generation)


def wrong(reason: Reason, sign: ConditionType, truth: str = "False") -> dict[str, Any]:
    """A ChatAssistant that is not Ready for this reason, and is Reconciling or Stalled."""
    ready, working = condition("Ready", truth, reason), condition(sign, reason=reason)
    aspect = condition(type_of(reason), truth, reason)
    return chat(ready, aspect, working) if reason is Reason.INVALID_SPEC else judged(ready, aspect, working)


def new() -> dict[str, Any]:
    """A ChatAssistant that the operator has not seen, with the status that the CRD gives it."""
    ready = condition("Ready", "Unknown", Reason.PENDING, lastTransitionTime="1970-01-01T00:00:00Z")
    del ready["observedGeneration"]
    return chat(ready, observed=None)


def suspended() -> dict[str, Any]:
    """A suspended ChatAssistant."""
    unchecked = (
        condition(type_, "Unknown", Reason.NOT_CHECKED)
        for type_ in (ConditionType.CREDENTIALS_VALID, ConditionType.MODEL_AVAILABLE, ConditionType.AVAILABLE)
    )
    return judged(condition("Ready", reason=Reason.SUSPENDED), *unchecked)


def serving_previous() -> dict[str, Any]:
    """A ChatAssistant whose old pods serve while new ones start."""
    return judged(
        condition("Ready", "False", Reason.ROLLOUT_PROGRESSING),
        condition("Available", reason=Reason.SERVING_PREVIOUS_REVISION),
        condition("Reconciling", reason=Reason.ROLLOUT_PROGRESSING),
    )


WARNINGS: Final = tuple(
    sorted(ABNORMAL - {ConditionType.RECONCILING, ConditionType.STALLED}, key=list(ConditionType).index)
)
"""The conditions that may stand beside Ready=True, and only while True."""
