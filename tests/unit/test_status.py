"""Findings become a Ready that tells the truth, and beside it what kstatus reads: Reconciling or Stalled."""

import inspect
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chatassistant_operator import checks
from chatassistant_operator.api.api_key import ApiKey
from chatassistant_operator.api.reasons import ConditionType, Reason
from chatassistant_operator.api.v1alpha1 import ChatAssistant, Condition, Status
from chatassistant_operator.checks.rollout import Rollout
from chatassistant_operator.finding import Finding
from chatassistant_operator.observed import Children, Observed
from chatassistant_operator.observed.gateway import (
    Catalogue,
    Cause,
    CompletionAnswered,
    CompletionRefused,
    Endpoint,
    Endpoints,
    KeyAccepted,
    KeyRefused,
    Left,
    Unanswered,
)
from chatassistant_operator.observed.named import Absent, Credential
from chatassistant_operator.observed.pending import PENDING
from chatassistant_operator.observed.pods import Pod, Report, ToolServer
from chatassistant_operator.status import Found, invalid, summarise
from chatassistant_operator.status.events import events
from support import kstatus
from support.situations import GOOD, KEY, NOW, OTHER_KEY, assistant, body, running, written

AVAILABLE = ConditionType.AVAILABLE
MINUTE, DEADLINE = timedelta(minutes=1), timedelta(minutes=10)
APPLIED = Finding(ConditionType.APPLIED, "True", Reason.APPLIED, "Every object is as it should be.")
CONFLICT = Finding(ConditionType.APPLIED, "False", Reason.NAME_CONFLICT, "A Service todo is somebody else's.")
CRASHES = Finding(AVAILABLE, "False", Reason.CRASH_LOOPING, "The chatbot ends again and again.")
FAILED = Finding(AVAILABLE, "False", Reason.ROLLOUT_FAILED, "New pods did not become ready.")
NO_POD = Rollout(Finding(AVAILABLE, "Unknown", Reason.NOT_CHECKED, "No pod runs yet."))
STARTS = Rollout(Finding(AVAILABLE, "False", Reason.ROLLOUT_PROGRESSING, "No pod is ready yet."))
SERVES = Rollout(Finding(AVAILABLE, "True", Reason.DEPLOYMENT_AVAILABLE, "1 of 1 pods serve."), complete=True)
ONE_CRASHES = replace(SERVES, trouble=CRASHES)
OLD_SERVES = Rollout(Finding(AVAILABLE, "True", Reason.SERVING_PREVIOUS_REVISION, "Old pods serve."))
OLD_SERVES_NEW_CRASHES = replace(OLD_SERVES, trouble=CRASHES)

DOWN = Unanswered(Cause.UNREACHABLE, "It did not answer.", datetime(2026, 11, 23, tzinfo=UTC))
LIMITED = Unanswered(Cause.RATE_LIMITED, "Slow down.")
NO_KEY = {"credential": Absent(), "key": None}
REFUSED = {"key": KeyRefused(401, "User not found.")}
DISABLED = {"validation": {"mode": "Disabled"}}
MISSPELT = {"model": {"name": "openai/gpt5-mini"}}
TOOLS = {"tools": {"mcpServers": [{"name": "todo", "url": "http://todo:8000/mcp"}]}}
NOT_ASKED = {"key": None, "catalogue": None}


def reported(server: ToolServer) -> dict[str, Any]:
    """A pod tells this of the MCP server."""
    pod = Pod("todo-1", ready=True)
    return {"children": Children(pods=(pod,)), "reports": {pod.name: Report(tools=(server,))}}


