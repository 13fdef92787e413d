"""The stand-in for the node says of pods what a scheduler and a kubelet would say."""

import base64
import os
import signal
import socket
import urllib.request
from typing import Any

import pytest

from chatassistant_operator.api.policy import BUNDLED_IMAGE
from chatassistant_operator.local.openrouter.situations import ACCEPTED
from support.control_plane import ControlPlane
from support.deployments import Deployments
from support.gateway import GatewayProcess
from support.node import NodeStandIn
from support.waiting import eventually


@pytest.fixture
def deployments(kubernetes: ControlPlane, node: NodeStandIn, namespace: str) -> Deployments:
    return Deployments(kubernetes, namespace)


def _apply_chatbot(deployments: Deployments, gateway: GatewayProcess) -> None:
    """Apply one that runs the bundled chatbot, with the key of a Secret."""
    key = {"name": "key", "key": "api-key"}
    container = {
        "env": [
            {"name": "OPENROUTER_BASE_URL", "value": gateway.base_url},
            {"name": "OPENROUTER_API_KEY", "valueFrom": {"secretKeyRef": key}},
            {"name": "ACCESS_MODE", "value": "None"},
        ],
        "readinessProbe": {
            "httpGet": {"path": "/readyz", "port": 9090},
            "periodSeconds": 1,
            "failureThreshold": 1,
        },
    }
    deployments.apply(f"{BUNDLED_IMAGE}:1.0.0", container)


def _secret(value: str) -> dict[str, Any]:
    return {"data": {"api-key": base64.b64encode(value.encode()).decode(), "other": "eA=="}}


@pytest.mark.parametrize(
    ("pod", "why"),
    [
        ({"nodeSelector": {"kubernetes.io/os": "windows"}}, "didn't match Pod's node affinity/selector"),
        ({"nodeSelector": {"disk": "ssd", "kubernetes.io/os": "linux"}}, "didn't match Pod's node"),
        ({"cpu": "65"}, "Insufficient cpu"),
        ({"cpu": "64001m"}, "Insufficient cpu"),
    ],
    ids=str,
)
def test_a_pod_that_does_not_fit_is_not_bound(
    deployments: Deployments, pod: dict[str, Any], why: str
) -> None:
    cpu = pod.pop("cpu", "1")
    deployments.apply("example.com/never-ready", {"resources": {"requests": {"cpu": cpu}}}, **pod)

    def unscheduled() -> dict[str, str]:
        condition = deployments.conditions().get("PodScheduled", {})
        assert condition.get("status") == "False", condition
        return condition

    condition = eventually(unscheduled, "the pod is unschedulable")
    assert condition["reason"] == "Unschedulable"
    assert condition["message"].startswith("0/1 nodes are available: 1 ")
    assert why in condition["message"]
    before = deployments.pod()
    assert before["status"]["phase"] == "Pending"
    assert "nodeName" not in before["spec"]
    deployments.kubectl("annotate", "pod", before["metadata"]["name"], "looked=at")
    deployments.kubectl("delete", "deployment", "todo")
    eventually(lambda: "todo" not in deployments.kubectl("get", "pods", "-o", "name"), "the pod is gone")


def test_a_pod_that_fits_is_bound(deployments: Deployments) -> None:
    deployments.apply(
        "example.com/never-ready:1@sha256:" + "0" * 64,
        {"resources": {"requests": {"cpu": "64"}}},
        nodeSelector={"kubernetes.io/os": "linux"},
    )
    deployments.wait_until_running()
    assert deployments.conditions()["PodScheduled"]["status"] == "True"


