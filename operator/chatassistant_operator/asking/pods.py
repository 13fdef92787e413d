"""`ports.Pods`, by asking each ready pod at its metrics port. The operator calls no tool server: the pods do, and tell."""

import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Final

from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.asking.manners import key_of, manner, namespace_of
from chatassistant_operator.asking.references import Changed
from chatassistant_operator.engine.inquiries import Inquiries
from chatassistant_operator.engine.pace import Pace
from chatassistant_operator.observed.pending import PENDING
from chatassistant_operator.observed.pods import Pod, Report, ReportReading
from chatassistant_operator.ports import Key

_REQUESTS_A_SECOND: Final = 50
# Pods that do not answer must not hold up those that do: each is given up within two seconds.
_AT_ONCE: Final = 2 * _REQUESTS_A_SECOND


@dataclass(frozen=True, slots=True)
class NoReport:
    """The pod did not tell, as one of an older image does not."""


@dataclass(frozen=True, slots=True)
class _Question:
    url: str
    pod: str = field(compare=False)


class AskedPods:
    """What pods say of themselves.

    Args:
        read: Gives the report at a URL, None when there is none.
        changed: Called with the assistants that a new report concerns.
        interval_seconds: How often each pod is asked.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        read: Callable[[str], Awaitable[Report | None]],
        changed: Changed,
        interval_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        async def ask(question: _Question, last: Report | NoReport | None) -> Report | NoReport:
            # One that is too busy to tell still stands for what it told.
            return await read(question.url) or last or NoReport()

        self._reports: Inquiries[_Question, Report | NoReport, Key] = Inquiries(
            ask,
            pause=lambda _question, _answer, _age: interval_seconds,
            changed=changed,
            pace=Pace(_REQUESTS_A_SECOND, clock),
            share=namespace_of,
            at_once=_AT_ONCE,
            clock=clock,
        )

    def reports(self, assistant: ChatAssistant, pods: tuple[Pod, ...]) -> Mapping[str, ReportReading]:
        """The last report of each ready pod that has given one; `PENDING` for one that was not asked yet."""
        ready = [pod for pod in pods if pod.ready and not pod.ending and pod.report]
        questions = tuple(_Question(pod.report or "", pod.name) for pod in ready)
        answers = self._reports.peek_all(questions, key_of(assistant), manner(assistant, known=False))
        pairs = zip(questions, answers, strict=True)
        return {
            question.pod: PENDING if answer is None else answer
            for question, answer in pairs
            if not isinstance(answer, NoReport)
        }

    def forget(self, key: Key) -> None:
        """An assistant is gone."""
        self._reports.release(key)

    def runs(self) -> tuple[Coroutine[None, None, None], ...]:
        """What has to run for reports to come."""
        return (self._reports.run(),)
