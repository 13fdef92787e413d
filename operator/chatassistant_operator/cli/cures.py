"""What to do about a condition, with the names of the assistant that has it."""

import re
from typing import Any

from chatassistant_operator.api.guide import GUIDE
from chatassistant_operator.api.reasons import ConditionType, Reason
from chatassistant_operator.observed import Manifest

_ABNORMAL = frozenset(
    {
        ConditionType.RECONCILING,
        ConditionType.STALLED,
        ConditionType.CREDITS_LOW,
        ConditionType.KEY_EXPIRING_SOON,
        ConditionType.MODEL_RETIRING,
    }
)
# Where the messages that stand beside it say it all.
_NO_CURE = ("Nothing.", "Read ")
# Which Secret or ConfigMap these tell of stands in their message, unless it is the API key's.
_IN_THE_MESSAGE = frozenset({Reason.SECRET_NOT_FOUND, Reason.PROMPT_NOT_FOUND})


def is_well(condition: Manifest) -> bool:
    """Whether a condition tells of nothing that is wrong or unknown."""
    wanted = "False" if condition["type"] in _ABNORMAL else "True"
    return bool(condition["status"] == wanted)


def cure(assistant: Manifest, condition: Manifest) -> str | None:
    """What to do about a condition; None where nothing is wrong, or nothing is known to help."""
    entry = GUIDE.get(Reason.named(condition["reason"]))
    if is_well(condition) or entry is None or entry.cure.startswith(_NO_CURE):
        return None
    if condition["type"] != ConditionType.CREDENTIALS_VALID and condition["reason"] in _IN_THE_MESSAGE:
        return None
    spec: dict[str, Any] = assistant["spec"]
    ref = spec["credentials"]["apiKeySecretRef"]
    names = {
        "NAME": assistant["metadata"]["name"],
        "NAMESPACE": assistant["metadata"]["namespace"],
        "SECRET": ref["name"],
        "api-key": ref.get("key", "api-key"),
    }
    return re.sub(r"\b(NAME|NAMESPACE|SECRET|api-key)\b", lambda found: names[found[0]], entry.cure)


def cures(assistant: Manifest) -> dict[str, str]:
    """What to do about each condition that needs it, by type; what several have for one reason is told once."""
    conditions: list[Manifest] = assistant.get("status", {}).get("conditions", [])
    told: dict[str, str] = {}
    repeats = {ConditionType.READY, ConditionType.RECONCILING, ConditionType.STALLED}
    for each in sorted(conditions, key=lambda condition: condition["type"] in repeats):
        words = cure(assistant, each)
        if words is not None and words not in told.values():
            told[each["type"]] = words
    return told
