"""From what is seen to what is said, in one go: what is written when, and that no status breaks its promises."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chatassistant_operator.api import names
from chatassistant_operator.api.reasons import Reason
from chatassistant_operator.observed.gateway import Cause, KeyRefused, Unanswered
from chatassistant_operator.observed.named import Absent, Credential, OtherSecret, Prompt
from chatassistant_operator.observed.pending import PENDING
from chatassistant_operator.ports import Refused
from support.situations import GOOD
from unit.world import World

MINUTE = timedelta(minutes=1)
DOWN = Unanswered(Cause.UNREACHABLE, "It did not answer.")


async def test_a_steady_world_is_written_once() -> None:
    it = World()
    await it.reconcile()
    # The first reconcile makes the pods, the second finds them serving.
    await it.reconcile(MINUTE)
    assert it.condition() == ("True", "Ready")
    assert it.condition("Applied") == ("True", "Applied")
    written = len(it.versions)
    for _ in range(20):
        it.restart()
        outcome = await it.reconcile(20 * MINUTE)
        assert outcome.again is None
    assert len(it.versions) == written
    assert it.problems() == []


@pytest.mark.parametrize("reason", [Reason.APPLY_FAILED, Reason.FORBIDDEN, Reason.NAME_CONFLICT])
async def test_what_the_api_server_refuses_is_told_and_tried_again(reason: Reason) -> None:
    it = World()
    it.refusal = Refused(reason, "Service todo is refused.")
    outcome = await it.reconcile()
    assert it.condition("Applied") == it.condition() == ("False", reason)
    assert it.condition("Reconciling")[0] == "True"
    assert outcome.again == it.now + timedelta(seconds=30)
    it.refusal = None
    await it.reconcile(MINUTE)
    await it.reconcile(MINUTE)
    assert it.condition() == ("True", "Ready")
    assert it.problems() == []


@pytest.mark.parametrize(
    ("unasked", "waits"),
    [
        ({"key": PENDING}, True),
        ({"credential": PENDING}, True),
        ({"catalogue": PENDING}, True),
        ({"key": DOWN}, False),
        ({"catalogue": DOWN}, False),
        ({"key": Unanswered(Cause.QUEUED, "Others took longer than 30 s.")}, False),
    ],
)
async def test_a_first_rollout_waits_for_an_answer_that_may_come_and_for_no_other(
    unasked: dict[str, Any], waits: bool
) -> None:
    it = World()
    it.see(**unasked)
    outcome = await it.reconcile()
    assert (it.deployment is None) == waits
    if waits:
        assert outcome.status is None
        assert outcome.again == it.now + timedelta(seconds=31), "an answer takes a validation timeout at most"


async def test_what_is_mended_rolls_out() -> None:
    it = World()
    for seen, reason in (
        ({"credential": Absent()}, "SecretNotFound"),
        ({"credential": Credential(None, "1")}, "SecretKeyMissing"),
        ({"credential": GOOD.credential, "key": KeyRefused(401, "User not found.")}, "KeyRejected"),
    ):
        it.see(**seen)
        await it.reconcile(MINUTE)
        assert it.condition() == ("False", reason)
        assert it.condition("Reconciling") == ("True", reason)
        assert it.deployment is None
    it.see(key=GOOD.key)
    await it.reconcile(MINUTE)
    await it.reconcile(MINUTE)
    assert it.condition() == ("True", "Ready")
    assert it.problems() == []


async def test_a_bad_edit_leaves_what_serves_and_is_told() -> None:
    it = World()
    await it.reconcile()
    await it.reconcile(MINUTE)
    before = it.deployment
    it.edit(model={"name": "openai/gpt5-mini"})
    await it.reconcile(MINUTE)
    assert it.condition() == ("False", "ModelNotFound")
    assert it.condition("Stalled") == ("True", "ModelNotFound")
    assert it.condition("Available") == ("True", "ServingPreviousRevision")
    assert it.deployment == before
    it.edit(model={"name": "openai/gpt-5-mini"})
    await it.reconcile(MINUTE)
    assert it.condition() == ("True", "Ready")
    assert it.problems() == []


PROMPT: dict[str, Any] = {"systemPromptFrom": {"configMapKeyRef": {"name": "prompts", "key": "todo"}}}
HEADER = {"name": "Authorization", "secretKeyRef": {"name": "todo-token", "key": "bearer"}}
SERVER = {"name": "todo", "url": "http://todo:8000/mcp", "headersFrom": [HEADER]}
TOOLS: dict[str, Any] = {"tools": {"mcpServers": [SERVER]}}
ALLOWED = OtherSecret(
    frozenset({"bearer"}), {names.USE_LABEL: "tools"}, {names.HOSTS_ANNOTATION: "todo:8000"}
)
UNPROVEN: tuple[tuple[dict[str, Any], dict[str, Any], dict[str, Any]], ...] = (
    # spec, what is seen when all is well, what is seen while suspended
    (PROMPT, {"prompt": Prompt("Answer in rhymes.")}, {"prompt": Absent()}),
    (PROMPT, {"prompt": Prompt("Answer in rhymes.")}, {"prompt": PENDING}),
    (TOOLS, {"secrets": {"todo-token": ALLOWED}}, {"secrets": {"todo-token": Absent()}}),
    (TOOLS, {"secrets": {"todo-token": ALLOWED}}, {"secrets": {"todo-token": PENDING}}),
    (TOOLS, {"secrets": {"todo-token": ALLOWED}}, {"secrets": {"todo-token": replace(ALLOWED, labels={})}}),
)


@pytest.mark.parametrize(("spec", "well", "unproven"), UNPROVEN)
async def test_what_is_suspended_is_scaled_to_zero_whatever_is_missing(
    spec: dict[str, Any], well: dict[str, Any], unproven: dict[str, Any]
) -> None:
    it = World(**spec)
    it.see(**well)
    await it.reconcile()
    assert it.deployment is not None
    template = it.deployment["spec"]["template"]
    it.see(**unproven)
    it.edit(suspend=True)
    await it.reconcile(MINUTE)
    assert it.condition() == ("True", "Suspended")
    assert it.condition("Applied") == ("True", "Applied")
    assert it.deployment["spec"]["replicas"] == 0
    assert it.deployment["spec"]["template"] == template, "what it goes on with has been looked at"
    it.see(**well)
    it.edit(suspend=False)
    await it.reconcile(MINUTE)
    await it.reconcile(MINUTE)
    assert it.condition("Available") == ("True", "DeploymentAvailable")
    assert it.problems() == []


@pytest.mark.parametrize(("spec", "well", "unproven"), UNPROVEN)
async def test_nothing_that_was_not_looked_at_gets_into_pods_by_way_of_a_suspension(
    spec: dict[str, Any], well: dict[str, Any], unproven: dict[str, Any]
) -> None:
    it = World(**spec, suspend=True)
    it.see(**unproven)
    await it.reconcile()
    assert it.deployment is None
    it.edit(suspend=False)
    await it.reconcile(MINUTE)
    assert it.deployment is None
    it.see(**well)
    await it.reconcile(MINUTE)
    assert it.deployment is not None


@pytest.mark.parametrize(
    "spec", [{}, {"credentials": {"rotationPolicy": "Immediate"}}, {"systemPrompt": "Answer in rhymes."}]
)
async def test_what_was_created_suspended_is_begun_like_a_first_rollout(spec: dict[str, Any]) -> None:
    it = World(suspend=True, **spec)
    await it.reconcile()
    assert it.condition() == ("True", "Suspended")
    it.see(key=PENDING)
    it.edit(suspend=False)
    outcome = await it.reconcile(MINUTE)
    assert it.replicas == 0
    assert outcome.again == it.now + timedelta(seconds=31), "an answer takes a validation timeout at most"
    it.see(key=KeyRefused(401, "User not found."))
    await it.reconcile(MINUTE)
    assert it.condition() == ("False", "KeyRejected")
    assert it.replicas == 0
    it.edit(systemPrompt="Answer in limericks.")
    await it.reconcile(MINUTE)
    assert it.replicas == 0, "nor does an edit begin it"
    it.see(key=GOOD.key)
    await it.reconcile(MINUTE)
    await it.reconcile(MINUTE)
    assert it.condition() == ("True", "Ready")
    assert it.replicas == 1
    it.see(key=KeyRefused(401, "User not found."))
    it.edit(replicas=2)
    await it.reconcile(MINUTE)
    assert it.replicas == 2, "what runs is scaled all the same"
    assert it.problems() == []


async def test_what_was_created_suspended_is_begun_when_nobody_can_be_asked() -> None:
    it = World(suspend=True)
    await it.reconcile()
    it.see(key=DOWN, catalogue=DOWN)
    it.edit(suspend=False)
    await it.reconcile(MINUTE)
    assert it.replicas == 1


async def test_configurations_go_once_the_new_pods_serve() -> None:
    it = World()
    await it.reconcile()
    it.serves = False
    it.edit(systemPrompt="Answer in rhymes.")
    await it.reconcile(MINUTE)
    assert it.condition() == ("False", "RolloutProgressing")
    assert it.deleted == []
    it.serves = True
    await it.reconcile(MINUTE)
    await it.reconcile(MINUTE)
    assert it.condition() == ("True", "Ready")
    assert len(it.deleted) == 1
    assert it.problems() == []
