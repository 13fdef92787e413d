"""The checker of statuses itself: for each way to break the contract, a status that does and one that does not."""

import copy
from datetime import UTC, datetime
from typing import Any

import pytest

from chatassistant_operator.api.reasons import ConditionType, Reason
from support.conditions import TIME, chat, condition, judged, new, serving_previous, suspended, wrong
from support.kstatus import compute, history_violations, transition_violations, violations
from support.statuses import BY_HAND, Recorder

NOW = datetime(2026, 1, 24, 12, 0, 1, tzinfo=UTC)
LATER = "2026-01-24T12:00:30Z"
KEY = "sk-or-v1-" + "0123456789abcdef" * 4
READY = judged(condition("Ready"))
STALLED = wrong(Reason.MODEL_NOT_FOUND, ConditionType.STALLED)
RECONCILING = wrong(Reason.SECRET_NOT_FOUND, ConditionType.RECONCILING)
INVALID = wrong(Reason.INVALID_SPEC, ConditionType.STALLED)


def _of(obj: dict[str, Any], type_: str) -> dict[str, Any]:
    (found,) = (each for each in obj["status"]["conditions"] if each["type"] == type_)
    result: dict[str, Any] = found
    return result


def _with(obj: dict[str, Any], type_: str, **fields: Any) -> dict[str, Any]:
    """A copy in which one condition has other fields; None removes."""
    changed = copy.deepcopy(obj)
    each = _of(changed, type_)
    each.update(fields)
    for name in [name for name, value in fields.items() if value is None]:
        del each[name]
    return changed


def _less(obj: dict[str, Any], *types: str) -> dict[str, Any]:
    """A copy without some conditions."""
    changed = copy.deepcopy(obj)
    changed["status"]["conditions"] = [
        each for each in obj["status"]["conditions"] if each["type"] not in types
    ]
    return changed


def _more(obj: dict[str, Any], *conditions: dict[str, Any], **status: Any) -> dict[str, Any]:
    """A copy with more conditions and fields of the status."""
    changed = copy.deepcopy(obj)
    changed["status"] |= status
    changed["status"]["conditions"] += conditions
    return changed


def _edited(obj: dict[str, Any]) -> dict[str, Any]:
    return obj | {"metadata": obj["metadata"] | {"generation": 2}}


@pytest.mark.parametrize(
    "obj",
    [
        pytest.param(READY, id="ready"),
        pytest.param(_edited(READY), id="ready, then edited"),
        pytest.param(new(), id="new"),
        pytest.param(STALLED, id="stalled"),
        pytest.param(RECONCILING, id="reconciling"),
        pytest.param(wrong(Reason.SECRET_NOT_FOUND, ConditionType.STALLED), id="stalled after ten minutes"),
        pytest.param(INVALID, id="invalid"),
        pytest.param(suspended(), id="suspended"),
        pytest.param(serving_previous(), id="old pods serve"),
        pytest.param(
            _more(READY, condition("ToolsAvailable")) | {"spec": {"tools": {"mcpServers": [{}]}}}, id="tools"
        ),
        pytest.param(_more(READY, condition("CreditsLow", reason="CreditsLow")), id="a warning"),
        pytest.param(
            _with(READY, "Ready", message="Made with --from-literal=api-key='sk-or-v1-…'"), id="a placeholder"
        ),
        pytest.param(_more(READY, credentials={"keyLabel": "sk-or-v1-012...def"}), id="a label"),
        pytest.param(_with(READY, "Ready", message="Until 12:00:00 on 24 January."), id="a time"),
        pytest.param(
            _with(READY, "Ready", lastTransitionTime="2026-01-24T12:59:00.5+01:00"), id="another zone"
        ),
    ],
)
def test_nothing_is_said_of_what_keeps_the_contract(obj: dict[str, Any]) -> None:
    assert violations(obj, NOW) == []


