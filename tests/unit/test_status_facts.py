"""What a status tells beside Ready: warnings, what is known of key, model and tools, and the last roll-outs."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from chatassistant_operator import checks
from chatassistant_operator.api.api_key import ApiKey
from chatassistant_operator.api.reasons import ConditionType, Reason
from chatassistant_operator.api.v1alpha1 import ChatAssistant, CredentialsStatus, Pricing, Status
from chatassistant_operator.checks.rollout import Rollout
from chatassistant_operator.finding import Finding
from chatassistant_operator.observed import Children, Manifest, Observed
from chatassistant_operator.observed.gateway import (
    Catalogue,
    Cause,
    KeyAccepted,
    KeyRefused,
    KnownKey,
    Left,
    Unanswered,
)
from chatassistant_operator.observed.named import Absent, Credential
from chatassistant_operator.observed.pending import PENDING, Pending
from chatassistant_operator.observed.pods import Pod, Report, ToolServer
from chatassistant_operator.status import Found, expires_soon_at, summarise
from support.situations import CATALOGUE, GOOD, NOW, OTHER_KEY, assistant, model, running, written
from unit.world import World

AVAILABLE = ConditionType.AVAILABLE
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
APPLIED = Finding(ConditionType.APPLIED, "True", Reason.APPLIED, "Every object is as it should be.")
SERVES = Rollout(Finding(AVAILABLE, "True", Reason.DEPLOYMENT_AVAILABLE, "1 of 1 pods serve."), complete=True)
ENDS = NOW + 3 * DAY
ACCEPTED = KeyAccepted("sk-or-v1-012...def", free_tier=True, expires_at=ENDS, accepted_at=NOW)
DOWN = Unanswered(Cause.UNREACHABLE, "It did not answer.")
TOOLS = {"tools": {"mcpServers": [{"name": "todo", "url": "http://todo:8000/mcp"}]}}


def status(
    subject: ChatAssistant,
    now: datetime = NOW,
    rollout: Rollout = SERVES,
    deployment: Manifest | None = None,
    **seen: Any,
) -> Status:
    world: Observed = replace(GOOD, now=now, **({"key": ACCEPTED} | seen))
    findings = {APPLIED.type: APPLIED, AVAILABLE: rollout.finding} | checks.run(subject, world)
    said, _ = summarise(subject, world, Found(findings, rollout, deployment))
    assert said is not None
    return said


def message(said: Status, type_: str) -> str | None:
    return next((each.message for each in said.conditions if each.type == type_), None)


def pull_fails(words: str, *, vague: bool) -> Rollout:
    found = Finding(AVAILABLE, "False", Reason.IMAGE_PULL_FAILED, words, vague=vague)
    return Rollout(found, found)


def test_what_was_known_better_is_kept() -> None:
    known = status(assistant(), rollout=pull_fails("No such image.", vague=False))
    later = status(written(known), NOW + MINUTE, pull_fails("It cannot be pulled.", vague=True))
    for type_ in ("Ready", "Available"):
        assert message(later, type_) == "No such image."


def test_what_was_known_better_of_something_else_is_not_kept() -> None:
    known = status(assistant(), rollout=pull_fails("No such image a.", vague=False))
    vague = pull_fails("b cannot be pulled.", vague=True)
    assert (
        message(status(written(known, generation=2), NOW + MINUTE, vague), "Available")
        == "b cannot be pulled."
    )
    crashes = Finding(AVAILABLE, "False", Reason.CRASH_LOOPING, "Again and again.", vague=True)
    other = status(written(known), NOW + MINUTE, Rollout(crashes, crashes))
    assert message(other, "Available") == "Again and again."


RETIRING = Catalogue({"openai/gpt-5-mini": model("openai/gpt-5-mini", "0.1", expiration_date=NOW.date())})
WARNED: dict[str, Any] = {"key": replace(ACCEPTED, credits=Left.LOW, limit=Decimal(9)), "catalogue": RETIRING}
WARNINGS = {"CreditsLow", "KeyExpiringSoon", "ModelRetiring"}


@pytest.mark.parametrize(
    ("seen", "kept"),
    [
        ({"key": DOWN, "catalogue": DOWN}, WARNINGS),
        ({"key": DOWN, "catalogue": CATALOGUE}, {"CreditsLow", "KeyExpiringSoon"}),
        ({"key": ACCEPTED, "catalogue": DOWN}, {"KeyExpiringSoon", "ModelRetiring"}),
        ({"key": replace(ACCEPTED, expires_at=None), "catalogue": CATALOGUE}, set()),
        ({"key": KeyRefused(401, "no"), "catalogue": CATALOGUE}, set()),
    ],
)
def test_warnings_stand_while_nobody_can_be_asked(seen: dict[str, Any], kept: set[str]) -> None:
    warned = status(assistant(), **WARNED)
    later = status(written(warned), NOW + HOUR, **seen)
    for type_ in WARNINGS:
        expected = message(warned, type_) if type_ in kept else None
        assert message(later, type_) == expected


@pytest.mark.parametrize("unread", [{"key": PENDING}, {"credential": PENDING, "key": None}])
def test_warnings_stand_after_a_restart(unread: dict[str, Any]) -> None:
    warned = status(assistant(), **WARNED)
    assert status(written(warned), NOW + HOUR, **{**WARNED, **unread}) == warned


def test_the_key() -> None:
    told = status(assistant()).credentials
    assert told is not None
    assert (told.key_label, told.free_tier, told.expires_at) == ("sk-or-v1-012...def", True, ENDS)
    assert told.last_accepted_time == NOW
    assert told.fingerprint == GOOD.credential.revision  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "seen",
    [
        {"key": replace(ACCEPTED, accepted_at=NOW + HOUR)},
        {"key": KeyRefused(401, "no")},
        {"key": KeyRefused(401, "no", expired_at=ENDS)},
        {"key": DOWN},
        {"credential": Absent(), "key": None},
        {"credential": PENDING, "key": None},
    ],
)
def test_what_is_known_of_a_key_is_kept_and_costs_no_writes(seen: dict[str, Any]) -> None:
    before = status(assistant())
    assert status(written(before), NOW + HOUR, **seen).credentials == before.credentials


def test_when_a_key_was_accepted_last_is_told_once_it_cannot_be_asked() -> None:
    before = status(assistant())
    down = replace(DOWN, last_good=NOW + HOUR)
    outage = status(written(before), NOW + 2 * HOUR, key=down)
    assert outage.credentials is not None
    assert outage.credentials.last_accepted_time == NOW + HOUR
    after = status(written(outage), NOW + 3 * HOUR, key=replace(ACCEPTED, accepted_at=NOW + 3 * HOUR))
    assert after.credentials == outage.credentials


def test_what_was_known_of_another_key_is_not_kept() -> None:
    before = status(assistant())
    other = Credential(OTHER_KEY, OTHER_KEY.fingerprint or "")
    refused = status(written(before), credential=other, key=KeyRefused(401, "no")).credentials
    assert refused == CredentialsStatus(fingerprint=OTHER_KEY.fingerprint)
    later = replace(ACCEPTED, accepted_at=NOW + HOUR)
    told = status(written(before), credential=other, key=later).credentials
    assert told is not None
    assert (told.fingerprint, told.last_accepted_time) == (OTHER_KEY.fingerprint, NOW + HOUR)


ELSEWHERE: dict[str, Any] = {"gateway": {"baseURL": "https://gateway.example/v1"}}
FOREIGN, ANOTHER = Credential(ApiKey("abc"), "v1"), Credential(ApiKey("xyz"), "v2")


def test_what_was_known_of_another_gateways_key_is_not_kept_either() -> None:
    before = status(assistant(**ELSEWHERE), credential=FOREIGN)
    assert before.credentials is not None
    assert (before.credentials.fingerprint, before.credentials.revision) == (None, "v1")
    known = written(before, **ELSEWHERE)
    same = status(known, NOW + HOUR, credential=FOREIGN, key=replace(ACCEPTED, accepted_at=NOW + HOUR))
    assert same.credentials == before.credentials
    refused = status(known, credential=ANOTHER, key=KeyRefused(401, "no")).credentials
    assert refused == CredentialsStatus(revision="v2")
    later = replace(ACCEPTED, expires_at=None, accepted_at=NOW + HOUR)
    told = status(known, credential=ANOTHER, key=later).credentials
    assert told is not None
    assert (told.expires_at, told.last_accepted_time) == (None, NOW + HOUR)


@pytest.mark.parametrize(
    ("credential", "known"), [(FOREIGN, KnownKey(True, NOW, ENDS)), (ANOTHER, KnownKey())]
)
async def test_a_key_is_asked_about_with_what_is_known_of_just_this_one(
    credential: Credential, known: KnownKey
) -> None:
    it = World(**ELSEWHERE)
    it.see(credential=FOREIGN, key=ACCEPTED)
    await it.reconcile()
    asked: list[KnownKey] = []

    def key(_: ChatAssistant, _key: ApiKey | None, known: KnownKey) -> Pending:
        asked.append(known)
        return PENDING

    it.key = key  # type: ignore[method-assign]  # to see what it is asked with
    it.see(credential=credential)
    await it.reconcile()
    assert asked == [known]


def test_when_a_keys_end_comes_near() -> None:
    far = NOW + timedelta(days=30)
    assert expires_soon_at(replace(GOOD, key=replace(ACCEPTED, expires_at=far))) == NOW + timedelta(days=16)
    assert expires_soon_at(replace(GOOD, key=ACCEPTED)) is None
    assert expires_soon_at(replace(GOOD, key=DOWN)) is None


def test_the_model() -> None:
    told = status(assistant()).model
    assert told is not None
    assert (told.name, told.context_length, told.supports_tools, told.free) == (
        "openai/gpt-5-mini",
        400_000,
        True,
        False,
    )
    assert told.pricing == Pricing(prompt="0.00000025", completion="0.00000025")
    varies = Catalogue({"openai/gpt-5-mini": model("openai/gpt-5-mini", prompt_price=None)})
    assert (status(assistant(), catalogue=varies).model or told).pricing is None


def test_what_is_known_of_the_model_is_kept_until_another_is_named() -> None:
    before = status(assistant())
    assert status(written(before), catalogue=DOWN).model == before.model
    other = {"model": {"name": "openai/gpt-4o-mini"}}
    renamed = status(written(before, generation=2, **other), catalogue=DOWN).model
    assert renamed is not None
    assert (renamed.name, renamed.context_length) == ("openai/gpt-4o-mini", None)


def test_the_tools_are_kept_while_no_pod_tells_and_go_with_their_server() -> None:
    pod = Pod("todo-1", ready=True)
    children = Children(pods=(pod,))
    reports = {pod.name: Report(tools=(ToolServer("todo", ("add", "list")),))}
    before = status(assistant(**TOOLS), children=children, reports=reports)
    assert [(each.server, each.names) for each in before.tools] == [("todo", ("add", "list"))]
    assert status(written(before, **TOOLS), children=children).tools == before.tools
    assert status(written(before)).tools == ()
    asked = status(written(before, **TOOLS), children=children, reports={pod.name: PENDING})
    assert asked.tools == before.tools
    many = {pod.name: Report(tools=(ToolServer("todo", tuple(map(str, range(300)))),))}
    assert len(status(assistant(**TOOLS), children=children, reports=many).tools[0].names) == 256


def deployed(revision: str) -> Manifest:
    """A Deployment of this revision, whose ConfigMap is named by it."""
    live = running(revision)
    volume = {"name": "config", "configMap": {"name": f"todo-config-{revision}"}}
    live["spec"]["template"]["spec"]["volumes"] = [volume]
    return live


STARTS = Rollout(Finding(AVAILABLE, "False", Reason.ROLLOUT_PROGRESSING, "No pod is ready yet."))
CRASHES = Finding(AVAILABLE, "False", Reason.CRASH_LOOPING, "The chatbot ends again and again.")
FAILS = Rollout(CRASHES, CRASHES)


def history(*steps: tuple[str, timedelta, Rollout], **spec: Any) -> list[tuple[str, str, str | None]]:
    """The history after reconciles of these revisions, each at its time and with its pods."""
    subject, said = assistant(**spec), None
    for revision, at, rollout in steps:
        said = status(subject, NOW + at, rollout, deployed(revision))
        subject = written(said, **spec)
    return [(each.revision, each.outcome, each.reason) for each in said.history] if said else []


def test_a_rollout_is_remembered_with_what_it_rolled() -> None:
    (entry,) = status(assistant(), rollout=STARTS, deployment=deployed("a1")).history
    assert (entry.revision, entry.configuration, entry.model) == ("a1", "a1", "openai/gpt-5-mini")
    assert (entry.time, entry.outcome, entry.reason) == (NOW, "Progressing", None)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([("a", 0, STARTS)], [("a", "Progressing", None)]),
        ([("a", 0, STARTS), ("a", 1, SERVES)], [("a", "Succeeded", None)]),
        ([("a", 0, SERVES), ("a", 60, FAILS)], [("a", "Succeeded", None)]),
        ([("a", 0, FAILS), ("a", 9, FAILS)], [("a", "Progressing", None)]),
        ([("a", 0, FAILS), ("a", 10, FAILS)], [("a", "Failed", "CrashLooping")]),
        ([("a", 0, FAILS), ("a", 10, FAILS), ("a", 20, SERVES)], [("a", "Succeeded", None)]),
        ([("a", 0, STARTS), ("b", 1, STARTS)], [("b", "Progressing", None), ("a", "Superseded", None)]),
        ([("a", 0, SERVES), ("b", 1, SERVES)], [("b", "Succeeded", None), ("a", "Succeeded", None)]),
        (
            [("a", 0, SERVES), ("b", 1, SERVES), ("a", 2, SERVES)],
            [(each, "Succeeded", None) for each in "aba"],
        ),
        ([(each, 0, SERVES) for each in "abcdefg"], [(each, "Succeeded", None) for each in "gfedc"]),
    ],
)
def test_history(steps: list[tuple[str, int, Rollout]], expected: list[tuple[str, str, str | None]]) -> None:
    assert (
        history(*((revision, minutes * MINUTE, rollout) for revision, minutes, rollout in steps)) == expected
    )


def test_no_rollout_is_no_history() -> None:
    assert status(assistant()).history == ()
    before = status(assistant(), rollout=STARTS, deployment=deployed("a"))
    suspended = {"suspend": True}
    stopped = status(
        written(before, **suspended), NOW + HOUR, SERVES, deployed("b"), key=None, catalogue=None
    )
    assert stopped.history == before.history


def test_a_steady_world_adds_nothing_to_it() -> None:
    first = status(assistant(), deployment=deployed("a"))
    later = status(written(first), NOW + 9 * HOUR, deployment=deployed("a"))
    assert later == first


def test_times_are_in_utc() -> None:
    assert all(each.last_transition_time.tzinfo is UTC for each in status(assistant()).conditions)


async def test_a_wish_for_a_look_is_told_of_once_it_has_come() -> None:
    world = World()
    await world.reconcile()
    assert "lastHandledValidateAt" not in world.body["status"]
    world.body["metadata"]["annotations"] = {"chatassistant.dev/validate-at": "noon"}
    world.seen = replace(world.seen, has_looked=False)
    await world.reconcile()
    assert "lastHandledValidateAt" not in world.body["status"]
    world.seen = replace(world.seen, has_looked=True)
    await world.reconcile()
    assert world.body["status"]["lastHandledValidateAt"] == "noon"
