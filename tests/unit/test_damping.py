"""A status that would go to and fro stays still, and nothing that is news waits for that."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from chatassistant_operator.api.reasons import ConditionType, Reason
from chatassistant_operator.api.v1alpha1 import Metadata
from chatassistant_operator.damping import Damper
from chatassistant_operator.finding import Finding, Truth
from chatassistant_operator.observed.gateway import Cause, Unanswered
from chatassistant_operator.observed.pods import Pod
from support.situations import GOOD, NOW, assistant
from unit.world import World

VALID, AVAILABLE = ConditionType.CREDENTIALS_VALID, ConditionType.AVAILABLE
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
HALF_MINUTES_OF_AN_HOUR = range(120)
TODO = assistant().metadata


def key(truth: Truth, reason: Reason, message: str = "", *, pending: bool = False) -> Finding:
    return Finding(VALID, truth, reason, message, pending)


GOOD_KEY = key("True", Reason.KEY_ACCEPTED)
DOWN, LIMITED = key("Unknown", Reason.GATEWAY_UNREACHABLE), key("Unknown", Reason.RATE_LIMITED)
REFUSED, USED_UP = key("False", Reason.KEY_REJECTED), key("False", Reason.KEY_LIMIT_REACHED)


class Damped:
    """A damper, what it told last, and how often that changed."""

    def __init__(self) -> None:
        self.damper = Damper()
        self.now: datetime = NOW
        self.told: Finding | None = None
        self.again: datetime | None = None
        self.changes = 0

    def find(
        self,
        finding: Finding,
        after: timedelta = 30 * SECOND,
        subject: Metadata = TODO,
        revision: str | None = "r1",
    ) -> Reason:
        """What is told of a finding that is there from now on, and looked at again after so long."""
        settled, self.again = self.damper.settle(subject, revision, {finding.type: finding}, self.now)
        self.now += after
        told = settled[finding.type]
        before = (self.told.truth, self.told.reason) if self.told else None
        self.changes += (told.truth, told.reason) != before
        self.told = told
        return told.reason


def flapping(bad: Finding = DOWN, times: int = 3) -> Damped:
    """One that has seen a finding come and go so often."""
    it = Damped()
    for _ in range(times):
        it.find(bad)
        it.find(GOOD_KEY)
    return it


@pytest.mark.parametrize("bad", [DOWN, LIMITED, REFUSED, USED_UP])
def test_what_is_told_for_the_first_time_does_not_wait(bad: Finding) -> None:
    it = Damped()
    for finding in (GOOD_KEY, bad, GOOD_KEY, bad, GOOD_KEY, bad):
        assert it.find(finding) == finding.reason


def test_what_came_for_the_third_time_stays_until_it_has_been_away_for_five_minutes() -> None:
    it = flapping(times=2)
    assert it.find(DOWN) == DOWN.reason
    gone = it.now
    assert it.find(GOOD_KEY, 4 * MINUTE) == DOWN.reason
    assert it.again == gone + 5 * MINUTE
    assert it.find(GOOD_KEY, MINUTE - SECOND) == DOWN.reason
    assert it.find(GOOD_KEY, SECOND) == DOWN.reason
    assert it.find(GOOD_KEY) == GOOD_KEY.reason
    assert it.again is None


def test_what_comes_rarely_is_told_each_time() -> None:
    it = Damped()
    for _ in range(10):
        assert it.find(DOWN, 6 * MINUTE) == DOWN.reason
        assert it.find(GOOD_KEY, 6 * MINUTE) == GOOD_KEY.reason


@pytest.mark.parametrize(
    ("bad", "other"), [(DOWN, GOOD_KEY), (REFUSED, GOOD_KEY), (DOWN, LIMITED), (REFUSED, DOWN)]
)
def test_an_hour_of_alternation_changes_little(bad: Finding, other: Finding) -> None:
    it = Damped()
    for each in HALF_MINUTES_OF_AN_HOUR:
        it.find(bad if each % 2 else other)
    assert it.changes <= 6


def test_what_is_worse_is_told_at_once() -> None:
    it = flapping(DOWN)
    assert it.find(GOOD_KEY) == DOWN.reason
    assert it.find(REFUSED) == REFUSED.reason
    assert it.find(GOOD_KEY) == DOWN.reason, "the one that goes to and fro may come back any time"


def test_something_new_is_told_at_once_though_it_is_no_worse() -> None:
    it = flapping(REFUSED)
    assert it.find(GOOD_KEY) == REFUSED.reason
    assert it.find(USED_UP) == USED_UP.reason
    assert it.find(USED_UP) == USED_UP.reason, "and stays as long as it is there"


def test_what_is_held_keeps_the_words_in_which_it_was_told() -> None:
    it = flapping(key("Unknown", Reason.GATEWAY_UNREACHABLE, "Accepted last at 10:00."))
    it.find(GOOD_KEY)
    it.find(key("Unknown", Reason.GATEWAY_UNREACHABLE, "Accepted last at 10:05."))
    assert it.told is not None
    assert it.told.message == "Accepted last at 10:00."


def test_what_is_there_has_the_words_of_now() -> None:
    it = flapping(key("Unknown", Reason.GATEWAY_UNREACHABLE, "Accepted last at 10:00."), times=2)
    it.find(key("Unknown", Reason.GATEWAY_UNREACHABLE, "Accepted last at 10:00."))
    it.find(key("Unknown", Reason.GATEWAY_UNREACHABLE, "It did not answer."))
    assert it.told is not None
    assert it.told.message == "It did not answer."
    assert it.again is None, "nothing is held that is there"


def test_an_answer_on_its_way_is_neither_good_nor_bad() -> None:
    it = Damped()
    asked = key("Unknown", Reason.NOT_CHECKED, pending=True)
    for _ in range(10):
        assert it.find(asked) == Reason.NOT_CHECKED
        assert it.find(GOOD_KEY) == Reason.KEY_ACCEPTED


def test_an_answer_on_its_way_makes_nothing_come_anew() -> None:
    it = Damped()
    for _ in range(10):
        assert it.find(DOWN) == DOWN.reason
        it.find(key("Unknown", Reason.NOT_CHECKED, pending=True))
    assert it.find(GOOD_KEY) == GOOD_KEY.reason, "it came once, and is gone"


@pytest.mark.parametrize(
    "anew",
    [
        {"subject": TODO.model_copy(update={"generation": 2})},
        {"subject": TODO.model_copy(update={"uid": "another"})},
        {"revision": "r2"},
    ],
)
def test_a_new_generation_or_revision_begins_anew(anew: dict[str, Any]) -> None:
    it = flapping()
    assert it.find(GOOD_KEY) == DOWN.reason
    assert it.find(GOOD_KEY, **anew) == GOOD_KEY.reason
    assert it.find(GOOD_KEY, **anew) == GOOD_KEY.reason


def test_objects_have_nothing_to_do_with_each_other_and_one_that_is_gone_is_forgotten() -> None:
    it = flapping()
    other = TODO.model_copy(update={"name": "other"})
    assert it.find(GOOD_KEY, subject=other) == GOOD_KEY.reason
    assert it.find(GOOD_KEY) == DOWN.reason
    it.damper.forget(("todo-chatbot", "todo"))
    assert it.find(GOOD_KEY) == GOOD_KEY.reason


def test_conditions_have_nothing_to_do_with_each_other() -> None:
    it = flapping()
    starts = Finding(AVAILABLE, "False", Reason.ROLLOUT_PROGRESSING, "")
    assert it.find(starts) == starts.reason


async def test_pods_that_come_and_go_for_an_hour_cost_a_handful_of_writes() -> None:
    it = World()
    await it.reconcile()
    await it.reconcile(MINUTE)
    (revision,) = it.serving
    it.serves = False
    written = len(it.versions)
    for each in HALF_MINUTES_OF_AN_HOUR:
        it.serving = {revision: each % 2}
        await it.reconcile(30 * SECOND)
    assert len(it.versions) - written <= 6
    assert it.condition("Available") == ("False", "RolloutProgressing")
    it.serving = {revision: 1}
    await it.reconcile(5 * MINUTE)
    await it.reconcile(MINUTE)
    assert it.condition() == ("True", "Ready")
    assert it.problems() == []


@pytest.mark.parametrize("old", [0, 1], ids=["others serve", "those of the previous revision serve"])
async def test_trouble_of_one_pod_that_comes_and_goes_for_an_hour_costs_a_handful_of_writes(old: int) -> None:
    it = World(replicas=2)
    await it.reconcile()
    (revision,) = it.serving
    it.serves = False
    it.serving = {revision: 1 - old, "older": old}
    await it.reconcile(MINUTE)
    told = len(it.versions)
    for each in HALF_MINUTES_OF_AN_HOUR:
        waiting = ("ErrImagePull", "manifest unknown") if each % 2 else None
        it.pods = (Pod("todo-a", owner=revision, waiting=waiting),)
        await it.reconcile(30 * SECOND)
    assert len(it.versions) - told <= 6
    assert it.condition() == ("False", "ImagePullFailed")
    it.pods = ()
    it.serving = {revision: 2}
    await it.reconcile(SECOND)
    outcome = await it.reconcile(4 * MINUTE)
    assert it.condition() == ("False", "ImagePullFailed")
    assert outcome.again == it.now + MINUTE
    await it.reconcile(MINUTE)
    assert it.condition() == ("True", "Ready")
    assert it.problems() == []


async def test_trouble_of_one_pod_is_told_and_taken_back_at_once() -> None:
    it = World(replicas=2)
    await it.reconcile()
    (revision,) = it.serving
    it.pods = (Pod("todo-a", owner=revision, waiting=("ErrImagePull", "manifest unknown")),)
    outcome = await it.reconcile(MINUTE)
    assert it.condition() == ("False", "ImagePullFailed")
    assert it.condition("Available") == ("True", "DeploymentAvailable")
    assert outcome.again is not None
    it.pods = ()
    outcome = await it.reconcile(MINUTE)
    assert it.condition() == ("True", "Ready")
    assert outcome.again is None


async def test_a_gateway_that_comes_and_goes_for_an_hour_costs_a_handful_of_writes() -> None:
    it = World()
    await it.reconcile()
    await it.reconcile(MINUTE)
    written = len(it.versions)
    for each in HALF_MINUTES_OF_AN_HOUR:
        down = Unanswered(Cause.UNREACHABLE, "It did not answer.", it.now)
        it.see(key=down if each % 2 else GOOD.key, catalogue=down if each % 2 else GOOD.catalogue)
        await it.reconcile(30 * SECOND)
        assert it.condition() == ("True", "Ready")
    assert len(it.versions) - written <= 6
    assert it.problems() == []