@pytest.mark.parametrize(
    ("obj", "words"),
    [
        (READY | {"status": {}}, "there is no condition"),
        (_less(READY, "Applied"), "Applied is missing"),
        (_less(READY, "Ready"), "Ready is missing"),
        (chat(condition("Ready", "Unknown", "Pending")), "Applied is missing"),
        (_less(STALLED, "Available"), "Available is missing"),
        (_less(INVALID, "Stalled"), "wrong are: Stalled"),
        (_more(INVALID, condition("Available")), "wrong are: Available"),
        (READY | {"spec": {"tools": {"mcpServers": [{}]}}}, "ToolsAvailable is missing"),
        (_more(READY, condition("ToolsAvailable")), "ToolsAvailable is there, but"),
        (_more(READY, condition("Applied")), "Applied is there twice"),
        (_with(READY, "Applied", type="Tidy"), "Tidy is not a known type"),
        (_with(READY, "Applied", reason="Whatever"), "unknown reason Whatever"),
        (_with(READY, "Applied", status="Maybe"), "Applied has the status Maybe"),
        (_with(READY, "Applied", message=""), "Applied has no message"),
        (_with(READY, "Applied", reason=None), "Applied has no reason"),
        (_with(READY, "Applied", lastTransitionTime=None), "Applied has no lastTransitionTime"),
        (_with(READY, "Applied", lastTransitionTime="24 January 2026"), "not RFC 3339"),
        (_with(READY, "Applied", lastTransitionTime="2026-01-24T12:00:00"), "not RFC 3339"),
        (_with(READY, "Applied", lastTransitionTime="2026-13-24T12:00:00Z"), "not RFC 3339"),
        (_with(READY, "Applied", lastTransitionTime=LATER), "in the future"),
        (_with(READY, "Applied", observedGeneration=None), "another observedGeneration"),
        (_with(READY, "Applied", observedGeneration=2), "another observedGeneration"),
        (_with(new(), "Ready", observedGeneration=1), "another observedGeneration"),
        (
            _with(READY, "Applied", message=f"{KEY} was refused."),
            "Applied has a message with what looks like an API key",
        ),
        (_with(READY, "Applied", message="sk-or-01234567"), "looks like an API key"),
        (_more(READY, credentials={"keyLabel": KEY}), "API key outside its conditions"),
        (_with(READY, "Applied", message="Asked 5 minutes ago."), "an age or a counter"),
        (_with(READY, "Applied", message="Asked 1 hour ago."), "an age or a counter"),
        (_with(READY, "Applied", message="Refused at attempt 3."), "an age or a counter"),
        (chat(*READY["status"]["conditions"], observed=None), "status.observedGeneration is missing"),
        (_more(READY, observedGeneration=2), "the generation is only 1"),
        (
            _more(READY, condition("CreditsLow", "False", "CreditsLow")),
            "CreditsLow is False, but may be present only",
        ),
        (_more(RECONCILING, condition("Stalled", reason=Reason.SECRET_NOT_FOUND)), "are both there"),
        (_less(STALLED, "Stalled"), "neither Reconciling nor Stalled is there"),
        (
            _with(_less(STALLED, "Stalled"), "Ready", status="Unknown"),
            "neither Reconciling nor Stalled is there",
        ),
        (
            _more(READY, condition("Reconciling", reason=Reason.PENDING)),
            "Ready is True, but Reconciling is there",
        ),
        (_more(READY, condition("Stalled", reason=Reason.PENDING)), "Ready is True, but Stalled is there"),
        (
            _with(READY, "Available", status="False", reason="CrashLooping"),
            "Ready is True, but Available is False",
        ),
        (_with(STALLED, "Ready", status="Unknown"), "Ready is Unknown, but ModelAvailable is False"),
        (_with(READY, "Ready", reason="KeyRejected"), "Ready is True for the reason KeyRejected"),
        (_with(STALLED, "ModelAvailable", reason="ModelFound"), "says that nothing is wrong"),
        (wrong(Reason.MODEL_NOT_FOUND, ConditionType.RECONCILING), "needs an edit of the spec"),
        (_with(STALLED, "Ready", reason="CrashLooping"), "the most fundamental reason is ModelNotFound"),
        (
            _with(STALLED, "CredentialsValid", status="False", reason="KeyRejected"),
            "the most fundamental reason is KeyRejected",
        ),
        (_with(RECONCILING, "CredentialsValid", status="True"), "no other condition is False"),
    ],
)
def test_a_breach_of_the_contract_is_told(obj: dict[str, Any], words: str) -> None:
    found = violations(obj, NOW)
    assert [each for each in found if words in each], found
    assert KEY not in str(found)


