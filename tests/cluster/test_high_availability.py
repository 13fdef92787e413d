"""Two operators: one leads, and whatever becomes of it, nothing is lost and nothing is written twice."""

import itertools
import json
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chatassistant_operator.api.names import VALIDATE_AT_ANNOTATION
from chatassistant_operator.local.openrouter.situations import ACCEPTED
from support.assistants import Assistants
from support.control_plane import ControlPlane
from support.gateway import GatewayProcess
from support.node import BY_HAND, NodeStandIn, chatbot_commands
from support.operators import OperatorProcess
from support.replicas import Edits, Replica, wait_until_told
from support.waiting import eventually

LEASE_SECONDS = 15.0
# As much as a Lease that was renewed an instant before, and one try more of a standby's.
TAKEN_OVER_SECONDS = 20.0
RELEASED_SECONDS = 2.0
# Longer than a Lease.
AWAY_SECONDS = 20.0
MANY = 500
TURNS = 3
NEW_IMAGE = "ghcr.io/chatassistant-dev/chatbot:9.9.9"
# That it was carried out, and what the Deployment tells of it.
STATUSES_AN_EDIT = 2

StartReplica = Callable[..., Replica]


@pytest.fixture
def idle(kubernetes: ControlPlane, namespace: str, gateway: GatewayProcess) -> Assistants:
    """ChatAssistants whose Deployments ask for no pod."""
    found = Assistants(kubernetes, namespace, gateway.base_url)
    found.put_key(ACCEPTED.token)
    return found


@pytest.fixture
def start_replica(
    idle: Assistants, start_operator: Callable[..., OperatorProcess], tmp_path: Path
) -> Iterator[StartReplica]:
    """Starts an operator that reaches the API server by a proxy of its own."""
    started: list[Replica] = []

    def start(**settings: str) -> Replica:
        replica = Replica(idle, tmp_path, start_operator, **settings)
        started.append(replica)
        return replica

    yield start
    for replica in started:
        replica.operator.process.send_signal(signal.SIGCONT)
        replica.operator.stop()
        replica.proxy.stop()


@pytest.fixture
def pair(start_replica: StartReplica) -> tuple[Replica, Replica]:
    """The leader and the standby."""
    leader = start_replica()
    leader.operator.wait_until_leading()
    standby = start_replica()
    standby.wait_until_ready()
    return leader, standby


def seconds_until_it_works(assistants: Assistants, name: str) -> float:
    """How long it takes until a ChatAssistant that is created now has its Deployment."""
    begun = time.monotonic()
    assistants.create_many([name], replicas=0)
    eventually(
        lambda: assistants.kubectl("get", "deployment", name, "--ignore-not-found"), "a Deployment", 40
    )
    return time.monotonic() - begun


def test_a_leader_that_is_killed_is_followed_within_20_seconds(
    pair: tuple[Replica, Replica], idle: Assistants
) -> None:
    leader, standby = pair
    leader.operator.kill()
    assert seconds_until_it_works(idle, "after") < TAKEN_OVER_SECONDS
    assert standby.proxy.writes()


def test_a_leader_that_ends_is_followed_within_2_seconds(
    pair: tuple[Replica, Replica], idle: Assistants
) -> None:
    leader, standby = pair
    idle.create_many(["before"], replicas=0)
    wait_until_told(idle)
    ended = time.monotonic()
    leader.operator.process.send_signal(signal.SIGTERM)
    eventually(standby.times_led, "the standby leads")
    assert time.monotonic() - ended < RELEASED_SECONDS
    # A second SIGTERM, in the moment of its end, would be another way to end.
    assert leader.operator.process.wait(timeout=10) == 0
    assert seconds_until_it_works(idle, "after") < TAKEN_OVER_SECONDS


