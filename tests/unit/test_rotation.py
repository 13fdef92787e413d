"""What a new key does to the pods, by delivery, policy and the gateway's word; and that a restart does nothing."""

import json
from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from chatassistant_operator import checks, desired
from chatassistant_operator.api import names
from chatassistant_operator.api.api_key import ApiKey
from chatassistant_operator.observed import Children, Manifest, Observed
from chatassistant_operator.observed.gateway import Cause, CompletionAnswered, KeyRefused, Unanswered
from chatassistant_operator.observed.named import Absent, Credential, Unreadable
from chatassistant_operator.observed.pending import PENDING
from support.situations import GOOD, KEY, OTHER_KEY, assistant

OLD, NEW = KEY.fingerprint or "", OTHER_KEY.fingerprint or ""
NEW_KEY: dict[str, Any] = {"credential": Credential(OTHER_KEY, NEW)}
DOWN = Unanswered(Cause.UNREACHABLE, "It did not answer.")

ACCEPTED = NEW_KEY
REFUSED = {**NEW_KEY, "key": KeyRefused(401, "User not found.")}
UNKNOWN = {**NEW_KEY, "key": DOWN}
ASKED = {**NEW_KEY, "key": PENDING}
MALFORMED = {"credential": Credential(ApiKey("hunter2"), "2"), "key": None}
GONE = {"credential": Absent(), "key": None}
NO_ENTRY = {"credential": Credential(None, "2"), "key": None}
UNREADABLE = {"credential": Unreadable("secrets is forbidden."), "key": None}
UNREAD = {"credential": PENDING, "key": None, "catalogue": PENDING}
UNASKED = {"key": None, "catalogue": None}


def spec(delivery: str, policy: str, **more: Any) -> dict[str, Any]:
    """How pods get the key, and when."""
    return {"credentials": {"delivery": delivery, "rotationPolicy": policy}, **more}


def deployment(spec: dict[str, Any], seen: Observed) -> Manifest | None:
    """The Deployment that is applied, None when none is."""
    subject = assistant(**spec)
    plan = desired.build(subject, seen, tuple(checks.run(subject, seen).values()))
    return next((each for each in plan.manifests if each["kind"] == "Deployment"), None)


def live(spec: dict[str, Any]) -> Manifest:
    """The Deployment of an assistant whose first key was accepted."""
    made = deployment(spec, GOOD)
    assert made is not None
    copied: Manifest = json.loads(json.dumps(made))
    return copied


def annotations(manifest: Manifest) -> tuple[str | None, str | None]:
    """(the key that pods were made for, the key that was accepted last)."""
    return (
        manifest["spec"]["template"]["metadata"]["annotations"].get(names.CREDENTIALS_REVISION_ANNOTATION),
        manifest["metadata"]["annotations"].get(names.ACCEPTED_CREDENTIALS_ANNOTATION),
    )


class Rotation(NamedTuple):
    """What comes of a new key."""

    delivery: str
    policy: str
    what: str
    seen: dict[str, Any]
    rolls: bool
    pods_key: str | None
    accepted: str


TABLE = tuple(Rotation(*row) for row in (
    # delivery, policy, the new key, whether pods roll, the key that they have then, the one accepted last
    ("Env", "ValidateFirst", "accepted", ACCEPTED, True, NEW, NEW),
    ("Env", "ValidateFirst", "refused", REFUSED, False, OLD, OLD),
    ("Env", "ValidateFirst", "unknown", UNKNOWN, False, OLD, OLD),
    ("Env", "ValidateFirst", "pending", ASKED, False, OLD, OLD),
    ("Env", "ValidateFirst", "malformed", MALFORMED, False, OLD, OLD),
    ("Env", "ValidateFirst", "gone", GONE, False, OLD, OLD),
    ("Env", "ValidateFirst", "no entry", NO_ENTRY, False, OLD, OLD),
    ("Env", "ValidateFirst", "unreadable", UNREADABLE, False, OLD, OLD),
    ("Env", "Immediate", "accepted", ACCEPTED, True, NEW, NEW),
    ("Env", "Immediate", "refused", REFUSED, True, NEW, OLD),
    ("Env", "Immediate", "unknown", UNKNOWN, True, NEW, OLD),
    ("Env", "Immediate", "pending", ASKED, True, NEW, OLD),
    ("Env", "Immediate", "malformed", MALFORMED, False, OLD, OLD),
    ("Env", "Immediate", "gone", GONE, False, OLD, OLD),
    ("Env", "Immediate", "no entry", NO_ENTRY, False, OLD, OLD),
    ("Env", "Immediate", "unreadable", UNREADABLE, False, OLD, OLD),
    ("File", "ValidateFirst", "accepted", ACCEPTED, False, None, NEW),
    ("File", "ValidateFirst", "refused", REFUSED, False, None, OLD),
    ("File", "ValidateFirst", "unknown", UNKNOWN, False, None, OLD),
    ("File", "ValidateFirst", "pending", ASKED, False, None, OLD),
    ("File", "Immediate", "accepted", ACCEPTED, False, None, NEW),
    ("File", "Immediate", "refused", REFUSED, False, None, OLD),
    ("File", "Immediate", "unknown", UNKNOWN, False, None, OLD),
    ("File", "Immediate", "pending", ASKED, False, None, OLD),
))  # fmt: skip
WAYS = [(delivery, policy) for delivery in ("Env", "File") for policy in ("ValidateFirst", "Immediate")]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.delivery}-{row.policy}-{row.what}")
def test_a_new_key(row: Rotation) -> None:
    wanted = spec(row.delivery, row.policy)
    before = live(wanted)
    after = deployment(wanted, replace(GOOD, children=Children(before), **row.seen))
    assert after is not None
    assert (after["spec"]["template"] != before["spec"]["template"]) == row.rolls
    assert annotations(after) == (row.pods_key, row.accepted)
    revisions = {each["metadata"]["annotations"][names.REVISION_ANNOTATION] for each in (before, after)}
    assert len(revisions) == 1 + row.rolls


