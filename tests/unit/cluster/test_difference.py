"""Is an object as we want it? By situation: what we say, what there is, and whether they differ."""

from typing import Any

import pytest

from chatassistant_operator.cluster.difference import differs, settled, stamped

CONTAINER = {"name": "chatbot", "image": "a:1", "env": [{"name": "A", "value": "1"}]}
POLICY = {"kind": "NetworkPolicy", "spec": {"egress": [{"ports": [{"port": 53}]}]}}

SAME: tuple[tuple[str, Any, Any], ...] = (
    ("equal", {"a": 1}, {"a": 1}),
    ("somebody else's field", {"a": 1}, {"a": 1, "b": 2}),
    ("nothing said", {"a": {}, "b": [], "c": None}, {}),
    ("thousands", {"resources": {"limits": {"cpu": "1000m"}}}, {"resources": {"limits": {"cpu": "1"}}}),
    ("powers of two", {"requests": {"memory": "1024Mi"}}, {"requests": {"memory": "1Gi"}}),
    ("number and text", {"limits": {"cpu": 1}}, {"limits": {"cpu": "1"}}),
    ("exponent", {"limits": {"memory": "1e3"}}, {"limits": {"memory": "1k"}}),
    ("a sidecar", {"containers": [CONTAINER]}, {"containers": [{"name": "mesh"}, CONTAINER]}),
    ("their variable", {"env": [{"name": "A", "value": "1"}]}, {"env": [{"name": "B"}, {"name": "A", "value": "1"}]}),
    ("defaulted port", {"ports": [{"port": 80, "protocol": "TCP"}]}, {"ports": [{"port": 80, "protocol": "TCP", "nodePort": 3}]}),
    ("a policy with their label", POLICY, {**POLICY, "metadata": {"labels": {"their": "label"}}}),
    ("another version", {"metadata": {"resourceVersion": "1"}}, {"metadata": {"resourceVersion": "2"}}),
    ("their owner", {"ownerReferences": [{"uid": "1"}]}, {"ownerReferences": [{"uid": "2"}, {"uid": "1"}]}),
)  # fmt: skip

OTHER: tuple[tuple[str, Any, Any], ...] = (
    ("value", {"a": 1}, {"a": 2}),
    ("absent", {"a": 1}, {}),
    ("another kind of value", {"a": {"b": 1}}, {"a": [1]}),
    ("quantity", {"limits": {"cpu": "1"}}, {"limits": {"cpu": "2"}}),
    ("quantity absent", {"limits": {"cpu": "1"}}, {"limits": {}}),
    ("our container gone", {"containers": [CONTAINER]}, {"containers": [{"name": "mesh"}]}),
    ("our image changed", {"containers": [CONTAINER]}, {"containers": [{**CONTAINER, "image": "b:1"}]}),
    ("our variable gone", {"containers": [CONTAINER]}, {"containers": [{**CONTAINER, "env": []}]}),
    ("a whole list longer", {"args": ["a"]}, {"args": ["a", "b"]}),
    ("a whole list in another order", {"args": ["a", "b"]}, {"args": ["b", "a"]}),
    (
        "a wider range of ports",
        POLICY,
        {**POLICY, "spec": {"egress": [{"ports": [{"port": 53, "endPort": 65535}]}]}},
    ),
    ("one more port", POLICY, {**POLICY, "spec": {"egress": [{"ports": [{"port": 53}, {"port": 22}]}]}}),
    ("port", {"ports": [{"port": 80, "protocol": "TCP"}]}, {"ports": [{"port": 81, "protocol": "TCP"}]}),
)


@pytest.mark.parametrize(
    ("_", "desired", "live"), SAME, ids=lambda value: value if isinstance(value, str) else ""
)
def test_the_same(_: str, desired: Any, live: Any) -> None:
    assert not differs(desired, live)


@pytest.mark.parametrize(
    ("_", "desired", "live"), OTHER, ids=lambda value: value if isinstance(value, str) else ""
)
def test_another(_: str, desired: Any, live: Any) -> None:
    assert differs(desired, live)


def test_a_field_that_is_no_longer_wanted_is_noticed() -> None:
    before = stamped({"metadata": {"name": "x"}, "spec": {"a": 1, "b": 2}})
    after = stamped({"metadata": {"name": "x"}, "spec": {"a": 1}})
    assert settled(before, before)
    assert not differs({"spec": {"a": 1}}, before)
    assert not settled(after, before)


def test_what_a_manifest_may_be_applied_to_is_not_of_what_it_says() -> None:
    first, second = ({"metadata": {"name": "a", "resourceVersion": version}} for version in ("1", "2"))
    assert stamped(first)["metadata"]["annotations"] == stamped(second)["metadata"]["annotations"]
    assert stamped(first)["metadata"]["resourceVersion"] == "1"
