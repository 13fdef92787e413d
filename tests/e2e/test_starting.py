"""How long the containers take, from their start until they are ready."""

import json
import re
import sys
from pathlib import Path

import pytest
from deploy.cluster.installation import NAMESPACE

from support.waiting import eventually
from support.whole_cluster import Team, WholeCluster

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

_CLOCK = (Path(__file__).parents[1] / "support" / "start_clock.py").read_text(encoding="utf-8")
_POD = "starting"


def _seconds_until_ready(cluster: WholeCluster, namespace: str, deployment: str, program: str) -> list[float]:
    """Several starts of a Deployment's container, in a pod that is like its own in all else."""
    pod = cluster.get("deployment", deployment, "-n", namespace)["spec"]["template"]["spec"]
    pod["restartPolicy"] = "Never"
    (container,) = pod["containers"]
    container["command"] = ["python", "-c", _CLOCK, f"/opt/chatassistant/bin/{program}"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe", "lifecycle"):
        container.pop(probe, None)
    cluster.apply(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": _POD, "namespace": namespace}, "spec": pod}
    )
    words = ("-n", namespace, f"pod/{_POD}")

    def phase() -> bool:
        found = json.loads(cluster.kubectl("get", *words, "-o", "json"))["status"]["phase"]
        assert found != "Failed", cluster.kubectl("logs", *words)
        return bool(found == "Succeeded")

    try:
        eventually(phase, "it has started as often as it should", 120)
        return [
            float(each) for each in re.findall(r"seconds until ready: (\S+)", cluster.kubectl("logs", *words))
        ]
    finally:
        cluster.kubectl("delete", *words, "--now")


# The least of several: what else runs on the machine takes its share of the others.
def test_the_chatbot_is_ready_within_2_seconds(team: Team) -> None:
    team.apply()
    team.wait_until_ready()
    took = _seconds_until_ready(team.cluster, team.namespace, "todo", "chatassistant-chatbot")
    sys.stdout.write(f"the chatbot is ready after {took} s\n")
    assert min(took) < 2


def test_the_operator_is_ready_within_3_seconds(cluster: WholeCluster) -> None:
    took = _seconds_until_ready(cluster, NAMESPACE, "chatassistant-operator", "chatassistant-operator")
    sys.stdout.write(f"the operator is ready after {took} s\n")
    assert min(took) < 3
