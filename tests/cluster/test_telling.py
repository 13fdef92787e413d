"""What the operator tells, to whom, and what it keeps to itself: events, metrics, columns, and never the key."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from chatassistant_operator.local.openrouter.situations import ACCEPTED, UNKNOWN
from support.assistants import Assistants
from support.gateway import GatewayProcess
from support.node import NodeStandIn
from support.operators import OperatorProcess
from support.processes import free_port
from support.waiting import eventually

CANARY = "sk-or-v1-" + "ca9a41" * 10 + "beef"
KINDS = "chat,deploy,rs,pods,svc,cm,sa,events,leases"


def _look(assistants: Assistants) -> str:
    stamp = str(datetime.now(UTC).timestamp())
    assistants.kubectl("annotate", "chat", "todo", f"chatassistant.dev/validate-at={stamp}", "--overwrite")
    return stamp


def _events(assistants: Assistants) -> list[dict[str, Any]]:
    items = json.loads(assistants.kubectl("get", "events.events.k8s.io", "-o", "json"))["items"]
    return [each for each in items if each["regarding"]["kind"] == "ChatAssistant"]


def _look_and_wait(assistants: Assistants, port: int, times: int) -> None:
    """Have the key asked again, and wait until it was asked so often, and the status says so."""
    stamp = _look(assistants)
    eventually(
        lambda: assistants.get()["status"].get("lastHandledValidateAt") == stamp, "the status tells of it"
    )
    asked = 'chatassistant_operator_gateway_requests_total{result="200",route="/key"}'
    assert _metrics(port)[asked] == times


def _writes(port: int) -> dict[str, float]:
    """How often each kind was written, without the Lease, which is written all the time."""
    written = ((name, value) for name, value in _metrics(port).items() if "_writes_total{" in name)
    return {name: value for name, value in written if 'resource="leases"' not in name}


def _metrics(port: int) -> dict[str, float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as response:
        lines = [line for line in response.read().decode().splitlines() if not line.startswith("#")]
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


def test_the_key_is_found_nowhere(
    start_operator: Callable[..., OperatorProcess],
    assistants: Assistants,
    gateway: GatewayProcess,
    node: NodeStandIn,
) -> None:
    port = free_port()
    operator = start_operator(log_level="DEBUG", metrics_host="127.0.0.1", metrics_port=str(port))
    seen: list[str] = []

    def hunt() -> None:
        """Everything that anybody may read who may not read Secrets."""
        everything = assistants.kubectl("get", KINDS, "-o", "yaml")
        names = [pod.metadata.name for pod in assistants.pods()]
        logs = [node.log(assistants.namespace, name) for name in names]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as response:
            metrics = response.read().decode()
        seen.append(
            "\n".join([everything, metrics, operator.log, assistants.kubectl("describe", "chat"), *logs])
        )
        assert CANARY not in seen[-1]
        assert CANARY.removeprefix("sk-or-v1-") not in seen[-1]

    gateway.put_key(token=CANARY, name="canary", limit=10)
    assistants.put_key(CANARY)
    assistants.apply(observability={"logLevel": "Debug"}, validation={"mode": "Completion"})
    assistants.wait_for("Ready")
    assert assistants.ask("Hello")["choices"]
    hunt()
    # A gateway that repeats the key in its errors, and one that fails in every way.
    echo = {"error": {"code": 401, "message": f"The key {CANARY} is not known, Bearer {CANARY}"}}
    for fault in (
        {"status": 403, "body": echo},
        {"body": CANARY},
        {"status": 500, "body": echo},
        {"hang_up": True},
    ):
        gateway.misbehave(route="/key", **fault)
        _look(assistants)
        eventually(
            lambda: assistants.condition("CredentialsValid")["status"] != "True",
            "it tells of the fault",
            timeout=60,
        )
        hunt()
    gateway.misbehave(route="/chat/completions", status=400, body=echo)
    with pytest.raises(urllib.error.HTTPError, match="400") as refused:
        assistants.ask("What has not been answered before")
    assert CANARY not in refused.value.read().decode(), "callers get no key either"
    hunt()
    # The key where another key, or nothing of the kind, should be.
    assistants.put_key(f"{CANARY} {CANARY}")
    assistants.wait_for("KeyMalformed", "CredentialsValid", timeout=70)
    hunt()
    assert all("DEBUG" in each or "debug" in each for each in seen), "it was a log at debug level"


def test_events_are_told_once_for_each_transition(
    start_operator: Callable[..., OperatorProcess], assistants: Assistants
) -> None:
    operator = start_operator()
    assistants.apply()
    assistants.wait_for("SecretNotFound")
    assistants.put_key(ACCEPTED.token)
    assistants.wait_for("Ready")
    assistants.put_key(UNKNOWN.token)
    _look(assistants)
    assistants.wait_for("KeyRejected")
    told = eventually(
        lambda: (
            (found := _events(assistants)) and {"KeyRejected"} <= {each["reason"] for each in found} and found
        ),
        "the events are there",
    )
    reasons = [(each["type"], each["reason"]) for each in told]
    assert ("Warning", "SecretNotFound") in reasons
    assert ("Warning", "KeyRejected") in reasons
    assert ("Normal", "Ready") in reasons
    assert len(reasons) == len({(each["reason"], each["action"]) for each in told}), "none is told twice"
    assert all(each["reportingController"] == "chatassistant.dev/operator" for each in told)
    assert "KeyRejected" in assistants.kubectl("describe", "chat", "todo").rpartition("Events:")[2]
    operator.stop()
    start_operator().wait_until_leading()
    assistants.put_key(ACCEPTED.token)
    assistants.wait_for("Ready", timeout=70)
    names = [each["metadata"]["name"] for each in _events(assistants)]
    assert {each["metadata"]["name"] for each in told} <= set(names)


def test_its_metrics(
    start_operator: Callable[..., OperatorProcess], assistants: Assistants, gateway: GatewayProcess
) -> None:
    port = free_port()
    start_operator(metrics_host="127.0.0.1", metrics_port=str(port))
    gateway.put_key(token=CANARY, name="canary", limit=10, limit_remaining=4)
    assistants.put_key(CANARY)
    assistants.apply()
    assistants.wait_for("Ready")
    # The Deployment counts its ready pods a moment after the pods are, which is written, too.
    eventually(lambda: assistants.get()["status"]["readyReplicas"] == 1, "the pod is counted")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as response:
        assert json.loads(response.read()) == {"status": "ok"}
    prefix = "chatassistant_operator"
    told = eventually(
        lambda: (told := _metrics(port)) and told[f"{prefix}_queue_depth"] == 0 and told,
        "it has no more to do",
    )
    assert told[f'{prefix}_reconciles_total{{result="ok"}}'] > 0
    assert told[f"{prefix}_reconcile_seconds_count"] > 0
    assert told[f"{prefix}_queue_oldest_age_seconds"] == 0
    assert told[f"{prefix}_leading"] == 1
    assert told[f'{prefix}_writes_total{{resource="deployments",result="ok"}}'] == 1
    assert told[f'{prefix}_gateway_requests_total{{result="200",route="/key"}}'] == 1
    assert told[f'{prefix}_conditions{{reason="KeyAccepted",status="True",type="CredentialsValid"}}'] == 1
    assert told[f'{prefix}_watch_age_seconds{{namespace="{assistants.namespace}",resource="pods"}}'] < 70
    key = f'{{name="todo",namespace="{assistants.namespace}"}}'
    assert told[f"{prefix}_key_credits_remaining_usd{key}"] == 4
    assert told[f"{prefix}_key_free_requests_remaining{key}"] > 0
    assert told[f'{prefix}_gateway_down{{gateway="{gateway.base_url}"}}'] == 0
    # One object is reconciled once at a time: when a look begins, all writes of before are done, events among them.
    _look_and_wait(assistants, port, 2)
    writes = _writes(port)
    _look_and_wait(assistants, port, 3)
    statuses = f'{prefix}_writes_total{{resource="chatassistants",result="ok"}}'
    assert _writes(port) == {**writes, statuses: writes[statuses] + 1}, "no news costs no other write"


def test_the_table_tells_it_at_a_glance(operator: OperatorProcess, assistants: Assistants) -> None:
    assistants.put_key(ACCEPTED.token)
    assistants.apply()
    assistants.wait_for("Ready")
    heading, row = assistants.kubectl("get", "chat").splitlines()
    assert heading.split() == ["NAME", "READY", "REASON", "MODEL", "REPLICAS", "AGE"]
    assert row.split()[:5] == ["todo", "True", "Ready", "openrouter/free", "1"]
    assistants.apply(model={"name": "mistralai/devstral-2512:free"})
    assistants.wait_for("FreeVariantEnded")
    assert max(map(len, assistants.kubectl("get", "chat").splitlines())) <= 120
    wide = assistants.kubectl("get", "chat", "-o", "wide").splitlines()
    assert wide[0].split()[-3:] == ["URL", "MESSAGE", "KEY"]
    assert "The paid model is mistralai/devstral-2512" in wide[1]


def test_an_outage_that_refuses_valid_keys_is_no_rejection(
    operator: OperatorProcess, assistants: Assistants, gateway: GatewayProcess
) -> None:
    assistants.put_key(ACCEPTED.token)
    assistants.apply()
    assistants.wait_for("Ready")
    gateway.misbehave(route="*", error="unknown_key")
    for _ in range(3):
        asked = gateway.requests.get("GET /key", 0)
        _look(assistants)
        eventually(lambda: gateway.requests.get("GET /key", 0) > asked, "the key is asked again")  # noqa: B023 (called at once)
    condition = assistants.wait_for("GatewayUnreachable", "CredentialsValid")
    assert condition["status"] == "Unknown"
    assert "which it accepted before" in condition["message"]
    assert assistants.condition("Ready")["status"] == "True"
    gateway.reset()
    _look(assistants)
    assistants.wait_for("KeyAccepted", "CredentialsValid", timeout=90)


@pytest.mark.parametrize("change", ["late", "early"])
def test_a_look_that_is_asked_for_comes_at_once(
    change: str, operator: OperatorProcess, assistants: Assistants, gateway: GatewayProcess
) -> None:
    assistants.put_key(ACCEPTED.token)
    assistants.apply()
    assistants.wait_for("Ready")
    if change == "early":
        gateway.put_key(token=ACCEPTED.token, management=True)
        wanted = "ManagementKey"
    else:
        gateway.put_key(token=UNKNOWN.token, known=True, management=True)
        assistants.put_key(UNKNOWN.token)
        wanted = "ManagementKey"
    _look(assistants)
    assistants.wait_for(wanted, timeout=5)
