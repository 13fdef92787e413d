"""What a user does first: it works, through the names that it tells."""

import pytest

from chatassistant_operator.local.openrouter.situations import ACCEPTED
from support.waiting import eventually
from support.whole_cluster import Team, WholeCluster

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


def test_the_smallest_assistant_answers_by_the_name_of_its_service(team: Team) -> None:
    team.apply()
    team.wait_until_ready()
    assert "Hello there" in team.ask("Hello there")
    url = team.cluster.get("chat", "todo", "-n", team.namespace)["status"]["url"]
    assert url.startswith(f"http://todo.{team.namespace}.svc")


def test_the_pods_run_with_no_more_than_they_need(team: Team) -> None:
    team.apply()
    team.wait_until_ready()
    look = "import os; print(os.getuid(), os.access('/', os.W_OK), os.path.exists('/var/run/secrets/kubernetes.io'))"
    assert team.kubectl("exec", "deployment/todo", "--", "python", "-c", look).split() == [
        "65532",
        "False",
        "False",
    ]


def test_the_to_do_sample_works_through_its_tool_server(cluster: WholeCluster) -> None:
    sample = Team(cluster, "todo-chatbot")
    sample.start_client()
    sample.wait_until_ready()
    assert sample.condition("ToolsAvailable")["reason"] == "ToolsListed"
    assert "Ask the postman" in sample.ask("Add a task: Ask the postman")
    # It is on the volume, and so outlives the pod.
    sample.kubectl("delete", "pod", "-l", "app.kubernetes.io/name=todo-tools")
    sample.kubectl("rollout", "status", "deployment/todo-tools", "--timeout=60s")
    eventually(lambda: "Ask the postman" in sample.ask("What is on my list?"), "the task is still there", 60)


def test_the_chart_can_be_tested_with_helm(cluster: WholeCluster) -> None:
    assert "Succeeded" in cluster.helm("test", "chatassistant-operator")


def test_a_wrong_key_is_told_and_a_right_one_mends_it(team: Team) -> None:
    team.give_key("sk-or-v1-" + "0" * 64)
    team.apply()
    assert team.wait_for_reason("Ready", "KeyRejected")
    assert team.pods() == []
    team.give_key(ACCEPTED.token)
    team.wait_until_ready()
    assert "Hello" in team.ask("Hello")