def test_a_leader_that_is_cut_off_has_stopped_before_another_begins(
    pair: tuple[Replica, Replica], idle: Assistants
) -> None:
    """The worst of networks: renewals are lost, and all else arrives as late as the sender waits for it."""
    leader, standby = pair
    names = [f"todo-{number}" for number in range(20)]
    idle.create_many(names, replicas=0)
    wait_until_told(idle)
    edits = Edits(idle, itertools.cycle(names))
    leader.proxy.delay, leader.proxy.lose_leases = 4.0, True
    eventually(standby.times_led, "the standby leads", TAKEN_OVER_SECONDS + 5)
    leader.proxy.delay, leader.proxy.lose_leases = 0.0, False
    eventually(lambda: len(standby.proxy.writes()) > 100, "the standby works")
    edits.stop()
    wait_until_told(idle)
    assert_fenced(leader, standby)
    renewed = leader.proxy.renewed_at()
    assert leader.proxy.writes(since=renewed + LEASE_SECONDS / 2), "it went on while it might"
    assert leader.runs


def test_a_leader_that_was_stopped_and_goes_on_writes_nothing(
    pair: tuple[Replica, Replica], idle: Assistants
) -> None:
    leader, standby = pair
    names = [f"todo-{number}" for number in range(20)]
    idle.create_many(names, replicas=0)
    wait_until_told(idle)
    edits = Edits(idle, itertools.cycle(names), pause=0.0)
    eventually(lambda: len(leader.proxy.writes()) > 300, "the leader is in the middle of work")
    leader.operator.process.send_signal(signal.SIGSTOP)
    eventually(standby.times_led, "the standby leads", TAKEN_OVER_SECONDS + 5)
    leader.operator.process.send_signal(signal.SIGCONT)
    eventually(lambda: "no longer leads" in leader.operator.log, "it notices")
    eventually(lambda: len(standby.proxy.writes()) > 100, "the standby works")
    edits.stop()
    wait_until_told(idle)
    assert_fenced(leader, standby)
    assert leader.runs


def assert_fenced(leader: Replica, standby: Replica) -> None:
    """Nothing of the old leader's took effect when its Lease was over, nor after the new one began."""
    over = leader.proxy.renewed_at() + LEASE_SECONDS
    assert leader.proxy.writes(since=over) == []
    assert leader.proxy.writes(since=standby.proxy.writes()[0].at) == []


def test_a_standby_goes_by_its_own_clock(start_replica: StartReplica, idle: Assistants) -> None:
    """The Lease's times are another machine's: hours behind they make it no older, hours ahead no younger."""
    put_lease(idle, "2020-01-01T00:00:00.000000Z")
    standby = start_replica()
    standby.wait_until_ready()
    for second in range(8):
        put_lease(idle, f"2020-01-01T00:00:{second:02}.000000Z")
        time.sleep(1.0)  # as its holder does, in its own time
    assert not standby.times_led()
    put_lease(idle, "2099-01-01T00:00:00.000000Z")
    ended = time.monotonic()
    standby.operator.wait_until_leading()
    assert time.monotonic() - ended < 3.0 + 4.0


def put_lease(assistants: Assistants, renewed: str) -> None:
    """Write the Lease as another operator would that renews it every 3 seconds."""
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "chatassistant-operator"},
        "spec": {"holderIdentity": "another", "leaseDurationSeconds": 3, "renewTime": renewed},
    }
    assistants.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(lease))


def test_an_api_server_that_is_away_ends_nobody_and_has_nothing_written_twice(
    pair: tuple[Replica, Replica], idle: Assistants, kubernetes: ControlPlane
) -> None:
    names = [f"todo-{number}" for number in range(10)]
    idle.create_many(names, replicas=0)
    wait_until_told(idle)
    before = settled_versions(idle)
    kubernetes.stop_api_server()
    away = time.monotonic()
    while time.monotonic() - away < AWAY_SECONDS:
        assert all(each.runs for each in pair)
        time.sleep(0.5)  # nothing happens that could be awaited: that is the point
    kubernetes.start_api_server()
    eventually(lambda: any(each.is_of_lease for one in pair for each in one.proxy.since(away)), "one leads")
    # Whoever leads has looked at all of them when it has looked at one that is new.
    idle.create_many(["after"], replicas=0)
    wait_until_told(idle)
    assert {name: version for name, version in versions(idle).items() if "after" not in name} == before
    idle.edit("todo-0", systemPrompt="Another")
    wait_until_told(idle)
    changed = {name for name, version in versions(idle).items() if before.get(name, version) != version}
    assert changed == {"ChatAssistant/todo-0", "Deployment/todo-0"}
    assert all(each.runs for each in pair)


