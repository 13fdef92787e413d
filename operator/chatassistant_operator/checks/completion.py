"""Does the gateway answer a completion, asked by the operator once or met by the pods?"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from chatassistant_operator.api import names
from chatassistant_operator.api.reasons import ConditionType, Reason
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.checks.key import is_key_limit, limit_used_up, no_credit, refusal
from chatassistant_operator.checks.meanwhile import said_last
from chatassistant_operator.finding import Finding
from chatassistant_operator.observed import Children, Observed, annotation
from chatassistant_operator.observed.gateway import CompletionRefused, Unanswered, last_word
from chatassistant_operator.observed.pending import Pending
from chatassistant_operator.observed.pods import Report, ReportReading

_ABOUT_THE_KEY: Final = frozenset({401, 402})
# What a 404 says, by words that OpenRouter's texts have had since 2025; whatever else it is, the model is not there.
_WORDS: Final = (
    ("support tool use", Reason.TOOLS_UNSUPPORTED),
    ("unavailable for free", Reason.FREE_VARIANT_ENDED),
    ("data policy", Reason.NO_ENDPOINT_FOR_POLICY),
    ("guardrail", Reason.NO_ENDPOINT_FOR_POLICY),
    ("no allowed providers", Reason.NO_ENDPOINT_FOR_POLICY),
    ("requested parameters", Reason.NO_ENDPOINT_FOR_POLICY),
)


def completion_is_paid_for(assistant: ChatAssistant, seen: Observed) -> Finding | None:
    """What a refused completion says of the key or its account."""
    refused = last_word(seen.completion)
    if not isinstance(refused, CompletionRefused) or not _is_about_the_key(refused):
        return None
    finding = refusal(assistant, refused.status, refused.message)
    return replace(finding, message=finding.message + _when(seen))


def pods_have_told(_: ChatAssistant, seen: Observed) -> Finding | None:
    """Nothing is known while a pod has not been asked yet what it met."""
    if not any(isinstance(each, Pending) for each in told_by_pods(seen.children, seen.reports)):
        return None
    message = "The pods are being asked what their completions met."
    return Finding(ConditionType.CREDENTIALS_VALID, "Unknown", Reason.NOT_CHECKED, message, pending=True)


def pods_are_paid_for(assistant: ChatAssistant, seen: Observed) -> Finding | None:
    """What completions of the current pods met: `/key` shows no account without credit."""
    problems = met_by_pods(seen.children, seen.reports)
    type_ = ConditionType.CREDENTIALS_VALID
    if Reason.INSUFFICIENT_CREDITS in problems:
        message = no_credit(assistant, "402, as a pod was told")
        return Finding(type_, "False", Reason.INSUFFICIENT_CREDITS, message)
    if Reason.KEY_LIMIT_REACHED in problems:
        message = limit_used_up(assistant, "403, as a pod was told")
        return Finding(type_, "False", Reason.KEY_LIMIT_REACHED, message)
    return None


def met_by_pods(children: Children, reports: Mapping[str, ReportReading]) -> frozenset[str | None]:
    """The problems that completions of the current pods met, as reasons."""
    told = told_by_pods(children, reports)
    return frozenset(each.problem for each in told if isinstance(each, Report))


def told_by_pods(children: Children, reports: Mapping[str, ReportReading]) -> tuple[ReportReading, ...]:
    """What the pods of the current revision tell."""
    running = annotation(children.deployment, names.REVISION_ANNOTATION)
    current = {each.uid for each in children.replica_sets if each.revision == running}
    return tuple(reports[pod.name] for pod in children.pods if pod.owner in current and pod.name in reports)


def completion_has_come(assistant: ChatAssistant, seen: Observed) -> Finding | None:
    """Nothing is known while the completion has not been answered yet."""
    if not isinstance(seen.completion, Pending):
        return None
    message = f"{assistant.spec.model.name} is being asked for one token."
    return Finding(ConditionType.CREDENTIALS_VALID, "Unknown", Reason.NOT_CHECKED, message, pending=True)


def completion_is_answered(assistant: ChatAssistant, seen: Observed) -> Finding | None:
    """What a refused completion says of the model or its parameters."""
    refused = last_word(seen.completion)
    if not isinstance(refused, CompletionRefused) or _is_about_the_key(refused):
        return None
    name, words = assistant.spec.model.name, refused.message.lower()
    not_there = "not a valid model" in words or refused.status == 404  # noqa: PLR2004 (HTTP's own)
    otherwise = Reason.MODEL_NOT_FOUND if not_there else Reason.COMPLETION_REFUSED
    reason = next((reason for part, reason in _WORDS if part in words), otherwise)
    message = (
        f"{assistant.spec.gateway.base_url} refuses a completion of one token by {name} with these parameters "
        f"({refused.status}: {refused.message}). Change spec.model accordingly."
    )
    return Finding(ConditionType.MODEL_AVAILABLE, "False", reason, message + _when(seen))


def _when(seen: Observed) -> str:
    """The end of a message that says what was said last, where that is not now."""
    verdict = seen.completion
    return said_last(verdict, verdict.last_good) if isinstance(verdict, Unanswered) else ""


def _is_about_the_key(refused: CompletionRefused) -> bool:
    """Whether it says something of the key; the gateway accepted it just before, so that few 403s do."""
    return refused.status in _ABOUT_THE_KEY or is_key_limit(refused.status, refused.message)
