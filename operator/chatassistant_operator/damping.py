"""Conditions that go to and fro are calmed: a status that flaps costs writes, and tells nobody anything.

What is bad and comes for the third time within ten minutes stays until it has been away for five. Nothing that is
told for the first time waits, and a new generation or revision begins anew.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, TypeVar

from chatassistant_operator.api.reasons import ConditionType, Reason
from chatassistant_operator.api.v1alpha1 import Metadata
from chatassistant_operator.finding import Finding

_WINDOW: Final = timedelta(minutes=10)
_HOLD: Final = timedelta(minutes=5)
_TIMES: Final = 3
_TROUBLE: Final = "trouble"
_NO_TROUBLE: Final = Finding(ConditionType.AVAILABLE, "True", Reason.DEPLOYMENT_AVAILABLE, "")
_BADNESS: Final = {"True": 0, "Unknown": 1, "False": 2}

What = TypeVar("What", bound=str)


@dataclass(slots=True)
class _Memory:
    """When a bad finding came, as long as that is within the window, when it was there last, and whether it was held."""

    finding: Finding
    came: list[datetime] = field(default_factory=list[datetime])
    seen_at: datetime | None = None
    there: bool = False
    held: bool = False


class Damper:
    """Remembers what was bad, for each object and condition; no clock and no I/O of its own."""

    def __init__(self) -> None:
        self._memories: dict[tuple[str, str], tuple[Hashable, dict[str, dict[str, _Memory]]]] = {}

    def forget(self, key: tuple[str, str]) -> None:
        """The object of this namespace and name is gone."""
        self._memories.pop(key, None)

    def settle(
        self,
        subject: Metadata,
        revision: str | None,
        findings: Mapping[What, Finding],
        now: datetime,
    ) -> tuple[dict[What, Finding], datetime | None]:
        """The findings as they are to be told, and when to look again because something is held.

        Args:
            subject: The object.
            revision: The revision of its pods; what was of another one, or of another generation, does not count.
            findings: What was found, by what it is about. One that is pending is neither good nor bad.
            now: The time.
        """
        key, version = (subject.namespace, subject.name), (subject.uid, subject.generation, revision)
        before, memories = self._memories.get(key, (version, {}))
        if before != version:
            memories = {}
        self._memories[key] = (version, memories)
        settled: dict[What, Finding] = {}
        again: datetime | None = None
        for type_, finding in findings.items():
            if finding.pending:
                settled[type_] = finding
                continue
            known = memories.setdefault(type_, {})
            present = _remember(known, finding, now)
            held = _held(known, finding, now)
            if held is not None:
                until = (held.seen_at or now) + _HOLD
                again = min(again, until) if again else until
            told = held or present
            settled[type_] = told.finding if told is not None else finding
        return settled, again

    def settle_trouble(
        self, subject: Metadata, revision: str | None, trouble: Finding | None, now: datetime
    ) -> tuple[Finding | None, datetime | None]:
        """The same for what is wrong with some pods while others serve; None for nothing."""
        found = {_TROUBLE: trouble or _NO_TROUBLE}
        settled, again = self.settle(subject, revision, found, now)
        told = settled[_TROUBLE]
        return (None if told is _NO_TROUBLE else told), again


def _remember(memories: dict[str, _Memory], finding: Finding, now: datetime) -> _Memory | None:
    """Note what came and what went; gives the memory of what is bad now."""
    for reason, memory in list(memories.items()):
        if reason != str(finding.reason):
            if memory.there:
                memory.there, memory.seen_at = False, now
            elif memory.seen_at is not None and now - memory.seen_at > _WINDOW:
                del memories[reason]
    if finding.truth == "True":
        return None
    memory = memories.setdefault(str(finding.reason), _Memory(finding))
    recent = memory.seen_at is not None and now - memory.seen_at < _WINDOW
    if not memory.there:
        memory.came = [at for at in memory.came if now - at <= _WINDOW] + [now]
    # What was held stays in the words in which it was told: they may have a time in them.
    memory.held = memory.held and recent
    if not memory.held:
        memory.finding = finding
    memory.there, memory.seen_at = True, now
    return memory


def _held(memories: dict[str, _Memory], finding: Finding, now: datetime) -> _Memory | None:
    """What came too often lately to be gone, and is no better than what is found; of several always the same one."""
    present = memories.get(str(finding.reason))
    if present is not None and present.there and len(present.came) == 1:
        return None
    often = [memory for memory in memories.values() if _comes_and_goes(memory, now)]
    worst = max(often, key=lambda memory: _BADNESS[memory.finding.truth], default=None)
    if worst is None or worst.there or _BADNESS[worst.finding.truth] < _BADNESS[finding.truth]:
        return None
    worst.held = True
    return worst


def _comes_and_goes(memory: _Memory, now: datetime) -> bool:
    """Whether it came too often lately, and was there too lately to be gone."""
    recent = memory.seen_at is not None and now - memory.seen_at < _HOLD
    return recent and (memory.held or len(memory.came) >= _TIMES)
