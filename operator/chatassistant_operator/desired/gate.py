"""May the pods roll? What serves is never replaced by what is known to be bad."""

from enum import Enum, auto

from chatassistant_operator.api import names
from chatassistant_operator.api.reasons import Reason
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.finding import Finding
from chatassistant_operator.observed import Observed


class Gate(Enum):
    """Whether a new revision of the pods may replace the running one."""

    OPEN = auto()
    WAITING = auto()
    CLOSED = auto()
    FORBIDDEN = auto()


def gate(assistant: ChatAssistant, seen: Observed, findings: tuple[Finding, ...], revision: str) -> Gate:
    """Closed by what is known to be wrong, waiting while an answer is on its way, forbidden by the policy.

    An answer that cannot be had (Unknown, not pending) closes nothing: an outage must not stop a roll-out. Nor
    does a key or a model that went bad hold what already runs: its drift is repaired and its scale followed.
    """
    if any(finding.reason is Reason.POLICY_DENIED for finding in findings):
        return Gate.FORBIDDEN
    if assistant.spec.suspend or _running_revision(seen) == revision:
        return Gate.OPEN
    if any(finding.truth == "False" for finding in findings):
        return Gate.CLOSED
    if any(finding.pending for finding in findings):
        return Gate.WAITING
    return Gate.OPEN


def _running_revision(seen: Observed) -> str | None:
    live = seen.children.deployment
    return live["metadata"].get("annotations", {}).get(names.REVISION_ANNOTATION) if live else None
