"""`kubectl-assistant init` with a cluster: the API server takes what is written, and the Secret is made."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from support.command_line import CommandLine
from support.control_plane import ControlPlane

KEY = "sk-or-v1-" + "0f" * 32


@pytest.fixture
def commands(kubernetes: ControlPlane, namespace: str, tmp_path: Path) -> CommandLine:
    return CommandLine(kubernetes, namespace, tmp_path / "home")


def _secret(kubernetes: ControlPlane, namespace: str, name: str = "openrouter-secret") -> str:
    got = kubernetes.kubectl("get", "secret", name, "-n", namespace, "-o", "json")
    return base64.b64decode(json.loads(got.stdout)["data"]["api-key"]).decode()


def test_what_is_written_is_accepted(commands: CommandLine, kubernetes: ControlPlane, namespace: str) -> None:
    result = commands.run("init", "todo", "--prompt", "Say: «Hello»\nand # more.")
    assert result.returncode == 0, result.stderr
    applied = kubernetes.kubectl("apply", "-f", str(commands.folder / "todo.yaml"))
    assert applied.stderr == ""
    got = kubernetes.kubectl("get", "chat", "todo", "-n", namespace, "-o", "jsonpath={.spec.systemPrompt}")
    assert got.stdout == "Say: «Hello»\nand # more."


def test_the_secret_is_made_with_the_users_rights(
    commands: CommandLine, kubernetes: ControlPlane, namespace: str
) -> None:
    result = commands.run("init", "todo", "--create-secret", stdin=f"{KEY}\n")
    assert result.returncode == 0, result.stderr
    assert f"The Secret openrouter-secret in {namespace} has the key." in result.stderr
    assert "kubectl create secret" not in result.stderr
    assert KEY not in result.stdout + result.stderr
    assert _secret(kubernetes, namespace) == KEY


def test_a_secret_that_is_there_is_left_alone_unless_somebody_says_so(
    commands: CommandLine, kubernetes: ControlPlane, namespace: str
) -> None:
    kubernetes.kubectl(
        "create", "secret", "generic", "openrouter-secret", "-n", namespace, "--from-literal=api-key=mine"
    )
    result = commands.run("init", "todo", "--create-secret", stdin=f"{KEY}\n")
    assert result.returncode == 1
    assert "is there already, and was left as it is" in result.stderr
    assert _secret(kubernetes, namespace) == "mine"
    process: Any = commands.terminal(
        "init", "todo", "--force", "--create-secret", "--model", "openrouter/free", "--prompt", ""
    )
    process.expect_exact("(not shown): ")
    process.sendline(KEY)
    process.expect_exact("Put this key into it? [y/N]: ")
    process.sendline("y")
    text = str(process.read())
    process.close()
    assert process.exitstatus == 0, text
    assert KEY not in text
    assert _secret(kubernetes, namespace) == KEY


def test_a_namespace_that_is_not_there(kubernetes: ControlPlane, namespace: str, tmp_path: Path) -> None:
    commands = CommandLine(kubernetes, f"{namespace}-new", tmp_path / "home")
    result = commands.run("init", "todo", "--create-secret", stdin=f"{KEY}\n")
    assert result.returncode == 1
    assert f"kubectl create namespace {namespace}-new" in result.stderr
    process: Any = commands.terminal(
        "init", "todo", "--force", "--create-secret", "--model", "openrouter/free", "--prompt", ""
    )
    process.expect_exact("(not shown): ")
    process.sendline(KEY)
    process.expect_exact("Create it? [Y/n]: ")
    process.sendline("")
    text = str(process.read())
    process.close()
    assert process.exitstatus == 0, text
    assert _secret(kubernetes, f"{namespace}-new") == KEY
    kubernetes.kubectl("delete", "namespace", f"{namespace}-new", "--wait=false")


def test_a_right_that_is_missing_is_named(kubernetes: ControlPlane, namespace: str, tmp_path: Path) -> None:
    kubernetes.kubectl("create", "serviceaccount", "author", "-n", namespace)
    token = kubernetes.create_token(namespace, "author")
    commands = CommandLine(kubernetes, namespace, tmp_path / "home", token)
    result = commands.run("init", "todo", "--create-secret", stdin=f"{KEY}\n")
    assert result.returncode == 3
    assert 'cannot create resource "secrets"' in result.stderr
    assert "A right is missing" in result.stderr
    assert KEY not in result.stdout + result.stderr
    assert (commands.folder / "todo.yaml").exists(), "somebody else may make the Secret"


def test_a_cluster_that_does_not_answer(kubernetes: ControlPlane, namespace: str, tmp_path: Path) -> None:
    commands = CommandLine(kubernetes, namespace, tmp_path / "home")
    kubeconfig = commands.folder / "kubeconfig"
    away = kubeconfig.read_text(encoding="utf-8").replace(kubernetes.server, "https://127.0.0.1:1")
    kubeconfig.write_text(away, encoding="utf-8")
    result = commands.run("init", "todo", "--create-secret", stdin=f"{KEY}\n")
    assert result.returncode == 0, result.stderr
    assert "No cluster, so no Secret was made" in result.stderr
    assert f"kubectl create secret generic openrouter-secret -n {namespace}" in result.stderr
