"""Whatever is done to a queue, in whatever order, it keeps its promises."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from chatassistant_operator.engine.backoff import Backoff
from chatassistant_operator.engine.queue import WorkQueue
from unit.engine.virtual_time import Clock

KEYS = st.sampled_from(["a", "b", "c", "d", "e"])
# Whole numbers, so that equal times are common.
DELAYS = st.integers(min_value=-1, max_value=400).map(float)


class QueueMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.chance = 0.0
        self.queue: WorkQueue[str] = WorkQueue(Backoff(0.5, 300.0, lambda: self.chance), self.clock)
        self.due: dict[str, float] = {}
        self.running: dict[str, float | None] = {}
        self.failures: dict[str, int] = {}

    def expect(self, key: str, due: float) -> None:
        if key in self.running:
            again = self.running[key]
            self.running[key] = due if again is None else min(due, again)
        else:
            self.due[key] = min(due, self.due.get(key, due))

    @rule(key=KEYS, delay=DELAYS)
    def add(self, key: str, delay: float) -> None:
        self.queue.add(key, delay)
        self.expect(key, self.clock.now + max(0.0, delay))

    @rule(seconds=st.integers(min_value=1, max_value=500))
    def time_passes(self, seconds: int) -> None:
        self.clock.now += seconds

    @rule()
    def take(self) -> None:
        ready = {key: due for key, due in self.due.items() if due <= self.clock.now}
        key = self.queue.take()
        if not ready:
            assert key is None
            return
        assert key is not None
        assert ready[key] == min(ready.values())
        assert key not in self.running
        del self.due[key]
        self.running[key] = None

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def done(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.running)))
        self.queue.done(key)
        again = self.running.pop(key)
        if again is not None:
            self.expect(key, again)

    @precondition(lambda self: self.running)
    @rule(
        data=st.data(),
        after=st.none() | st.floats(min_value=0, max_value=1000),
        chance=st.floats(min_value=0, max_value=1, exclude_max=True),
    )
    def retry(self, data: st.DataObject, after: float | None, chance: float) -> None:
        key = data.draw(st.sampled_from(sorted(self.running)))
        self.chance = chance
        delay = self.queue.retry(key, after)
        full = min(300.0, 0.5 * 2 ** self.failures.get(key, 0))
        assert max(full / 2, after or 0.0) <= delay <= max(full, after or 0.0)
        self.failures[key] = self.failures.get(key, 0) + 1
        self.expect(key, self.clock.now + delay)

    @rule(key=KEYS)
    def forget(self, key: str) -> None:
        self.queue.forget(key)
        self.failures.pop(key, None)

    @invariant()
    def counts_agree(self) -> None:
        waits = [self.clock.now - due for due in self.due.values() if due <= self.clock.now]
        assert len(self.queue) == len(self.due)
        assert self.queue.running == len(self.running)
        assert self.queue.due() == len(waits)
        assert self.queue.oldest_age() == pytest.approx(max(waits, default=0.0))

    def teardown(self) -> None:
        """Nothing was lost: all that was added comes out, once."""
        for key, again in self.running.items():
            self.queue.done(key)
            if again is not None:
                self.due[key] = again
        self.clock.now += 10_000
        left: list[str] = []
        while (taken := self.queue.take()) is not None:
            left.append(taken)
        assert sorted(left) == sorted(self.due)


QueueMachine.TestCase.settings = settings(
    max_examples=150, stateful_step_count=40, deadline=None, derandomize=True
)
TestQueue = QueueMachine.TestCase
