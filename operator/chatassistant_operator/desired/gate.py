"""May the pods roll? What serves is never replaced by what is known to be bad."""

from enum import Enum, auto

from chatassistant_operator.api import names
from chatassistant_operator.api.reasons import ConditionType, Reason
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.checks.other_secrets import other_secrets_stand_against
from chatassistant_operator.checks.prompt import prompt_stands_against
from chatassistant_operator.checks.secret import usable_key
from chatassistant_operator.finding import Finding
from chatassistant_operator.observed import Observed, annotation, is_running


class Gate(Enum):
    """Whether a new revision of the pods may replace the running one."""

    OPEN = auto()
    WAITING = auto()
    CLOSED = auto()
    FORBIDDEN = auto()


def gate(assistant: ChatAssistant, seen: Observed, findings: tuple[Finding, ...], revision: str) -> Gate:
    """Closed by what is known to be wrong, waiting while an answer is on its way, forbidden by the policy.

    An answer that cannot be had (Unknown, not pending) closes nothing: an outage must not stop a roll-out. Nor
    does a key or a model that went bad hold what already runs: its drift is repaired and its scale followed. What
    has no pod, such as what was created suspended, is begun like a first roll-out. Tools are known only from pods
    that run, so they close nothing either.
    """
    if any(finding.reason is Reason.POLICY_DENIED for finding in findings):
        return Gate.FORBIDDEN
    if assistant.spec.suspend:
        # It is scaled to zero in any case; but what stands in its pods' template runs when it goes on.
        against = other_secrets_stand_against(assistant, seen) or prompt_stands_against(assistant, seen)
        return Gate.CLOSED if against else Gate.OPEN
    live = seen.children.deployment
    if is_running(live) and annotation(live, names.REVISION_ANNOTATION) == revision:
        return Gate.OPEN
    ignored = {ConditionType.TOOLS_AVAILABLE}
    if _rolls_at_once(assistant, seen):
        ignored.add(ConditionType.CREDENTIALS_VALID)
    relevant = [finding for finding in findings if finding.type not in ignored]
    if any(finding.truth == "False" for finding in relevant):
        return Gate.CLOSED
    if any(finding.pending for finding in relevant):
        return Gate.WAITING
    return Gate.OPEN


def _rolls_at_once(assistant: ChatAssistant, seen: Observed) -> bool:
    """Whether pods that run get a new key without the gateway's word on it, as `Immediate` asks."""
    immediate = assistant.spec.credentials.rotation_policy == "Immediate"
    return (
        immediate
        and is_running(seen.children.deployment)
        and usable_key(assistant, seen.credential) is not None
    )