def summary(
    subject: ChatAssistant,
    seen: Observed,
    rollout: Rollout,
    now: datetime = NOW,
    applied: Finding = APPLIED,
) -> tuple[Status | None, datetime | None]:
    """The status, and when it changes by itself."""
    findings = {applied.type: applied, AVAILABLE: rollout.finding} | checks.run(subject, seen)
    found = Found(findings, rollout, running(replicas=1, readyReplicas=1))
    status, again = summarise(subject, replace(seen, now=now), found)
    if status is not None:
        obj = body() | {"spec": subject.model_dump(by_alias=True, mode="json")["spec"]}
        obj["metadata"]["generation"] = subject.metadata.generation
        obj["status"] = status.model_dump(by_alias=True, exclude_none=True, mode="json")
        assert kstatus.violations(obj, now) == []
    return status, again


def condition(status: Status | None, type_: str = "Ready") -> Condition | None:
    assert status is not None
    return next((each for each in status.conditions if each.type == type_), None)


READY: tuple[tuple[str, dict[str, Any], dict[str, Any], Rollout, tuple[str, str], str], ...] = (
    # name, spec, seen, pods, Ready's status and reason, a part of its message
    ("all is well", {}, {}, SERVES, ("True", "Ready"), "todo answers at http://todo.todo-chatbot.svc."),
    ("at another port", {"service": {"port": 8000}}, {}, SERVES, ("True", "Ready"), "http://todo.todo-chatbot.svc:8000."),
    ("no pod is asked for", {"replicas": 0}, {}, SERVES, ("True", "Ready"), "nothing answers at http://todo.todo-chatbot.svc."),
    ("gateway down", {}, {"key": DOWN}, SERVES, ("True", "Ready"), "accepted last at 2026-11-23T00:00:00Z"),
    ("too many requests", {}, {"key": LIMITED}, SERVES, ("True", "Ready"), "Slow down."),
    ("catalogue down", {}, {"catalogue": DOWN}, SERVES, ("True", "Ready"), "says nothing against openai/gpt-5-mini"),
    ("validation disabled", DISABLED, NOT_ASKED, SERVES, ("True", "Ready"), "spec.validation.mode is Disabled"),
    ("tools that nobody told of yet", TOOLS, {}, SERVES, ("True", "Ready"), "No pod has told yet"),
    ("suspended", {"suspend": True}, NOT_ASKED, NO_POD, ("True", "Suspended"), "Set spec.suspend to false"),
    ("no pod yet", {}, {}, NO_POD, ("Unknown", "Pending"), "No pod runs yet."),
    ("pods start", {}, {}, STARTS, ("False", "RolloutProgressing"), "No pod is ready yet."),
    ("pods crash", {}, {}, Rollout(CRASHES, CRASHES), ("False", "CrashLooping"), "again and again"),
    ("one of several crashes", {}, {}, ONE_CRASHES, ("False", "CrashLooping"), "1 of 1 pods serve. The chatbot ends"),
    ("old pods serve", {}, {}, OLD_SERVES, ("False", "RolloutProgressing"), "Old pods serve."),
    ("old pods serve, new ones crash", {}, {}, OLD_SERVES_NEW_CRASHES, ("False", "CrashLooping"), "Old pods serve."),
    ("a refused key, pods serve", {}, REFUSED, SERVES, ("False", "KeyRejected"), "User not found."),
    ("a refused key, old pods serve", {}, REFUSED, OLD_SERVES, ("False", "KeyRejected"), "User not found."),
    ("no Secret", {}, NO_KEY, NO_POD, ("False", "SecretNotFound"), "kubectl create secret"),
    ("no Secret and no model", MISSPELT, NO_KEY, NO_POD, ("False", "SecretNotFound"), "kubectl create secret"),
    ("no model", MISSPELT, {}, SERVES, ("False", "ModelNotFound"), "gpt5-mini"),
    ("no model, and pods crash", MISSPELT, {}, Rollout(CRASHES, CRASHES), ("False", "ModelNotFound"), "gpt5-mini"),
    ("no tools", TOOLS, reported(ToolServer("todo", problem="Refused")), SERVES, ("False", "ToolServerUnreachable"), "(Refused)"),
    ("no tools, and no pods", TOOLS, reported(ToolServer("todo", problem="Refused")), STARTS, ("False", "RolloutProgressing"), "No pod"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "spec", "seen", "rollout", "ready", "words"), READY, ids=lambda row: str(row)[:40]
)
def test_ready(
    name: str,
    spec: dict[str, Any],
    seen: dict[str, Any],
    rollout: Rollout,
    ready: tuple[str, str],
    words: str,
) -> None:
    found = condition(summary(assistant(**spec), replace(GOOD, **seen), rollout)[0])
    assert found is not None, name
    assert (found.status, found.reason) == ready
    assert words in found.message


