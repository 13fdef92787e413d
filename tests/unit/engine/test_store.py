"""What may replace what in the store."""

import tracemalloc
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from chatassistant_operator.engine.packed import pack
from chatassistant_operator.engine.store import Key, Store, key_of
from unit.engine.widgets import Object, widget

A: Key = ("shop", "a")
Change = tuple[Key, int | None, int | None]


def _version(body: Object) -> int:
    return int(body["metadata"]["resourceVersion"])


def _unheard(_: Key, __: bytes | None, ___: bytes | None) -> None:
    """Nobody wants to know what changes."""


@pytest.fixture(name="changes")
def _changes() -> list[Change]:
    return []


@pytest.fixture(name="store")
def _store(changes: list[Change]) -> Store[int]:
    """Holds of each widget its version."""
    return Store(_version, lambda key, old, new: changes.append((key, old, new)))


def test_a_list_fills_it_and_the_next_one_tells_only_what_differs(
    store: Store[int], changes: list[Change]
) -> None:
    store.replace([widget("a", 5), widget("b", 6), widget("c", 7)], "10")
    assert changes == [(A, None, 5), (("shop", "b"), None, 6), (("shop", "c"), None, 7)]
    changes.clear()
    store.replace([widget("a", 5), widget("b", 12)], "20")
    assert changes == [(("shop", "b"), 6, 12), (("shop", "c"), 7, None)]


def test_the_echo_of_an_own_write_is_no_news(store: Store[int], changes: list[Change]) -> None:
    store.replace([], "10")
    store.put(widget("a", 11))
    assert store.get(A) == 11
    store.update(widget("a", 11))
    assert changes == []


def test_somebody_elses_write_before_ours_is_told_but_does_not_replace_ours(
    store: Store[int], changes: list[Change]
) -> None:
    store.replace([widget("a", 5)], "10")
    changes.clear()
    store.put(widget("a", 13))
    store.update(widget("a", 12))
    assert store.get(A) == 13
    assert changes == [(A, 13, 13)]


def test_an_older_event_after_a_newer_one_is_nothing(store: Store[int], changes: list[Change]) -> None:
    store.replace([widget("a", 15)], "20")
    changes.clear()
    store.update(widget("a", 12))
    store.delete(widget("a", 12))
    assert store.get(A) == 15
    assert changes == []


def test_a_late_answer_does_not_bring_back_what_was_deleted(store: Store[int]) -> None:
    store.replace([], "10")
    store.update(widget("a", 11))
    store.delete(widget("a", 12))
    store.put(widget("a", 11))
    assert store.get(A) is None


def test_answers_in_the_wrong_order_leave_the_newest(store: Store[int]) -> None:
    store.put(widget("a", 13))
    store.put(widget("a", 12))
    assert store.get(A) == 13


def test_a_list_that_was_taken_before_an_own_write_does_not_undo_it(
    store: Store[int], changes: list[Change]
) -> None:
    store.replace([widget("b", 5)], "10")
    changes.clear()
    store.put(widget("a", 12))
    store.put(widget("b", 13))
    store.replace([widget("b", 5)], "11")
    assert (store.get(A), store.get(("shop", "b"))) == (12, 13)
    assert changes == []


def test_a_recreated_object_replaces_the_old_one(store: Store[int], changes: list[Change]) -> None:
    store.replace([widget("a", 5, uid="first")], "10")
    store.replace([widget("a", 15, uid="second")], "20")
    store.delete(widget("a", 12, uid="first"))
    assert changes == [(A, None, 5), (A, 5, 15)]


def test_what_the_server_says_is_not_there_is_forgotten(store: Store[int], changes: list[Change]) -> None:
    store.replace([widget("a", 5, owner="o")], "10")
    changes.clear()
    store.drop(A)
    store.drop(A)
    assert (len(store), store.by_owner("o"), changes) == (0, [], [])


def test_objects_are_found_by_the_owner_that_controls_them(store: Store[int]) -> None:
    store.replace([widget("a", 1, owner="x"), widget("b", 2, owner="x"), widget("c", 3, owner="y")], "10")
    assert (sorted(store.by_owner("x")), store.by_owner("y"), store.by_owner("other")) == ([1, 2], [3], [])
    store.update(widget("a", 11, owner="y"))
    store.delete(widget("b", 12, owner="x"))
    store.update(widget("c", 13))
    assert (store.by_owner("x"), store.by_owner("y")) == ([], [11])
    assert sorted(store.keys()) == [A, ("shop", "c")]