@pytest.mark.parametrize(("delivery", "policy"), WAYS)
@pytest.mark.parametrize("mode", ["Catalog", "Completion", "Disabled"])
@pytest.mark.parametrize("known", [{}, REFUSED, UNKNOWN], ids=["accepted", "refused", "unknown"])
def test_a_restart_that_has_read_nothing_changes_nothing(
    delivery: str, policy: str, mode: str, known: dict[str, Any]
) -> None:
    wanted = spec(delivery, policy, validation={"mode": mode})
    unasked: dict[str, Any] = UNASKED if mode == "Disabled" else {"completion": CompletionAnswered()}
    first = deployment(wanted, replace(GOOD, **unasked))
    before = deployment(wanted, replace(GOOD, children=Children(first), **{**known, **unasked}))
    assert before is not None
    unread = {"credential": PENDING, **(UNASKED if mode == "Disabled" else UNREAD)}
    assert deployment(wanted, replace(GOOD, children=Children(before), **unread)) == before


@pytest.mark.parametrize(("delivery", "policy"), WAYS)
@pytest.mark.parametrize("seen", [REFUSED, ASKED, MALFORMED, GONE, NO_ENTRY, UNREAD])
def test_the_first_rollout_waits_for_a_key_that_is_not_known_to_be_bad(
    delivery: str, policy: str, seen: dict[str, Any]
) -> None:
    assert deployment(spec(delivery, policy), replace(GOOD, **seen)) is None


@pytest.mark.parametrize(("delivery", "policy"), WAYS)
def test_the_first_rollout_goes_ahead_when_nobody_can_be_asked(delivery: str, policy: str) -> None:
    made = deployment(spec(delivery, policy), replace(GOOD, **UNKNOWN))
    assert made is not None
    assert annotations(made) == (NEW if delivery == "Env" else None, None)
    accepted = deployment(spec(delivery, policy), replace(GOOD, **ACCEPTED, children=Children(made)))
    assert accepted is not None
    assert accepted["spec"]["template"] == made["spec"]["template"], "the gateway's word later rolls nothing"
    assert annotations(accepted)[1] == NEW


def test_without_validation_a_new_key_rolls_at_once() -> None:
    wanted = spec("Env", "ValidateFirst", validation={"mode": "Disabled"})
    first = deployment(wanted, replace(GOOD, **UNASKED))
    after = deployment(wanted, replace(GOOD, children=Children(first), **NEW_KEY, **UNASKED))
    assert after is not None
    assert annotations(after) == (NEW, None)


def test_an_edit_beside_a_new_key_waits_with_it_or_rolls_without_it() -> None:
    wanted = spec("Env", "ValidateFirst")
    edited = {**wanted, "systemPrompt": "Answer in rhymes."}
    before = Children(live(wanted))
    held = deployment(edited, replace(GOOD, children=before, **REFUSED))
    assert held is not None
    assert held["spec"]["template"] == live(wanted)["spec"]["template"], "a refused key lets nothing roll"
    assert deployment(edited, replace(GOOD, children=before, **ASKED)) is None, "its answer is waited for"
    outage = deployment(edited, replace(GOOD, children=before, **UNKNOWN))
    assert outage is not None
    assert annotations(outage) == (OLD, OLD)
    assert outage["spec"]["template"] != live(wanted)["spec"]["template"], "an outage stops no edit"


def test_back_to_the_key_before_rolls_nothing() -> None:
    wanted = spec("Env", "ValidateFirst")
    before = live(wanted)
    refused = deployment(wanted, replace(GOOD, children=Children(before), **REFUSED))
    assert refused is not None
    assert deployment(wanted, replace(GOOD, children=Children(refused))) == before


@pytest.mark.parametrize(("before", "after"), [("Env", "File"), ("File", "Env")])
def test_another_delivery_rolls(before: str, after: str) -> None:
    children = Children(live(spec(before, "ValidateFirst")))
    made = deployment(spec(after, "ValidateFirst"), replace(GOOD, children=children))
    assert made is not None
    assert annotations(made) == (OLD if after == "Env" else None, OLD)
    container = made["spec"]["template"]["spec"]["containers"][0]
    variables = {each["name"] for each in container["env"]}
    assert ("OPENROUTER_API_KEY" in variables) == (after == "Env")
    assert ("OPENROUTER_API_KEY_FILE" in variables) == (after == "File")


def test_what_was_answered_once_is_not_asked_for_again() -> None:
    wanted = spec("Env", "ValidateFirst", validation={"mode": "Completion"})
    answered = deployment(wanted, replace(GOOD, completion=CompletionAnswered()))
    assert answered is not None
    digest = answered["metadata"]["annotations"][names.ANSWERED_COMPLETION_ANNOTATION]
    later = deployment(wanted, replace(GOOD, children=Children(answered), completion=DOWN))
    assert later is not None
    assert later["metadata"]["annotations"][names.ANSWERED_COMPLETION_ANNOTATION] == digest
    other = deployment(wanted, replace(GOOD, **NEW_KEY, completion=CompletionAnswered()))
    assert other is not None
    assert other["metadata"]["annotations"][names.ANSWERED_COMPLETION_ANNOTATION] != digest


def test_no_manifest_holds_a_key() -> None:
    for delivery, policy in WAYS:
        made = json.dumps(deployment(spec(delivery, policy), GOOD))
        assert KEY.reveal() not in made
