"""What `kubectl get chat -o wide` prints, from the object itself."""

from datetime import UTC, datetime
from typing import Any, Final

from chatassistant_operator.observed import Manifest

HEADINGS: Final = ("NAME", "READY", "REASON", "MODEL", "REPLICAS", "AGE", "URL", "MESSAGE", "KEY")


def row(assistant: Manifest, now: datetime) -> tuple[str, ...]:
    """One line of the table, a cell for each of `HEADINGS`."""
    status: dict[str, Any] = assistant.get("status", {})
    conditions: list[dict[str, str]] = status.get("conditions", [])
    ready = next((each for each in conditions if each["type"] == "Ready"), dict[str, str]())
    return (
        assistant["metadata"]["name"],
        ready.get("status", "Unknown"),
        ready.get("reason", "Pending"),
        assistant["spec"].get("model", {}).get("name", "openrouter/free"),
        str(status.get("readyReplicas", 0)),
        _age(assistant, now),
        status.get("url", ""),
        ready.get("message", ""),
        status.get("credentials", {}).get("keyLabel", ""),
    )


def _age(assistant: Manifest, now: datetime) -> str:
    created = datetime.fromisoformat(assistant["metadata"]["creationTimestamp"])
    return f"{max(0, int((now.astimezone(UTC) - created).total_seconds()))}s"
