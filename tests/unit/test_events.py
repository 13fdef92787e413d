"""Which changes of a status become Events, and what these say."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chatassistant_operator.api.reasons import Awaits, ConditionType, Reason
from chatassistant_operator.api.v1alpha1 import ChatAssistant, Condition, Status
from chatassistant_operator.observed import Manifest
from chatassistant_operator.status.events import events
from support.situations import NOW, assistant, written

Step = tuple[str, str, Reason]
LATER = NOW + timedelta(minutes=5)


def status(*steps: Step, at: datetime = NOW, message: str = "What happened, and what to do.") -> Status:
    """A status with these conditions, all changed at a time."""
    return Status(
        observed_generation=1,
        conditions=tuple(
            Condition.model_validate({
                "type": type_,
                "status": truth,
                "reason": str(reason),
                "message": message,
                "last_transition_time": at,
                "observed_generation": 1,
            })
            for type_, truth, reason in steps
        ),
    )  # fmt: skip


def posted(before: Status | None, after: Status) -> list[Manifest]:
    subject: ChatAssistant = assistant() if before is None else written(before)
    return events(subject, after, "operator-1")


def told(before: Status | None, after: Status) -> list[tuple[str, str, str]]:
    """(type, action, reason) of each Event."""
    return [(each["type"], each["action"], each["reason"]) for each in posted(before, after)]


NEW = status(("Ready", "Unknown", Reason.PENDING))
GOOD: tuple[Step, ...] = (
    ("Ready", "True", Reason.READY),
    ("Applied", "True", Reason.APPLIED),
    ("CredentialsValid", "True", Reason.KEY_ACCEPTED),
)
REFUSED: tuple[Step, ...] = (
    ("Ready", "False", Reason.KEY_REJECTED),
    ("Applied", "True", Reason.APPLIED),
    ("CredentialsValid", "False", Reason.KEY_REJECTED),
    ("Reconciling", "True", Reason.KEY_REJECTED),
)
STALLED: tuple[Step, ...] = (*REFUSED[:3], ("Stalled", "True", Reason.KEY_REJECTED))
OUTAGE: tuple[Step, ...] = (*GOOD[:2], ("CredentialsValid", "Unknown", Reason.GATEWAY_UNREACHABLE))
MISSING: tuple[Step, ...] = (
    ("Ready", "False", Reason.SECRET_NOT_FOUND),
    ("Applied", "True", Reason.APPLIED),
    ("CredentialsValid", "False", Reason.SECRET_NOT_FOUND),
    ("Reconciling", "True", Reason.SECRET_NOT_FOUND),
)
EXPIRES: Step = ("KeyExpiringSoon", "True", Reason.KEY_EXPIRING_SOON)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (NEW, status(*GOOD), [("Normal", "ReadyTrue", "Ready")]),
        (None, status(*GOOD), []),
        (NEW, status(*REFUSED), [("Warning", "CredentialsValidFalse", "KeyRejected")]),
        (None, status(*REFUSED), [("Warning", "CredentialsValidFalse", "KeyRejected")]),
        (status(*GOOD), status(*GOOD), []),
        (status(*GOOD), status(*GOOD, at=LATER, message="Other words."), []),
        (status(*GOOD), status(*REFUSED), [("Warning", "CredentialsValidFalse", "KeyRejected")]),
        (status(*REFUSED), status(*MISSING), []),
        (status(*REFUSED), status(*STALLED), [("Warning", "StalledTrue", "KeyRejected")]),
        (
            status(*STALLED),
            status(*GOOD),
            [("Normal", "ReadyTrue", "Ready"), ("Normal", "CredentialsValidTrue", "KeyAccepted")],
        ),
        (status(*GOOD), status(*OUTAGE), [("Normal", "CredentialsValidUnknown", "GatewayUnreachable")]),
        (status(*OUTAGE), status(*GOOD), [("Normal", "CredentialsValidTrue", "KeyAccepted")]),
        (status(*GOOD), status(*GOOD, EXPIRES), [("Warning", "KeyExpiringSoonTrue", "KeyExpiringSoon")]),
        (status(*GOOD, EXPIRES), status(*GOOD), []),
    ],
)
def test_only_what_changed_is_told_and_once(
    before: Status | None, after: Status, expected: list[tuple[str, str, str]]
) -> None:
    assert told(before, after) == expected


@pytest.mark.parametrize("reason", Reason)
def test_a_warning_is_for_what_somebody_has_to_mend(reason: Reason) -> None:
    kind = "Warning" if reason.awaits in {Awaits.ARRIVAL, Awaits.EDIT} else "Normal"
    ready = status(("Ready", "False", reason))
    before = status(("Ready", "Unknown", Reason.PENDING))
    assert told(before, ready) == [(kind, "ReadyFalse", reason)]


def test_a_transition_has_one_name_for_ever() -> None:
    first, again = posted(status(*GOOD), status(*REFUSED)), posted(status(*GOOD), status(*REFUSED))
    assert first == again, "a repeated post is the same Event, which the API server refuses"
    names = {each["metadata"]["name"] for each in first}
    for other in (status(*REFUSED, at=LATER), status(*OUTAGE)):
        names |= {each["metadata"]["name"] for each in posted(status(*GOOD), other)}
    names |= {each["metadata"]["name"] for each in posted(NEW, status(*GOOD))}
    recreated = written(status(*GOOD))
    metadata = recreated.metadata.model_copy(update={"uid": "another"})
    other_object = recreated.model_copy(update={"metadata": metadata})
    names |= {each["metadata"]["name"] for each in events(other_object, status(*REFUSED), "operator-1")}
    assert len(names) == 4, (
        "another time, condition or object is another Event; another status at that time is not"
    )


def test_what_an_event_says() -> None:
    (event,) = posted(status(*GOOD), status(*REFUSED, message="The key is refused.", at=LATER))
    metadata = assistant().metadata
    assert event["apiVersion"] == "events.k8s.io/v1"
    assert event["metadata"]["namespace"] == "todo-chatbot"
    assert event["note"] == "The key is refused."
    assert datetime.fromisoformat(event["eventTime"]) == LATER
    assert event["eventTime"].endswith(".000000Z"), "the API server wants microseconds"
    assert event["regarding"] == {
        "apiVersion": "chatassistant.dev/v1alpha1",
        "kind": "ChatAssistant",
        "name": "todo",
        "namespace": "todo-chatbot",
        "uid": metadata.uid,
    }
    assert event["reportingInstance"] == "operator-1"
    assert len(events(written(status(*GOOD)), status(*REFUSED), "x" * 300)[0]["reportingInstance"]) == 128


@pytest.mark.parametrize(
    ("message", "note"),
    [
        ("x" * 1024, "x" * 1024),
        ("x" * 1025, "x" * 1021 + "…"),
        ("ü" * 512, "ü" * 512),
        ("ü" * 513, "ü" * 510 + "…"),
        ("x" + "ü" * 512, "x" + "ü" * 510 + "…"),
        ("😀" * 257, "😀" * 255 + "…"),
    ],
)
def test_a_note_has_at_most_1024_bytes_and_no_half_characters(message: str, note: str) -> None:
    (event,) = posted(status(*GOOD), status(*REFUSED, message=message))
    assert event["note"] == note
    assert len(note.encode()) <= 1024


def test_each_condition_can_be_told_of_but_reconciling() -> None:
    silent: list[Any] = []
    for type_ in ConditionType:
        after = status((type_, "False", Reason.KEY_REJECTED), at=datetime(2026, 12, 1, tzinfo=UTC))
        if not told(status((type_, "True", Reason.READY)), after):
            silent.append(type_)
    assert silent == [ConditionType.RECONCILING]
