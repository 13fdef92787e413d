"""What pods tell, as a reconcile sees it: on its way until each was asked once, and then what it told last, if anything."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from chatassistant_operator.asking.pods import AskedPods
from chatassistant_operator.observed.pending import PENDING
from chatassistant_operator.observed.pods import Pod, Report, ReportReading
from support.situations import assistant
from unit.engine.virtual_time import now, virtual_time

TODO = assistant()
INTERVAL = 20.0


class Pods:
    """Some ready pods, and what each tells; one that is not named does not answer within two seconds."""

    def __init__(self, *names: str) -> None:
        self.pods = tuple(Pod(name, ready=True, report=f"http://{name}:9090/report") for name in names)
        self.told: dict[str, Report] = {}
        self.changes: list[float] = []
        self.asked = AskedPods(self._read, lambda _: self.changes.append(now()), INTERVAL, now)

    def reports(self) -> dict[str, ReportReading]:
        return dict(self.asked.reports(TODO, self.pods))

    async def _read(self, url: str) -> Report | None:
        name = url.removeprefix("http://").partition(":")[0]
        await asyncio.sleep(0.1 if name in self.told else 2.0)
        return self.told.get(name)


@asynccontextmanager
async def asking(pods: Pods) -> AsyncGenerator[None]:
    tasks = [asyncio.create_task(each) for each in pods.asked.runs()]
    yield
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


@virtual_time
async def test_a_pod_that_was_not_asked_yet_is_told_from_one_that_does_not_tell() -> None:
    pods = Pods("a", "b")
    pods.told["a"] = Report("KeyRejected")
    async with asking(pods):
        assert pods.reports() == {"a": PENDING, "b": PENDING}
        await asyncio.sleep(1.0)
        assert pods.reports() == {"a": Report("KeyRejected"), "b": PENDING}
        await asyncio.sleep(2.0)
        assert pods.reports() == {"a": Report("KeyRejected")}
        assert len(pods.changes) == 2, "that it does not tell is news, too"


@virtual_time
async def test_a_pod_that_is_too_busy_to_tell_stands_for_what_it_told() -> None:
    pods = Pods("a")
    pods.told["a"] = Report("KeyRejected")
    async with asking(pods):
        pods.reports()
        await asyncio.sleep(1.0)
        pods.told.clear()
        await asyncio.sleep(5 * INTERVAL)
        assert pods.reports() == {"a": Report("KeyRejected")}
        pods.pods = ()
        assert pods.reports() == {}


@virtual_time
async def test_a_thousand_pods_that_do_not_answer_hold_up_one_that_does_by_no_more_than_their_turns() -> None:
    pods = Pods(*(f"p{number}" for number in range(1000)))
    async with asking(pods):
        pods.reports()
        # 50 a second; with fewer at once than the two seconds of each ask for, it would take minutes.
        await asyncio.sleep(1000 / 50 + 3)
        assert pods.reports() == {}
