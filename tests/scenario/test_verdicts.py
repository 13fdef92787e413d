"""Verdicts over hours, simulated: what was said stands until somebody can be asked, over restarts and outages."""

import asyncio

import pytest

from chatassistant_operator.api.api_key import ApiKey
from chatassistant_operator.api.reasons import Reason
from chatassistant_operator.observed.gateway import Catalogue, KeyAccepted
from chatassistant_operator.observed.pods import Report, ToolServer
from chatassistant_operator.openrouter.errors import RefusedError, UnreachableError
from scenario.test_steady import HOUR, Gateway, World, running
from unit.engine.virtual_time import virtual_time

TOOLS = {"mcpServers": [{"name": "todo", "url": "http://todo:8000/mcp"}]}
LISTED = Report(tools=(ToolServer("todo", ("add", "list")),))
SILENT = Report(tools=(ToolServer("todo", problem="Unreachable"),))
NO_CREDIT = Report("InsufficientCredits", tools=LISTED.tools)
REJECTED = Report("KeyRejected", tools=LISTED.tools)


class Keeper(Gateway):
    """A gateway that may refuse the key; when it is down, it answers nothing."""

    def __init__(self, *, refuses: bool = False) -> None:
        super().__init__()
        self.refuses = refuses

    async def key(self, base_url: str, api_key: ApiKey, timeout_seconds: float) -> KeyAccepted:
        accepted = await super().key(base_url, api_key, timeout_seconds)
        if self.refuses:
            raise RefusedError("User not found.", status=401)
        return accepted

    async def models(self, base_url: str, timeout_seconds: float) -> Catalogue:
        if self.down:
            raise UnreachableError(f"{base_url}/models cannot be reached.")
        return await super().models(base_url, timeout_seconds)


def condition(world: World, type_: str) -> tuple[str, str, str]:
    """A condition's status, reason and message."""
    (found,) = (each for each in world.object["status"]["conditions"] if each["type"] == type_)
    return found["status"], found["reason"], found["message"]


@pytest.mark.parametrize(
    ("report", "ready"),
    [
        (LISTED, "status True/Ready"),
        (SILENT, "status False/ToolServerUnreachable"),
        (NO_CREDIT, "status False/InsufficientCredits"),
    ],
)
@virtual_time
async def test_a_restart_is_silent_about_what_pods_tell(report: Report, ready: str) -> None:
    world, gateway = World(), Gateway()
    world.object["spec"]["tools"] = TOOLS
    world.report = report
    async with running(world, gateway):
        # What is missing is given up after ten minutes, which is a write.
        await asyncio.sleep(HOUR)
    assert world.statuses()[-1] == ready
    settled = len(world.writes)
    async with running(world, gateway):
        await asyncio.sleep(2 * HOUR)
    assert world.writes[settled:] == []


@virtual_time
async def test_pods_that_do_not_tell_after_a_restart_are_told_of() -> None:
    world, gateway = World(), Gateway()
    world.object["spec"]["tools"] = TOOLS
    world.report = LISTED
    async with running(world, gateway):
        await asyncio.sleep(60)
    assert condition(world, "ToolsAvailable")[:2] == ("True", "ToolsListed")
    world.report = None
    async with running(world, gateway):
        await asyncio.sleep(60)
    assert condition(world, "ToolsAvailable")[:2] == ("Unknown", "NotChecked")


@virtual_time
async def test_a_refused_key_stays_refused_in_an_outage_and_nothing_rolls_out_with_it() -> None:
    world, gateway = World(), Keeper(refuses=True)
    async with running(world, gateway):
        await asyncio.sleep(HOUR)
        gateway.down = True
        await asyncio.sleep(HOUR)
        status, reason, message = condition(world, "CredentialsValid")
        assert (status, reason) == ("False", "KeyRejected")
        assert "That was the gateway's last word at 2026-11-24T0" in message
        assert "cannot be reached" in message
    told = condition(world, "CredentialsValid")
    async with running(world, gateway):
        await asyncio.sleep(HOUR)
    assert condition(world, "CredentialsValid") == told, "a restart in the outage knows it from the status"
    assert set(world.statuses()) == {"status False/KeyRejected"}
    assert world.deployment is None
    gateway.down = gateway.refuses = False
    async with running(world, gateway):
        await asyncio.sleep(HOUR)
    assert world.statuses()[-1] == "status True/Ready"


@virtual_time
async def test_a_model_that_is_not_offered_stays_so_in_an_outage_and_nothing_rolls_out_with_it() -> None:
    world, gateway = World(), Keeper()
    world.object["spec"]["model"] = {"name": "openai/gpt5-mini"}
    async with running(world, gateway):
        await asyncio.sleep(HOUR)
        gateway.down = True
        await asyncio.sleep(HOUR)
        status, reason, message = condition(world, "ModelAvailable")
        assert (status, reason) == ("False", "ModelNotFound")
        assert "That was the gateway's last word at 2026-11-24T0" in message
        assert "cannot be reached" in message
    told = condition(world, "ModelAvailable")
    async with running(world, gateway):
        await asyncio.sleep(HOUR)
        assert condition(world, "ModelAvailable") == told, "a restart in the outage knows it from the status"
        assert set(world.statuses()) == {"status False/ModelNotFound"}
        assert world.deployment is None
        gateway.down = False
        world.object["spec"]["model"] = {"name": "openai/gpt-5-mini"}
        world.object["metadata"]["generation"] += 1
        world.queue.add(("todo-chatbot", "todo"))
        await asyncio.sleep(HOUR)
    assert world.statuses()[-1] == "status True/Ready"


@virtual_time
async def test_an_outage_is_told_of_in_words_that_stand_still() -> None:
    world, gateway = World(), Keeper()
    async with running(world, gateway):
        await asyncio.sleep(HOUR)
        settled = len(world.writes)
        gateway.down = True
        await asyncio.sleep(6 * HOUR)
        written = [what for _, what in world.writes[settled:] if what.startswith("status")]
        assert 1 <= len(written) <= 4, (
            "of the key and of the catalogue, each perhaps with another one's words first"
        )
        assert set(written) == {"status True/Ready"}
        assert condition(world, "CredentialsValid")[:2] == ("Unknown", "GatewayUnreachable")


@virtual_time
async def test_what_pods_met_has_the_key_asked_about_at_once() -> None:
    world, gateway = World(), Keeper()
    world.object["spec"]["validation"] = {"intervalSeconds": 86_400}
    world.report = LISTED
    async with running(world, gateway):
        await asyncio.sleep(HOUR)
        assert gateway.asked == 1
        gateway.refuses, world.report = True, REJECTED
        # A report is read each 20 s; the key was accepted before, so that it is asked several times over 3 minutes.
        await asyncio.sleep(22)
        assert 2 <= gateway.asked <= 3
        await asyncio.sleep(HOUR / 12)
        assert condition(world, "CredentialsValid")[:2] == ("False", Reason.KEY_REJECTED)


@virtual_time
async def test_pods_that_complain_without_end_have_the_key_asked_about_each_minute_at_most() -> None:
    world, gateway = World(), Keeper()
    world.object["spec"]["validation"] = {"intervalSeconds": 86_400}
    world.report = REJECTED
    async with running(world, gateway):
        for _ in range(720):
            world.queue.add(("todo-chatbot", "todo"))
            await asyncio.sleep(5)
        assert 50 <= gateway.asked <= 61
        assert condition(world, "Ready")[0] == "True"