@pytest.mark.timeout(580)
def test_the_operator_itself_rolls_and_no_write_is_lost_or_repeated(
    start_replica: StartReplica, idle: Assistants
) -> None:
    replicas = [start_replica(), start_replica()]
    names = [f"todo-{number}" for number in range(MANY)]
    idle.create_many(names, replicas=0)
    wait_until_told(idle, timeout=400)
    # A configuration is removed whose ReplicaSet had not been made yet when the next one came.
    eventually(lambda: len(idle.kubectl("get", "rs", "-o", "name").split()) == MANY, "all ReplicaSets", 120)
    settled_versions(idle)
    begun = time.monotonic()
    edited = names[:: MANY // 100]
    edits = Edits(idle, edited, pause=0.1)
    for old in (0, 1):  # as a Deployment does: one more, and then one less
        new = start_replica()
        new.wait_until_ready()
        replicas.append(new)
        assert replicas[old].operator.stop() == 0
    eventually(lambda: edits.made == edited, "all edits are made")
    wait_until_told(idle)
    settled_versions(idle)
    written = Counter(
        (each.method, each.path.split("/")[-2], each.path.split("/")[-1])
        for replica in replicas
        for each in replica.proxy.writes(since=begun)
        if not each.path.endswith("/events")
    )
    deployments = {name: count for (_, kind, name), count in written.items() if kind == "deployments"}
    assert deployments == dict.fromkeys(edited, 1)
    configurations = Counter(
        (method, name.rpartition("-config-")[0])
        for method, kind, name in written.elements()
        if kind == "configmaps"
    )
    assert configurations == Counter(("PATCH", name) for name in edited)
    statuses = {name: count for (_, name, what), count in written.items() if what == "status"}
    assert set(statuses) == set(edited)
    assert max(statuses.values()) <= STATUSES_AN_EDIT
    assert {kind for _, kind, name in written if name != "status"} == {"deployments", "configmaps"}


def test_what_no_author_asked_for_rolls_in_turn(
    start_operator: Callable[..., OperatorProcess], assistants: Assistants
) -> None:
    settings = {"max_concurrent_rollouts": str(TURNS)}
    before = start_operator(**settings)
    names = [f"todo-{number:02}" for number in range(12)]
    assistants.put_key(ACCEPTED.token)
    assistants.create_many(names, pod={"nodeSelector": BY_HAND}, validation={"mode": "Disabled"})
    for name in names:
        serve(assistants, name)
    wait_until_told(assistants)
    assert before.stop() == 0
    start_operator(**settings, chatbot_image=NEW_IMAGE)
    # After a restart Secrets are read within a minute, and no pods roll before; unless somebody wishes for it.
    assistants.kubectl("annotate", "chat", "--all", f"{VALIDATE_AT_ANNOTATION}=now")
    eventually(
        lambda: all("lastHandledValidateAt" in each["status"] for each in assistants.all()), "all are read"
    )
    first = wait_until_rolled(assistants, TURNS)
    waiting = [name for name in names if name not in first]
    told = {name: assistants.get(name)["metadata"]["resourceVersion"] for name in waiting}
    author = waiting.pop()
    assistants.edit(author, systemPrompt="Another")
    assert wait_until_rolled(assistants, TURNS + 1) == {*first, author}, "an author's edit waits for nobody"
    assert {name: assistants.get(name)["metadata"]["resourceVersion"] for name in waiting} == {
        name: told[name] for name in waiting
    }, "who waits is Ready, and nothing is said of it"
    under_way = first | {author}
    while under_way:
        serve(assistants, under_way.pop())
        begun = min(len(waiting), max(0, TURNS - len(under_way)))
        ahead = wait_until_rolled(assistants, len(names) - len(waiting) + begun)
        under_way |= ahead & set(waiting)
        waiting = [name for name in waiting if name not in ahead]
        assert len(under_way) <= TURNS
    assert not waiting
    wait_until_told(assistants)


def wait_until_rolled(assistants: Assistants, count: int) -> set[str]:
    """Wait until so many Deployments have the new image; gives their assistants."""
    columns = "custom-columns=N:.metadata.name,I:.spec.template.spec.containers[0].image"

    def have_rolled() -> set[str]:
        lines = assistants.kubectl("get", "deploy", "--no-headers", "-o", columns).splitlines()
        found = {name for name, image in (line.split() for line in lines) if image == NEW_IMAGE}
        assert len(found) == count, found
        return found

    return eventually(have_rolled, f"{count} roll")


def serve(assistants: Assistants, name: str) -> None:
    """Schedule pods and make them ready, as scheduler and kubelet would."""

    def unready() -> list[str]:
        pods = [pod for pod in assistants.pods(name) if not is_ready(pod)]
        return [pod.metadata.name for pod in pods]

    patch = json.dumps({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}})
    for pod in eventually(unready, f"a new pod of {name}"):
        binding = {"metadata": {"name": pod}, "target": {"kind": "Node", "name": "by-hand"}}
        path = f"/api/v1/namespaces/{assistants.namespace}/pods/{pod}/binding"
        assistants.kubectl("create", "--raw", path, "-f", "-", stdin=json.dumps(binding))
        assistants.kubectl("patch", "pod", pod, "--subresource=status", "--type=strategic", "-p", patch)