def test_what_cannot_be_written_comes_first() -> None:
    found = condition(summary(assistant(), replace(GOOD, **NO_KEY), NO_POD, applied=CONFLICT)[0])
    assert found is not None
    assert found.reason == "NameConflict"


SIGNS: tuple[tuple[str, dict[str, Any], dict[str, Any], Rollout, str | None, bool], ...] = (
    # name, spec, seen, pods, the sign beside Ready, whether it changes by itself
    ("ready", {}, {}, SERVES, None, False),
    ("suspended", {"suspend": True}, NOT_ASKED, NO_POD, None, False),
    ("it mends itself: pods start", {}, {}, STARTS, "Reconciling", False),
    ("it mends itself: no pod yet", {}, {}, NO_POD, "Reconciling", False),
    ("it may arrive: a Secret", {}, NO_KEY, NO_POD, "Reconciling", True),
    ("it may arrive: a better key", {}, REFUSED, SERVES, "Reconciling", True),
    ("it may arrive: what pods lack", {}, {}, Rollout(CRASHES, CRASHES), "Reconciling", True),
    ("the spec has to be edited: a model", MISSPELT, {}, SERVES, "Stalled", False),
    ("the spec has to be edited: a roll-out that failed", {}, {}, Rollout(FAILED, FAILED), "Stalled", False),
)


@pytest.mark.parametrize(
    ("name", "spec", "seen", "rollout", "sign", "changes"), SIGNS, ids=lambda row: str(row)[:40]
)
def test_what_goes_on(
    name: str, spec: dict[str, Any], seen: dict[str, Any], rollout: Rollout, sign: str | None, changes: bool
) -> None:
    status, again = summary(assistant(**spec), replace(GOOD, **seen), rollout)
    assert status is not None, name
    signs = [each.type for each in status.conditions if each.type in {"Reconciling", "Stalled"}]
    assert signs == ([sign] if sign else [])
    assert again == (NOW + DEADLINE if changes else None)


def sign(status: Status | None) -> tuple[str, str]:
    """Which of the two is there, and for which reason."""
    assert status is not None
    (found,) = (each for each in status.conditions if each.type in {"Reconciling", "Stalled"})
    return found.type, found.reason


def test_what_may_arrive_is_given_up_after_ten_minutes_also_across_a_restart() -> None:
    missing = replace(GOOD, **NO_KEY)
    status, _ = summary(assistant(), missing, NO_POD)
    for minutes in (1, 5, 9):
        status, again = summary(written(status), missing, NO_POD, NOW + minutes * MINUTE)
        assert sign(status) == ("Reconciling", "SecretNotFound")
        assert again == NOW + DEADLINE
    status, again = summary(written(status), missing, NO_POD, NOW + DEADLINE)
    assert sign(status) == ("Stalled", "SecretNotFound")
    assert again is None
    for minutes in (11, 60, 600):
        status, _ = summary(written(status), missing, NO_POD, NOW + minutes * MINUTE)
        assert sign(status) == ("Stalled", "SecretNotFound")


def test_time_spent_on_what_mends_itself_counts_too() -> None:
    status, _ = summary(assistant(), GOOD, STARTS)
    status, again = summary(written(status), GOOD, Rollout(CRASHES, CRASHES), NOW + 4 * MINUTE)
    assert sign(status) == ("Reconciling", "CrashLooping")
    assert again == NOW + DEADLINE


def test_what_mends_itself_never_stalls() -> None:
    status, _ = summary(assistant(), GOOD, STARTS)
    status, _ = summary(written(status), GOOD, STARTS, NOW + 60 * MINUTE)
    assert sign(status) == ("Reconciling", "RolloutProgressing")


