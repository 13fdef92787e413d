"""What a check found: one condition's status, reason and message, before it becomes part of a status."""

from dataclasses import dataclass
from typing import Literal

from chatassistant_operator.api.reasons import ConditionType, Reason

Truth = Literal["True", "False", "Unknown"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One condition as it is now.

    `pending` says that an answer is on its way: nothing rolls meanwhile, and what the status says stays. `vague` says
    that an earlier message with the same reason knew more, and is better kept.
    """

    type: ConditionType
    truth: Truth
    reason: Reason
    message: str
    pending: bool = False
    vague: bool = False
