"""What is right and what is wrong: an ordered chain of small pure checks.

For each condition the first check that has something to say decides; the chain reads from what must hold first to
what follows from it. A new check is one function in the file of its concern, one line here, and one row in
`tests/unit/test_checks.py`. Whether the pods serve is judged after they were written: see `rollout.py`.
"""

from collections.abc import Callable
from typing import Final

from chatassistant_operator.api.reasons import ConditionType
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.checks import completion, key, model, other_secrets, policy, prompt, secret, tools
from chatassistant_operator.finding import Finding
from chatassistant_operator.observed import Observed

Check = Callable[[ChatAssistant, Observed], Finding | None]
Findings = dict[ConditionType, Finding]

CHAIN: Final[tuple[Check, ...]] = (
    # Applied
    policy.the_policy_allows,
    other_secrets.other_secrets_may_be_used,
    other_secrets.made_secret_is_ours,
    prompt.prompt_is_there,
    # CredentialsValid
    secret.secret_is_read,
    secret.secret_exists,
    secret.secret_has_the_entry,
    secret.value_can_be_sent,
    secret.value_looks_like_a_key,
    key.key_may_be_asked,
    key.key_has_not_expired,
    key.key_is_not_refused,
    key.key_manages_no_keys,
    key.limit_is_not_reached,
    completion.completion_is_paid_for,
    completion.pods_have_told,
    completion.pods_are_paid_for,
    key.last_word_stands,
    key.gateway_answers,
    completion.completion_has_come,
    key.key_is_accepted,
    # ModelAvailable
    model.catalogue_may_be_asked,
    model.models_are_offered,
    model.models_call_tools,
    model.answers_fit,
    model.endpoints_fit,
    completion.completion_is_answered,
    model.last_word_stands,
    model.catalogue_is_read,
    model.models_are_found,
    # ToolsAvailable
    tools.tools_are_reported,
    tools.servers_answer,
    tools.tools_are_there,
    tools.tools_are_listed,
    # Present only while true
    key.credits_are_low,
    key.key_expires_soon,
    model.model_retires,
)


def run(assistant: ChatAssistant, seen: Observed) -> Findings:
    """Every finding that does not need the children to be written first, by condition."""
    findings: Findings = {}
    for check in CHAIN:
        finding = check(assistant, seen)
        if finding is not None:
            findings.setdefault(finding.type, finding)
    return findings
