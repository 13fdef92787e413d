"""The house rules that no linter knows."""

import ast
import re
import socket
import subprocess
import sys
import tomllib
import venv
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "operator").rglob("*.py")) + sorted((ROOT / "chatbot").rglob("*.py"))
_FILE_LINES, _FUNCTION_LINES, _RECONCILE_LINES = 300, 50, 25


def test_files_and_functions_are_short() -> None:
    too_long: list[str] = []
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        if len(text.splitlines()) > _FILE_LINES:
            too_long.append(f"{path.relative_to(ROOT)}: {len(text.splitlines())} lines")
        for each in ast.walk(ast.parse(text)):
            if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (each.end_lineno or 0) - each.lineno + 1
                if lines > _FUNCTION_LINES:
                    too_long.append(f"{path.relative_to(ROOT)}: {each.name} has {lines} lines")
    assert too_long == []


def test_reconcile_fits_on_a_screen() -> None:
    text = (ROOT / "operator/chatassistant_operator/reconcile.py").read_text(encoding="utf-8")
    (page,) = (each for each in ast.parse(text).body if getattr(each, "name", "") == "reconcile")
    assert (page.end_lineno or 0) - page.lineno < _RECONCILE_LINES


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 150


def test_the_source_root_shadows_nothing() -> None:
    assert not (ROOT / "operator" / "__init__.py").exists()
    code = "import operator; print(operator.__file__, operator.add(1, 2))"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert str(ROOT) not in result.stdout


def test_no_test_folder_is_a_package() -> None:
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def test_tests_cannot_leave_this_machine() -> None:
    with pytest.raises(RuntimeError, match="this machine only"):
        socket.create_connection(("openrouter.ai", 443), timeout=1)
    with socket.socket() as client, pytest.raises(RuntimeError, match="this machine only"):
        client.connect(("192.0.2.1", 443))


def test_no_core_module_imports_kopf() -> None:
    code = (
        "import sys; import chatassistant_operator.reconcile, chatassistant_operator.cli; "
        "sys.exit('kopf' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def _requirements(name: str) -> set[str]:
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z0-9-]+)==", text, re.MULTILINE))


def test_each_half_has_requirements_of_its_own() -> None:
    assert "fastapi" not in _requirements("operator")
    assert "kopf" in _requirements("operator")
    assert "kopf" not in _requirements("chatbot")
    assert "fastapi" in _requirements("chatbot")
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "optional-dependencies"
    ]
    assert {"operator", "chatbot", "cli", "dev"} <= set(extras)


def _link_requirements(half: str, environment: Path) -> None:
    """Give an environment just what a half's requirements name, by links to what is installed here."""
    (target,) = (environment / "lib").glob("python*/site-packages")
    for name in _requirements(half):
        try:
            files = distribution(name).files or []
        except PackageNotFoundError:
            continue  # for another platform
        for top in {file.parts[0] for file in files if file.parts[0] not in {"..", "__pycache__"}}:
            link = target / top
            if not link.exists():
                link.symlink_to(distribution(name).locate_file(top))


@pytest.mark.parametrize(
    ("half", "command", "foreign"),
    [
        ("operator", ["chatassistant-operator", "--help"], "chatassistant_chatbot.serve"),
        ("chatbot", ["chatassistant-chatbot"], "chatassistant_operator.wiring"),
        ("cli", ["kubectl-assistant", "run", "--help"], "chatassistant_chatbot.serve"),
    ],
)
def test_the_wheel_runs_with_one_half_only(
    half: str, command: list[str], foreign: str, tmp_path: Path
) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    environment = tmp_path / "venv"
    venv.create(environment, symlinks=True)
    python = environment / "bin" / "python"
    _link_requirements(half, environment)
    uv = [
        Path(sys.executable).parent / "uv",
        "pip",
        "install",
        "--quiet",
        "--offline",
        "--no-deps",
        "--python",
    ]
    subprocess.run([*uv, python, wheel], check=True)

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        env = {"PATH": "/usr/bin:/bin"}
        program = [environment / "bin" / words[0], *words[1:]]
        return subprocess.run(program, capture_output=True, text=True, check=False, env=env, timeout=60)

    result = run(*command)
    assert "Traceback" not in result.stderr
    assert ("OPENROUTER_API_KEY" if half == "chatbot" else "sage: ") in result.stdout + result.stderr
    assert "ModuleNotFoundError" in run("python", "-c", f"import {foreign}").stderr
