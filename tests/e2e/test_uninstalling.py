"""The operator goes, and in the end everything; the last of these tests, by its file's name."""

import pytest

from support.waiting import eventually
from support.whole_cluster import Team, make

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


def test_without_the_operator_assistants_serve_and_without_the_crd_nothing_is_left(team: Team) -> None:
    team.apply()
    team.wait_until_ready()
    try:
        team.cluster.helm("uninstall", "chatassistant-operator", "--wait")
        team.cluster.helm("uninstall", "chatassistant-crds", "--wait")
        # The chart keeps the CRD, and so its objects.
        assert team.cluster.get("chat", "todo", "-n", team.namespace)["metadata"]["name"] == "todo"
        team.kubectl("delete", *team.pods(), "--wait=true")
        team.kubectl("rollout", "status", "deployment/todo", "--timeout=60s")
        assert "Hello" in team.ask("Hello")
        team.cluster.kubectl(
            "delete", "crd", "chatassistants.chatassistant.dev", "--wait=true", "--timeout=60s"
        )
        kinds = "deployments,replicasets,services,configmaps,secrets,serviceaccounts,networkpolicies"
        words = ("get", kinds, "-l", "chatassistant.dev/name=todo", "-o", "name")
        eventually(lambda: team.kubectl(*words).split() == [], "nothing of the assistant is left", 60)
        eventually(lambda: team.pods() == [], "no pod is left", 90)
    finally:
        make("up")
