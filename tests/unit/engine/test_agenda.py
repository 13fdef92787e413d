from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from chatassistant_operator.engine.agenda import NEVER, Agenda
from unit.engine.virtual_time import Clock


def by_team(item: str) -> str:
    """Items are called team/number."""
    return item.partition("/")[0]


def agenda() -> tuple[Agenda[str], Clock]:
    clock = Clock()
    return Agenda(by_team, clock), clock


def taken(it: Agenda[str]) -> Iterator[str]:
    """All that is due, in the order in which it is taken."""
    while (item := it.take()) is not None:
        yield item


def test_nothing_is_due_before_its_time() -> None:
    it, clock = agenda()
    assert it.pause() is None
    assert it.put("a/1", 5.0)
    assert it.pause() == 5.0
    assert it.take() is None
    clock.now = 4.9
    assert it.take() is None
    clock.now = 5.0
    assert it.pause() == 0.0
    assert it.take() == "a/1"
    assert it.take() is None
    assert it.pause() is None


def test_the_earliest_comes_first() -> None:
    it, clock = agenda()
    for item, when in (("a/1", 3.0), ("a/2", 1.0), ("a/3", 2.0), ("a/4", 2.0)):
        it.put(item, when)
    clock.now = 9.0
    assert list(taken(it)) == ["a/2", "a/3", "a/4", "a/1"]


def test_it_is_news_only_when_something_is_due_earlier() -> None:
    it, clock = agenda()
    assert it.put("a/1", 5.0)
    assert not it.put("a/1", 6.0)
    assert not it.put("a/1", 5.0)
    assert it.when("a/1") == 5.0
    assert it.put("a/1", 3.0)
    assert it.when("a/1") == 3.0
    clock.now = 9.0
    assert list(taken(it)) == ["a/1"], "it is due once"
    assert it.when("a/1") == NEVER
    assert it.put("a/1", 10.0), "what was taken may come again"


def test_what_is_removed_is_not_due() -> None:
    it, clock = agenda()
    it.put("a/1", 1.0)
    it.put("a/2", 2.0)
    it.remove("a/1")
    it.remove("a/1")
    assert it.when("a/1") == NEVER
    clock.now = 9.0
    assert list(taken(it)) == ["a/2"]


def test_what_is_removed_while_it_waits_its_turn_is_not_due_either() -> None:
    it, clock = agenda()
    for number in range(3):
        it.put(f"a/{number}", 0.0)
    assert it.take() == "a/0"
    it.remove("a/1")
    it.remove("a/2")
    it.put("a/1", 5.0)
    assert it.take() is None
    assert it.pause() == 5.0
    clock.now = 5.0
    assert list(taken(it)) == ["a/1"]


def test_names_take_turns() -> None:
    it, _ = agenda()
    for number in range(4):
        it.put(f"many/{number}", 0.0)
    it.put("few/0", 0.0)
    it.put("few/1", 0.0)
    assert list(taken(it)) == ["many/0", "few/0", "many/1", "few/1", "many/2", "many/3"]


def test_who_comes_late_waits_one_turn_of_each_name() -> None:
    it, clock = agenda()
    for number in range(500):
        it.put(f"many/{number}", 0.0)
    for team in "abc":
        it.put(f"{team}/0", 0.0)
    for _ in range(10):
        it.take()
    clock.now = 1.0
    it.put("late/0", 1.0)
    assert "late/0" in [it.take() for _ in range(5)]


def test_the_name_is_the_one_that_an_item_has_when_it_becomes_due() -> None:
    names = {"x": "many"}
    clock = Clock()
    it: Agenda[str] = Agenda(lambda item: names.get(item, "many"), clock)
    it.put("x", 1.0)
    for number in range(5):
        it.put(f"{number}", 0.0)
    names["x"] = "few"
    clock.now = 1.0
    assert "x" in {it.take(), it.take()}


@given(
    st.lists(
        st.tuples(st.sampled_from(["a/1", "a/2", "b/1", "c/1"]), st.integers(0, 20), st.booleans()),
        max_size=40,
    )
)
def test_whatever_happens_each_item_is_due_once_and_at_its_time(steps: list[tuple[str, int, bool]]) -> None:
    it, clock = agenda()
    expected: dict[str, float] = {}
    for item, when, removed in steps:
        clock.now += 0.5
        if removed:
            it.remove(item)
            expected.pop(item, None)
        else:
            assert it.put(item, when) == (when < expected.get(item, NEVER))
            expected[item] = min(when, expected.get(item, NEVER))
        due = {each for each, at in expected.items() if at <= clock.now}
        assert (it.pause() == 0.0) == bool(due)
        if len(due) > 1:
            found = it.take()
            assert found in due
            del expected[found]
    clock.now = 100.0
    assert sorted(taken(it)) == sorted(expected)