def test_an_edit_begins_anew() -> None:
    missing = replace(GOOD, **NO_KEY)
    status, _ = summary(assistant(), missing, NO_POD)
    status, _ = summary(written(status), missing, NO_POD, NOW + DEADLINE)
    assert sign(status)[0] == "Stalled"
    later = NOW + 60 * MINUTE
    status, again = summary(written(status, generation=2), missing, NO_POD, later)
    assert sign(status)[0] == "Reconciling"
    assert again == later + DEADLINE


@pytest.mark.parametrize("rollout", [NO_POD, STARTS])
def test_an_edit_begins_anew_while_it_is_reconciling_too(rollout: Rollout) -> None:
    missing = replace(GOOD, **NO_KEY)
    status, _ = summary(assistant(), GOOD if rollout is STARTS else missing, rollout)
    later = NOW + 9 * MINUTE
    status, again = summary(written(status, generation=2), missing, NO_POD, later)
    found = condition(status, "Reconciling")
    assert found is not None
    assert found.last_transition_time == NOW, "the condition's own time moves only with its status"
    assert again == later + DEADLINE
    for minutes in (1, 5, 9):
        same, again = summary(written(status, generation=2), missing, NO_POD, later + minutes * MINUTE)
        assert (same, again) == (status, later + DEADLINE)
    status, _ = summary(written(status, generation=2), missing, NO_POD, later + DEADLINE)
    assert sign(status) == ("Stalled", "SecretNotFound")


def test_work_that_an_earlier_operator_began_keeps_its_time() -> None:
    missing = replace(GOOD, **NO_KEY)
    status, _ = summary(assistant(), missing, NO_POD)
    assert status is not None
    earlier = status.model_copy(update={"reconciling_since": None})
    assert summary(written(earlier), missing, NO_POD, NOW + MINUTE)[1] == NOW + DEADLINE


def test_what_had_to_be_edited_does_not_shorten_the_wait_for_what_may_arrive() -> None:
    status, _ = summary(assistant(**MISSPELT), GOOD, SERVES)
    assert sign(status) == ("Stalled", "ModelNotFound")
    later = NOW + 60 * MINUTE
    missing = replace(GOOD, **NO_KEY)
    status, again = summary(written(status, **MISSPELT), missing, SERVES, later)
    assert sign(status) == ("Reconciling", "SecretNotFound")
    assert again == later + DEADLINE


def test_a_time_moves_only_with_its_condition() -> None:
    first, _ = summary(assistant(), GOOD, STARTS)
    assert first is not None
    later = NOW + timedelta(hours=1)
    second, _ = summary(written(first), GOOD, SERVES, later)
    assert second is not None
    moved = {each.type for each in second.conditions if each.last_transition_time == later}
    assert moved == {"Ready", "Available"}
    assert summary(written(first), GOOD, STARTS, later)[0] == first
    refused, _ = summary(written(second), replace(GOOD, **REFUSED), SERVES, later + MINUTE)
    missing, _ = summary(written(refused), replace(GOOD, **NO_KEY), SERVES, later + 2 * MINUTE)
    found = condition(missing, "CredentialsValid")
    assert found is not None
    assert (found.reason, found.last_transition_time) == ("SecretNotFound", later + MINUTE)


@pytest.mark.parametrize("name", [row[0] for row in READY])
def test_a_steady_world_says_the_same_hours_later(name: str) -> None:
    (row,) = (row for row in READY if row[0] == name)
    _, spec, seen, rollout, _, _ = row
    first, _ = summary(assistant(**spec), replace(GOOD, **seen), rollout)
    # What may still arrive has been given up by then, once and for all.
    later, _ = summary(written(first, **spec), replace(GOOD, **seen), rollout, NOW + timedelta(hours=1))
    latest, _ = summary(written(later, **spec), replace(GOOD, **seen), rollout, NOW + timedelta(hours=9))
    assert latest == later
    assert condition(later) == condition(first)


