"""The operator under Kopf's own command line, and what it leaves on people's objects."""

import json
import time
import urllib.request
from pathlib import Path

import pytest
from kopf.testing import KopfRunner

from chatassistant_operator.local.openrouter.situations import ACCEPTED
from support.assistants import Assistants
from support.control_plane import ControlPlane
from support.gateway import GatewayProcess
from support.operators import OperatorProcess
from support.processes import free_port
from support.waiting import eventually


def test_kopf_run_does_the_same(
    kubernetes: ControlPlane,
    assistants: Assistants,
    gateway: GatewayProcess,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubernetes.kubeconfig))
    monkeypatch.setenv("CHATASSISTANT_NAMESPACES", json.dumps([assistants.namespace]))
    monkeypatch.setenv("CHATASSISTANT_LEASE_NAMESPACE", assistants.namespace)
    monkeypatch.setenv("CHATASSISTANT_METRICS_PORT", "0")
    monkeypatch.setenv("CHATASSISTANT_POLICY__ALLOWED_GATEWAYS", json.dumps([gateway.base_url]))
    command = ["run", "--namespace", assistants.namespace, "-m", "chatassistant_operator.wiring"]
    with KopfRunner(command, timeout=60) as runner:
        assistants.put_key(ACCEPTED.token)
        assistants.apply()
        assistants.wait_for("Ready")
    assert runner.exit_code == 0
    assert runner.exception is None


def test_a_standby_takes_over_at_once_from_an_operator_that_ends(
    start_operator: object, assistants: Assistants
) -> None:
    assert callable(start_operator)
    first: OperatorProcess = start_operator()
    first.wait_until_leading()
    second: OperatorProcess = start_operator()
    assistants.put_key(ACCEPTED.token)
    assistants.apply()
    assistants.wait_for("Ready")
    assert " leads" not in second.log
    assert first.stop() == 0
    ended = time.monotonic()
    second.wait_until_leading()
    assert time.monotonic() - ended < 4.0
    assistants.apply(systemPrompt="Another")
    assistants.wait_for("Ready")


def test_without_the_crd_it_says_what_to_do(
    start_operator: object, kubernetes: ControlPlane, tmp_path: Path
) -> None:
    assert callable(start_operator)
    # An API server that knows no ChatAssistants: one that answers nothing else either.
    kubeconfig = tmp_path / "kubeconfig"
    text = kubernetes.kubeconfig_for(kubernetes.admin_token, server=kubernetes.server + "/nothing")
    kubeconfig.write_text(text, encoding="utf-8")
    operator: OperatorProcess = start_operator(kubeconfig=str(kubeconfig))
    eventually(lambda: operator.process.poll() == 1, "it ends")
    assert "kubectl apply -f crds/" in operator.log


def test_a_restart_writes_nothing(start_operator: object, assistants: Assistants) -> None:
    assert callable(start_operator)
    operator: OperatorProcess = start_operator()
    assistants.put_key(ACCEPTED.token)
    for number in range(3):
        assistants.apply(f"todo-{number}")
    for number in range(3):
        assistants.wait_for("Ready", name=f"todo-{number}")
    kinds = "chat,deploy,rs,svc,cm,sa"

    def versions() -> list[list[str]]:
        columns = "custom-columns=K:.kind,N:.metadata.name,V:.metadata.resourceVersion"
        lines = assistants.kubectl("get", kinds, "-o", columns).splitlines()
        return [line.split() for line in lines if "todo-last" not in line]

    # Ready may be told a moment before the Deployment's own count of ready pods.
    for number in range(3):
        eventually(lambda: assistants.get(f"todo-{number}")["status"]["readyReplicas"] == 1, "all is told")  # noqa: B023 (called at once)
    before = versions()
    operator.stop()
    again: OperatorProcess = start_operator()
    again.wait_until_leading()
    # A new one that becomes ready shows that all before it in the queue has been looked at.
    assistants.apply("todo-last")
    assistants.wait_for("Ready", name="todo-last")
    assert versions() == before


def test_its_health_can_be_asked(start_operator: object) -> None:
    assert callable(start_operator)
    port = free_port()
    operator: OperatorProcess = start_operator(health_host="127.0.0.1", health_port=str(port))
    operator.wait_until_leading()
    answer = eventually(lambda: _get(f"http://127.0.0.1:{port}/healthz"), "it is healthy")
    assert answer["engine"]["assistants"] == 0.0


def _get(url: str) -> dict[str, dict[str, float]]:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 (our own http URL)
            found: dict[str, dict[str, float]] = json.loads(response.read())
            return found
    except OSError:
        return {}
