"""What changed between two statuses, as Events: only a condition's transitions, each under a name of its own.

The name is made of the object, the condition and the time of the transition, so that a repeated post is refused by the
API server (409) and a restart of the operator repeats none.
"""

import hashlib
from typing import Final

from chatassistant_operator.api import names
from chatassistant_operator.api.reasons import Awaits, ConditionType, Reason
from chatassistant_operator.api.v1alpha1 import ChatAssistant, Condition, Status
from chatassistant_operator.observed import Manifest

# The API server refuses a longer note (k8s.io/kubernetes, pkg/apis/core/validation: NoteLengthLimit), counted in bytes.
_LONGEST_NOTE: Final = 1024
# They say of Ready what Ready says itself.
_SILENT: Final = frozenset({ConditionType.RECONCILING})
_CONTROLLER: Final = f"{names.GROUP}/operator"


def events(assistant: ChatAssistant, status: Status, instance: str) -> list[Manifest]:
    """The Events for what a new status changes; `instance` names this operator."""
    changed = [each for each in status.conditions if _is_news(assistant, each)]
    told = {each.reason for each in changed if each.type != str(ConditionType.READY)}
    return [
        _event(assistant, each, instance)
        for each in changed
        if each.type != str(ConditionType.READY) or each.reason not in told
    ]


def _is_news(assistant: ChatAssistant, condition: Condition) -> bool:
    """Whether a condition's status moved; one that is new and says that all is well, or not yet, is no news."""
    if condition.type in _SILENT:
        return False
    before = assistant.condition(condition.type)
    if before is None:
        return _needs_somebody(condition)
    return before.status != condition.status


def _needs_somebody(condition: Condition) -> bool:
    return Reason.named(condition.reason).awaits in {Awaits.ARRIVAL, Awaits.EDIT}


def _event(assistant: ChatAssistant, condition: Condition, instance: str) -> Manifest:
    metadata, at = assistant.metadata, condition.last_transition_time
    identity = f"{metadata.uid}/{condition.type}/{at:%Y-%m-%dT%H:%M:%SZ}"
    digest = hashlib.sha256(identity.encode()).hexdigest()[:16]
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": f"{metadata.name}.{digest}", "namespace": metadata.namespace},
        "eventTime": f"{at:%Y-%m-%dT%H:%M:%S}.000000Z",
        "type": "Warning" if _needs_somebody(condition) else "Normal",
        "reason": condition.reason,
        "action": f"{condition.type}{condition.status}",
        "note": _cut(condition.message),
        "regarding": {
            "apiVersion": names.API_VERSION,
            "kind": names.KIND,
            "name": metadata.name,
            "namespace": metadata.namespace,
            "uid": metadata.uid,
        },
        "reportingController": _CONTROLLER,
        "reportingInstance": instance[:128],
    }


def _cut(note: str) -> str:
    encoded = note.encode()
    if len(encoded) <= _LONGEST_NOTE:
        return note
    return encoded[: _LONGEST_NOTE - 3].decode(errors="ignore") + "…"
