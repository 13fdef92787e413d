"""What is said of the Secrets for access and store; those for tools are in `test_checks_tools.py`."""

from dataclasses import replace
from typing import Any

import pytest

from chatassistant_operator import checks
from chatassistant_operator.api import names
from chatassistant_operator.api.reasons import ConditionType, Reason
from chatassistant_operator.observed.named import Absent, OtherSecret, Unreadable
from chatassistant_operator.observed.pending import PENDING
from support.situations import GOOD, Situation, assistant, confirm

APPLIED = ConditionType.APPLIED
TOKEN: dict[str, Any] = {"access": {"tokenSecretRef": {"name": "mine"}}}
REDIS: dict[str, Any] = {"store": {"type": "Redis", "urlSecretRef": {"name": "redis", "key": "url"}}}
OWNER = "11111111-2222-3333-4444-555555555555"


def read(secret: Any, name: str = "mine") -> dict[str, Any]:
    return {"secrets": {name: secret}}


def secret(use: str | None, *entries: str) -> OtherSecret:
    return OtherSecret(frozenset(entries), {} if use is None else {names.USE_LABEL: use})


def made(controller: str | None, assistant: str | None = None) -> dict[str, Any]:
    return {"access_token": OtherSecret(frozenset({"token"}), controller=controller, assistant=assistant)}


SITUATIONS: tuple[Situation, ...] = tuple(Situation(*row) for row in (
    # name, spec, seen, condition, its status, its reason, a part of its message
    ("no Secret for the token", TOKEN, read(Absent()), APPLIED, "False", Reason.SECRET_NOT_FOUND, 'which spec.access.tokenSecretRef names. Create it with `kubectl create secret generic mine -n todo-chatbot --from-literal=token="$ACCESS_TOKEN" && kubectl label secret mine -n todo-chatbot chatassistant.dev/use=access`.'),
    ("a Secret for the token, being read", TOKEN, read(PENDING), APPLIED, "Unknown", Reason.SECRET_NOT_FOUND, "being read"),
    ("a Secret for the token, not asked for yet", TOKEN, {}, APPLIED, "Unknown", Reason.SECRET_NOT_FOUND, "being read"),
    ("a Secret for the token that may not be read", TOKEN, read(Unreadable("secrets is forbidden.")), APPLIED, "False", Reason.FORBIDDEN, "'mine': secrets is forbidden."),
    ("a token whose owner says nothing", TOKEN, read(secret(None, "token")), APPLIED, "False", Reason.POLICY_DENIED, "`kubectl label secret mine -n todo-chatbot chatassistant.dev/use=access --overwrite`"),
    ("a token for the store", TOKEN, read(secret("store", "token")), APPLIED, "False", Reason.POLICY_DENIED, "for access, as spec.access.tokenSecretRef asks for"),
    ("no token in the Secret", TOKEN, read(secret("access", "bearer")), APPLIED, "False", Reason.SECRET_KEY_MISSING, "has no key 'token', which spec.access.tokenSecretRef names"),
    ("no Secret for the store", REDIS, read(Absent(), "redis"), APPLIED, "False", Reason.SECRET_NOT_FOUND, "which spec.store.urlSecretRef names"),
    ("a store whose owner says nothing", REDIS, read(secret(None, "url"), "redis"), APPLIED, "False", Reason.POLICY_DENIED, "chatassistant.dev/use=store"),
    ("no URL in the Secret", REDIS, read(secret("store", "host"), "redis"), APPLIED, "False", Reason.SECRET_KEY_MISSING, "{\"stringData\":{\"url\":\"'\"$STORE_URL\"'\"}}"),
    ("somebody's Secret of that name", {}, made(None), APPLIED, "False", Reason.NAME_CONFLICT, "`kubectl delete secret todo-access -n todo-chatbot`"),
    ("what an earlier one of the name has left", {}, made("2", "todo"), APPLIED, "False", Reason.NAME_CONFLICT, "'todo-access' in namespace 'todo-chatbot' is that of an earlier ChatAssistant of this name, and is being removed."),
    ("another ChatAssistant's Secret", {}, made("2"), APPLIED, "False", Reason.NAME_CONFLICT, "spec.access.tokenSecretRef"),
))  # fmt: skip


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.name)
def test_found(situation: Situation) -> None:
    confirm(situation)


@pytest.mark.parametrize(
    ("spec", "seen"),
    [
        (TOKEN, read(secret("access", "token"))),
        (REDIS, read(secret("store", "url"), "redis")),
        ({}, made(OWNER)),
        ({**TOKEN, "suspend": True}, read(Absent())),
    ],
    ids=["token", "store", "made", "suspended"],
)
def test_nothing_stands_against_it(spec: dict[str, Any], seen: dict[str, Any]) -> None:
    assert APPLIED not in checks.run(assistant(**spec), replace(GOOD, **seen))


def test_no_message_tells_what_else_is_in_a_secret() -> None:
    seen = replace(GOOD, **read(secret("access", "hunter2", "other-entry")))
    message = checks.run(assistant(**TOKEN), seen)[APPLIED].message
    assert "hunter2" not in message
    assert "other-entry" not in message
