"""The reference pages that are made of the models, the reasons and the guide."""

from typing import Any, Final

from chatassistant_operator.api import names
from chatassistant_operator.api.crd import object_schema
from chatassistant_operator.api.guide import GUIDE, Entry
from chatassistant_operator.api.reasons import Awaits, ConditionType, Reason
from chatassistant_operator.api.v1alpha1 import Spec, Status

# What each tool shows for a reason of Ready: at once, and after ten minutes where that is something else.
_SHOWN: Final = {
    Awaits.NOTHING: ("Healthy", "current", "Current"),
    Awaits.TIME: ("Progressing", "in progress", "InProgress"),
    Awaits.ARRIVAL: (
        "Progressing, after 10 minutes Degraded",
        "in progress, then failed",
        "InProgress, then Failed",
    ),
    Awaits.EDIT: ("Degraded", "failed", "Failed"),
}
_WARNINGS: Final = frozenset(
    {ConditionType.CREDITS_LOW, ConditionType.KEY_EXPIRING_SOON, ConditionType.MODEL_RETIRING}
)


def fields(note: str) -> str:
    """Every field of the API."""
    lines = [f"<!-- {note} -->", "# ChatAssistant", "", f"`{names.API_VERSION}`", ""]
    for heading, model in (("spec", Spec), ("status", Status)):
        lines += [f"## {heading}", "", "| field | type | default | meaning |", "|---|---|---|---|"]
        lines += _rows("", object_schema(model))
        lines.append("")
    return "\n".join(lines)


def conditions(note: str) -> str:
    """Every condition and every reason.

    Raises:
        KeyError: for a reason that the guide says nothing of.
    """
    missing = [reason for reason in Reason if reason not in GUIDE]
    if missing:
        raise KeyError(f"api/guide.py has no entry for {', '.join(missing)}")
    lines = [
        f"<!-- {note} -->",
        "# Conditions and reasons",
        "",
        "`kubectl get chat` shows Ready and its reason, `-o wide` the message with the cure, `kubectl describe chat` all",
        "conditions. Ready has the reason of the most fundamental condition that is False.",
        "",
        "| condition | meaning |",
        "|---|---|",
        *(f"| `{type_}` | {type_.meaning} |" for type_ in ConditionType),
        "",
        "`Reconciling`, `Stalled`, `CreditsLow`, `KeyExpiringSoon` and `ModelRetiring` are there only while they are true.",
        "An object that is not ready has one of `Reconciling` and `Stalled`, with the reason of Ready.",
        "",
    ]
    for type_ in ConditionType:
        entries = [(reason, GUIDE[reason]) for reason in Reason if GUIDE[reason].condition is type_]
        if entries:
            lines += [f"## {type_}", ""]
            for reason, entry in entries:
                lines += _page(reason, entry)
    return "\n".join(lines)


def _page(reason: Reason, entry: Entry) -> list[str]:
    argo, flux, kstatus = _shown(reason, entry)
    return [
        f"### {reason}",
        "",
        reason.meaning,
        "",
        f"- Condition: `{entry.condition}={entry.status}`",
        f"- Cause: {entry.cause}",
        f"- What to do: {entry.cure}",
        f"- Mends itself: {entry.mends}",
        f"- Argo CD: {argo}. Flux: {flux}. kstatus: {kstatus}.",
        "",
    ]


def _shown(reason: Reason, entry: Entry) -> tuple[str, str, str]:
    """What GitOps tools show while this is Ready's reason; a warning changes nothing for them."""
    if reason is Reason.SUSPENDED:
        return "Suspended", "current", "Current"
    unknown = entry.status == "Unknown" and entry.condition is not ConditionType.READY
    if entry.condition in _WARNINGS or unknown:
        return _SHOWN[Awaits.NOTHING]
    return _SHOWN[reason.awaits]


def _rows(prefix: str, schema: dict[str, Any]) -> list[str]:
    rows: list[str] = []
    for name, field in schema["properties"].items():
        path = f"{prefix}{name}"
        nested = field
        while "items" in nested:
            path, nested = f"{path}[]", nested["items"]
        if "properties" not in nested:
            default = f"`{field['default']}`" if field.get("default") not in (None, {}, []) else ""
            rows.append(f"| `{path}` | {_type(field)} | {default} | {_meaning(field)} |")
        elif nested.get("properties"):
            rows.append(f"| `{path}` | {_type(field)} | | {_meaning(field)} |")
            rows += _rows(f"{path}.", nested)
    return rows


def _meaning(field: dict[str, Any]) -> str:
    return str(field.get("description", "")).replace("|", "\\|")


def _type(field: dict[str, Any]) -> str:
    if "enum" in field:
        return ", ".join(f"`{each}`" for each in field["enum"])
    return str(field.get("type", "integer or string"))
