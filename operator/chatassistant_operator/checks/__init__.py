"""What is right and what is wrong with a ChatAssistant, in the order in which it would be mended.

Each check is a pure function `(assistant, seen) -> Finding | None`; None leaves the word to the next one.
Of several findings on one condition the first counts.
"""

from collections.abc import Callable
from typing import Final

from chatassistant_operator.api.reasons import ConditionType
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.checks.key import key_is_accepted
from chatassistant_operator.checks.model import model_is_offered
from chatassistant_operator.checks.policy import policy_allows
from chatassistant_operator.checks.prompt import prompt_is_there
from chatassistant_operator.checks.secret import secret_is_usable
from chatassistant_operator.finding import Finding
from chatassistant_operator.observed import Observed

Check = Callable[[ChatAssistant, Observed], Finding | None]
Findings = dict[ConditionType, Finding]

CHAIN: Final[tuple[Check, ...]] = (
    policy_allows,
    prompt_is_there,
    secret_is_usable,
    key_is_accepted,
    model_is_offered,
)


def run(assistant: ChatAssistant, seen: Observed) -> Findings:
    """Every finding that does not need the children to be written first, by condition."""
    findings: Findings = {}
    for check in CHAIN:
        finding = check(assistant, seen)
        if finding is not None:
            findings.setdefault(finding.type, finding)
    return findings
