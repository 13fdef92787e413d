"""Findings become a status that tells the truth and is not written again when there is no news."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chatassistant_operator import checks
from chatassistant_operator.api.reasons import ConditionType, Reason
from chatassistant_operator.api.v1alpha1 import ChatAssistant, Status
from chatassistant_operator.finding import Finding
from chatassistant_operator.observed import PENDING, Absent, Cause, KeyRefused, Observed, Unanswered
from chatassistant_operator.status import summarise
from support.situations import GOOD, KEY, assistant, body

NOW = datetime(2026, 11, 24, tzinfo=UTC)
SERVES = Finding(ConditionType.AVAILABLE, "True", Reason.DEPLOYMENT_AVAILABLE, "1 of 1 pods serve.")
OLD_SERVES = Finding(ConditionType.AVAILABLE, "True", Reason.SERVING_PREVIOUS_REVISION, "Old pods serve.")
ROLLING = Finding(ConditionType.AVAILABLE, "False", Reason.ROLLOUT_PROGRESSING, "No pod is ready yet.")
NO_POD = Finding(ConditionType.AVAILABLE, "Unknown", Reason.NOT_CHECKED, "No pod runs yet.")
APPLIED = Finding(ConditionType.APPLIED, "True", Reason.APPLIED, "Every object is as it should be.")
DOWN = Unanswered(Cause.UNREACHABLE, "It did not answer.")


def _status(subject: ChatAssistant, seen: Observed, available: Finding, now: datetime = NOW) -> Status | None:
    findings = {ConditionType.APPLIED: APPLIED, available.type: available} | checks.run(subject, seen)
    return summarise(subject, seen, findings, {"status": {"replicas": 1, "readyReplicas": 1}}, now)


def _ready(status: Status | None) -> tuple[str, str]:
    assert status is not None
    assert status.conditions[0].type == "Ready"
    return status.conditions[0].status, status.conditions[0].reason


@pytest.mark.parametrize(
    ("spec", "seen", "available", "ready"),
    [
        ({}, {}, SERVES, ("True", "Ready")),
        ({}, {}, OLD_SERVES, ("False", "RolloutProgressing")),
        ({}, {}, ROLLING, ("False", "RolloutProgressing")),
        ({}, {"key": KeyRefused(401, "no")}, SERVES, ("False", "KeyRejected")),
        ({}, {"key": DOWN}, SERVES, ("True", "Ready")),
        ({}, {"catalogue": DOWN}, SERVES, ("True", "Ready")),
        ({}, {"credential": Absent(), "key": None}, NO_POD, ("False", "SecretNotFound")),
        ({"validation": {"mode": "Disabled"}}, {"key": None, "catalogue": None}, SERVES, ("True", "Ready")),
        ({"suspend": True}, {"key": None, "catalogue": None}, NO_POD, ("True", "Suspended")),
    ],
)
def test_ready(
    spec: dict[str, Any], seen: dict[str, Any], available: Finding, ready: tuple[str, str]
) -> None:
    assert _ready(_status(assistant(**spec), replace(GOOD, **seen), available)) == ready


def test_a_time_moves_only_with_its_condition() -> None:
    first = _status(assistant(), GOOD, ROLLING)
    assert first is not None
    then = {"status": first.model_dump(by_alias=True, exclude_none=True, mode="json")}
    later = NOW + timedelta(hours=1)
    second = _status(ChatAssistant.parse(body() | then), GOOD, SERVES, later)
    assert second is not None
    moved = {each.type for each in second.conditions if each.last_transition_time == later}
    assert moved == {"Ready", "Available"}
    assert _status(ChatAssistant.parse(body() | then), GOOD, ROLLING, later) == first


def test_a_restart_says_nothing_until_there_is_news() -> None:
    before = _status(assistant(), GOOD, SERVES)
    assert before is not None
    then = {"status": before.model_dump(by_alias=True, exclude_none=True, mode="json")}
    unread = replace(GOOD, credential=PENDING, key=None, catalogue=PENDING)
    assert _status(ChatAssistant.parse(body() | then), unread, SERVES, NOW + timedelta(hours=1)) == before


def test_an_answer_on_its_way_is_waited_for_when_nothing_was_said_before() -> None:
    assert _status(assistant(), replace(GOOD, key=PENDING), NO_POD) is None
    edited = body(systemPrompt="Another")
    before = _status(assistant(), GOOD, SERVES)
    assert before is not None
    edited["status"] = before.model_dump(by_alias=True, exclude_none=True, mode="json")
    edited["metadata"]["generation"] = 2
    assert _status(ChatAssistant.parse(edited), replace(GOOD, key=PENDING), SERVES) is None


def test_the_key_is_nowhere() -> None:
    status = _status(assistant(), GOOD, SERVES)
    assert status is not None
    assert status.credentials is not None
    assert len(status.credentials.fingerprint or "") == 12
    assert KEY.reveal() not in status.model_dump_json() + repr(GOOD) + str(KEY)
