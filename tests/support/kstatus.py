"""What kstatus makes of a ChatAssistant, and where its status breaks what it promises.

`compute` follows sigs.k8s.io/cli-utils, pkg/kstatus/status: generic.go, then the Ready condition of status.go.
"""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from chatassistant_operator.api.guide import GUIDE
from chatassistant_operator.api.reasons import Awaits, ConditionType, Reason

Object = dict[str, Any]
Condition = dict[str, Any]

ALWAYS: Final = (
    ConditionType.READY,
    ConditionType.APPLIED,
    ConditionType.CREDENTIALS_VALID,
    ConditionType.MODEL_AVAILABLE,
    ConditionType.AVAILABLE,
)
ABNORMAL: Final = frozenset(
    {
        ConditionType.RECONCILING,
        ConditionType.STALLED,
        ConditionType.CREDITS_LOW,
        ConditionType.KEY_EXPIRING_SOON,
        ConditionType.MODEL_RETIRING,
    }
)
"""Present only while True."""

# What is most fundamental first.
_ASPECTS: Final = tuple(each for each in ConditionType if each not in {ConditionType.READY, *ABNORMAL})
_OF_INVALID_SPEC: Final = {ConditionType.READY, ConditionType.APPLIED, ConditionType.STALLED}
_FIELDS: Final = ("type", "status", "reason", "message", "lastTransitionTime")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_KEY: Final = re.compile(r"sk-or-(v\d+-)?[0-9a-f-]{8}", re.IGNORECASE)
_AGE_OR_COUNTER: Final = re.compile(r"\d+ (second|minute|hour|day)s? ago|attempt \d+", re.IGNORECASE)
# Times are in whole seconds, and a status is written a moment after its time: two changes may share one.
_SAME_MOMENT: Final = timedelta(seconds=5)
_ABSENT: Final = "absent"


def compute(obj: Object) -> str:
    """kstatus's word for the object: Current, InProgress, Failed or Terminating."""
    metadata, status = obj.get("metadata") or {}, obj.get("status") or {}
    if metadata.get("deletionTimestamp"):
        return "Terminating"
    generation, observed = metadata.get("generation"), status.get("observedGeneration")
    if generation is not None and observed is not None and observed != generation:
        return "InProgress"
    conditions = status.get("conditions") or []
    for each in conditions:
        if each["status"] == "True" and each["type"] in {"Reconciling", "Stalled"}:
            return "InProgress" if each["type"] == "Reconciling" else "Failed"
    ready = next((each["status"] for each in conditions if each["type"] == "Ready"), "True")
    return "Current" if ready == "True" else "InProgress"


def violations(obj: Object, now: datetime | None = None) -> list[str]:
    """Every way in which the status breaks its contract, in words; `now` is when it was seen."""
    status = obj.get("status") or {}
    conditions: list[Condition] = status.get("conditions") or []
    if not conditions:
        return ["there is no condition, which kstatus takes for Current"]
    problems = list(_generation_problems(obj))
    for each in conditions:
        problems += _problems(each, status, now or datetime.now(UTC))
    types = [each.get("type") for each in conditions]
    problems += [f"{each} is there twice" for each in dict.fromkeys(types) if types.count(each) > 1]
    known = _by_type(obj)
    if not _is_new(status):
        problems += [*_presence_problems(obj, known), *_ready_problems(known)]
    if _KEY.search(json.dumps({name: value for name, value in status.items() if name != "conditions"})):
        problems.append("the status holds what looks like an API key outside its conditions")
    return problems


def transition_violations(before: Object, after: Object) -> list[str]:
    """What is wrong with the step from one version of an object to the next."""
    return history_violations((before, after))


def history_violations(versions: Iterable[Object]) -> list[str]:
    """The same for all versions of one object, none left out, the oldest first.

    A condition that vanished and came back has moved: it needs a new time.
    """
    problems: list[str] = []
    last: dict[str, Condition] = {}
    observed = 0
    for version in versions:
        now_observed = (version.get("status") or {}).get("observedGeneration") or 0
        if now_observed < observed:
            problems.append(f"status.observedGeneration went back from {observed} to {now_observed}")
        observed = now_observed
        if _is_new(version.get("status") or {}):
            continue  # The CRD's default, whose time is no transition's.
        known = _by_type(version)
        for type_ in last.keys() & known.keys():
            problems += _step_problems(last[type_], known[type_], _written(version))
        gone = {type_: {**each, "status": _ABSENT} for type_, each in last.items() if type_ not in known}
        last = {**gone, **known}
    return problems


def _by_type(obj: Object) -> dict[str, Condition]:
    return {each.get("type", ""): each for each in (obj.get("status") or {}).get("conditions") or []}


def _is_new(status: dict[str, Any]) -> bool:
    """Whether the status is the one that the CRD gives a new object, before the operator has seen it."""
    if status.get("observedGeneration") is not None:
        return False
    shown = [
        (each.get("type"), each.get("status"), each.get("reason")) for each in status.get("conditions") or []
    ]
    return shown == [("Ready", "Unknown", "Pending")]


def _generation_problems(obj: Object) -> Iterator[str]:
    status, generation = obj["status"], obj["metadata"]["generation"]
    observed = status.get("observedGeneration")
    if observed is None:
        if not _is_new(status):
            yield "status.observedGeneration is missing"
    elif observed > generation:
        yield f"status.observedGeneration is {observed}, but the generation is only {generation}"


