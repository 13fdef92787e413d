import pytest

from chatassistant_operator.engine.primaries import Audit, Primaries
from unit.engine.widgets import widget

A = ("shop", "a")
B = ("shop", "b")


@pytest.fixture(name="primaries")
def _primaries() -> Primaries:
    return Primaries()


def test_first_sight_is_news_and_its_repetition_is_none(primaries: Primaries) -> None:
    assert primaries.observe(None, widget("a", 5))
    assert not primaries.observe(None, widget("a", 5))
    assert not primaries.observe("MODIFIED", widget("a", 4))
    assert primaries.observe("MODIFIED", widget("a", 6, size=2))
    assert primaries.get(A) == widget("a", 6, size=2)
    assert (primaries.keys(), len(primaries)) == ([A], 1)


def test_what_get_gives_is_the_callers_own(primaries: Primaries) -> None:
    primaries.observe("ADDED", widget("a", 5, size=1))
    body = primaries.get(A) or {}
    body["spec"]["size"] = 9
    assert primaries.get(A) == widget("a", 5, size=1)


def test_the_echo_of_an_own_write_is_no_news(primaries: Primaries) -> None:
    primaries.observe("ADDED", widget("a", 5))
    primaries.put(widget("a", 7))
    assert not primaries.observe("MODIFIED", widget("a", 7))
    assert primaries.observe("MODIFIED", widget("a", 8))


def test_a_late_answer_neither_goes_back_nor_brings_back(primaries: Primaries) -> None:
    primaries.observe("ADDED", widget("a", 9))
    primaries.put(widget("a", 7))
    assert primaries.get(A) == widget("a", 9)
    primaries.put(widget("a", 11, uid="of one before"))
    assert primaries.get(A) == widget("a", 9)
    assert primaries.observe("DELETED", widget("a", 12))
    primaries.put(widget("a", 11))
    assert primaries.get(A) is None


def test_a_deletion_is_news_once_and_not_of_an_older_object(primaries: Primaries) -> None:
    primaries.observe("ADDED", widget("a", 9, uid="second"))
    assert not primaries.observe("DELETED", widget("a", 8, uid="first"))
    assert primaries.observe("DELETED", widget("a", 10, uid="second"))
    assert not primaries.observe("DELETED", widget("a", 10, uid="second"))


def test_managed_fields_are_not_kept(primaries: Primaries) -> None:
    body = widget("a", 5)
    body["metadata"]["managedFields"] = [{"manager": "kubectl"}]
    primaries.observe("ADDED", body)
    assert primaries.get(A) == widget("a", 5)
    assert body["metadata"]["managedFields"]


def test_an_audit_finds_what_a_gap_hid(primaries: Primaries) -> None:
    for name in ("a", "b", "c", "d", "e"):
        primaries.observe("ADDED", widget(name, 5))
    listing = [
        (B, "uid-b", "5"),  # as it was
        (("shop", "c"), "uid-c", "6"),  # modified
        (("shop", "d"), "another", "5"),  # recreated
        (("shop", "e"), "uid-e", "4"),  # the listing is the older one
        (("shop", "f"), "uid-f", "8"),  # new
    ]
    audit = primaries.audit(listing)
    assert audit == Audit(
        vanished=frozenset({A}), changed=frozenset({("shop", "c"), ("shop", "d"), ("shop", "f")})
    )
    assert primaries.get(A) == widget("a", 5)
    primaries.drop(A)
    primaries.drop(A)
    assert primaries.get(A) is None
