"""`kubectl-assistant init`: from a key to a manifest that works, in a terminal and in scripts."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest
import yaml

SCRIPT = Path(sys.executable).parent / "kubectl-assistant"
KEY = "sk-or-v1-" + "0f" * 32
Terminal = Callable[..., Any]


def _run(folder: Path, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SCRIPT, *words],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
    )


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """Runs a command in a terminal with no cluster."""
    opened: list[Any] = []

    def open_(*words: str, columns: int = 80, **environment: str) -> Any:
        env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        opened.append(
            pexpect.spawn(
                str(SCRIPT),
                list(words),
                env=env | environment,  # type: ignore[arg-type]  # a mapping, as os.environ is
                cwd=str(tmp_path),
                dimensions=(40, columns),
                timeout=30,
                encoding="utf-8",
            )
        )
        return opened[-1]

    yield open_
    for each in opened:
        each.close(force=True)


def _ended(process: Any) -> tuple[int, str]:
    text = str(process.read())
    process.wait()
    return process.exitstatus, text


def _written(folder: Path, name: str) -> dict[str, Any]:
    manifest: dict[str, Any] = yaml.safe_load((folder / name).read_text(encoding="utf-8"))
    return manifest


def _without_line_ends(text: str) -> str:
    return text.replace("\r", "").replace("\n", "")


def test_a_conversation(terminal: Terminal, tmp_path: Path) -> None:
    process = terminal("init")
    process.expect_exact("Name [assistant]: ")
    process.sendline("To.Do")
    process.expect_exact("metadata.name must be at most 53")
    process.expect_exact("Name [assistant]: ")
    process.sendline("todo")
    process.expect_exact("Namespace [default]: ")
    process.sendline("todo-chatbot")
    process.expect_exact("[openrouter/free]: ")
    process.sendline("gpt-5")
    process.expect_exact("must be a model id")
    process.expect_exact("[openrouter/free]: ")
    process.sendline("")
    process.expect("System prompt .*: ")
    process.sendline("Be brief: always.")
    process.expect("Make the Secret .*: ")
    process.sendline("n")
    status, text = _ended(process)
    assert status == 0
    assert "kubectl apply -f todo.yaml" in text
    assert "kubectl create namespace todo-chatbot" in text
    manifest = _written(tmp_path, "todo.yaml")
    assert manifest["metadata"] == {"name": "todo", "namespace": "todo-chatbot"}
    assert manifest["spec"]["model"] == {"name": "openrouter/free"}
    assert manifest["spec"]["systemPrompt"] == "Be brief: always."
    assert len((tmp_path / "todo.yaml").read_text(encoding="utf-8").splitlines()) < 15
    assert _run(tmp_path, "validate", "todo.yaml").returncode == 0


@pytest.mark.parametrize(
    ("columns", "environment"), [(40, {}), (80, {"NO_COLOR": "1"}), (40, {"NO_COLOR": "1", "TERM": "dumb"})]
)
def test_a_key_is_never_shown(
    terminal: Terminal, tmp_path: Path, columns: int, environment: dict[str, str]
) -> None:
    process = terminal("init", "--create-secret", columns=columns, **environment)
    for _ in range(4):
        process.expect(": $")
        process.sendline("")
    process.expect_exact("OpenRouter API key (not shown): ")
    process.sendline("no-key-at-all")
    process.expect_exact("(not shown): ")
    process.sendline(KEY)
    status, text = _ended(process)
    text = _without_line_ends(text)
    assert status == 0, text
    assert KEY not in text
    assert "no-key-at-all" not in text
    assert "No cluster, so no Secret was made" in text
    assert 'openrouter-secret -n default --from-literal=api-key="$OPENROUTER_API_KEY"' in text
    assert "\x1b[" not in text
    assert "assistant.yaml is written" in text
    assert KEY not in (tmp_path / "assistant.yaml").read_text(encoding="utf-8")


def test_three_times_no_key(terminal: Terminal, tmp_path: Path) -> None:
    process = terminal("init", "todo", "-n", "a", "--model", "a/b", "--prompt", "", "--create-secret")
    for _ in range(3):
        process.expect_exact("(not shown): ")
        process.sendline("password")
    status, text = _ended(process)
    assert status == 2
    assert "password" not in text
    assert not (tmp_path / "todo.yaml").exists()


def test_a_file_is_overwritten_only_when_somebody_says_so(terminal: Terminal, tmp_path: Path) -> None:
    path = tmp_path / "todo.yaml"
    path.write_text("precious", encoding="utf-8")
    words = ("init", "todo", "-n", "a", "--model", "a/b", "--prompt", "")
    process = terminal(*words)
    process.expect_exact("todo.yaml is there already. Overwrite it? [y/N]: ")
    process.sendline("")
    assert _ended(process)[0] == 2
    assert path.read_text(encoding="utf-8") == "precious"
    result = _run(tmp_path, *words)
    assert result.returncode == 2
    assert "--force" in result.stderr
    assert path.read_text(encoding="utf-8") == "precious"
    process = terminal(*words)
    process.expect_exact("Overwrite it? [y/N]: ")
    process.sendline("y")
    process.expect_exact("Make the Secret")
    process.sendline("n")
    assert _ended(process)[0] == 0
    assert _written(tmp_path, "todo.yaml")["metadata"]["name"] == "todo"
    assert _run(tmp_path, *words, "--force").returncode == 0


def test_scripts_are_asked_nothing(tmp_path: Path) -> None:
    result = _run(tmp_path, "init")
    assert result.returncode == 0
    assert result.stdout == ""
    assert _written(tmp_path, "assistant.yaml")["spec"]["model"]["name"] == "openrouter/free"
    result = _run(tmp_path, "init", "todo", "--file", "-", "--create-secret", stdin=f"{KEY}\n")
    assert result.returncode == 0, result.stderr
    assert yaml.safe_load(result.stdout)["metadata"]["name"] == "todo"
    assert "kubectl create secret" in result.stderr
    assert KEY not in result.stdout + result.stderr
    assert _run(tmp_path, "validate", "-", stdin=result.stdout).returncode == 0


@pytest.mark.parametrize(
    ("words", "stdin", "told"),
    [
        (("1todo",), "", "metadata.name"),
        (("todo", "-n", "A"), "", "metadata.namespace"),
        (("todo", "--model", "gpt"), "", "spec.model.name"),
        (("todo", "--secret", KEY), "", "looks like an API key"),
        (("todo", "--create-secret"), "secret-of-another-service\n", "does not look like an OpenRouter key"),
        (("todo", "--create-secret"), "", "is empty"),
        (("todo", "--file", "no/such/folder.yaml"), "", "cannot be written"),
    ],
)
def test_what_cannot_be_used(tmp_path: Path, words: tuple[str, ...], stdin: str, told: str) -> None:
    result = _run(tmp_path, "init", *words, stdin=stdin)
    assert result.returncode == 2
    assert told in result.stderr
    assert KEY not in result.stderr
    assert "another-service" not in result.stderr
    assert "Traceback" not in result.stderr
    assert list(tmp_path.glob("*.yaml")) == []


def test_what_is_written_runs_with_no_cluster(tmp_path: Path) -> None:
    assert _run(tmp_path, "init", "todo").returncode == 0
    result = _run(tmp_path, "run", "todo.yaml", "--ask", "Hello")
    assert result.returncode == 0, result.stderr
    assert "Hello" in result.stdout
