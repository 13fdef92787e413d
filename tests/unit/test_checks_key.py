"""What is said of the key: of its Secret, of the gateway's word on it, of completions that pods or the operator asked for."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from chatassistant_operator import checks
from chatassistant_operator.api.api_key import ApiKey
from chatassistant_operator.api.reasons import ConditionType, Reason
from chatassistant_operator.asking.references import credential_of
from chatassistant_operator.observed import Children
from chatassistant_operator.observed.gateway import (
    Cause,
    CompletionAnswered,
    CompletionRefused,
    KeyAccepted,
    KeyRefused,
    Left,
    Unanswered,
)
from chatassistant_operator.observed.named import Absent, Credential, Unreadable
from chatassistant_operator.observed.pending import PENDING
from chatassistant_operator.observed.pods import Pod, ReplicaSet, Report
from support.situations import GOOD, KEY, NOW, OTHER_KEY, Situation, assistant, confirm, running

VALID, LOW, SOON = (
    ConditionType.CREDENTIALS_VALID,
    ConditionType.CREDITS_LOW,
    ConditionType.KEY_EXPIRING_SOON,
)
OTHER_GATEWAY = {"gateway": {"baseURL": "https://gateway.example/v1"}}
FREE, PAID = {"model": {"name": "google/gemma-4-31b-it:free"}}, {"model": {"name": "openai/gpt-5-mini"}}
YESTERDAY = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
SILENCE = "https://openrouter.ai/api/v1/key did not answer within 30 s."
DOWN = Unanswered(Cause.UNREACHABLE, SILENCE)
LAST_WORD = f"That was the gateway's last word at 2026-11-23T09:30:00Z, and holds until it can be asked again ({SILENCE[:-1]})."


def secret(value: str | bytes | None) -> dict[str, Any]:
    """A Secret with this value; nothing is asked of the gateway then."""
    return {"credential": Credential(None if value is None else ApiKey(value), "1"), "key": None}


def accepted(**facts: Any) -> dict[str, Any]:
    """The gateway accepts the key, and tells this of it."""
    return {"key": KeyAccepted("sk-or-v1-012...def", **facts)}


def refused(status: int, words: str, **facts: Any) -> dict[str, Any]:
    """The gateway refuses the key."""
    return {"key": KeyRefused(status, words, **facts)}


def completion(status: int, words: str) -> dict[str, Any]:
    """The gateway accepts the key, and refuses a completion."""
    return {"completion": CompletionRefused(status, words)}


def met(problem: str | None, pod: str = "current") -> dict[str, Any]:
    """A pod of the current or of an older revision was refused a completion; None for one not asked yet."""
    sets = tuple(ReplicaSet(name, name, None, 1, 1, uid=name) for name in ("current", "older"))
    pods = tuple(Pod(each.name, owner=each.uid, ready=True) for each in sets)
    children = Children(running("current"), sets, pods=pods)
    return {"children": children, "reports": {pod: PENDING if problem is None else Report(problem)}}


def silent_since(told: KeyAccepted | KeyRefused) -> dict[str, Any]:
    """The gateway said this of the key, and cannot be asked now."""
    return {"key": replace(DOWN, stands=told)}


def serving(key: str | None) -> dict[str, Any]:
    """Pods run; `key` is the revision of the key that the gateway accepted last."""
    return {"children": Children(running(accepted=key))}


NO_CREDIT = CompletionRefused(402, "Insufficient credits.")
SITUATIONS: tuple[Situation, ...] = tuple(Situation(*row) for row in (
    # name, spec, seen, condition, its status, its reason, a part of its message
    ("accepted", {}, {}, VALID, "True", Reason.KEY_ACCEPTED, "accepts the key of the Secret 'openrouter-secret'"),
    ("no Secret", {}, {"credential": Absent(), "key": None}, VALID, "False", Reason.SECRET_NOT_FOUND, "`kubectl create secret generic openrouter-secret -n todo-chatbot --from-literal=api-key=$OPENROUTER_API_KEY`"),
    ("no Secret any more", {}, {"credential": Absent(), "key": None, **serving("1")}, VALID, "False", Reason.SECRET_NOT_FOUND, "pods go on with the key that they have"),
    ("no entry", {}, secret(None), VALID, "False", Reason.SECRET_KEY_MISSING, "has no key 'api-key'"),
    ("an empty value", {}, secret(""), VALID, "False", Reason.KEY_MALFORMED, "is empty"),
    ("nothing but white space", {}, secret(" \t\n"), VALID, "False", Reason.KEY_MALFORMED, "is empty"),
    ("white space around a key", {}, {"credential": Credential(ApiKey(f"  {KEY.reveal()}\r\n"), "1")}, VALID, "True", Reason.KEY_ACCEPTED, "accepts"),
    ("white space in a key", {}, secret("sk-or-v1 x"), VALID, "False", Reason.KEY_MALFORMED, "no key has"),
    ("a binary value", {}, secret(b"\xff\xfe\x00"), VALID, "False", Reason.KEY_MALFORMED, "is binary"),
    ("a password", {}, secret("hunter2"), VALID, "False", Reason.KEY_MALFORMED, "does not look like an OpenRouter key (sk-or-…), so it was sent to nobody"),
    ("a password, for OpenRouter's other host", {"gateway": {"baseURL": "https://eu.openrouter.ai/api/v1"}}, secret("hunter2"), VALID, "False", Reason.KEY_MALFORMED, "sent to nobody"),
    ("another gateway's key", OTHER_GATEWAY, {"credential": Credential(ApiKey("abc"), "1")}, VALID, "True", Reason.KEY_ACCEPTED, "gateway.example"),
    ("another gateway's key in two words", OTHER_GATEWAY, secret("a b"), VALID, "False", Reason.KEY_MALFORMED, "no key has"),
    ("a Secret that may not be read", {}, {"credential": Unreadable("secrets is forbidden."), "key": None}, VALID, "Unknown", Reason.NOT_CHECKED, "the right to get Secrets in namespace 'todo-chatbot'"),
    ("a Secret that is being read", {}, {"credential": PENDING, "key": None}, VALID, "Unknown", Reason.NOT_CHECKED, "being read"),
    ("being asked", {}, {"key": PENDING}, VALID, "Unknown", Reason.NOT_CHECKED, "being asked"),
    ("refused with 401", {}, refused(401, "User not found."), VALID, "False", Reason.KEY_REJECTED, "(401: User not found.)"),
    ("refused with 402", {}, refused(402, "Insufficient credits."), VALID, "False", Reason.INSUFFICIENT_CREDITS, "https://openrouter.ai/settings/credits"),
    ("refused with 403 for its limit", {}, refused(403, "Key limit exceeded (monthly limit)."), VALID, "False", Reason.KEY_LIMIT_REACHED, "Raise its limit"),
    ("refused with 403", {}, refused(403, "Blocked in your region."), VALID, "False", Reason.KEY_REJECTED, "(403: Blocked in your region.)"),
    ("refused with 404", {}, refused(404, "Key not found"), VALID, "False", Reason.KEY_REJECTED, "(404: Key not found)"),
    ("refused after its end", {}, refused(401, "User not found.", expired_at=YESTERDAY), VALID, "False", Reason.KEY_EXPIRED, "ended at 2026-11-23T09:30:00Z"),
    ("the key that pods have, refused", {}, {**refused(401, "no"), **serving(KEY.fingerprint)}, VALID, "False", Reason.KEY_REJECTED, "Running pods are left alone"),
    ("a new key, refused", {}, {**refused(401, "no"), **serving(OTHER_KEY.fingerprint)}, VALID, "False", Reason.KEY_REJECTED, "with a new key in a Secret of a new name (spec.credentials.apiKeySecretRef.name) this cannot happen"),
    ("a key that manages keys", {}, accepted(management=True), VALID, "False", Reason.MANAGEMENT_KEY, "no model answers to it"),
    ("a used-up limit", {}, accepted(credits=Left.NONE, limit=Decimal(5), limit_reset="monthly"), VALID, "False", Reason.KEY_LIMIT_REACHED, "its limit of $5, monthly has nothing left"),
    ("a used-up limit of nobody knows what", {}, accepted(credits=Left.NONE), VALID, "False", Reason.KEY_LIMIT_REACHED, "its limit has nothing left"),
    ("gateway down", {}, {"key": DOWN}, VALID, "Unknown", Reason.GATEWAY_UNREACHABLE, f"says nothing against it: {SILENCE} It is asked again"),
    ("no completion, which was not paid for", {}, {"completion": replace(DOWN, last_good=YESTERDAY, stands=NO_CREDIT)}, VALID, "False", Reason.INSUFFICIENT_CREDITS, "last word at 2026-11-23T09:30:00Z"),
    ("gateway down since yesterday", {}, {"key": replace(DOWN, last_good=YESTERDAY)}, VALID, "Unknown", Reason.GATEWAY_UNREACHABLE, "It was accepted last at 2026-11-23T09:30:00Z."),
    ("too many requests", {}, {"key": Unanswered(Cause.RATE_LIMITED, "Slow down.")}, VALID, "Unknown", Reason.RATE_LIMITED, "has too many requests to check the key: Slow down."),
    ("a doubtful refusal", {}, {"key": Unanswered(Cause.DOUBTFUL, "The gateway refuses the key.", YESTERDAY)}, VALID, "Unknown", Reason.GATEWAY_UNREACHABLE, "The gateway refuses the key. It was accepted last"),
    ("gateway down, and the key refused before", {}, silent_since(KeyRefused(401, "User not found.", refused_at=YESTERDAY)), VALID, "False", Reason.KEY_REJECTED, f"(401: User not found.). Make a new key at https://openrouter.ai/settings/keys and put it under 'api-key' into the Secret: `kubectl patch secret openrouter-secret -n todo-chatbot -p '{{\"stringData\":{{\"api-key\":\"'$OPENROUTER_API_KEY'\"}}}}'`. {LAST_WORD}"),
    ("gateway down, and no credit before", {}, silent_since(KeyRefused(402, "Insufficient credits.", refused_at=YESTERDAY)), VALID, "False", Reason.INSUFFICIENT_CREDITS, LAST_WORD),
    ("gateway down, and the key at its end before", {}, silent_since(KeyRefused(401, "no", YESTERDAY, YESTERDAY)), VALID, "False", Reason.KEY_EXPIRED, LAST_WORD),
    ("gateway down, and a key that manages keys", {}, silent_since(KeyAccepted("", management=True, accepted_at=YESTERDAY)), VALID, "False", Reason.MANAGEMENT_KEY, LAST_WORD),
    ("gateway down, and the limit used up before", {}, silent_since(KeyAccepted("", credits=Left.NONE, accepted_at=YESTERDAY)), VALID, "False", Reason.KEY_LIMIT_REACHED, LAST_WORD),
    ("gateway down, and a pod met no credit", {}, {**met("InsufficientCredits"), "key": DOWN}, VALID, "False", Reason.INSUFFICIENT_CREDITS, "as a pod was told"),
    ("others are asked about first", {}, {"key": Unanswered(Cause.QUEUED, "Others took longer than 30 s.")}, VALID, "Unknown", Reason.NOT_CHECKED, "not checked yet: Others took"),
    ("validation disabled", {"validation": {"mode": "Disabled"}}, {"key": None}, VALID, "Unknown", Reason.NOT_CHECKED, "spec.validation.mode is Disabled"),
    ("suspended", {"suspend": True}, {"credential": Absent(), "key": None}, VALID, "Unknown", Reason.NOT_CHECKED, "spec.suspend is true"),
    ("forbidden by the policy", OTHER_GATEWAY, {"key": None}, VALID, "Unknown", Reason.NOT_CHECKED, "the condition Applied"),
    ("a completion, answered", {}, {"completion": CompletionAnswered()}, VALID, "True", Reason.KEY_ACCEPTED, "accepts"),
    ("a completion, being asked for", {}, {"completion": PENDING}, VALID, "Unknown", Reason.NOT_CHECKED, "openai/gpt-5-mini is being asked for one token"),
    ("a completion that nobody answers", {}, {"completion": DOWN}, VALID, "True", Reason.KEY_ACCEPTED, "accepts"),
    ("a completion, refused with 401", {}, completion(401, "User not found."), VALID, "False", Reason.KEY_REJECTED, "401"),
    ("a completion, refused with 402", {}, completion(402, "Insufficient credits."), VALID, "False", Reason.INSUFFICIENT_CREDITS, "a negative balance stops free models too"),
    ("a completion, refused with 403", {}, completion(403, "Your input was flagged by moderation"), VALID, "True", Reason.KEY_ACCEPTED, "accepts"),
    ("a completion, limited to a region", {}, completion(403, "Limited to some regions."), VALID, "True", Reason.KEY_ACCEPTED, "accepts"),
    ("a completion, refused for the key's limit", {}, completion(403, "Key limit exceeded (total limit)."), VALID, "False", Reason.KEY_LIMIT_REACHED, "Key limit exceeded"),
    ("a completion, refused for the model", {}, completion(404, "No endpoints found for X."), VALID, "True", Reason.KEY_ACCEPTED, "accepts"),
    ("a pod that met no credit", {}, met("InsufficientCredits"), VALID, "False", Reason.INSUFFICIENT_CREDITS, "402, as a pod was told"),
    ("a pod that met the key's limit", {}, met("KeyLimitReached"), VALID, "False", Reason.KEY_LIMIT_REACHED, "403, as a pod was told"),
    ("a pod that met something else", {}, met("SomethingNew"), VALID, "True", Reason.KEY_ACCEPTED, "accepts"),
    ("an older pod that met no credit", {}, met("InsufficientCredits", "older"), VALID, "True", Reason.KEY_ACCEPTED, "accepts"),
    ("a pod that is being asked", {}, met(None), VALID, "Unknown", Reason.NOT_CHECKED, "being asked what their completions met"),
    ("an older pod that is being asked", {}, met(None, "older"), VALID, "True", Reason.KEY_ACCEPTED, "accepts"),
    ("a pod that is being asked, and a refused key", {}, {**met(None), **refused(401, "no")}, VALID, "False", Reason.KEY_REJECTED, "401"),
    ("little left of the limit", {}, accepted(credits=Left.LOW, limit=Decimal(20)), LOW, "True", Reason.CREDITS_LOW, "the limit of $20"),
    ("few free requests left", FREE, accepted(free_requests=Left.LOW), LOW, "True", Reason.CREDITS_LOW, "anew at 00:00 UTC"),
    ("no free request left, of a router", {"model": {"name": "openrouter/free"}}, accepted(free_requests=Left.NONE), LOW, "True", Reason.CREDITS_LOW, "or none"),
    ("no free request left, of a fallback", {"model": {**PAID["model"], "fallbacks": ["google/gemma-4-31b-it:free"]}}, accepted(free_requests=Left.NONE), LOW, "True", Reason.CREDITS_LOW, "free models"),
    ("13 days left", {}, accepted(expires_at=NOW + timedelta(days=13)), SOON, "True", Reason.KEY_EXPIRING_SOON, "ends at 2026-12-07T00:00:00Z"),
))  # fmt: skip

SILENT: tuple[tuple[str, dict[str, Any], dict[str, Any], ConditionType], ...] = (
    ("plenty left", {}, accepted(limit=Decimal(20)), LOW),
    ("few free requests left, and only paid models", PAID, accepted(free_requests=Left.LOW), LOW),
    ("a key of which nothing is known", {}, {"key": DOWN}, LOW),
    ("15 days left", {}, accepted(expires_at=NOW + timedelta(days=15)), SOON),
    ("no end", {}, accepted(), SOON),
)


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.name)
def test_found(situation: Situation) -> None:
    confirm(situation)


@pytest.mark.parametrize(("name", "spec", "seen", "condition"), SILENT, ids=lambda value: str(value)[:40])
def test_not_found(name: str, spec: dict[str, Any], seen: dict[str, Any], condition: ConditionType) -> None:
    assert condition not in checks.run(assistant(**spec), replace(GOOD, **seen)), name


def test_entries_of_a_secret_are_told_to_nobody() -> None:
    held = credential_of({"metadata": {"uid": "1"}, "data": {"db-password": "aHVudGVyMg=="}}, "api-key")
    finding = checks.run(assistant(), replace(GOOD, credential=held, key=None))[VALID]
    assert finding.reason is Reason.SECRET_KEY_MISSING
    assert "db-password" not in finding.message
    assert "hunter2" not in finding.message


@pytest.mark.parametrize(
    ("seen", "pending"),
    [
        ({"credential": PENDING, "key": None}, True),
        ({"key": PENDING}, True),
        ({"completion": PENDING}, True),
        (met(None), True),
        ({**met(None), "key": DOWN}, True),
        ({"key": DOWN}, False),
        (secret(None), False),
    ],
)
def test_only_an_answer_on_its_way_is_waited_for(seen: dict[str, Any], pending: bool) -> None:
    assert checks.run(assistant(), replace(GOOD, **seen))[VALID].pending == pending


def test_no_value_is_in_a_message() -> None:
    for situation in SITUATIONS:
        told = str(checks.run(assistant(**situation.spec), replace(GOOD, **situation.seen)))
        for value in (KEY.reveal(), OTHER_KEY.reveal(), "hunter2", "sk-or-v1 x"):
            assert value not in told, situation.name
