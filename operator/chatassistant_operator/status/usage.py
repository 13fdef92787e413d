"""What was used, as the pods tell: the last finished day, and how much of today's budget is spent.

Pods tell of a day once it is over, and of a threshold once it is crossed, so that this costs a write a day and one for
each threshold.
"""

from collections.abc import Collection
from decimal import Decimal

from chatassistant_operator.api.v1alpha1 import ChatAssistant, UsageStatus
from chatassistant_operator.checks.tools import is_asking
from chatassistant_operator.observed import Observed
from chatassistant_operator.observed.pods import DayUsage, Report, Usage


def usage(assistant: ChatAssistant, seen: Observed) -> UsageStatus | None:
    """The usage; kept from the last status until each pod has told of the same day.

    A day that was told stands: pods that come and go take nothing from it.
    """
    said = assistant.status.usage if assistant.status else None
    reports = (seen.reports.get(pod.name) for pod in seen.children.pods if not pod.ending)
    told = [each.usage for each in reports if isinstance(each, Report) and each.usage is not None]
    if is_asking(seen) or len({each.day for each in told}) != 1:
        return said
    percent = max(each.crossed for each in told) or None
    finished = _finished(told)
    if finished is None or (said is not None and said.day is not None and said.day >= finished.day):
        kept = (
            said.model_copy(update={"budget_percent": percent})
            if said
            else UsageStatus(budget_percent=percent)
        )
        return kept if kept != UsageStatus() else None
    return UsageStatus(
        day=finished.day,
        requests=finished.requests,
        prompt_tokens=finished.prompt_tokens,
        completion_tokens=finished.completion_tokens,
        usd=f"{finished.usd:f}",
        cached_requests=finished.cached_requests,
        saved_usd=None if finished.saved_usd is None else f"{finished.saved_usd:f}",
        budget_percent=percent,
    )


def _finished(told: Collection[Usage]) -> DayUsage | None:
    """The last finished day of all pods together; those that count together say the same."""
    days = [each.finished for each in told if each.finished is not None]
    last = max((each.day for each in days), default=None)
    if last is None:
        return None
    of_last = [each for each in days if each.day == last]
    if any(each.shared for each in told):
        return max(of_last, key=lambda each: (each.requests, each.cached_requests or 0))
    cached = [each.cached_requests for each in of_last if each.cached_requests is not None]
    saved = [each.saved_usd for each in of_last if each.saved_usd is not None]
    return DayUsage(
        day=last,
        requests=sum(each.requests for each in of_last),
        prompt_tokens=sum(each.prompt_tokens for each in of_last),
        completion_tokens=sum(each.completion_tokens for each in of_last),
        usd=sum((each.usd for each in of_last), start=Decimal(0)),
        cached_requests=sum(cached) if cached else None,
        saved_usd=sum(saved, start=Decimal(0)) if saved else None,
    )
