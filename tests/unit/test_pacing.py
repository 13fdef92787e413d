"""Whose doing is it that pods roll? What an author changes goes ahead; what the operator changes waits for its turn."""

from datetime import timedelta
from typing import Any

import pytest

from chatassistant_operator.api import names
from chatassistant_operator.observed import Defaults, annotation, is_rolling
from chatassistant_operator.observed.named import Credential, OtherSecret, Prompt
from chatassistant_operator.observed.pending import PENDING
from support.situations import GOOD, OTHER_KEY
from unit.world import World

ANOTHER_IMAGE = Defaults("ghcr.io/chatassistant-dev/chatbot:2.0.0")
OTHER = ("todo-chatbot", "other")
MINUTE = timedelta(minutes=1)


async def serving(**spec: Any) -> World:
    """An assistant that serves under the operator of before, with nobody's turn left under this one."""
    it = World(**spec)
    it.see(
        prompt=Prompt("First."),
        secrets={"token": OtherSecret(frozenset({"token"}), {names.USE_LABEL: "access"}, revision="1")},
    )
    await it.reconcile()
    await it.reconcile(MINUTE)
    assert it.condition() == ("True", "Ready")
    it.turns.tell(OTHER, under_way=True)
    it.see(defaults=ANOTHER_IMAGE)
    return it


def image(it: World) -> str:
    assert it.deployment is not None
    return str(it.deployment["spec"]["template"]["spec"]["containers"][0]["image"])


async def test_a_new_default_waits_and_nothing_is_said_of_it() -> None:
    it = await serving()
    before, written = it.deployment, len(it.versions)
    await it.reconcile(MINUTE)
    assert (it.deployment, len(it.versions)) == (before, written)
    assert it.condition() == ("True", "Ready")
    it.turns.tell(OTHER, under_way=False)
    assert it.woken == [("todo-chatbot", "todo")]
    await it.reconcile(MINUTE)
    assert image(it) == ANOTHER_IMAGE.image
    await it.reconcile(MINUTE)
    assert it.condition() == ("True", "Ready")
    assert it.problems() == []


@pytest.mark.parametrize(
    ("spec", "change"),
    [
        ({}, {"edit": {"systemPrompt": "Another"}}),
        ({}, {"edit": {"replicas": 2}}),
        (
            {"systemPromptFrom": {"configMapKeyRef": {"name": "p", "key": "p"}}},
            {"see": {"prompt": Prompt("Second.")}},
        ),
        ({}, {"see": {"credential": Credential(OTHER_KEY, OTHER_KEY.fingerprint or "")}}),
        (
            {"access": {"tokenSecretRef": {"name": "token", "key": "token"}}},
            {
                "see": {
                    "secrets": {
                        "token": OtherSecret(frozenset({"token"}), {names.USE_LABEL: "access"}, revision="2")
                    }
                }
            },
        ),
    ],
    ids=["spec", "replicas", "prompt", "key", "token"],
)
async def test_what_the_author_changes_never_waits(spec: dict[str, Any], change: dict[str, Any]) -> None:
    it = await serving(**spec)
    await it.reconcile(MINUTE)
    assert image(it) == GOOD.defaults.image
    it.edit(**change.get("edit", {})) if "edit" in change else it.see(**change["see"])
    await it.reconcile(MINUTE)
    assert image(it) == ANOTHER_IMAGE.image
    it.turns.tell(OTHER, under_way=False)
    assert it.woken == [], "it waits no longer"


async def test_what_an_older_operator_made_waits_too() -> None:
    it = await serving()
    assert it.deployment is not None
    del it.deployment["metadata"]["annotations"][names.MADE_FOR_ANNOTATION]
    await it.reconcile(MINUTE)
    assert image(it) == GOOD.defaults.image


async def test_without_pods_there_is_nothing_to_wait_for() -> None:
    it = await serving(replicas=0)
    await it.reconcile(MINUTE)
    assert image(it) == ANOTHER_IMAGE.image


async def test_an_edit_that_rolls_nothing_is_noted_all_the_same() -> None:
    it = await serving()
    it.see(defaults=GOOD.defaults)
    it.edit(validation={"intervalSeconds": 900})
    await it.reconcile(MINUTE)
    assert annotation(it.deployment, names.MADE_FOR_ANNOTATION) == "2"
    it.see(defaults=ANOTHER_IMAGE)
    await it.reconcile(MINUTE)
    assert image(it) == GOOD.defaults.image


@pytest.mark.parametrize(
    ("generation", "observed", "progressing", "expected"),
    [
        (2, 1, ("True", "NewReplicaSetAvailable"), True),
        (2, None, None, True),
        (2, 2, ("True", "NewReplicaSetAvailable"), False),
        (2, 2, ("True", "ReplicaSetUpdated"), True),
        (2, 2, ("True", "NewReplicaSetCreated"), True),
        (2, 2, ("False", "ProgressDeadlineExceeded"), False),
        (2, 2, None, False),
    ],
)
def test_a_deployment_rolls_until_its_controller_is_done_or_gives_up(
    generation: int, observed: int | None, progressing: tuple[str, str] | None, *, expected: bool
) -> None:
    status: dict[str, Any] = {} if observed is None else {"observedGeneration": observed}
    if progressing is not None:
        status["conditions"] = [{"type": "Progressing", "status": progressing[0], "reason": progressing[1]}]
    assert is_rolling({"metadata": {"generation": generation}, "status": status}) == expected


async def test_an_answer_that_is_not_asked_for_yet_leaves_all_well() -> None:
    """As after a restart, which asks the gateway of keys in their own time."""
    it = await serving()
    it.turns.tell(OTHER, under_way=False)
    written = len(it.versions)
    it.see(catalogue=PENDING)
    await it.reconcile(MINUTE)
    assert (image(it), len(it.versions)) == (GOOD.defaults.image, written)
    assert it.condition() == ("True", "Ready")
    it.see(catalogue=GOOD.catalogue)
    await it.reconcile(MINUTE)
    assert image(it) == ANOTHER_IMAGE.image