def test_a_crash_loop(deployments: Deployments, node: NodeStandIn) -> None:
    deployments.apply("example.com/crashes:1")
    first = deployments.wait_for_state("waiting", "CrashLoopBackOff")
    assert first["restartCount"] == 1, "the first restart comes at once"
    assert first["state"]["waiting"]["message"].startswith(
        "back-off 0.5s restarting failed container=chatbot pod="
    )
    ended = first["lastState"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (1, "Error")
    assert ended["startedAt"] <= ended["finishedAt"]
    assert "message" not in ended
    assert first["ready"] is first["started"] is False
    assert deployments.pod()["status"]["phase"] == "Running"

    def again() -> bool:
        container = deployments.container()
        return container["restartCount"] > 2 and "waiting" in container["state"]

    eventually(again, "it is restarted again and again")
    assert "about to crash" in node.log(deployments.namespace, deployments.pod()["metadata"]["name"])


def test_out_of_memory(deployments: Deployments) -> None:
    deployments.apply("example.com/out-of-memory:1")
    ended = deployments.wait_for_state("waiting", "CrashLoopBackOff")["lastState"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (137, "OOMKilled")


@pytest.mark.parametrize(("image", "code"), [("never-ready", 143), ("stubborn", 137)])
def test_killed_for_its_liveness_is_not_out_of_memory(
    deployments: Deployments, image: str, code: int
) -> None:
    probe = {"httpGet": {"port": 8080}, "periodSeconds": 1, "failureThreshold": 1}
    deployments.apply(f"example.com/{image}:1", {"livenessProbe": probe})
    ended = deployments.wait_until_restarted()["lastState"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (code, "Error")


def test_a_startup_that_takes_too_long(deployments: Deployments) -> None:
    probe = {"httpGet": {"port": 8080}, "periodSeconds": 1, "failureThreshold": 2}
    deployments.apply("example.com/never-ready:1", {"startupProbe": probe})
    container = deployments.wait_until_restarted()
    assert container["started"] is False


def test_a_termination_message(deployments: Deployments) -> None:
    deployments.apply("example.com/terminates:1")
    ended = deployments.wait_for_state("waiting", "CrashLoopBackOff")["lastState"]["terminated"]
    assert (ended["exitCode"], ended["message"]) == (1, "ApiKeyMissing")


def test_of_a_long_termination_message_the_end_is_kept(deployments: Deployments) -> None:
    words = "x" * 5000 + "the end"
    deployments.apply("example.com/terminates:1", {"env": [{"name": "WORDS", "value": words}]})
    ended = deployments.wait_for_state("waiting", "CrashLoopBackOff")["lastState"]["terminated"]
    assert ended["message"] == words[-4096:]


def test_never_ready(deployments: Deployments) -> None:
    probe = {"httpGet": {"path": "/readyz", "port": 9090}, "periodSeconds": 1}
    deployments.apply("example.com/never-ready:1", {"readinessProbe": probe})
    eventually(lambda: deployments.container().get("started"), "the container has started")
    container = deployments.container()
    assert container["state"]["running"]["startedAt"]
    assert container["ready"] is False
    ready = deployments.conditions()["Ready"]
    assert (ready["status"], ready["reason"]) == ("False", "ContainersNotReady")


def test_an_image_that_nobody_has(deployments: Deployments) -> None:
    image = "example.com:5000/no/such-image:1"
    deployments.apply(image)
    seen: dict[str, str] = {}

    def both() -> bool:
        waiting = deployments.container().get("state", {}).get("waiting", {})
        seen.setdefault(waiting.get("reason", ""), waiting.get("message", ""))
        return {"ErrImagePull", "ImagePullBackOff"} <= seen.keys()

    eventually(both, "the pull fails and is tried again")
    order = [reason for reason in seen if reason]
    assert order == ["ErrImagePull", "ImagePullBackOff"]
    assert f'failed to pull and unpack image "{image}"' in seen["ErrImagePull"]
    assert seen["ErrImagePull"].endswith(": not found")
    assert seen["ImagePullBackOff"].startswith(f'Back-off pulling image "{image}": ErrImagePull: ')
    assert deployments.pod()["status"]["phase"] == "Pending"


def test_a_pod_waits_for_the_secret_of_its_environment(
    deployments: Deployments, gateway: GatewayProcess
) -> None:
    _apply_chatbot(deployments, gateway)
    waiting = deployments.wait_for_state("waiting", "CreateContainerConfigError")["state"]["waiting"]
    assert waiting["message"] == 'secret "key" not found'
    deployments.put("Secret", "key", data={"other": "eA=="})
    place = f"{deployments.namespace}/key"

    def other_words() -> bool:
        message: str = deployments.container()["state"]["waiting"]["message"]
        return message == f"couldn't find key api-key in Secret {place}"

    eventually(other_words, "the key is missed")
    deployments.put("Secret", "key", **_secret(ACCEPTED.token))
    container = deployments.wait_until_ready()
    assert (container["restartCount"], container["started"]) == (0, True)
    assert container["state"]["running"]["startedAt"]


def test_a_pod_waits_for_the_secret_of_a_volume(deployments: Deployments, node: NodeStandIn) -> None:
    source = {"secretName": "key", "items": [{"key": "api-key", "path": "the/key"}]}
    deployments.apply(
        "example.com/reads:1",
        {
            "env": [{"name": "FILE", "value": "/secrets/the/key"}],
            "volumeMounts": [{"name": "key", "mountPath": "/secrets"}],
        },
        volumes=[{"name": "key", "secret": source}],
    )
    waiting = deployments.wait_for_state("waiting", "ContainerCreating")["state"]["waiting"]
    assert "message" not in waiting, "only an event says why"
    deployments.put("Secret", "key", data={"other": "eA=="})
    deployments.put("Secret", "key", **_secret(ACCEPTED.token))
    assert deployments.wait_until_ready()["restartCount"] == 0
    name = deployments.pod()["metadata"]["name"]
    eventually(lambda: node.log(deployments.namespace, name) == ACCEPTED.token, "it has read the file")


def test_what_is_mounted_changes_as_one(deployments: Deployments, node: NodeStandIn) -> None:
    deployments.put("Secret", "key", **_secret(ACCEPTED.token))
    deployments.put("ConfigMap", "facts", data={"one": "1", "two": "2"}, binaryData={"three": "Mw=="})
    items = [{"key": "api-key", "path": "api-key"}]
    deployments.apply(
        "example.com/never-ready:1",
        volumes=[
            {"name": "key", "secret": {"secretName": "key", "items": items}},
            {"name": "facts", "configMap": {"name": "facts"}},
        ],
    )
    deployments.wait_until_running()
    folder = node.folder(deployments.pod()["metadata"]["uid"])
    key, facts = folder / "key" / "api-key", folder / "facts"
    assert key.read_text() == ACCEPTED.token
    assert [each.name for each in key.parent.iterdir() if each.name[0] != "."] == ["api-key"]
    assert [(facts / name).read_text() for name in ("one", "two", "three")] == ["1", "2", "3"]
    before = (facts / "..data").readlink()

    deployments.put("Secret", "key", **_secret("another"))
    deployments.put("ConfigMap", "facts", data={"one": "I"})
    eventually(lambda: key.read_text() == "another", "the Secret's file has changed")
    eventually(lambda: not (facts / "two").is_symlink(), "the ConfigMap's entry is gone")
    assert (facts / "one").read_text() == "I"
    after = (facts / "..data").readlink()
    assert after != before
    eventually(
        lambda: {each.name for each in facts.iterdir()} == {"..data", after.name, "one"},
        "nothing is left of what was",
    )

    deployments.kubectl("delete", "secret", "key")
    deployments.put("ConfigMap", "facts", data={"one": "II"})
    assert key.read_text() == "another", "a running pod keeps what it has"


def test_what_is_optional_may_be_missing(deployments: Deployments) -> None:
    ref = {"name": "none", "key": "none", "optional": True}
    deployments.apply(
        "example.com/never-ready:1",
        {
            "env": [
                {"name": "ONE", "valueFrom": {"secretKeyRef": ref}},
                {"name": "TWO", "valueFrom": {"configMapKeyRef": ref}},
            ]
        },
        volumes=[{"name": "key", "secret": {"secretName": "none", "optional": True}}],
    )
    deployments.wait_until_running()


def test_a_chatbot_is_reached_and_its_readiness_comes_and_goes(
    deployments: Deployments, node: NodeStandIn, gateway: GatewayProcess
) -> None:
    deployments.put("Secret", "key", **_secret(ACCEPTED.token))
    _apply_chatbot(deployments, gateway)
    deployments.kubectl("rollout", "status", "deployment/todo", "--timeout=30s")
    pod = deployments.pod()
    address = pod["status"]["podIP"]
    with urllib.request.urlopen(f"http://{address}:9090/metrics", timeout=5) as response:
        assert response.status == 200
    with socket.create_connection((address, 8080), timeout=5):
        pass

    process_id = node.process_id(pod["metadata"]["uid"])
    os.kill(process_id, signal.SIGSTOP)
    eventually(lambda: not deployments.container()["ready"], "it is not ready")
    conditions = deployments.conditions()
    assert conditions["Ready"]["status"] == conditions["ContainersReady"]["status"] == "False"
    assert conditions["PodScheduled"]["lastTransitionTime"] < conditions["Ready"]["lastTransitionTime"]
    os.kill(process_id, signal.SIGCONT)
    assert deployments.wait_until_ready()["restartCount"] == 0


def test_who_is_killed_from_outside_was_out_of_memory(deployments: Deployments, node: NodeStandIn) -> None:
    deployments.apply("example.com/never-ready:1")
    deployments.wait_until_running()
    os.kill(node.process_id(deployments.pod()["metadata"]["uid"]), signal.SIGKILL)
    container = deployments.wait_until_restarted()
    assert "running" in container["state"]
    assert container["lastState"]["terminated"]["reason"] == "OOMKilled"
