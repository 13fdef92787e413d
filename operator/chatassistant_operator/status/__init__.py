"""What was found becomes a status.

- `conditions.py`: Ready, and whether work goes on or waits for somebody (kstatus).
- `facts.py`: what is known of the model, the key and the tools.
- `history.py`: the last roll-outs.
- `usage.py`: what was asked and spent.
- `events.py`: what changed between two statuses, as Events.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from chatassistant_operator.api import names
from chatassistant_operator.api.reasons import ConditionType, Reason
from chatassistant_operator.api.v1alpha1 import ChatAssistant, Condition, Status
from chatassistant_operator.checks.rollout import Rollout
from chatassistant_operator.finding import Finding
from chatassistant_operator.observed import Manifest, Observed
from chatassistant_operator.status.conditions import condition, progress, ready, reconciling_since
from chatassistant_operator.status.facts import (
    credentials,
    expires_soon_at,
    last_handled_validate_at,
    model,
    tools,
    url,
)
from chatassistant_operator.status.history import history
from chatassistant_operator.status.usage import usage

__all__ = ["Found", "expires_soon_at", "invalid", "summarise"]

# In the order in which people should read them.
_ALWAYS: Final = (
    ConditionType.APPLIED,
    ConditionType.CREDENTIALS_VALID,
    ConditionType.MODEL_AVAILABLE,
    ConditionType.AVAILABLE,
)
_WHEN_FOUND: Final = (
    ConditionType.TOOLS_AVAILABLE,
    ConditionType.CREDITS_LOW,
    ConditionType.KEY_EXPIRING_SOON,
    ConditionType.MODEL_RETIRING,
)
# What a key or a catalogue that cannot be asked now said earlier still holds.
_KEPT_WITH: Final = {
    ConditionType.CREDITS_LOW: ConditionType.CREDENTIALS_VALID,
    ConditionType.KEY_EXPIRING_SOON: ConditionType.CREDENTIALS_VALID,
    ConditionType.MODEL_RETIRING: ConditionType.MODEL_AVAILABLE,
}


@dataclass(frozen=True, slots=True)
class Found:
    """What a status is made of: the findings, how the pods are, and the Deployment as it is now."""

    findings: Mapping[ConditionType, Finding]
    rollout: Rollout
    deployment: Manifest | None


def summarise(
    assistant: ChatAssistant, seen: Observed, found: Found
) -> tuple[Status | None, datetime | None]:
    """The status as it should be, and when it changes by itself.

    The status is None while an answer on its way decides what to say. A pending answer does not undo what an
    earlier one said of the same generation: after a restart of the operator the status stands until there is news.
    """
    known = {type_: _settled(assistant, finding) for type_, finding in found.findings.items()}
    if any(finding.pending for finding in known.values()):
        return None, _unanswered_at(assistant, seen)
    summary = ready(assistant, known, found.rollout.trouble)
    going_on, stalled_at = progress(assistant, summary, seen.now)
    told = [summary, *(known[type_] for type_ in _ALWAYS), *going_on]
    told += [each for type_ in _WHEN_FOUND if (each := known.get(type_) or _kept(assistant, found, type_))]
    working = any(each.type is ConditionType.RECONCILING for each in going_on)
    live: Manifest = found.deployment.get("status", {}) if found.deployment else {}
    status = Status(
        observed_generation=assistant.metadata.generation,
        conditions=tuple(condition(assistant, each, seen.now) for each in told),
        reconciling_since=reconciling_since(assistant, seen.now) if working else None,
        last_handled_validate_at=last_handled_validate_at(assistant, seen),
        url=url(assistant),
        replicas=live.get("replicas", 0),
        ready_replicas=live.get("readyReplicas", 0),
        selector=",".join(f"{key}={value}" for key, value in names.selector(assistant.metadata.name).items()),
        model=model(assistant, seen),
        credentials=credentials(assistant, seen),
        tools=tools(assistant, seen),
        usage=usage(assistant, seen),
        history=history(assistant, found.rollout, found.deployment, going_on, seen.now),
    )
    return status, stalled_at


def _settled(assistant: ChatAssistant, finding: Finding) -> Finding:
    """The finding, or what the status says already where the finding is pending."""
    said = assistant.condition(finding.type)
    if not finding.pending or said is None or said.observed_generation != assistant.metadata.generation:
        return finding
    return Finding(finding.type, said.status, Reason.named(said.reason), said.message)


def _kept(assistant: ChatAssistant, found: Found, type_: ConditionType) -> Finding | None:
    """A warning of before, while nobody has been asked or can be asked whether it still holds."""
    said = assistant.condition(type_)
    told_by = _KEPT_WITH.get(type_)
    if said is None or told_by is None or found.findings[told_by].truth != "Unknown":
        return None
    return Finding(type_, "True", Reason.named(said.reason), said.message)


def _unanswered_at(assistant: ChatAssistant, seen: Observed) -> datetime:
    """When an answer that has not come counts as one that cannot be had."""
    return seen.now + timedelta(seconds=assistant.spec.gateway.timeout_seconds + 1)


def invalid(body: Manifest, problem: str, now: datetime) -> Status:
    """The status of an object that this operator's API does not accept, as an older CRD may have let in."""
    generation = body["metadata"]["generation"]
    message = (
        f"The spec is not valid: {problem}. Correct it, or install the CRD that belongs to this operator."
    )
    said = {each["type"]: each for each in body.get("status", {}).get("conditions", [])}
    truths = {ConditionType.READY: "False", ConditionType.APPLIED: "False", ConditionType.STALLED: "True"}

    def since(type_: ConditionType, truth: str) -> datetime:
        before = said.get(type_, {})
        return datetime.fromisoformat(before["lastTransitionTime"]) if before.get("status") == truth else now

    return Status.model_validate(
        {
            "observed_generation": generation,
            "conditions": tuple(
                Condition(
                    type=type_,
                    status="True" if truth == "True" else "False",
                    reason=Reason.INVALID_SPEC,
                    message=message,
                    last_transition_time=since(type_, truth),
                    observed_generation=generation,
                )
                for type_, truth in truths.items()
            ),
        }
    )
