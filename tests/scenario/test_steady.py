"""Hours of a steady world, simulated: the whole of the operator but its two servers, on a clock that skips waiting."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from chatassistant_operator.api.api_key import ApiKey
from chatassistant_operator.api.policy import Policy
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.asking.gateway import AskedGateway
from chatassistant_operator.asking.pods import AskedPods
from chatassistant_operator.asking.questions import Clocks
from chatassistant_operator.asking.references import Reference, other_secret_of
from chatassistant_operator.asking.tokens import AskedTokens
from chatassistant_operator.controller import Controller
from chatassistant_operator.damping import Damper
from chatassistant_operator.engine.queue import WorkQueue
from chatassistant_operator.engine.turns import Turns
from chatassistant_operator.engine.workers import Workers
from chatassistant_operator.observed import Children, Defaults, Manifest
from chatassistant_operator.observed.gateway import Catalogue, KeyAccepted
from chatassistant_operator.observed.named import Absent, Credential, OtherSecret
from chatassistant_operator.observed.pods import Pod, ReplicaSet, Report
from chatassistant_operator.openrouter.errors import RefusedError, UnreachableError
from chatassistant_operator.ports import Key, Ports
from support.situations import CATALOGUE, KEY, body
from unit.engine.virtual_time import now, virtual_time

START = datetime(2026, 11, 24, tzinfo=UTC)
TODO: Key = ("todo-chatbot", "todo")
HOUR = 3600.0


class Gateway:
    """Answers as OpenRouter does, with less credit each time; or not at all."""

    def __init__(self) -> None:
        self.asked = 0
        self.down = False
        self.was_asked = asyncio.Event()

    async def key(self, base_url: str, api_key: ApiKey, timeout_seconds: float) -> KeyAccepted:
        self.asked += 1
        self.was_asked.set()
        await asyncio.sleep(0.1)
        if self.down:
            raise UnreachableError(f"{base_url}/key cannot be reached.")
        return KeyAccepted("sk-or-v1-012...def", limit=Decimal(100), limit_remaining=Decimal(90 - self.asked))

    async def models(self, base_url: str, timeout_seconds: float) -> Catalogue:
        await asyncio.sleep(0.1)
        return CATALOGUE


class World:
    """An API server with one ChatAssistant, whose pods are ready at once."""

    def __init__(self) -> None:
        self.object = body()
        self.writes: list[tuple[float, str]] = []
        self.deployment: Manifest | None = None
        self.secret: Manifest | None = None
        self.secret_reads = 0
        self.pod_ready = True
        self.report: Report | None = None
        self.queue: WorkQueue[Key] = WorkQueue(clock=now)

    def statuses(self, since: float = 0.0) -> list[str]:
        return [what for at, what in self.writes if at > since and what.startswith("status")]

    # controller.Assistants

    def get(self, key: Key) -> Manifest | None:
        return self.object if key == TODO else None

    def drop(self, key: Key) -> None:
        raise AssertionError("it is not gone")

    async def write_status(self, assistant: Manifest, status: dict[str, Any]) -> None:
        ready = next(each for each in status["conditions"] if each["type"] == "Ready")
        self.writes.append((now(), f"status {ready['status']}/{ready['reason']}"))
        self.object = {**assistant, "status": status}

    async def post(self, event: Manifest) -> None:
        self.writes.append((now(), f"event {event['reason']}"))

    # ports.References and Cluster

    def credential(self, assistant: ChatAssistant) -> Credential:
        return Credential(KEY, KEY.fingerprint or "")

    def secrets(self, assistant: ChatAssistant) -> dict[str, Any]:
        return {}

    def has_looked(self, assistant: ChatAssistant) -> bool:
        return True

    def hurry(self, assistant: ChatAssistant) -> None:
        pass

    def services(self, assistant: ChatAssistant, names: tuple[str, ...]) -> dict[str, Any]:
        return {}

    def prompt(self, assistant: ChatAssistant) -> Any:
        return None

    def children(self, assistant: ChatAssistant) -> Children:
        if self.deployment is None:
            return Children()
        revision = self.deployment["metadata"]["annotations"]["chatassistant.dev/revision"]
        available = int(self.pod_ready)
        sets = (ReplicaSet("todo-1", revision, None, 1, available, uid="1"),)
        pods = (
            Pod(
                "todo-1-a",
                "1",
                ready=self.pod_ready,
                running_since=START,
                report="http://10.0.0.1:9090/report",
            ),
        )
        live = {**self.deployment, "status": {"replicas": 1, "readyReplicas": available}}
        return Children(deployment=live, replica_sets=sets, pods=pods)

    async def apply(self, assistant: ChatAssistant, manifest: Manifest) -> Manifest:
        if manifest["kind"] == "Deployment":
            if self.deployment != manifest:
                self.writes.append((now(), "deployment"))
                self.deployment = manifest
                self.queue.add(TODO, 1.0)
            return self.children(assistant).deployment or manifest
        return manifest

    async def delete(self, assistant: ChatAssistant, kind: str, name: str) -> None:
        raise AssertionError("there is nothing to delete")

    # What AskedTokens asks for

    async def read_secret(self, _: Reference) -> Absent | OtherSecret:
        self.secret_reads += 1
        return other_secret_of(self.secret) if self.secret else Absent()

    async def make_secret(self, _: ChatAssistant, secret: Manifest) -> Manifest:
        self.writes.append((now(), "secret"))
        assert self.secret is None, "what is there is not made again"
        self.secret = {**secret, "metadata": {**secret["metadata"], "uid": f"made at {now()}"}}
        return self.secret

    # What AskedPods asks for

    async def read_report(self, _: str) -> Report | None:
        await asyncio.sleep(0.1)
        return self.report


@asynccontextmanager
async def running(world: World, gateway: Gateway) -> AsyncGenerator[None]:
    """The operator, until the context ends."""

    def changed(keys: Iterable[Key]) -> None:
        for key in keys:
            world.queue.add(key)

    def time_of_day() -> datetime:
        return START + timedelta(seconds=now())

    asked = AskedGateway(gateway, changed, Clocks(time_of_day, now))  # type: ignore[arg-type]  # what it is asked for, it has
    tokens = AskedTokens(world.read_secret, world.make_secret, changed, 60.0, now)
    pods = AskedPods(world.read_report, changed, 20.0, now)
    policy, turns = Policy(allowed_gateways=("*",)), Turns[Key](1, world.queue.add)
    ports = Ports(world, world, asked, pods, Damper(), policy, Defaults("chatbot:1"), tokens, turns)
    controller = Controller(world, ports, asked.forget, time_of_day)

    async def always() -> None:
        pass

    workers = Workers(world.queue, controller.handle, always)
    tasks = [
        asyncio.create_task(each) for each in (*asked.runs(), *tokens.runs(), *pods.runs(), workers.run())
    ]
    world.queue.add(TODO)
    yield
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


@virtual_time
async def test_a_steady_object_costs_no_writes_for_hours() -> None:
    world, gateway = World(), Gateway()
    async with running(world, gateway):
        await asyncio.sleep(60)
        assert world.statuses()[-1] == "status True/Ready"
        settled, asked = len(world.writes), gateway.asked
        for _ in range(24 * 6):
            # Something looks again, as a resync would, and the gateway says that less credit is left.
            world.queue.add(TODO)
            await asyncio.sleep(HOUR / 6)
        assert gateway.asked > asked + 100
        assert world.writes[settled:] == []


@virtual_time
async def test_a_restart_writes_nothing() -> None:
    world, gateway = World(), Gateway()
    async with running(world, gateway):
        await asyncio.sleep(60)
    settled = len(world.writes)
    async with running(world, gateway):
        await asyncio.sleep(2 * HOUR)
    assert world.writes[settled:] == []


@virtual_time
async def test_a_token_is_made_once_and_anew_when_it_is_deleted() -> None:
    world, gateway = World(), Gateway()
    async with running(world, gateway):
        await asyncio.sleep(60)
        assert [what for _, what in world.writes].count("secret") == 1
        reads = world.secret_reads
        await asyncio.sleep(HOUR)
        assert world.secret_reads - reads <= 75, "each minute, or a little more often"
        revision = _token_revision(world)
        world.secret = None
        settled = len(world.writes)
        await asyncio.sleep(120)
        written = [what for _, what in world.writes[settled:]]
        assert [each for each in written if each in {"secret", "deployment"}] == ["secret", "deployment"]
        assert _token_revision(world) != revision
        settled = len(world.writes)
        await asyncio.sleep(HOUR)
        assert world.writes[settled:] == []


def _token_revision(world: World) -> str:
    assert world.deployment is not None
    annotations = world.deployment["spec"]["template"]["metadata"]["annotations"]
    return str(annotations["chatassistant.dev/token-revision"])


@virtual_time
async def test_one_failure_of_the_gateway_is_not_told() -> None:
    world, gateway = World(), Gateway()
    async with running(world, gateway):
        await asyncio.sleep(60)
        settled = len(world.writes)
        for _ in range(6):
            await asyncio.sleep(HOUR / 2)
            gateway.down = True
            gateway.was_asked.clear()
            await gateway.was_asked.wait()
            await asyncio.sleep(0.5)
            gateway.down = False
        assert world.writes[settled:] == []


@virtual_time
async def test_a_gateway_that_comes_and_goes_is_told_of_a_few_times_only() -> None:
    world, gateway = World(), Gateway()
    world.object["spec"]["validation"] = {"intervalSeconds": 30}
    async with running(world, gateway):
        await asyncio.sleep(60)
        for _ in range(60):
            gateway.down = not gateway.down
            await asyncio.sleep(60)
        # Told of each time, it would be more than sixty.
        assert 0 < len(world.statuses(since=60.0)) <= 24


@virtual_time
async def test_a_pod_that_comes_and_goes_is_told_of_a_few_times_only() -> None:
    world, gateway = World(), Gateway()
    async with running(world, gateway):
        await asyncio.sleep(60)
        for _ in range(120):
            world.pod_ready = not world.pod_ready
            world.queue.add(TODO)
            await asyncio.sleep(15)
        told = world.statuses(since=60.0)
        assert sum(each != "status True/Ready" for each in told) > 0
        times = [at for at, what in world.writes if what.startswith("event")]
        assert len(times) <= 16


@virtual_time
async def test_what_does_not_arrive_stalls_after_ten_minutes_and_is_written_twice() -> None:
    world, gateway = World(), Gateway()
    gateway.key = _refuse  # type: ignore[method-assign]  # the fault of this test
    async with running(world, gateway):
        await asyncio.sleep(2 * HOUR)
    assert world.statuses() == ["status False/KeyRejected"] * 2
    first, second = (at for at, what in world.writes if what.startswith("status"))
    assert 600 <= second - first <= 605
    conditions = {each["type"] for each in world.object["status"]["conditions"]}
    assert "Stalled" in conditions
    assert "Reconciling" not in conditions


async def _refuse(*_: Any) -> KeyAccepted:
    raise RefusedError("User not found.", status=401)
