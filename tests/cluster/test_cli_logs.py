"""`kubectl-assistant logs`: of all pods, as they come, and who may not read them."""

import json
import re
from pathlib import Path

import pexpect

from support.assistants import Assistants
from support.command_line import CommandLine
from support.node import NodeStandIn
from support.scenes import user
from support.waiting import eventually

CHAT = "chatassistants.chatassistant.dev"


def _pod(name: str, image: str) -> str:
    """A pod that counts as one of the assistant `todo`."""
    container = {"name": "chatbot", "image": image}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "labels": {"chatassistant.dev/name": "crashing"}},
            "spec": {"containers": [container], "terminationGracePeriodSeconds": 1},
        }
    )


def test_lines_are_as_the_pod_prints_them(cli: CommandLine, todo: Assistants, node: NodeStandIn) -> None:
    (pod,) = todo.pods()
    result = cli.run("logs", "todo")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.strip() == node.log(todo.namespace, pod.metadata.name).strip()
    assert all(json.loads(line) for line in result.stdout.splitlines())
    last = cli.run("logs", "todo", "--tail", "1", "--since", "1h", "--timestamps")
    assert re.fullmatch(r"\d{4}-\S+Z \{.*\}\n", last.stdout)


def test_followed_lines_come_of_new_pods_too(cli: CommandLine, todo: Assistants) -> None:
    (first,) = todo.pods()
    terminal = cli.terminal("logs", "todo", "--follow", columns=400)
    terminal.expect(r"\{")
    todo.apply(replicas=2)
    eventually(lambda: len(todo.pods()) == 2, "there is a second pod")
    (second,) = (each for each in todo.pods() if each.metadata.name != first.metadata.name)
    terminal.expect(rf"\[{second.metadata.name}\] \{{")
    terminal.sendintr()
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 130
    assert "Traceback" not in terminal.before
    both = cli.run("logs", "todo")
    assert {line.split("]")[0] for line in both.stdout.splitlines()} == {
        f"[{each.metadata.name}" for each in todo.pods()
    }


def test_previous_containers_and_those_without_a_log(cli: CommandLine, todo: Assistants) -> None:
    todo.apply("crashing", image=None, suspend=True)
    todo.kubectl("create", "-f", "-", stdin=_pod("crashes", "example.com/crashes"))
    todo.kubectl("create", "-f", "-", stdin=_pod("nobody-has-it", "example.com/nobody-has-it"))

    def crashed() -> bool:
        pod = json.loads(todo.kubectl("get", "pod", "crashes", "-o", "json"))
        told = pod["status"].get("containerStatuses", [])
        return bool(told and told[0]["restartCount"] and told[0]["state"].get("waiting"))

    eventually(crashed, "it crashes again")
    result = cli.run("logs", "crashing", "--previous")
    assert result.returncode == 0
    assert result.stdout == "[crashes] about to crash\n"
    assert result.stderr == "[nobody-has-it] no log: no container ended before\n"
    todo.kubectl("delete", "pod", "crashes", "--wait")
    result = cli.run("logs", "crashing")
    assert (result.returncode, result.stdout) == (1, "")
    assert re.match(r"\[nobody-has-it\] no log: (ErrImagePull|ImagePullBackOff)\n", result.stderr)
    assert "`kubectl assistant status crashing`" in result.stderr


def test_options_that_do_not_go_together(cli: CommandLine) -> None:
    assert cli.run("logs", "todo", "--since", "yesterday").returncode == 2
    assert cli.run("logs", "todo", "-f", "-p").returncode == 2


def test_a_right_that_is_missing_is_named(todo: Assistants, tmp_path: Path) -> None:
    few = user(todo, tmp_path, f"get {CHAT}", "list pods")
    result = few.run("logs", "todo")
    assert (result.returncode, result.stdout) == (3, "")
    assert 'cannot get resource "pods/log"' in result.stderr
    assert "Traceback" not in result.stderr
