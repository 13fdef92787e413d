"""What is kept in memory has bounds, and what goes first is what was touched longest ago."""

from hypothesis import given
from hypothesis import strategies as st

from chatassistant_chatbot.store.bounds import MOST_CONVERSATIONS, MOST_DAYS
from chatassistant_chatbot.store.expiring import Expiring
from chatassistant_chatbot.store.ledger import Ledger
from chatassistant_chatbot.store.protocol import Hold, Usage
from chatassistant_chatbot.store.shelf import Shelf

KEYS = st.sampled_from("abcdef")


VALUES = st.tuples(st.sampled_from(["get", "put"]), KEYS, st.integers(0, 400), st.integers(1, 20))


@given(st.lists(VALUES, min_size=15, max_size=60))
def test_values_are_kept_as_long_as_there_is_room(operations: list[tuple[str, str, int, int]]) -> None:
    values = Expiring(most_entries=4, most_bytes=2_000)
    model: dict[str, tuple[bytes, int]] = {}
    for now, (operation, key, size, seconds) in enumerate(operations):
        if operation == "put":
            value = bytes([now % 256]) * size
            values.put(key, value, now + seconds)
            model.pop(key, None)
            model[key] = value, now + seconds
            while len(model) > 4 or sum(301 + len(each) for each, _ in model.values()) > 2_000:
                del model[next(iter(model))]
        elif key in model and model[key][1] <= now:
            assert values.get(key, now) is None
            del model[key]
        elif key in model:
            model[key] = model.pop(key)
            assert values.get(key, now) == model[key][0]
        else:
            assert values.get(key, now) is None
        assert len(values) == len(model)


def test_a_value_that_is_too_large_is_not_kept() -> None:
    values = Expiring(most_entries=4, most_bytes=2_000)
    values.put("small", b"x", 9)
    values.put("large", b"x" * 2_000, 9)
    values.put("small", b"x" * 2_000, 9)
    assert [values.get(key, 0) for key in ("small", "large")] == [None, None]
    assert len(values) == 0


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["create", "append", "append", "later", "change", "delete", "take", "put back"]),
        st.sampled_from(["ada", "bob"]),
        KEYS,
        st.integers(0, 3_000),
    ),
    max_size=80,
)


@given(OPERATIONS)
def test_conversations_have_a_bound(operations: list[tuple[str, str, str, int]]) -> None:
    shelf, taken = Shelf(most_bytes=12_000), []
    touched: list[str] = []
    for now, (operation, user, key, size) in enumerate(operations):
        name = f"{user}-{key}"
        turn = b"x" * size
        if operation == "create" and name not in touched:
            shelf.create(user, name, "", {}, now)
        elif operation == "append" and shelf.append(user, name, turn, "", now):
            found = shelf.find(user, name)
            assert found is None or found.turns[-1] == turn
        elif operation == "later":
            shelf.append_for_later(user, name, turn, "", now)
        elif operation == "change":
            shelf.change(user, name, "Title", None)
            continue
        elif operation == "delete":
            shelf.delete(user, name)
        elif operation == "take":
            before = list(shelf._of_id)
            one = shelf.take()
            assert (one.conversation.id if one else None) == (before[0] if before else None)
            taken += [one] if one else []
        elif operation == "put back" and taken:
            shelf.put_back(taken.pop())
        touched = list(shelf._of_id)
        kept = shelf._of_id.values()
        assert shelf._bytes == sum(2_048 + sum(map(len, each.turns)) for each in kept)
        assert shelf._bytes <= 12_000 or len(shelf) == 1
        for owner in ("ada", "bob"):
            mine = [each.conversation.id for each in kept if each.user == owner]
            assert list(shelf._of_user.get(owner, {})) == mine


def test_the_conversation_that_was_touched_longest_ago_goes_first() -> None:
    shelf = Shelf(most_bytes=3 * 2_048 + 100)
    for number, name in enumerate("abc"):
        shelf.create("ada", name, "", {}, number)
    shelf.append("ada", "a", b"x" * 50, "", 3)
    shelf.create("bob", "d", "", {}, 4)
    page = shelf.list("ada", 9, None)
    assert page is not None
    assert [each.id for each in page.conversations] == ["a", "c"]


def test_turns_that_came_meanwhile_stay_behind_the_others() -> None:
    shelf = Shelf(most_bytes=10**6)
    shelf.create("ada", "a", "", {}, 0)
    shelf.append("ada", "a", b"1", "", 1)
    taken = shelf.take()
    assert taken is not None
    shelf.append_for_later("ada", "a", b"2", "", 2)
    assert shelf.find("ada", "a") is None, "only its end is known"
    shelf.put_back(taken)
    found = shelf.find("ada", "a")
    assert found is not None
    assert list(found.turns) == [b"1", b"2"]


def test_a_user_takes_no_more_than_a_share() -> None:
    shelf = Shelf(most_bytes=10**9)
    for number in range(3 * MOST_CONVERSATIONS):
        shelf.create("ada", str(number), "", {}, number)
    assert len(shelf) == MOST_CONVERSATIONS


def test_only_the_last_days_are_kept() -> None:
    ledger = Ledger(hold_seconds=900)
    for day in range(10, 30):
        ledger.settle(f"2026-11-{day}", Hold("unknown", 5), "m", Usage(1, 2, 3, 4))
    assert ledger.spending("2026-11-29").nanos == 4
    kept = [day for day in range(10, 30) if ledger.spending(f"2026-11-{day}").models]
    assert kept == list(range(30 - MOST_DAYS, 30))
    assert len(ledger) == MOST_DAYS
    while (entry := ledger.take_entry()) is not None:
        assert entry.usage == Usage(1, 2, 3, 4)
        assert ledger.spending(entry.day) == (0, {})