def is_ready(pod: Any) -> bool:
    """Whether a pod is ready."""
    return any(each.type == "Ready" and each.status == "True" for each in pod.status.conditions or [])


def test_without_its_operator_all_goes_on_and_without_the_crd_nothing_is_left(
    gateway: GatewayProcess, tmp_path: Path
) -> None:
    plane = ControlPlane(tmp_path / "plane")
    try:
        plane.start()
        node = NodeStandIn(plane, chatbot_commands())
        node.start()
        try:
            uninstall(plane, gateway, tmp_path)
        finally:
            node.stop()
    finally:
        plane.stop()


def uninstall(plane: ControlPlane, gateway: GatewayProcess, folder: Path) -> None:
    """Two namespaces with assistants; the operator goes, then a namespace, then the CRD."""
    for name in ("stays", "goes"):
        plane.kubectl("create", "namespace", name)
    stays, goes = (Assistants(plane, name, gateway.base_url) for name in ("stays", "goes"))
    for each in (stays, goes):
        operator = OperatorProcess(plane, each.namespace, gateway.base_url, folder / each.namespace, {})
        each.put_key(ACCEPTED.token)
        each.apply()
        each.wait_for("Ready", timeout=60)
        assert operator.stop() == 0
    before = settled_versions(stays)
    assert stays.ask("Hello")["choices"]
    assert settled_versions(stays) == before
    plane.kubectl("delete", "namespace", "goes", "--timeout=60s")
    assert stays.ask("Are you still there?")["choices"]
    plane.kubectl("delete", "crd", "chatassistants.chatassistant.dev", "--timeout=60s")
    kinds = "deploy,rs,pods,svc,cm,secret,sa,networkpolicy,pdb,hpa,ingress"
    eventually(
        lambda: "No resources found" in stays.kubectl("get", kinds, "-l", "chatassistant.dev/name"),
        "nothing is left",
        60,
    )
    assert "openrouter-secret" in stays.kubectl("get", "secrets")


def settled_versions(assistants: Assistants) -> dict[str, str]:
    """The versions of all objects, when they no longer change."""
    seen: dict[str, str] = {}

    def stand_still() -> bool:
        nonlocal seen
        before, seen = seen, versions(assistants)
        return seen == before

    eventually(stand_still, "nothing changes any more", 60)
    return seen


def versions(assistants: Assistants) -> dict[str, str]:
    """The versions of ChatAssistants and their children, by kind and name."""
    columns = "custom-columns=K:.kind,N:.metadata.name,V:.metadata.resourceVersion"
    kinds = "chat,deploy,rs,svc,cm,sa,secret,networkpolicy"
    lines = assistants.kubectl("get", kinds, "--no-headers", "-o", columns).splitlines()
    return {f"{kind}/{name}": version for kind, name, version in (line.split() for line in lines)}
