"""The list of commands, which is made without importing them, and what shells complete."""

import subprocess
import sys
from pathlib import Path

import pytest

from chatassistant_operator.cli import commands

BESIDE = Path(sys.executable).parent
HEAVY = ("aiohttp", "httpx", "kopf", "chatassistant_operator.api.v1alpha1")


def test_a_list_of_commands_imports_none() -> None:
    code = f"""
import sys
from chatassistant_operator.cli import app
try:
    app(["--help"])
finally:
    print([each for each in {HEAVY} if each in sys.modules], file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "[]"
    assert "support-bundle" in done.stdout


@pytest.mark.parametrize(("name", "command"), list(commands()), ids=[name for name, _ in commands()])
def test_each_command_says_its_exit_statuses(name: str, command: object) -> None:
    done = subprocess.run(
        [BESIDE / "kubectl-assistant", name, "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert done.stdout.count("Usage:") == 1
    assert "Exit status" in str(getattr(command, "help", "")) or name == "models"


def complete(*words: str) -> list[str]:
    """What kubectl is told could follow."""
    done = subprocess.run(
        [BESIDE / "kubectl_complete-assistant", *words], capture_output=True, text=True, check=False
    )
    *lines, directive = done.stdout.splitlines()
    assert directive == ":4", done.stdout + done.stderr
    return [line.partition("\t")[0] for line in lines]


def test_kubectl_completes_commands() -> None:
    assert complete("st") == ["status"]
    assert {"status", "doctor", "validate"} <= set(complete(""))


def test_kubectl_completes_options() -> None:
    assert "--rotate" in complete("token", "--")
    assert complete("token", "--rot") == ["--rotate"]


def test_no_cluster_is_no_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert complete("status", "to") == []
