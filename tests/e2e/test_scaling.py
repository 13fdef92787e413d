"""The real autoscaler scales; nothing that the operator does takes that back."""

from typing import Any

import pytest
from deploy.cluster.installation import NAMESPACE

from support.waiting import eventually
from support.whole_cluster import Team

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


def _replicas(team: Team) -> int:
    count: int = team.cluster.get("deployment", "todo", "-n", team.namespace)["spec"]["replicas"]
    return count


def _autoscaling(least: int, **spec: Any) -> dict[str, Any]:
    return {"autoscaling": {"minReplicas": least, "maxReplicas": 4}, **spec}


def test_what_the_autoscaler_has_said_is_kept(team: Team) -> None:
    team.apply(**_autoscaling(1))
    team.wait_until_ready()
    assert _replicas(team) == 1
    # With no metrics here, it corrects what is out of its bounds, and leaves alone what is within: whoever lowers the
    # number from now on, it was not the autoscaler, and nobody raises it again.
    team.apply(**_autoscaling(3))
    eventually(lambda: _replicas(team) == 3, "the autoscaler scales to its minimum", 90)
    team.wait_until_ready()
    team.apply(**_autoscaling(1, systemPrompt="Be brief."))
    team.wait_until_ready()
    assert _replicas(team) == 3
    operator = ("-n", NAMESPACE, "deployment/chatassistant-operator")
    team.cluster.kubectl("rollout", "restart", *operator)
    team.cluster.kubectl("rollout", "status", *operator, "--timeout=120s")
    team.apply(**_autoscaling(1, systemPrompt="Be polite."))
    team.wait_until_ready()
    assert _replicas(team) == 3
    assert len(team.pods()) >= 3
