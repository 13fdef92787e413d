"""The breaker by itself, on a clock that is set by hand."""

import copy

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from chatassistant_chatbot.errors import GatewayError
from chatassistant_chatbot.gateway.breaker import Breaker, Permit, State
from unit.engine.virtual_time import Clock

PAUSE, PATIENCE = 3.0, 5.0


class Tried:
    """A breaker that opens after 5 failures in a row."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.it = Breaker(5, PAUSE, PATIENCE, self.clock)

    def fail(self, times: int) -> None:
        for _ in range(times):
            self.it.failed(self.it.admit())

    def opened(self) -> "Tried":
        self.fail(5)
        return self

    def left_alone(self) -> float:
        """For how many seconds nobody may ask."""
        with pytest.raises(GatewayError) as refused:
            self.it.admit()
        assert refused.value.status == 503
        assert refused.value.retry_after is not None
        return refused.value.retry_after


def test_four_failures_are_no_outage_and_five_in_a_row_are() -> None:
    tried = Tried()
    tried.fail(4)
    assert (tried.it.state, tried.it.is_open) == (State.CLOSED, False)
    tried.it.succeeded()
    tried.fail(4)
    assert tried.it.state is State.CLOSED
    tried.fail(1)
    assert (tried.it.state, tried.it.is_open) == (State.OPEN, True)
    assert tried.left_alone() == PAUSE


def test_refusals_and_hang_ups_do_not_count() -> None:
    tried = Tried()
    for _ in range(4):
        tried.fail(1)
        tried.it.refused(tried.it.admit())
        tried.it.given_up(tried.it.admit())
    assert tried.it.state is State.CLOSED
    tried.fail(1)
    assert tried.it.state is State.OPEN


def test_one_at_a_time_may_try_and_a_success_closes() -> None:
    tried = Tried().opened()
    tried.clock.now = PAUSE - 1
    assert tried.left_alone() == 1
    tried.clock.now = PAUSE
    tried.it.admit()
    assert (tried.it.state, tried.it.is_open) == (State.HALF_OPEN, True)
    assert tried.left_alone() == PATIENCE
    tried.it.succeeded()
    assert tried.it.state is State.CLOSED
    tried.fail(4)
    assert tried.it.state is State.CLOSED, "it counts anew"


def test_a_try_that_fails_opens_it_again() -> None:
    tried = Tried().opened()
    for _ in range(3):
        tried.clock.now += PAUSE
        tried.it.failed(tried.it.admit())
        assert tried.it.state is State.OPEN
        assert tried.left_alone() == PAUSE


def test_a_refusal_shows_that_the_gateway_is_well() -> None:
    tried = Tried().opened()
    tried.clock.now = PAUSE
    tried.it.refused(tried.it.admit())
    assert tried.it.state is State.CLOSED


def test_a_try_that_is_given_up_lets_the_next_one_try() -> None:
    tried = Tried().opened()
    tried.clock.now = PAUSE
    tried.it.given_up(tried.it.admit())
    assert tried.it.state is State.OPEN
    tried.it.admit()
    assert tried.it.state is State.HALF_OPEN


def test_a_try_that_hangs_is_taken_for_lost() -> None:
    tried = Tried().opened()
    tried.clock.now = PAUSE
    lost = tried.it.admit()
    tried.clock.now += PATIENCE
    tried.it.admit()
    for late in (tried.it.failed, tried.it.given_up, tried.it.refused):
        late(lost)
        assert tried.it.state is State.HALF_OPEN, "it says nothing of the one that tries now"
    tried.it.succeeded()
    assert tried.it.state is State.CLOSED


def test_failures_that_come_late_make_no_wait_longer() -> None:
    tried = Tried()
    under_way = [tried.it.admit() for _ in range(64)]
    for permit in under_way[:5]:
        tried.it.failed(permit)
    tried.clock.now = PAUSE - 1
    for permit in under_way[5:]:
        tried.it.failed(permit)
    assert tried.left_alone() == 1


class Outages(RuleBasedStateMachine):
    """Anything may happen in any order: tries never overlap, and nobody is kept waiting for long."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.it = Breaker(5, PAUSE, PATIENCE, self.clock)
        self.running: list[Permit] = []
        self.refused_since: float | None = None
        self.tried_at = -1000.0

    @rule(seconds=st.sampled_from([0.1, 1.0, PAUSE, PATIENCE]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule()
    def ask(self) -> None:
        was_open, trying = self.it.is_open, self.it.state is State.HALF_OPEN
        try:
            self.running.append(self.it.admit())
        except GatewayError as error:
            left = error.retry_after
        else:
            left = None
        if left is not None:
            assert was_open
            assert 0 < left <= max(PAUSE, PATIENCE)
        elif was_open:
            assert self.it.state is State.HALF_OPEN
            if trying:
                assert self.clock.now - self.tried_at >= PATIENCE, (
                    "only one that is lost is followed by another"
                )
            self.tried_at = self.clock.now

    @precondition(lambda self: self.running)
    @rule(data=st.data(), end=st.sampled_from(["failed", "refused", "given_up"]))
    def end(self, data: st.DataObject, end: str) -> None:
        permit = self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))
        getattr(self.it, end)(permit)

    @precondition(lambda self: self.running)
    @rule()
    def answered(self) -> None:
        self.running.pop()
        self.it.succeeded()
        assert self.it.state is State.CLOSED

    @invariant()
    def nobody_is_shut_out(self) -> None:
        it, clock = copy.deepcopy((self.it, self.clock))
        clock.now += max(PAUSE, PATIENCE)
        it.admit()


Outages.TestCase.settings = settings(max_examples=100, stateful_step_count=40)
TestOutages = Outages.TestCase
