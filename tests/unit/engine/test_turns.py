"""Turns: how many begin, who waits, and that nobody waits for ever."""

from contextlib import ExitStack

from chatassistant_operator.engine.turns import Turns


def test_as_many_begin_as_there_is_room_for() -> None:
    woken: list[str] = []
    turns = Turns[str](2, woken.append)
    with ExitStack() as beginning:
        for key in "abc":
            assert turns.has_room(key) == (key != "c")
            beginning.enter_context(turns.during(key, wanted=True))
        assert turns.has_room("a"), "it has a turn already"
        for key in "ab":
            turns.tell(key, under_way=True)
    assert woken == []
    turns.tell("a", under_way=True)
    turns.tell("a", under_way=False)
    assert woken == ["c"]
    turns.tell("b", under_way=False)
    assert woken == ["c", "c"], "it has not come yet"
    with turns.during("c", wanted=True):
        turns.tell("c", under_way=True)
    turns.tell("c", under_way=False)
    assert woken == ["c", "c"]


def test_a_beginning_that_comes_to_nothing_gives_its_turn_back() -> None:
    woken: list[str] = []
    turns = Turns[str](1, woken.append)
    with turns.during("a", wanted=True), turns.during("b", wanted=True):
        pass
    assert woken == ["b"]


def test_what_others_began_counts() -> None:
    turns = Turns[str](1, lambda _: None)
    turns.tell("a", under_way=True)
    assert not turns.has_room("b")
    assert turns.has_room("a")


def test_who_waits_and_wants_it_no_longer_wakes_the_next() -> None:
    woken: list[str] = []
    turns = Turns[str](1, woken.append)
    turns.tell("a", under_way=True)
    for key in "bcd":
        with turns.during(key, wanted=True):
            pass
    turns.tell("a", under_way=False)
    assert woken == ["b"]
    with turns.during("b", wanted=False):
        pass
    turns.leave("c")
    assert woken == ["b", "c", "d"]
    turns.leave("c")
    assert woken == ["b", "c", "d"]


def test_who_does_not_want_to_begin_takes_no_room() -> None:
    turns = Turns[str](1, lambda _: None)
    with turns.during("a", wanted=False):
        assert turns.has_room("b")