def test_a_restart_says_nothing_until_there_is_news() -> None:
    before, _ = summary(assistant(), GOOD, SERVES)
    unread = replace(GOOD, credential=PENDING, key=None, catalogue=PENDING)
    assert summary(written(before), unread, SERVES, NOW + timedelta(hours=1))[0] == before


SAID_BY_THE_GATEWAY: tuple[dict[str, Any], ...] = (
    {"key": KeyRefused(401, "User not found.")},
    {"key": KeyRefused(402, "Insufficient credits.")},
    {"key": KeyRefused(401, "User not found.", expired_at=NOW)},
    {"key": KeyAccepted("", management=True)},
    {"key": KeyAccepted("", credits=Left.NONE)},
    {"completion": CompletionRefused(402, "Insufficient credits.")},
)


@pytest.mark.parametrize("said", SAID_BY_THE_GATEWAY)
def test_what_the_gateway_said_against_the_key_stands_after_a_restart_in_an_outage(
    said: dict[str, Any],
) -> None:
    before, _ = summary(assistant(), replace(GOOD, **said), SERVES)
    outage = replace(GOOD, key=LIMITED)
    assert summary(written(before), outage, SERVES, NOW + MINUTE)[0] == before


@pytest.mark.parametrize(
    ("said", "generation", "seen"),
    [
        (REFUSED, 2, {}),
        (REFUSED, 1, {"credential": Credential(OTHER_KEY, OTHER_KEY.fingerprint or "")}),
        (NO_KEY, 1, {}),
        ({"credential": Credential(ApiKey("hunter2"), "1"), "key": None}, 1, {}),
    ],
    ids=["another spec", "another key", "no Secret before", "no key before"],
)
def test_what_was_said_of_something_else_does_not_stand(
    said: dict[str, Any], generation: int, seen: dict[str, Any]
) -> None:
    before, _ = summary(assistant(), replace(GOOD, **said), SERVES)
    outage = replace(GOOD, **seen, key=DOWN)
    after, _ = summary(written(before, generation=generation), outage, SERVES, NOW + MINUTE)
    found = condition(after, "CredentialsValid")
    assert found is not None
    assert (found.status, found.reason) == ("Unknown", "GatewayUnreachable")


WITH_A_TRIAL = {"validation": {"mode": "Completion"}}
ONLY_GROQ = {"model": {"provider": {"only": ["groq"]}}}
BY_OTHERS = {
    "endpoints": {"openai/gpt-5-mini": Endpoints((Endpoint("openai/gpt-5-mini", "OpenAI", "openai"),))}
}
SILENT: dict[str, Any] = {"catalogue": LIMITED, "key": LIMITED}


@pytest.mark.parametrize(
    ("spec", "said", "outage"),
    [
        (MISSPELT, {}, SILENT),
        (MISSPELT, {}, {"catalogue": LIMITED}),
        (ONLY_GROQ, BY_OTHERS, SILENT),
        (ONLY_GROQ, BY_OTHERS, {"endpoints": {"openai/gpt-5-mini": LIMITED}}),
        (WITH_A_TRIAL, {"completion": CompletionRefused(404, "Gone.")}, {"completion": LIMITED}),
        (WITH_A_TRIAL, {"completion": CompletionRefused(404, "Gone.")}, {"key": LIMITED}),
    ],
    ids=["all", "catalogue", "all of a preference", "endpoints", "completion", "key of a completion"],
)
def test_what_the_gateway_said_against_the_model_stands_after_a_restart_in_an_outage(
    spec: dict[str, Any], said: dict[str, Any], outage: dict[str, Any]
) -> None:
    before, _ = summary(assistant(**spec), replace(GOOD, **said), SERVES)
    told = condition(before, "ModelAvailable")
    assert told is not None
    assert told.status == "False"
    later, _ = summary(written(before, **spec), replace(GOOD, **outage), SERVES, NOW + MINUTE)
    assert condition(later, "ModelAvailable") == told


