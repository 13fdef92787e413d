"""What the status tells of usage: one write a day and one for each threshold, whatever pods do."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from chatassistant_operator.api.v1alpha1 import ChatAssistant, Status, UsageStatus
from chatassistant_operator.observed import Children
from chatassistant_operator.observed.pending import PENDING
from chatassistant_operator.observed.pods import DayUsage, Pod, Report, ReportReading, Usage
from chatassistant_operator.status.usage import usage
from support.situations import GOOD, NOW, assistant
from unit.world import World

TODAY = date(2026, 11, 24)
YESTERDAY = TODAY - timedelta(days=1)
MINUTE = timedelta(minutes=1)


def day(requests: int = 2, usd: str = "0.1", of: date = YESTERDAY) -> DayUsage:
    return DayUsage(of, requests, 10 * requests, 5 * requests, Decimal(usd))


def saved(day: DayUsage, requests: int, usd: str) -> DayUsage:
    """The same of a pod that tells what its cache saved."""
    return replace(day, cached_requests=requests, saved_usd=Decimal(usd))


def report(
    finished: DayUsage | None = None, crossed: int = 0, *, today: date = TODAY, shared: bool = False
) -> Report:
    return Report(usage=Usage(today, crossed, finished, shared))


def told(*reports: ReportReading | None) -> dict[str, Any]:
    """What each pod tells; None for one that does not."""
    pods = tuple(Pod(f"p{number}", ready=True) for number in range(len(reports)))
    said = {pod.name: each for pod, each in zip(pods, reports, strict=True) if each is not None}
    return {"children": Children(pods=pods), "reports": said}


def said(*reports: ReportReading | None, before: UsageStatus | None = None) -> UsageStatus | None:
    subject: ChatAssistant = assistant().model_copy(update={"status": Status(usage=before)})
    return usage(subject, replace(GOOD, **told(*reports)))


BEFORE = UsageStatus(
    day=YESTERDAY, requests=4, prompt_tokens=40, completion_tokens=20, usd="0.3", budget_percent=50
)
CALM = BEFORE.model_copy(update={"budget_percent": None})


def test_nothing_is_known_of_pods_that_do_not_count() -> None:
    assert said() is None
    assert said(Report(), None) is None
    assert said(report()) is None, "nobody has asked anything yet"


def test_pods_are_added_up() -> None:
    assert said(report(day(3, "0.10")), report(day(1, "0.000000000001")), None, report()) == UsageStatus(
        day=YESTERDAY, requests=4, prompt_tokens=40, completion_tokens=20, usd="0.100000000001"
    )


def test_pods_that_count_together_are_not_added_up() -> None:
    found = said(
        report(day(3), 80, shared=True), report(day(3), 80, shared=True), report(day(2), 50, shared=True)
    )
    assert found is not None
    assert (found.requests, found.usd, found.budget_percent) == (3, "0.1", 80)


def test_what_caches_saved_is_added_up_over_the_pods_that_tell() -> None:
    found = said(report(saved(day(3), 2, "0.10")), report(day(1)), report(saved(day(0), 5, "0.02")))
    assert found is not None
    assert (found.requests, found.cached_requests, found.saved_usd) == (4, 7, "0.12")
    together = [report(saved(day(3), hits, usd), shared=True) for hits, usd in ((4, "0.4"), (5, "0.5"))]
    found = said(*together, report(day(3), shared=True))
    assert found is not None
    assert (found.cached_requests, found.saved_usd) == (5, "0.5")


def test_only_the_last_day_counts() -> None:
    older = day(9, of=YESTERDAY - timedelta(days=1))
    found = said(report(older), report(day(1)))
    assert found is not None
    assert (found.day, found.requests) == (YESTERDAY, 1)


def test_the_fullest_pod_says_how_much_of_the_budget_is_spent() -> None:
    assert said(report(crossed=0), report(crossed=80)) == UsageStatus(budget_percent=80)
    assert said(report(day(9), 100), before=CALM) == CALM.model_copy(update={"budget_percent": 100})
    assert said(report(day(9)), before=BEFORE) == CALM, "the next day it begins at nothing"


@pytest.mark.parametrize(
    "reports",
    [
        (),
        (None,),
        (PENDING, report(day(9))),
        (report(day(9, of=TODAY), today=TODAY + timedelta(days=1)), report(day(9))),
    ],
    ids=["no pod", "none that tells", "one not asked yet", "one in the day before"],
)
def test_what_was_told_stands_until_all_pods_have_told_of_the_same_day(
    reports: tuple[ReportReading | None, ...],
) -> None:
    assert said(*reports, before=BEFORE) == BEFORE


@pytest.mark.parametrize(
    "reports", [(report(day(1), 50),), (report(day(9), 50), report(day(9))), (report(None, 50),)]
)
def test_a_day_that_was_told_stands(reports: tuple[Report, ...]) -> None:
    assert said(*reports, before=BEFORE) == BEFORE


async def test_a_week_costs_a_write_a_day_and_one_for_each_threshold() -> None:
    it = World(replicas=2)
    it.pods = tuple(Pod(f"p{number}", owner="r", ready=True) for number in range(2))
    await it.reconcile()
    await it.reconcile(MINUTE)
    written = len(it.versions)
    for number in range(7):
        today = NOW.date() + timedelta(days=number)
        finished = day(number + 1, of=today - timedelta(days=1))
        for crossed in (0, 0, 50, 50, 80, 80):
            # The first pod is a little ahead of the second.
            for reports in (
                (report(finished, crossed, today=today), None),
                (None, report(finished, crossed, today=today)),
            ):
                now = {f"p{index}": each for index, each in enumerate(reports) if each is not None}
                it.see(reports={**it.seen.reports, **now})
                await it.reconcile(MINUTE)
                it.restart()
                await it.reconcile(MINUTE)
    assert len(it.versions) - written == 7 * 3
    assert it.body["status"]["usage"]["budgetPercent"] == 80
    assert it.body["status"]["usage"]["requests"] == 14
    assert it.problems() == []
