"""Ready, and beside it what kstatus reads: whether work goes on or waits for somebody.

kstatus takes `Ready=False` alone for progress without end. So `Reconciling` is there while work is under way or what
is missing may still arrive, and `Stalled` once only a person can help: at once where the spec has to be edited, else
after ten minutes, as tools that wait give up on it (sigs.k8s.io/cli-utils, pkg/kstatus).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from chatassistant_operator.api.reasons import Awaits, ConditionType, Reason
from chatassistant_operator.api.v1alpha1 import ChatAssistant, Condition
from chatassistant_operator.finding import Finding
from chatassistant_operator.status.facts import url

# As long as a Deployment's progress deadline.
STALLED_AFTER: Final = timedelta(minutes=10)
# What is most fundamental first: it is what Ready tells of when several things are wrong.
_ORDER: Final = (
    ConditionType.APPLIED,
    ConditionType.CREDENTIALS_VALID,
    ConditionType.MODEL_AVAILABLE,
    ConditionType.AVAILABLE,
    ConditionType.TOOLS_AVAILABLE,
)
_ARRIVE: Final = frozenset(str(each) for each in Reason if each.awaits is Awaits.ARRIVAL)
_MEANWHILE: Final = {
    Awaits.TIME: "Work is under way",
    Awaits.ARRIVAL: "What is missing may still arrive",
    Awaits.EDIT: "Nothing more happens until the spec is edited",
}


def ready(
    assistant: ChatAssistant, known: Mapping[ConditionType, Finding], trouble: Finding | None
) -> Finding:
    """Ready: true when this generation's pods serve and nothing is known to be wrong."""
    wrong = next((found for type_ in _ORDER if (found := _wrong(known.get(type_), trouble))), None)
    if wrong is not None:
        return Finding(ConditionType.READY, "False", wrong.reason, wrong.message, vague=wrong.vague)
    if assistant.spec.suspend:
        message = "Suspended: no pod runs. Set spec.suspend to false to go on."
        return Finding(ConditionType.READY, "True", Reason.SUSPENDED, message)
    available = known[ConditionType.AVAILABLE]
    if available.truth == "Unknown":
        return Finding(ConditionType.READY, "Unknown", Reason.PENDING, available.message)
    unknown = [known[type_].message for type_ in _ORDER if type_ in known and known[type_].truth == "Unknown"]
    message = " ".join([_where(assistant), *unknown])
    return Finding(ConditionType.READY, "True", Reason.READY, message)


def _where(assistant: ChatAssistant) -> str:
    """Where a Ready assistant answers; one of no pods is as it should be, and does not."""
    name, namespace = assistant.metadata.name, assistant.metadata.namespace
    if assistant.spec.replicas:
        return f"{name} answers at {url(assistant)}."
    return (
        f"spec.replicas is 0: no pod runs, and nothing answers at {url(assistant)}. "
        f"`kubectl scale chat {name} -n {namespace} --replicas=1` has one run."
    )


def _wrong(finding: Finding | None, trouble: Finding | None) -> Finding | None:
    """What a finding says against being ready."""
    if finding is None or finding.truth == "False":
        return finding
    if finding.type is not ConditionType.AVAILABLE or finding.truth != "True":
        return None
    if finding.reason is Reason.SERVING_PREVIOUS_REVISION:
        reason = trouble.reason if trouble else Reason.ROLLOUT_PROGRESSING
        return Finding(finding.type, "False", reason, finding.message, vague=bool(trouble and trouble.vague))
    if trouble is not None:
        message = f"{finding.message} {trouble.message}"
        return Finding(finding.type, "False", trouble.reason, message, vague=trouble.vague)
    return None


def progress(
    assistant: ChatAssistant, summary: Finding, now: datetime
) -> tuple[tuple[Finding, ...], datetime | None]:
    """`Reconciling` or `Stalled` beside a Ready that is not true, and when the one becomes the other."""
    if summary.truth == "True":
        return (), None
    awaits = summary.reason.awaits
    message = f"{_MEANWHILE.get(awaits, 'Work is under way')}: see Ready ({summary.reason})."
    going_on = Finding(ConditionType.RECONCILING, "True", summary.reason, message)
    if awaits is Awaits.EDIT:
        return (Finding(ConditionType.STALLED, "True", summary.reason, message),), None
    if awaits is not Awaits.ARRIVAL:
        return (going_on,), None
    stalled_at = reconciling_since(assistant, now) + STALLED_AFTER
    if _gave_up(assistant) or now >= stalled_at:
        words = f"What is missing has not arrived within 10 minutes: see Ready ({summary.reason})."
        return (Finding(ConditionType.STALLED, "True", summary.reason, words),), None
    return (going_on,), stalled_at


def reconciling_since(assistant: ChatAssistant, now: datetime) -> datetime:
    """Since when work on this generation is under way: an edit begins anew, which the condition's own time must not tell."""
    said = assistant.condition(ConditionType.RECONCILING)
    if assistant.status is None or said is None or said.observed_generation != assistant.metadata.generation:
        return now
    return assistant.status.reconciling_since or said.last_transition_time


def _gave_up(assistant: ChatAssistant) -> bool:
    """Whether this generation has waited in vain already; one that had to be edited has not waited for anything."""
    said = assistant.condition(ConditionType.STALLED)
    same = said is not None and said.observed_generation == assistant.metadata.generation
    return said is not None and same and said.reason in _ARRIVE


def condition(assistant: ChatAssistant, finding: Finding, now: datetime) -> Condition:
    """The condition; its time moves only with its status (Kubernetes API conventions)."""
    said, generation = assistant.condition(finding.type), assistant.metadata.generation
    message, since = finding.message, now
    if said is not None and said.status == finding.truth:
        since = said.last_transition_time
    # What was known of an earlier spec, such as its image, says nothing of this one.
    subject = (str(finding.reason), generation)
    if finding.vague and said is not None and (said.reason, said.observed_generation) == subject:
        message = said.message
    return Condition(
        type=finding.type,
        status=finding.truth,
        reason=finding.reason,
        message=message,
        last_transition_time=since,
        observed_generation=generation,
    )
