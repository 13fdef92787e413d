"""What `status` tells of a ChatAssistant: as data, and as text for people. Pure."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from chatassistant_operator.cli.cures import cures, is_well
from chatassistant_operator.cli.owned import Seen
from chatassistant_operator.cli.pod_logs import container_status
from chatassistant_operator.observed import Manifest

_UNITS: Final = (("d", 86_400), ("h", 3_600), ("m", 60))


def describe(assistant: Manifest, seen: Seen) -> dict[str, Any]:
    """One item of what `status -o json` prints.

    `conditions` are those of the status, each with a `cure` where something is to be done; `owned` is a tree of
    `{kind, name, state, owned}`; `history` is the status's.
    """
    metadata, status = assistant["metadata"], assistant.get("status", {})
    told = cures(assistant)
    conditions: list[dict[str, Any]] = [
        {**each, **({"cure": told[each["type"]]} if each["type"] in told else {})}
        for each in status.get("conditions", [])
    ]
    ready = next((each for each in conditions if each["type"] == "Ready"), dict[str, Any]())
    return {
        "name": metadata["name"],
        "namespace": metadata["namespace"],
        "createdAt": metadata["creationTimestamp"],
        "ready": ready.get("status", "Unknown"),
        "reason": ready.get("reason", "Pending"),
        "model": assistant["spec"].get("model", {}).get("name", "openrouter/free"),
        "url": status.get("url", ""),
        "conditions": conditions,
        "owned": list(_owned(metadata["uid"], seen)),
        "history": status.get("history", []),
    }


def _owned(uid: str, seen: Seen) -> Iterator[dict[str, Any]]:
    for each in seen.children(uid):
        is_past = each["kind"] == "ReplicaSet" and not each.get("status", {}).get("replicas")
        if is_past and not each["spec"].get("replicas"):
            continue
        children = list(_owned(each["metadata"]["uid"], seen))
        node = {"kind": each["kind"], "name": each["metadata"]["name"], "state": _state(each)}
        yield node | ({"owned": children} if children else {})


def _state(item: Manifest) -> str:
    """How an object is, in a few words."""
    status, spec = item.get("status", {}), item.get("spec", {})
    match item["kind"]:
        case "Deployment" | "ReplicaSet":
            return f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 1)} ready"
        case "Pod":
            return _pod_state(item)
        case "Service":
            ports = ", ".join(str(each["port"]) for each in spec.get("ports", []))
            return f"{spec.get('type', 'ClusterIP')}, port {ports}"
        case _:
            return ""


def _pod_state(pod: Manifest) -> str:
    container = container_status(pod)
    state: dict[str, dict[str, str]] = container.get("state", {})
    stopped = state.get("waiting") or state.get("terminated") or dict[str, str]()
    phase: str = pod.get("status", {}).get("phase", "Unknown")
    words = [stopped.get("reason") or phase]
    words += ["ending"] if pod["metadata"].get("deletionTimestamp") else []
    words += ["ready" if container.get("ready") else "not ready"]
    restarts = container.get("restartCount", 0)
    return ", ".join([*words, *([f"{restarts} restarts"] if restarts else [])])


def age(since: str, now: datetime) -> str:
    """How long ago something was, as kubectl says it."""
    seconds = max(0, int((now - datetime.fromisoformat(since)).total_seconds()))
    return next((f"{seconds // size}{unit}" for unit, size in _UNITS if seconds >= size), f"{seconds}s")


def text_of(item: dict[str, Any], now: datetime) -> RenderableType:
    """One item of `describe` for people."""
    parts: list[RenderableType] = [_tree(item, now), Text("Conditions", "bold")]
    for each in item["conditions"]:
        parts += _condition(each, now)
    if item["history"]:
        table = Table("BEGAN", "REVISION", "MODEL", "OUTCOME", box=None, pad_edge=False)
        for each in item["history"]:
            outcome = " ".join(filter(None, (each["outcome"], each.get("reason"))))
            table.add_row(f"{age(each['time'], now)} ago", each["revision"], each["model"], outcome)
        parts += [Text("History", "bold"), Padding(table, (0, 0, 0, 2), expand=False)]
    return Group(*parts)


def _tree(item: dict[str, Any], now: datetime) -> Tree:
    head = Text.assemble(
        (f"ChatAssistant/{item['name']}", "bold"),
        f"  {item['namespace']}  ",
        _mark(item["ready"], item["reason"], well=item["ready"] == "True"),
        f"  {item['model']}  {age(item['createdAt'], now)}",
    )
    tree = Tree(head)
    _grow(tree, item["owned"])
    return tree


def _grow(tree: Tree, owned: list[dict[str, Any]]) -> None:
    for each in owned:
        branch = tree.add(Text(f"{each['kind']}/{each['name']}  {each['state']}".rstrip()))
        _grow(branch, each.get("owned", []))


def _condition(condition: dict[str, Any], now: datetime) -> Iterator[RenderableType]:
    well = is_well(condition)
    line = Text.assemble(
        f"  {condition['type']}  ",
        _mark(condition["status"], condition["reason"], well=well),
        f"  {age(condition['lastTransitionTime'], now)}" if "observedGeneration" in condition else "",
    )
    yield line
    if not well or condition["type"] == "Ready":
        yield Padding(Text(condition["message"]), (0, 0, 0, 4), expand=False)
    if "cure" in condition:
        yield Padding(Text(f"What to do: {condition['cure']}", "italic"), (0, 0, 0, 4), expand=False)


def _mark(status: str, reason: str, *, well: bool) -> tuple[str, str]:
    words = status if status == reason else f"{status} {reason}"
    return words, "green" if well else "yellow" if status == "Unknown" else "red"
