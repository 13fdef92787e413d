"""A key is changed under load: nothing fails, and the status says what serves and what a restart would get."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chatassistant_operator.local.openrouter.situations import ACCEPTED, FREE_TIER, UNKNOWN
from support.assistants import Assistants
from support.gateway import GatewayProcess
from support.load import Load
from support.operators import OperatorProcess
from support.tool_servers import ToolServerProcess
from support.waiting import eventually

NEW_PODS_SECONDS = 60.0


def _look(assistants: Assistants) -> None:
    stamp = f"chatassistant.dev/validate-at={datetime.now(UTC).timestamp()}"
    assistants.kubectl("annotate", "chat", "todo", stamp, "--overwrite")


def _uids(assistants: Assistants, name: str = "todo") -> set[str]:
    return {pod.metadata.uid for pod in assistants.pods(name)}


def _key_of(gateway: GatewayProcess) -> set[str]:
    return {each["key"] for each in gateway.log[-10:] if each["route"] == "POST /chat/completions"}


def _start(assistants: Assistants, **credentials: Any) -> None:
    assistants.put_key(ACCEPTED.token)
    assistants.apply(
        replicas=2,
        # A paid one: free requests are counted.
        model={"name": "openai/gpt-5-mini"},
        # Each of many equal questions is to reach the gateway.
        cache={"enabled": False},
        rateLimit={"requests": 1_000_000},
        credentials={"apiKeySecretRef": {"name": "openrouter-secret"}, **credentials},
    )
    assistants.wait_for("Ready")
    eventually(lambda: assistants.get()["status"]["readyReplicas"] == 2, "both pods are ready")


def test_an_accepted_key_rolls_with_no_failed_request(
    operator: OperatorProcess, assistants: Assistants, gateway: GatewayProcess
) -> None:
    _start(assistants)
    before = _uids(assistants)
    with Load(assistants) as load:
        assistants.put_key(FREE_TIER.token)
        _look(assistants)
        eventually(
            lambda: not before & _uids(assistants) and len(_uids(assistants)) == 2,
            "new pods",
            NEW_PODS_SECONDS,
        )
        assistants.wait_for("Ready")
        load.wait_for_answers(50)
    assert load.failures == []
    assert _key_of(gateway) == {FREE_TIER.name}


def test_a_refused_key_rolls_nothing_and_says_what_a_restart_would_get(
    operator: OperatorProcess, assistants: Assistants, gateway: GatewayProcess
) -> None:
    _start(assistants)
    before = _uids(assistants)
    with Load(assistants) as load:
        assistants.put_key(UNKNOWN.token)
        _look(assistants)
        condition = assistants.wait_for("KeyRejected", "CredentialsValid")
        load.wait_for_answers(50)
    assert load.failures == []
    assert _uids(assistants) == before
    assert "the one before, which still serves" in condition["message"]
    assert "a pod that restarts now gets the new one" in condition["message"]
    # Shown by killing one: Kubernetes gives the new pod what the Secret holds.
    assistants.kubectl("delete", "pod", assistants.pods()[0].metadata.name, "--wait=false")
    eventually(lambda: len(_uids(assistants) - before) == 1, "another pod takes its place")
    (fresh,) = _uids(assistants) - before

    def ready() -> str:
        pod = next(each for each in assistants.pods() if each.metadata.uid == fresh)
        statuses = pod.status.container_statuses
        return pod.status.pod_ip if statuses and statuses[0].ready else ""

    address = eventually(ready, "it is ready")
    with pytest.raises(OSError, match="502"):
        assistants.ask_at(address, "Hello")
    assistants.put_key(ACCEPTED.token)
    assistants.wait_for("Ready", timeout=70)


def test_at_once_means_at_once(
    operator: OperatorProcess, assistants: Assistants, gateway: GatewayProcess
) -> None:
    _start(assistants, rotationPolicy="Immediate")
    before = _uids(assistants)
    gateway.misbehave(route="/key", status=503)
    assistants.put_key(FREE_TIER.token)
    _look(assistants)
    eventually(
        lambda: not before & _uids(assistants), "new pods, whatever the gateway says", NEW_PODS_SECONDS
    )


def test_a_gateway_that_cannot_tell_keeps_the_old_key(
    operator: OperatorProcess, assistants: Assistants, gateway: GatewayProcess
) -> None:
    _start(assistants)
    before = _uids(assistants)
    gateway.misbehave(route="/key", status=503)
    assistants.put_key(FREE_TIER.token)
    _look(assistants)
    assistants.wait_for("GatewayUnreachable", "CredentialsValid")
    assert _uids(assistants) == before
    gateway.reset()
    eventually(lambda: not before & _uids(assistants), "new pods once the key is accepted", NEW_PODS_SECONDS)
    assistants.wait_for("Ready")


def test_files_are_taken_up_with_no_restart(
    operator: OperatorProcess, assistants: Assistants, gateway: GatewayProcess
) -> None:
    _start(assistants, delivery="File")
    before = _uids(assistants)
    with Load(assistants) as load:
        changed_at = datetime.now(UTC)
        assistants.put_key(FREE_TIER.token)
        eventually(lambda: _key_of(gateway) == {FREE_TIER.name}, "the new key is used", timeout=5)
        assert (datetime.now(UTC) - changed_at).total_seconds() < 5
        load.wait_for_answers(30)
        assistants.put_key(UNKNOWN.token)
        _look(assistants)
        assistants.wait_for("KeyRejected", "CredentialsValid")
        load.wait_for_answers(50)
        assert _key_of(gateway) == {FREE_TIER.name}, "the refused one is not used"
    assert load.failures == []
    assert _uids(assistants) == before
    restarts = [pod.status.container_statuses[0].restart_count for pod in assistants.pods()]
    assert restarts == [0, 0]


def test_the_secret_of_a_tools_header_rolls_the_pods_that_use_it_and_no_others(
    start_operator: Callable[..., OperatorProcess], assistants: Assistants, tmp_path: Path
) -> None:
    start_operator(secret_interval_seconds="1", policy__allowed_endpoints='["*"]')
    assistants.put_key(ACCEPTED.token)
    assistants.kubectl("create", "secret", "generic", "tools", "--from-literal=bearer=Bearer one")
    assistants.kubectl("label", "secret", "tools", "chatassistant.dev/use=tools")
    server = ToolServerProcess(tmp_path / "tools")
    host = server.address.removeprefix("http://")
    assistants.kubectl("annotate", "secret", "tools", f"chatassistant.dev/hosts={host}")
    header = {"name": "Authorization", "secretKeyRef": {"name": "tools", "key": "bearer"}}
    plain = {"name": "todo", "url": server.url}
    server.start(authorization="Bearer one")
    try:
        assistants.apply(tools={"mcpServers": [{**plain, "headersFrom": [header]}]})
        assistants.apply("plain", tools={"mcpServers": [plain]})
        assistants.wait_for("ToolsListed", "ToolsAvailable")
        assistants.wait_for("ToolServerUnreachable", "ToolsAvailable", "plain")
        before, others = _uids(assistants), _uids(assistants, "plain")
        server.change(authorization="Bearer two")
        assistants.kubectl("patch", "secret", "tools", "-p", '{"stringData": {"bearer": "Bearer two"}}')
        eventually(
            lambda: _uids(assistants) and not before & _uids(assistants), "other pods", NEW_PODS_SECONDS
        )
        # A pod is ready before it has met its tool servers.
        eventually(
            lambda: assistants.ask("Add a task") and server.asked["calls"], "with the new value, they get in"
        )
        assert _uids(assistants, "plain") == others
    finally:
        server.stop()


def test_the_accepted_revision_is_on_the_deployment(
    operator: OperatorProcess, assistants: Assistants
) -> None:
    _start(assistants)
    deployment = json.loads(assistants.kubectl("get", "deployment", "todo", "-o", "json"))
    fingerprint = assistants.get()["status"]["credentials"]["fingerprint"]
    assert deployment["metadata"]["annotations"]["chatassistant.dev/accepted-credentials"] == fingerprint