def _problems(condition: Condition, status: dict[str, Any], now: datetime) -> Iterator[str]:
    """What is wrong with one condition by itself."""
    type_ = condition.get("type", "a condition")
    yield from (f"{type_} has no {field}" for field in _FIELDS if not condition.get(field))
    if type_ not in set(ConditionType):
        yield f"{type_} is not a known type of condition"
    if condition.get("reason") not in set(Reason):
        yield f"{type_} has the unknown reason {condition.get('reason')}"
    if condition.get("status") not in {"True", "False", "Unknown"}:
        yield f"{type_} has the status {condition.get('status')}"
    if type_ in ABNORMAL and condition.get("status") != "True":
        yield f"{type_} is {condition.get('status')}, but may be present only while True"
    if condition.get("status") == "False" and _awaits(condition) is Awaits.NOTHING:
        yield f"{type_} is False, but its reason {condition.get('reason')} says that nothing is wrong"
    if condition.get("observedGeneration") != status.get("observedGeneration"):
        yield f"{type_} has another observedGeneration than the status"
    time = _time(condition)
    if time is None:
        yield f"{type_} has a lastTransitionTime that is not RFC 3339"
    elif time > now:
        yield f"{type_} has a lastTransitionTime in the future"
    yield from _message_problems(type_, condition.get("message", ""))


def _message_problems(type_: str, message: str) -> Iterator[str]:
    if _KEY.search(message):
        yield f"{type_} has a message with what looks like an API key"
    if _AGE_OR_COUNTER.search(message):
        yield f"{type_} has a message with an age or a counter, which never stands still: {message}"


def _presence_problems(obj: Object, known: dict[str, Condition]) -> Iterator[str]:
    """Which conditions are there and should not be, or the other way round."""
    if known.get("Applied", {}).get("reason") == Reason.INVALID_SPEC:
        wrong = sorted(_OF_INVALID_SPEC ^ known.keys())
        if wrong:
            yield f"an invalid spec has just Ready, Applied and Stalled; wrong are: {', '.join(wrong)}"
        return
    yield from (f"{each} is missing" for each in ALWAYS if each not in known)
    seen = obj["status"].get("observedGeneration") == obj["metadata"].get("generation")
    if seen and "spec" in obj:
        tools = bool((obj["spec"].get("tools") or {}).get("mcpServers"))
        if tools != (ConditionType.TOOLS_AVAILABLE in known):
            yield f"ToolsAvailable is {'missing' if tools else 'there, but the spec has no tools'}"


def _ready_problems(known: dict[str, Condition]) -> Iterator[str]:
    """Where Ready, Reconciling, Stalled and the aspects contradict each other."""
    working = [each for each in ("Reconciling", "Stalled") if each in known]
    if len(working) > 1:
        yield "Reconciling and Stalled are both there"
    ready = known.get("Ready")
    if ready is None:
        return
    truth, reason = ready.get("status"), ready.get("reason")
    wrong = [known[each] for each in _ASPECTS if known.get(each, {}).get("status") == "False"]
    if wrong and truth != "False":
        yield f"Ready is {truth}, but {wrong[0]['type']} is False"
    if truth == "True":
        if reason not in {Reason.READY, Reason.SUSPENDED}:
            yield f"Ready is True for the reason {reason}"
        yield from (f"Ready is True, but {each} is there" for each in working)
        return
    if not working:
        yield f"Ready is {truth}, but neither Reconciling nor Stalled is there"
    if "Reconciling" in known and _awaits(ready) is Awaits.EDIT:
        yield f"Ready is {truth}/{reason}, which needs an edit of the spec, but it is Reconciling, not Stalled"
    if truth == "False" and not _is_about_pods_while_some_serve(reason, known, wrong):
        yield from _reason_problems(reason, wrong)


def _reason_problems(reason: Any, wrong: list[Condition]) -> Iterator[str]:
    """Where the reason of a Ready that is False is not that of what is most fundamental."""
    if not wrong:
        yield f"Ready is False/{reason}, but no other condition is False"
    elif reason != wrong[0].get("reason"):
        yield f"Ready is False/{reason}, but the most fundamental reason is {wrong[0].get('reason')}"


def _is_about_pods_while_some_serve(reason: Any, known: dict[str, Condition], wrong: list[Condition]) -> bool:
    """Whether Ready tells of new or of some pods while Available is true, and nothing more fundamental is wrong."""
    about_pods = any(reason == each and GUIDE[each].condition is ConditionType.AVAILABLE for each in GUIDE)
    serve = known.get("Available", {}).get("status") == "True"
    return about_pods and serve and all(each["type"] == ConditionType.TOOLS_AVAILABLE for each in wrong)


def _step_problems(old: Condition, new: Condition, written: datetime | None) -> Iterator[str]:
    """What is wrong with one condition's step from one version to the next."""
    type_, earlier, later = new["type"], _time(old), _time(new)
    if earlier is None or later is None:
        return
    not_at_once = written is None or written - later > _SAME_MOMENT
    if later < earlier:
        yield f"{type_} has a lastTransitionTime that went back"
    elif old["status"] == new["status"] and later != earlier:
        yield f"{type_} has a new lastTransitionTime, but is {new['status']} as before"
    elif old["status"] != new["status"] and later == earlier and not_at_once:
        yield f"{type_} went from {old['status']} to {new['status']}, but kept its lastTransitionTime"


def _awaits(condition: Condition) -> Awaits | None:
    reason = next((each for each in Reason if each == condition.get("reason")), None)
    return reason.awaits if reason else None


def _time(condition: Condition) -> datetime | None:
    text = str(condition.get("lastTransitionTime"))
    try:
        return datetime.fromisoformat(text) if _TIME.fullmatch(text) else None
    except ValueError:
        return None


def _written(obj: Object) -> datetime | None:
    """When the status was written last, as the API server says."""
    times = [
        datetime.fromisoformat(each["time"])
        for each in obj["metadata"].get("managedFields") or []
        if each.get("subresource") == "status" and "time" in each
    ]
    return max(times, default=None)
