"""What is read of ReplicaSets and pods, and what pods say of themselves."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeAlias

from chatassistant_operator.api import names
from chatassistant_operator.observed.pending import Pending

_PORT = names.METRICS_PORT


@dataclass(frozen=True, slots=True)
class ReplicaSet:
    """Which revision of the pods a ReplicaSet runs, from which ConfigMap, and how many."""

    name: str
    revision: str | None
    config_map: str | None
    replicas: int
    available: int
    uid: str = ""


@dataclass(frozen=True, slots=True)
class Pod:
    """What is read of a pod.

    Attributes:
        name: Its name.
        owner: The uid of its ReplicaSet.
        ready: Whether it is ready.
        ending: Whether it is about to end.
        unschedulable: The scheduler's words when no node can run it.
        waiting: Why its container waits, in the kubelet's one word, and its words for it.
        ended: Why its container ended last, in the kubelet's one word, and what it left as its termination message.
        restarts: How often its container was started anew.
        running_since: When its container was started last, None when it does not run.
        report: Where it tells of itself.
    """

    name: str
    owner: str = ""
    ready: bool = False
    ending: bool = False
    unschedulable: str | None = None
    waiting: tuple[str, str] | None = None
    ended: tuple[str, str] | None = None
    restarts: int = 0
    running_since: datetime | None = None
    report: str | None = None


@dataclass(frozen=True, slots=True)
class ToolServer:
    """What a pod says of an MCP server: its tools, those of allowedTools that it lacks, and what is wrong, in one word."""

    server: str
    names: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Issuer:
    """What a pod says of the issuer of access tokens: what is wrong, in one word, and whether it lets anybody in."""

    problem: str | None = None
    admits: bool = True


@dataclass(frozen=True, slots=True)
class DayUsage:
    """What was used on one day (UTC); of what the cache answered, None stands for a pod that does not tell."""

    day: date
    requests: int
    prompt_tokens: int
    completion_tokens: int
    usd: Decimal
    cached_requests: int | None = None
    saved_usd: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What a pod says of usage, in words that stand still while no day ends and no threshold is crossed.

    Attributes:
        day: The day (UTC) that it is for the pod.
        crossed: The highest of 50, 80 and 100 percent of the daily budget that is spent, 0 for none of them.
        finished: The last day before this one on which anything was asked, None when the pod knows of none.
        shared: Whether all pods say the same, because they count together.
    """

    day: date
    crossed: int = 0
    finished: DayUsage | None = None
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """What a pod tells of itself at its metrics port.

    `problem` is what the gateway last said of the key when a completion met it, as a reason; `new_key_refused` that
    the file of the key holds one that the gateway refused, so that the pod goes on with the one before. `usage` is
    None where a pod does not count.
    """

    problem: str | None = None
    new_key_refused: bool = False
    tools: tuple[ToolServer, ...] = ()
    usage: Usage | None = None
    issuer: Issuer = Issuer()


ReportReading: TypeAlias = Pending | Report
"""Pending until a pod was asked for the first time; one that was, and does not tell, has none."""


def read_pod(body: dict[str, Any]) -> Pod:
    """What is read of a pod's manifest."""
    metadata, status = body["metadata"], body.get("status", {})
    containers: list[dict[str, Any]] = status.get("containerStatuses", [])
    container = containers[0] if containers else {}
    state, last = container.get("state", {}), container.get("lastState", {})
    waiting, running = state.get("waiting"), state.get("running")
    ended = state.get("terminated") or last.get("terminated")
    owners: list[dict[str, Any]] = metadata.get("ownerReferences", [])
    address = status.get("podIP")
    host = f"[{address}]" if address and ":" in address else address
    return Pod(
        name=metadata["name"],
        owner=next((each["uid"] for each in owners if each.get("controller")), ""),
        ready=_condition(status, "Ready").get("status") == "True",
        ending="deletionTimestamp" in metadata,
        unschedulable=_unschedulable(status),
        waiting=(waiting.get("reason", ""), waiting.get("message", "")) if waiting else None,
        ended=(ended.get("reason", ""), ended.get("message", "").strip()) if ended else None,
        restarts=container.get("restartCount", 0),
        running_since=_time(running.get("startedAt")) if running else None,
        report=f"http://{host}:{_PORT}/report" if host else None,
    )


def _condition(status: dict[str, Any], type_: str) -> dict[str, str]:
    conditions: list[dict[str, str]] = status.get("conditions", [])
    return next((each for each in conditions if each["type"] == type_), dict[str, str]())


def _unschedulable(status: dict[str, Any]) -> str | None:
    scheduled = _condition(status, "PodScheduled")
    if scheduled.get("status") == "False" and scheduled.get("reason") == "Unschedulable":
        return scheduled.get("message", "")
    return None


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