@pytest.mark.parametrize(
    ("obj", "word"),
    [
        (READY, "Current"),
        (suspended(), "Current"),
        (READY | {"status": {}}, "Current"),
        (new(), "InProgress"),
        (_edited(READY), "InProgress"),
        (_edited(STALLED), "InProgress"),
        (RECONCILING, "InProgress"),
        (_less(RECONCILING, "Reconciling"), "InProgress"),
        (STALLED, "Failed"),
        (_more(RECONCILING, condition("Stalled", reason="Pending")), "InProgress"),
        (READY | {"metadata": {"deletionTimestamp": TIME}}, "Terminating"),
    ],
)
def test_compute(obj: dict[str, Any], word: str) -> None:
    assert compute(obj) == word


def _at(time: str, obj: dict[str, Any], *types: str) -> dict[str, Any]:
    """A copy in which conditions, all of them if none is named, moved at another time."""
    changed = copy.deepcopy(obj)
    for each in changed["status"]["conditions"]:
        if not types or each["type"] in types:
            each["lastTransitionTime"] = time
    return changed


def _written(obj: dict[str, Any], time: str) -> dict[str, Any]:
    fields = [{"manager": "chatassistant-operator", "subresource": "status", "time": time}]
    return obj | {"metadata": obj["metadata"] | {"managedFields": fields}}


HEALED = _at(LATER, READY, "Ready", "ModelAvailable")
PENDING = judged(
    condition("Ready", "Unknown", Reason.PENDING), condition("Reconciling", reason=Reason.PENDING)
)
LOW = _more(READY, condition("CreditsLow", reason="CreditsLow"))


@pytest.mark.parametrize(
    ("versions", "words"),
    [
        ([STALLED, HEALED], None),
        ([STALLED, READY], "Ready went from False to True, but kept its lastTransitionTime"),
        ([STALLED, _written(READY, LATER)], "ModelAvailable went from False to True, but kept"),
        ([STALLED, _written(READY, "2026-01-24T12:00:02Z")], None),
        ([READY, READY], None),
        ([READY, _with(READY, "Ready", message="Other words.")], None),
        ([READY, _at(LATER, READY, "Ready")], "Ready has a new lastTransitionTime, but is True as before"),
        ([_at(LATER, STALLED), READY], "Ready has a lastTransitionTime that went back"),
        ([new(), READY], None),
        ([new(), RECONCILING], None),
        ([new(), PENDING], None),
        ([_with(READY, "Ready", lastTransitionTime="yesterday"), READY], None),
        ([READY, LOW, READY], None),
        ([LOW, READY, _at(LATER, LOW, "CreditsLow")], None),
        ([LOW, READY, LOW], "CreditsLow went from absent to True, but kept its lastTransitionTime"),
        (
            [LOW, _at(LATER, LOW, "CreditsLow")],
            "CreditsLow has a new lastTransitionTime, but is True as before",
        ),
        (
            [_more(_edited(READY), observedGeneration=2), READY],
            "status.observedGeneration went back from 2 to 1",
        ),
    ],
)
def test_steps_from_one_version_to_the_next(versions: list[dict[str, Any]], words: str | None) -> None:
    found = history_violations(versions)
    assert [each for each in found if words and words in each] if words else found == [], found
    if len(versions) == 2:
        assert transition_violations(*versions) == found


def _version(obj: dict[str, Any], version: int, **labels: str) -> dict[str, Any]:
    return obj | {"metadata": obj["metadata"] | {"resourceVersion": str(version), "labels": labels}}


INCOMPLETE = _less(READY, "Applied")
KEPT_TIMES = ["Ready went from False to True", "ModelAvailable went from False to True"]


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([(READY, None)], []),
        ([(INCOMPLETE, None), (INCOMPLETE, None)], ["Applied is missing"]),
        ([(_version(INCOMPLETE, 1, **{BY_HAND: "true"}), None)], []),
        ([(_version(HEALED, 10), "a"), (_version(STALLED, 9), "a")], []),
        ([(_version(READY, 10), "a"), (_version(STALLED, 9), "a")], KEPT_TIMES),
        ([(_version(READY, 10), "a"), (_version(STALLED, 9), "b")], []),
        ([(_version(READY, 10), None), (_version(STALLED, 9), None)], []),
    ],
)
def test_a_recorder_tells_what_is_wrong_with_all_it_saw(
    records: list[tuple[dict[str, Any], str | None]], expected: list[str]
) -> None:
    recorder = Recorder()
    for obj, series in records:
        recorder.record(obj, series)
    found = recorder.problems()
    assert len(found) == len(expected), found
    assert all(any(words in each for each in found) for words in expected), found
    assert all("test_a_recorder_tells" in each for each in found)
