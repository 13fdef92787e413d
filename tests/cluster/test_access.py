"""Who may ask: tokens that the operator makes, and those that are given."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from chatassistant_operator.local.openrouter.situations import ACCEPTED
from support.assistants import Assistants
from support.issuer import AUDIENCE, Issuer
from support.node import NodeStandIn
from support.operators import OperatorProcess
from support.processes import free_port
from support.waiting import eventually


@pytest.fixture
def ready(operator: OperatorProcess, assistants: Assistants) -> Assistants:
    """A ChatAssistant that is ready."""
    assistants.put_key(ACCEPTED.token)
    assistants.apply()
    assistants.wait_for("Ready")
    return assistants


def _secret(assistants: Assistants, name: str = "todo-access") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(assistants.kubectl("get", "secret", name, "-o", "json"))
    return found


def _status(address: str, token: str | None) -> int:
    """What a caller with this token gets."""
    body = json.dumps({"messages": [{"role": "user", "content": "Hello"}]}).encode()
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(f"http://{address}:8080/v1/chat/completions", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 (our own http URL)
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def _address(assistants: Assistants) -> str:
    (pod,) = assistants.pods()
    address: str = pod.status.pod_ip
    return address


def test_only_who_shows_the_token_gets_an_answer(ready: Assistants) -> None:
    secret = _secret(ready)
    assert (secret["type"], secret["immutable"], list(secret["data"])) == ("Opaque", True, ["token"])
    assert secret["metadata"]["labels"]["chatassistant.dev/name"] == "todo"
    (owner,) = secret["metadata"]["ownerReferences"]
    assert (owner["uid"], owner["controller"]) == (ready.get()["metadata"]["uid"], True)
    token = ready.token()
    assert len(token) >= 43, "256 bits"
    address = _address(ready)
    assert [_status(address, each) for each in (token, None, token[:-1], "x")] == [200, 401, 401, 401]


def test_the_token_is_found_nowhere(
    start_operator: Callable[..., OperatorProcess], assistants: Assistants, node: NodeStandIn
) -> None:
    port = free_port()
    operator = start_operator(log_level="DEBUG", metrics_host="127.0.0.1", metrics_port=str(port))
    assistants.put_key(ACCEPTED.token)
    assistants.apply(observability={"logLevel": "Debug"})
    assistants.wait_for("Ready")
    assert assistants.ask("Hello")["choices"]
    token = assistants.token()
    assert token
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as response:
        metrics = response.read().decode()
    kinds = "chat,deploy,rs,pods,svc,cm,sa,events,leases"
    everything = assistants.kubectl("get", kinds, "-o", "yaml") + metrics + operator.log
    for pod in assistants.pods():
        everything += node.log(assistants.namespace, pod.metadata.name)
    assert token not in everything


def test_a_deleted_token_is_replaced_and_pods_roll_to_the_new_one(
    start_operator: Callable[..., OperatorProcess], assistants: Assistants
) -> None:
    start_operator(secret_interval_seconds="1")
    assistants.put_key(ACCEPTED.token)
    assistants.apply()
    assistants.wait_for("Ready")
    before, (pod,) = assistants.token(), assistants.pods()
    assistants.kubectl("delete", "secret", "todo-access")
    after = eventually(assistants.token, "another token is made")
    assert after != before
    eventually(lambda: pod.metadata.uid not in {each.metadata.uid for each in assistants.pods()}, "pods roll")
    assistants.wait_for("Ready")
    address = _address(assistants)
    assert [_status(address, each) for each in (after, before)] == [200, 401]


def test_a_restart_of_the_operator_makes_nothing_and_rolls_nothing(
    start_operator: Callable[..., OperatorProcess], assistants: Assistants
) -> None:
    first = start_operator()
    assistants.put_key(ACCEPTED.token)
    assistants.apply()
    assistants.wait_for("Ready")
    secret, (pod,) = _secret(assistants), assistants.pods()
    first.stop()
    port = free_port()
    start_operator(
        secret_interval_seconds="1", metrics_host="127.0.0.1", metrics_port=str(port)
    ).wait_until_leading()
    # A change that is written shows that it has looked.
    assistants.apply(replicas=2)
    eventually(lambda: len(assistants.pods()) == 2, "it works")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as response:
        metrics = response.read().decode()
    assert 'method="POST",resource="secrets"' not in metrics
    assert _secret(assistants) == secret
    assert pod.metadata.uid in {each.metadata.uid for each in assistants.pods()}


def test_somebody_elses_secret_of_that_name_is_in_the_way_until_it_is_gone(
    start_operator: Callable[..., OperatorProcess], assistants: Assistants
) -> None:
    start_operator(secret_interval_seconds="1")
    assistants.put_key(ACCEPTED.token)
    assistants.kubectl("create", "secret", "generic", "todo-access", "--from-literal=token=mine")
    assistants.apply()
    condition = assistants.wait_for("NameConflict")
    assert "kubectl delete secret todo-access" in condition["message"]
    assert assistants.token() == "mine"
    assert not assistants.pods()
    assistants.kubectl("delete", "secret", "todo-access")
    assistants.wait_for("Ready", timeout=60)
    assert assistants.token() not in {"", "mine"}


def test_a_token_of_ones_own(ready: Assistants) -> None:
    (pod,) = ready.pods()
    ready.apply(access={"tokenSecretRef": {"name": "mine"}})
    condition = ready.wait_for("SecretNotFound")
    assert "spec.access.tokenSecretRef" in condition["message"]
    ready.kubectl("create", "secret", "generic", "mine", "--from-literal=token=open-sesame")
    denied = ready.wait_for("PolicyDenied")
    assert "kubectl label secret mine" in denied["message"]
    assert _status(pod.status.pod_ip, ready.token()) == 200, "what runs goes on"
    ready.kubectl("label", "secret", "mine", "chatassistant.dev/use=access")
    _look(ready)
    ready.wait_for("Ready")
    eventually(lambda: len(ready.pods()) == 1, "one pod is left")
    assert [_status(_address(ready), each) for each in ("open-sesame", ready.token())] == [200, 401]
    (before,) = ready.pods()
    ready.kubectl("patch", "secret", "mine", "-p", '{"stringData": {"token": "open-barley"}}')
    _look(ready)
    eventually(lambda: before.metadata.uid not in {each.metadata.uid for each in ready.pods()}, "pods roll")
    ready.wait_for("Ready")
    assert _status(_address(ready), "open-barley") == 200


def _look(assistants: Assistants) -> None:
    stamp = f"chatassistant.dev/validate-at={len(str(assistants.get()))}-{free_port()}"
    assistants.kubectl("annotate", "chat", "todo", stamp, "--overwrite")


def test_without_access_control_anybody_gets_an_answer(
    operator: OperatorProcess, assistants: Assistants
) -> None:
    assistants.put_key(ACCEPTED.token)
    assistants.apply(access={"mode": "None"})
    assistants.wait_for("Ready")
    assert _status(_address(assistants), None) == 200
    assert not assistants.token()


def test_an_issuer_that_is_away_is_told_of(
    start_operator: Callable[..., OperatorProcess], assistants: Assistants
) -> None:
    start_operator(policy__allowed_endpoints='["*"]')
    issuer = Issuer()
    try:
        token = issuer.token()
        issuer.stop()
        assistants.put_key(ACCEPTED.token)
        oidc = {"issuer": issuer.url, "audience": AUDIENCE}
        assistants.apply(access={"mode": "OIDC", "oidc": oidc})

        def said_of_it(words: str) -> dict[str, Any]:
            condition = assistants.condition("Available")
            return condition if words in condition.get("message", "") else {}

        said = eventually(lambda: said_of_it("(Unreachable)"), "it is said that the issuer is away")
        assert (said["status"], said["reason"]) == ("Unknown", "NotChecked")
        assert f"spec.access.oidc.issuer, {issuer.url}" in said["message"]
        assert _status(_address(assistants), token) == 503
        issuer.start()
        condition = assistants.wait_for("Ready", timeout=60)
        assert "issuer" not in condition["message"]
        assert _status(_address(assistants), token) == 200
        issuer.stop()
        stranger = issuer.token(headers={"kid": "another"})
        # A key that is not known has the issuer asked.
        assert _status(_address(assistants), stranger) == 503
        eventually(lambda: said_of_it("does not tell every pod its keys"), "it is said, though pods go on")
        assert assistants.condition()["status"] == "True"
        assert _status(_address(assistants), token) == 200
    finally:
        issuer.stop()
