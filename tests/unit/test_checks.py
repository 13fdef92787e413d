"""Each check by situation: what is seen, and what is found. A new check is one function, one line, one row here."""

from dataclasses import replace
from typing import Any

import pytest

from chatassistant_operator import checks
from chatassistant_operator.api.api_key import ApiKey
from chatassistant_operator.api.policy import Policy
from chatassistant_operator.api.reasons import ConditionType, Reason
from chatassistant_operator.observed import (
    PENDING,
    Absent,
    Cause,
    Credential,
    KeyRefused,
    Prompt,
    Unanswered,
    Unreadable,
)
from support.situations import GOOD, assistant

CREDENTIALS, MODEL, APPLIED = (
    ConditionType.CREDENTIALS_VALID,
    ConditionType.MODEL_AVAILABLE,
    ConditionType.APPLIED,
)
DOWN = Unanswered(Cause.UNREACHABLE, "https://openrouter.ai/api/v1/key did not answer within 30 s.")
PROMPT = {"systemPromptFrom": {"configMapKeyRef": {"name": "prompts", "key": "todo"}}}
OTHER_GATEWAY = {"gateway": {"baseURL": "https://gateway.example/v1"}}

SITUATIONS: tuple[tuple[str, dict[str, Any], dict[str, Any], ConditionType, str, Reason, str], ...] = (
    # name, spec, seen, condition, its status, its reason, a part of its message
    ("all is well", {}, {}, CREDENTIALS, "True", Reason.KEY_ACCEPTED, "accepts"),
    ("no Secret", {}, {"credential": Absent(), "key": None}, CREDENTIALS, "False", Reason.SECRET_NOT_FOUND, "kubectl"),
    ("no entry", {}, {"credential": Credential(None, "1"), "key": None}, CREDENTIALS, "False", Reason.SECRET_KEY_MISSING, "'api-key'"),
    ("empty", {}, {"credential": Credential(ApiKey(" \n"), "1"), "key": None}, CREDENTIALS, "False", Reason.KEY_MALFORMED, "empty"),
    ("two words", {}, {"credential": Credential(ApiKey("sk-or-v1 x"), "1"), "key": None}, CREDENTIALS, "False", Reason.KEY_MALFORMED, "no API key"),
    ("a password", {}, {"credential": Credential(ApiKey("hunter2"), "1"), "key": None}, CREDENTIALS, "False", Reason.KEY_MALFORMED, "sent to nobody"),
    ("another gateway's key", OTHER_GATEWAY, {"credential": Credential(ApiKey("abc"), "1")}, CREDENTIALS, "True", Reason.KEY_ACCEPTED, "gateway.example"),
    ("forbidden to read", {}, {"credential": Unreadable("secrets is forbidden"), "key": None}, CREDENTIALS, "Unknown", Reason.NOT_CHECKED, "forbidden"),
    ("being read", {}, {"credential": PENDING, "key": None}, CREDENTIALS, "Unknown", Reason.NOT_CHECKED, "being read"),
    ("being asked", {}, {"key": PENDING}, CREDENTIALS, "Unknown", Reason.NOT_CHECKED, "being asked"),
    ("refused", {}, {"key": KeyRefused(401, "User not found.")}, CREDENTIALS, "False", Reason.KEY_REJECTED, "User not found."),
    ("gateway down", {}, {"key": DOWN}, CREDENTIALS, "Unknown", Reason.GATEWAY_UNREACHABLE, "nothing against it"),
    ("too many requests", {}, {"key": Unanswered(Cause.RATE_LIMITED, "Slow down.")}, CREDENTIALS, "Unknown", Reason.RATE_LIMITED, "Slow down."),
    ("validation disabled", {"validation": {"mode": "Disabled"}}, {"key": None}, CREDENTIALS, "Unknown", Reason.NOT_CHECKED, "Disabled"),
    ("suspended", {"suspend": True}, {"key": None, "credential": Absent()}, CREDENTIALS, "Unknown", Reason.NOT_CHECKED, "suspend"),
    ("model found", {}, {}, MODEL, "True", Reason.MODEL_FOUND, "openai/gpt-5-mini"),
    ("a router that is in no list", {"model": {"name": "openrouter/auto"}}, {}, MODEL, "True", Reason.MODEL_FOUND, "auto"),
    ("a variant that works on any model", {"model": {"name": "openai/gpt-5-mini:nitro"}}, {}, MODEL, "True", Reason.MODEL_FOUND, "nitro"),
    ("a misspelt model", {"model": {"name": "openai/gpt5-mini"}}, {}, MODEL, "False", Reason.MODEL_NOT_FOUND, "openai/gpt-5-mini"),
    ("an ended free variant", {"model": {"name": "openai/gpt-5-mini:free"}}, {}, MODEL, "False", Reason.MODEL_NOT_FOUND, "gpt-5-mini"),
    ("no list of models", {}, {"catalogue": DOWN}, MODEL, "Unknown", Reason.CATALOG_UNAVAILABLE, "nothing against"),
    ("list being read", {}, {"catalogue": PENDING}, MODEL, "Unknown", Reason.NOT_CHECKED, "being read"),
    ("model not asked", {"validation": {"mode": "Disabled"}}, {"catalogue": None}, MODEL, "Unknown", Reason.NOT_CHECKED, "Disabled"),
    ("gateway not allowed", OTHER_GATEWAY, {"policy": Policy()}, APPLIED, "False", Reason.POLICY_DENIED, "allowedGateways"),
    ("image not allowed", {"image": "example.com/x:1"}, {"policy": Policy()}, APPLIED, "False", Reason.POLICY_DENIED, "allowedImages"),
    ("no ConfigMap", PROMPT, {"prompt": Absent()}, APPLIED, "False", Reason.PROMPT_NOT_FOUND, "kubectl create configmap prompts"),
    ("no entry in it", PROMPT, {"prompt": Prompt(None)}, APPLIED, "False", Reason.PROMPT_NOT_FOUND, "'todo'"),
    ("ConfigMap being read", PROMPT, {"prompt": PENDING}, APPLIED, "Unknown", Reason.PROMPT_NOT_FOUND, "being read"),
)  # fmt: skip


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation[0])
def test_found(
    situation: tuple[str, dict[str, Any], dict[str, Any], ConditionType, str, Reason, str],
) -> None:
    _, spec, seen, condition, truth, reason, words = situation
    finding = checks.run(assistant(**spec), replace(GOOD, **seen))[condition]
    assert (finding.truth, finding.reason) == (truth, reason)
    assert words in finding.message
    assert finding.pending == (PENDING in seen.values())


def test_no_message_ends_in_the_middle() -> None:
    for _, spec, seen, condition, *_rest in SITUATIONS:
        message = checks.run(assistant(**spec), replace(GOOD, **seen))[condition].message
        assert message.endswith((".", "`")), message


def test_nothing_is_wrong_with_what_is_right() -> None:
    findings = checks.run(assistant(), GOOD)
    assert {finding.truth for finding in findings.values()} == {"True"}
