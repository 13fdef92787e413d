import pytest

from chatassistant_operator.engine.backoff import Backoff
from chatassistant_operator.engine.breaker import Breaker
from unit.engine.virtual_time import Clock

FIRST, LONGEST = 20.0, 60.0


class Tried:
    """A breaker of which jitter always draws the upper end."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.it = Breaker(Backoff(FIRST, LONGEST, random=lambda: 1.0), self.clock)

    def fail(self, times: int = 1, after: float | None = None) -> None:
        for _ in range(times):
            assert self.it.wait() == 0.0
            self.it.failed(after)

    def wait(self) -> float:
        """Let all the time pass that it wants; gives how much that was."""
        wait = self.it.wait()
        self.clock.now += wait
        return wait


def test_a_server_that_answers_is_asked() -> None:
    tried = Tried()
    for _ in range(10):
        assert tried.it.wait() == 0.0
        tried.it.succeeded()
    assert not tried.it.is_open


def test_two_failures_are_no_outage_and_three_in_a_row_are() -> None:
    tried = Tried()
    tried.fail(2)
    assert not tried.it.is_open
    tried.it.succeeded()
    tried.fail(2)
    assert not tried.it.is_open
    tried.fail()
    assert tried.it.is_open
    assert tried.it.wait() == FIRST


def test_one_at_a_time_may_try() -> None:
    tried = Tried()
    tried.fail(3)
    tried.clock.now = FIRST - 1
    assert tried.it.wait() == 1.0
    tried.clock.now = FIRST
    assert tried.it.wait() == 0.0
    assert tried.it.wait() > 0.0, "somebody is trying already"
    tried.it.succeeded()
    assert [tried.it.wait() for _ in range(3)] == [0.0] * 3


def test_tries_become_rarer_up_to_a_limit() -> None:
    tried = Tried()
    tried.fail(3)
    waits: list[float] = []
    for _ in range(4):
        waits.append(tried.wait())
        tried.fail()
    assert waits == [20.0, 40.0, 60.0, 60.0]


def test_a_success_begins_anew() -> None:
    tried = Tried()
    tried.fail(3)
    tried.wait()
    tried.fail()
    tried.wait()
    assert tried.it.wait() == 0.0
    tried.it.succeeded()
    assert not tried.it.is_open
    tried.fail(3)
    assert tried.it.wait() == FIRST


@pytest.mark.parametrize(("after", "wait"), [(None, 20.0), (5.0, 20.0), (45.0, 45.0), (86_400.0, 60.0)])
def test_a_servers_wish_counts_up_to_a_limit(after: float | None, wait: float) -> None:
    tried = Tried()
    tried.fail(3, after)
    assert tried.it.wait() == wait


def test_failures_that_come_late_make_no_wait_shorter() -> None:
    tried = Tried()
    tried.fail(3, after=50.0)
    tried.clock.now = 1.0
    tried.it.failed()  # one that was under way already
    assert tried.it.wait() == 49.0


def test_a_try_that_is_given_up_lets_the_next_one_try() -> None:
    tried = Tried()
    tried.fail(3)
    tried.wait()
    assert tried.it.wait() == 0.0
    tried.it.given_up()
    assert tried.it.is_open
    assert tried.it.wait() == 0.0