def test_what_is_held_is_small() -> None:
    store = Store(pack, _unheard)
    packed = len(pack(widget("w1000", 1000, owner="owner-1000", text="x" * 300)))
    tracemalloc.start()
    try:
        store.replace(
            (widget(f"w{n}", n, owner=f"owner-{n}", text="x" * 300) for n in range(1000, 2000)), "5000"
        )
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held / 1000 < packed + 600


class Server:
    """Widgets, their history, and what of it is still on its way to the store."""

    def __init__(self) -> None:
        self.version = 1
        self.objects: dict[str, Object] = {}
        self.lists: list[tuple[list[Object], str]] = [([], "1")]
        self.events: list[tuple[str, Object]] = []
        self.answers: list[Object] = []
        self.last_by_others: dict[str, bool] = {}

    def write(self, name: str, *, by_others: bool) -> Object:
        self.version += 1
        self.last_by_others[name] = by_others
        previous: dict[str, Any] = self.objects.get(name, {"metadata": {"uid": f"uid-{self.version}"}})
        self.objects[name] = widget(
            name, self.version, uid=previous["metadata"]["uid"], owner=f"owner-{self.version % 3}"
        )
        self._record("MODIFIED", self.objects[name])
        return self.objects[name]

    def delete(self, name: str) -> None:
        if name in self.objects:
            self.version += 1
            self.last_by_others[name] = True
            uid = self.objects.pop(name)["metadata"]["uid"]
            self._record("DELETED", widget(name, self.version, uid=uid))

    def _record(self, event: str, body: Object) -> None:
        self.events.append((event, body))
        self.lists.append((list(self.objects.values()), str(self.version)))


NAMES = st.sampled_from(["a", "b"])


class LateNews(RuleBasedStateMachine):
    """A store that hears of a server's objects by three ways, each in its own time."""

    def __init__(self) -> None:
        super().__init__()
        self.server = Server()
        self.told: dict[Key, int | None] = {}
        self.store: Store[int] = Store(_version, lambda key, _, new: self.told.update({key: new}))
        self.seen = 0  # how many of the events the watch has delivered

    @rule(name=NAMES)
    def somebody_writes(self, name: str) -> None:
        self.server.write(name, by_others=True)

    @rule(name=NAMES)
    def we_write(self, name: str) -> None:
        self.server.answers.append(self.server.write(name, by_others=False))

    @rule(name=NAMES)
    def somebody_deletes(self, name: str) -> None:
        self.server.delete(name)

    @precondition(lambda self: self.server.answers)
    @rule(number=st.integers(min_value=0, max_value=3))
    def an_answer_arrives(self, number: int) -> None:
        answer = self.server.answers.pop(number % len(self.server.answers))
        self.store.put(answer)
        held = self.store.get(key_of(answer))
        assert held is None or held >= _version(answer)

    @precondition(lambda self: self.seen < len(self.server.events))
    @rule()
    def an_event_arrives(self) -> None:
        kind, body = self.server.events[self.seen]
        (self.store.delete if kind == "DELETED" else self.store.update)(body)
        self.seen += 1

    @rule(behind=st.integers(min_value=0, max_value=5))
    def a_list_arrives(self, behind: int) -> None:
        """From any replica of the API server, as of any time; the watch goes on from there."""
        self.seen = max(0, len(self.server.events) - behind)
        self.store.replace(*self.server.lists[self.seen])

    @rule()
    def a_bookmark_arrives(self) -> None:
        self.store.reach(self.server.lists[self.seen][1])

    def teardown(self) -> None:
        """Once all has arrived, the store is as the server is, and who listened knows what others did."""
        while self.seen < len(self.server.events):
            self.an_event_arrives()
        while self.server.answers:
            self.an_answer_arrives(0)
        truth = {("shop", name): _version(body) for name, body in self.server.objects.items()}
        keys = self.store.keys()
        assert {key: self.store.get(key) for key in keys} == truth
        owned: dict[str, set[int]] = {f"owner-{number}": set() for number in range(3)}
        for body in self.server.objects.values():
            owned[body["metadata"]["ownerReferences"][0]["uid"]].add(_version(body))
        assert {owner: set(self.store.by_owner(owner)) for owner in owned} == owned
        for name, by_others in self.server.last_by_others.items():
            if by_others:
                assert self.told.get(("shop", name)) == truth.get(("shop", name))


LateNews.TestCase.settings = settings(
    max_examples=200, stateful_step_count=40, deadline=None, derandomize=True
)
TestLateNews = LateNews.TestCase
