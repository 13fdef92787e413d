"""`kubectl-assistant status`, `usage`, `suspend` and `resume`, and names that the shell completes."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest
import yaml

from support.assistants import Assistants
from support.command_line import CommandLine
from support.scenes import user
from support.waiting import eventually

ESCAPE = "\x1b["
CHAT = "chatassistants.chatassistant.dev"


@pytest.fixture
def broken(todo: Assistants) -> Iterator[str]:
    """An assistant whose Secret is not there."""
    todo.apply("broken", credentials={"apiKeySecretRef": {"name": "missing", "key": "the-key"}})
    # The last one's token may be in the way for a while: it is looked for every 30 s.
    todo.wait_for("SecretNotFound", name="broken", timeout=60)
    yield "broken"
    todo.kubectl("delete", "chat", "broken")


def test_what_is_owned_is_a_tree(cli: CommandLine, todo: Assistants) -> None:
    result = cli.run("status", "todo")
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert re.fullmatch(
        rf"ChatAssistant/todo  {todo.namespace}  True Ready  openrouter/free  \d+[sm]", lines[0].rstrip()
    )
    (pod,) = todo.pods()
    (replica_set,) = [each["name"] for each in [pod.metadata.owner_references[0].to_dict()]]
    depth = {
        name: next(line.index(name) for line in lines if name in line)
        for name in (
            "Deployment/todo",
            f"ReplicaSet/{replica_set}",
            f"Pod/{pod.metadata.name}  Running, ready",
        )
    }
    assert list(depth.values()) == sorted(set(depth.values())), "each is below what owns it"
    for text in (
        "Service/todo  ClusterIP, port 80",
        "ServiceAccount/todo",
        "ConfigMap/todo-config-",
        "1/1 ready",
        "History",
        "Succeeded",
    ):
        assert text in result.stdout
    assert "CredentialsValid  True KeyAccepted" in result.stdout
    assert "What to do" not in result.stdout
    assert ESCAPE not in result.stdout


def test_its_data_have_the_same(cli: CommandLine, todo: Assistants, broken: str) -> None:
    result = cli.run("status", "-o", "json")
    assert result.returncode == 1, "one is not ready"
    first, second = json.loads(result.stdout)["items"]
    assert (first["name"], first["ready"], first["reason"]) == ("broken", "False", "SecretNotFound")
    assert {
        "name",
        "namespace",
        "createdAt",
        "ready",
        "reason",
        "model",
        "url",
        "conditions",
        "owned",
        "history",
    } == set(second)
    assert second["conditions"] == todo.get()["status"]["conditions"]
    deployment = next(each for each in second["owned"] if each["kind"] == "Deployment")
    assert deployment["owned"][0]["owned"][0]["state"] == "Running, ready"
    assert yaml.safe_load(cli.run("status", "todo", "-o", "yaml").stdout)["items"] == [second]


def test_what_is_wrong_is_told_with_its_cure(cli: CommandLine, todo: Assistants, broken: str) -> None:
    result = cli.run("status", broken)
    assert result.returncode == 1
    command = f"kubectl create secret generic missing -n {todo.namespace} --from-literal=the-key=$OPENROUTER_API_KEY"
    assert f"What to do: `{command}`" in result.stdout
    assert result.stdout.count("What to do") == 1, "Ready repeats the reason, and not the cure"


def test_a_name_that_does_not_exist(cli: CommandLine) -> None:
    result = cli.run("status", "nobody")
    assert (result.returncode, result.stdout) == (1, "")
    assert "nobody" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_narrow_terminal_without_colours(cli: CommandLine, broken: str) -> None:
    terminal = cli.terminal("status", columns=40, NO_COLOR="1")
    terminal.expect(pexpect.EOF)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", terminal.before).splitlines()
    assert [line for line in lines if len(line) > 40] == []
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", terminal.before), "no colour"
    assert "OPENROUTER_API_KEY" in re.sub(r"\s", "", terminal.before)


def test_a_terminal_with_colours(cli: CommandLine) -> None:
    terminal = cli.terminal("status")
    terminal.expect(pexpect.EOF)
    assert f"{ESCAPE}32mTrue Ready" in terminal.before


def test_watch_shows_each_change(cli: CommandLine, todo: Assistants) -> None:
    terminal = cli.terminal("status", "todo", "--watch")
    terminal.expect("True Ready")
    todo.apply(replicas=2)
    terminal.expect("2/2 ready")
    todo.apply(replicas=1)
    terminal.expect("1/1 ready")
    terminal.sendintr()
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 130
    assert "Traceback" not in terminal.before


def test_what_may_not_be_read_is_named(todo: Assistants, tmp_path: Path) -> None:
    few = user(todo, tmp_path, f"get,list {CHAT}", "list deployments")
    result = few.run("status")
    assert result.returncode == 0, "what is shown is ready"
    assert "Deployment/todo" in result.stdout
    assert "Not shown, as a right is missing: Pod (" in result.stdout
    assert 'cannot list resource "pods"' in result.stdout
    nobody = user(todo, tmp_path)
    result = nobody.run("status")
    assert (result.returncode, result.stdout) == (3, "")
    assert 'cannot list resource "chatassistants"' in result.stderr
    assert "Traceback" not in result.stderr
    watching = few.run("status", "--watch")
    assert watching.returncode == 3
    assert "cannot watch resource" in watching.stderr


def test_suspend_and_resume(cli: CommandLine, todo: Assistants, tmp_path: Path) -> None:
    assert (
        cli.run("suspend", "todo").stdout
        == "todo is suspended: its pods end. `kubectl assistant resume todo` has it run again.\n"
    )
    todo.wait_for("Suspended")
    assert "already" in cli.run("suspend", "todo").stdout
    eventually(lambda: "No resources" in todo.kubectl("get", "pods"), "its pods end")
    logs = cli.run("logs", "todo")
    assert logs.returncode == 1
    assert "`kubectl assistant resume todo`" in logs.stderr
    reader = user(todo, tmp_path, f"get,list {CHAT}")
    refused = reader.run("resume", "todo")
    assert refused.returncode == 3
    assert 'cannot patch resource "chatassistants"' in refused.stderr
    resumed = cli.run("resume", "todo")
    assert (resumed.returncode, resumed.stdout.split(":")[0]) == (0, "todo is resumed")
    assert not todo.get()["spec"].get("suspend")
    todo.wait_for("Ready")


def test_usage_is_what_the_status_tells(cli: CommandLine, todo: Assistants) -> None:
    empty = cli.run("usage")
    assert empty.stdout.split() == [
        "NAME",
        "DAY",
        "REQUESTS",
        "PROMPT",
        "COMPLETION",
        "USD",
        "CACHED",
        "SAVED",
        "BUDGET",
        "todo",
        *"--------",
    ]
    assert "when it is over" in empty.stderr
    used = {
        "day": "2026-01-24",
        "requests": 3,
        "promptTokens": 120,
        "completionTokens": 45,
        "usd": "0.000120000",
        "cachedRequests": 2,
        "savedUsd": "0.000080000",
        "budgetPercent": 50,
    }
    patch = json.dumps({"status": {"usage": used}})
    todo.kubectl("patch", "chat", "todo", "--subresource=status", "--type=merge", "-p", patch)
    table = cli.run("usage", "todo", "-A")
    (row,) = (each for each in map(str.split, table.stdout.splitlines()) if each[0] == todo.namespace)
    assert row == [
        todo.namespace,
        "todo",
        "2026-01-24",
        "3",
        "120",
        "45",
        "0.00012",
        "2",
        "0.00008",
        "50",
        "%",
    ]
    assert not table.stderr
    (item,) = json.loads(cli.run("usage", "todo", "-o", "json").stdout)["items"]
    assert item == {"namespace": todo.namespace, "name": "todo", "usage": used}
    assert yaml.safe_load(cli.run("usage", "todo", "-o", "yaml").stdout)["items"] == [item]
    terminal = cli.terminal("usage", columns=80)
    terminal.expect(pexpect.EOF)
    assert re.search(r"0\.00012 +2 +0\.00008 +50 %", terminal.before), "a line has room in 80 columns"


def test_the_shell_completes_names(cli: CommandLine, todo: Assistants, broken: str) -> None:
    def completed(line: str, **environment: str) -> list[str]:
        words = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}
        asked = cli.run(_KUBECTL_ASSISTANT_COMPLETE="complete_bash", **words, **environment)
        assert not asked.stderr
        return asked.stdout.split()

    assert completed(f"kubectl-assistant status -n {todo.namespace} ") == ["broken", "todo"]
    assert completed(f"kubectl-assistant token -n {todo.namespace} t") == ["todo"]
    assert completed("kubectl-assistant status -n elsewhere ") == []
    assert completed("kubectl-assistant susp") == ["suspend"]
    assert completed("kubectl-assistant logs ", KUBECONFIG="/nowhere") == []