@pytest.mark.parametrize(
    ("spec", "said", "generation", "seen", "wanted"),
    [
        (MISSPELT, {}, 2, {"catalogue": DOWN}, "CatalogUnavailable"),
        (ONLY_GROQ, BY_OTHERS, 1, {}, "ModelFound"),
        (ONLY_GROQ, {"catalogue": Catalogue({})}, 1, {"endpoints": {"openai/gpt-5-mini": DOWN}}, "ModelFound"),
        (WITH_A_TRIAL, {"completion": CompletionRefused(400, "Odd.")}, 1, {"completion": CompletionAnswered()}, "ModelFound"),
    ],
    ids=["another spec", "answered", "not by the endpoints", "a completion"],
)  # fmt: skip
def test_what_was_said_against_a_model_does_not_stand_against_an_answer(
    spec: dict[str, Any], said: dict[str, Any], generation: int, seen: dict[str, Any], wanted: str
) -> None:
    before, _ = summary(assistant(**spec), replace(GOOD, **said), SERVES)
    told = condition(before, "ModelAvailable")
    assert told is not None
    assert told.status == "False"
    later, _ = summary(
        written(before, generation=generation, **spec), replace(GOOD, **seen), SERVES, NOW + MINUTE
    )
    found = condition(later, "ModelAvailable")
    assert found is not None
    assert found.reason == wanted


@pytest.mark.parametrize(("type_", "truth"), [("CredentialsValid", "False"), ("ModelRetiring", "True")])
def test_reasons_of_a_newer_operator_are_kept_until_there_is_news(type_: str, truth: str) -> None:
    status, _ = summary(assistant(), GOOD, SERVES)
    assert status is not None
    newer = Condition.model_validate(
        {
            "type": type_,
            "status": truth,
            "reason": "FromTheFuture",
            "message": "Something is the matter.",
            "last_transition_time": NOW,
            "observed_generation": 1,
        }
    )
    others = tuple(each for each in status.conditions if each.type != type_)
    downgraded = written(status.model_copy(update={"conditions": (*others, newer)}))
    unread = replace(GOOD, credential=PENDING, key=None, catalogue=PENDING)
    found = Found(
        {APPLIED.type: APPLIED, AVAILABLE: SERVES.finding} | checks.run(downgraded, unread), SERVES, running()
    )
    # Not recorded: to hold statuses to what this version knows is not for those of another one.
    kept, _ = inspect.unwrap(summarise)(downgraded, unread, found)
    assert condition(kept, type_) == newer
    assert all(each["type"] == "Normal" for each in events(assistant(), kept or status, "here"))


def test_an_answer_on_its_way_is_waited_for_when_nothing_was_said_before() -> None:
    status, again = summary(assistant(), replace(GOOD, key=PENDING), NO_POD)
    assert status is None
    assert again == NOW + timedelta(seconds=31)
    before, _ = summary(assistant(), GOOD, SERVES)
    asked = replace(GOOD, key=PENDING)
    assert summary(written(before, generation=2), asked, SERVES)[0] is None


def test_an_object_that_this_version_does_not_accept() -> None:
    first = invalid(body(), "spec.odd: unknown field", NOW)
    obj = body() | {"status": first.model_dump(by_alias=True, exclude_none=True, mode="json")}
    assert [(each.type, each.status) for each in first.conditions] == [
        ("Ready", "False"),
        ("Applied", "False"),
        ("Stalled", "True"),
    ]
    assert kstatus.violations(obj, NOW) == []
    assert invalid(obj, "spec.odd: unknown field", NOW + MINUTE) == first


def test_the_key_is_nowhere() -> None:
    for key in (KeyAccepted("sk-or-v1-012...def"), KeyRefused(401, "no"), DOWN):
        status, _ = summary(assistant(), replace(GOOD, key=key), SERVES)
        assert status is not None
        assert KEY.reveal() not in status.model_dump_json() + repr(GOOD) + str(KEY)
