"""Each check by situation: what is seen, and what is found. A new check is one function, one line, one row.

Here are the rows for what the spec may ask for; those for key, model and tools are in `test_checks_*.py`.
"""

from dataclasses import replace
from typing import Any, Final

import pytest

from chatassistant_operator import checks
from chatassistant_operator.api.policy import Policy
from chatassistant_operator.api.reasons import ConditionType, Reason
from chatassistant_operator.observed.named import Absent, Prompt, Unreadable
from chatassistant_operator.observed.pending import PENDING
from support.situations import GOOD, Situation, assistant, confirm
from unit import (
    test_checks_key,
    test_checks_model,
    test_checks_other_secrets,
    test_checks_tools,
    test_rollout,
)

APPLIED = ConditionType.APPLIED
DEFAULT: dict[str, Any] = {"policy": Policy()}
PROMPT = {"systemPromptFrom": {"configMapKeyRef": {"name": "prompts", "key": "todo"}}}
OTHER_GATEWAY = {"gateway": {"baseURL": "https://gateway.example/v1"}}

SITUATIONS: tuple[Situation, ...] = tuple(Situation(*row) for row in (
    # name, spec, seen, condition, its status, its reason, a part of its message
    ("another gateway", OTHER_GATEWAY, DEFAULT, APPLIED, "False", Reason.POLICY_DENIED, "does not allow spec.gateway.baseURL 'https://gateway.example/v1'. Change spec.gateway.baseURL, or have whoever runs the operator allow it in its setting policy.allowedGateways."),
    ("another image", {"image": "example.com/x:1"}, DEFAULT, APPLIED, "False", Reason.POLICY_DENIED, "policy.allowedImages"),
    ("a type of Service", {"service": {"type": "NodePort"}}, DEFAULT, APPLIED, "False", Reason.POLICY_DENIED, "spec.service.type 'NodePort'"),
    ("a priority class", {"pod": {"priorityClassName": "vip"}}, DEFAULT, APPLIED, "False", Reason.POLICY_DENIED, "policy.allowedPriorityClasses"),
    ("a pod's label", {"pod": {"labels": {"team": "a"}}}, DEFAULT, APPLIED, "False", Reason.POLICY_DENIED, "spec.pod.labels 'team'"),
    ("a pod's annotation", {"pod": {"annotations": {"a/b": "c"}}}, DEFAULT, APPLIED, "False", Reason.POLICY_DENIED, "policy.allowedMetadata"),
    ("a Service's annotation", {"service": {"annotations": {"a/b": "c"}}}, DEFAULT, APPLIED, "False", Reason.POLICY_DENIED, "spec.service.annotations 'a/b'"),
    ("an issuer", {"access": {"mode": "OIDC", "oidc": {"issuer": "http://id.example.com", "audience": "a"}}}, DEFAULT, APPLIED, "False", Reason.POLICY_DENIED, "spec.access.oidc.issuer 'http://id.example.com'. Change spec.access.oidc.issuer, or have whoever runs the operator allow it in its setting policy.allowedEndpoints."),
    ("a collector", {"observability": {"otlpEndpoint": "http://collector.monitoring:4318"}}, DEFAULT, APPLIED, "False", Reason.POLICY_DENIED, "spec.observability.otlpEndpoint 'http://collector.monitoring:4318'"),
    ("no ConfigMap", PROMPT, {"prompt": Absent()}, APPLIED, "False", Reason.PROMPT_NOT_FOUND, "`kubectl create configmap prompts -n todo-chatbot --from-file=todo=PROMPT.txt`"),
    ("no entry in the ConfigMap", PROMPT, {"prompt": Prompt(None)}, APPLIED, "False", Reason.PROMPT_NOT_FOUND, "has no key 'todo'"),
    ("a ConfigMap that may not be read", PROMPT, {"prompt": Unreadable("configmaps is forbidden.")}, APPLIED, "False", Reason.PROMPT_NOT_FOUND, "the right to get it"),
    ("a ConfigMap that is being read", PROMPT, {"prompt": PENDING}, APPLIED, "Unknown", Reason.PROMPT_NOT_FOUND, "being read"),
    ("forbidden before anything else is missing", {**OTHER_GATEWAY, **PROMPT}, {**DEFAULT, "prompt": Absent()}, APPLIED, "False", Reason.POLICY_DENIED, "allowedGateways"),
))  # fmt: skip

ELSEWHERE: Final = {
    Reason.READY: "test_status.py",
    Reason.SUSPENDED: "test_status.py",
    Reason.PENDING: "test_status.py",
    Reason.INVALID_SPEC: "test_status.py",
    Reason.APPLIED: "test_reconcile.py",
    Reason.APPLY_FAILED: "test_reconcile.py",
}


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.name)
def test_found(situation: Situation) -> None:
    confirm(situation)


def test_nothing_is_wrong_with_what_is_right() -> None:
    findings = checks.run(assistant(), GOOD)
    assert {type_: finding.truth for type_, finding in findings.items()} == {
        ConditionType.CREDENTIALS_VALID: "True",
        ConditionType.MODEL_AVAILABLE: "True",
    }


def test_the_policys_endpoints_hold_for_issuer_and_collector_too() -> None:
    oidc = {"issuer": "https://id.example.com", "audience": "todo"}
    spec = {
        "access": {"mode": "OIDC", "oidc": oidc},
        "observability": {"otlpEndpoint": "http://collector:4318"},
    }
    assert APPLIED not in checks.run(assistant(**spec), replace(GOOD, policy=Policy()))


def test_a_prompt_that_is_there_is_nothing_to_speak_of() -> None:
    seen = replace(GOOD, prompt=Prompt("Answer in rhymes."))
    assert APPLIED not in checks.run(assistant(**PROMPT), seen)


@pytest.mark.parametrize("prompt", [Absent(), Prompt(None), PENDING])
def test_a_prompt_is_of_no_concern_while_suspended(prompt: Any) -> None:
    assert APPLIED not in checks.run(assistant(**PROMPT, suspend=True), replace(GOOD, prompt=prompt))


def test_each_reason_has_a_situation() -> None:
    tables = (
        SITUATIONS,
        test_checks_key.SITUATIONS,
        test_checks_model.SITUATIONS,
        test_checks_other_secrets.SITUATIONS,
        test_checks_tools.SITUATIONS,
        test_rollout.SITUATIONS,
    )
    tried = {row.reason for table in tables for row in table}
    assert tried.isdisjoint(ELSEWHERE), "what is tried here needs no other place"
    assert tried | set(ELSEWHERE) == set(Reason)
