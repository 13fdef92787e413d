"""`kubectl-assistant models`: the catalogue, what has changed in it, and the nearest models to a name."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pexpect
import pytest

from support.gateway import GatewayProcess
from support.processes import free_port

SCRIPT = Path(sys.executable).parent / "kubectl-assistant"


class Models:
    """Runs the command with a cache folder of its own."""

    def __init__(self, gateway: str, cache: Path) -> None:
        self.gateway = gateway
        self.environment = {"PATH": os.environ["PATH"], "XDG_CACHE_HOME": str(cache), "LANG": "C.UTF-8"}

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [SCRIPT, "models", *words, "--gateway", self.gateway],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env=self.environment,
        )

    def ids(self, *words: str) -> list[str]:
        return [each["id"] for each in self.data(*words)["models"]]

    def data(self, *words: str) -> dict[str, Any]:
        result = self.run(*words, "-o", "json")
        assert result.returncode == 0, result.stderr
        data: dict[str, Any] = json.loads(result.stdout)
        return data


@pytest.fixture
def models(gateway: GatewayProcess, tmp_path: Path) -> Models:
    return Models(gateway.base_url, tmp_path / "cache")


def test_the_catalogue_is_a_table(models: Models) -> None:
    result = models.run()
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["ID", "CONTEXT", "$/M", "IN", "$/M", "OUT", "TOOLS", "ENDS"]
    rows = {line.split()[0]: line.split()[1:] for line in lines[1:]}
    assert rows["meta-llama/llama-3.1-8b-instruct"] == ["131072", "0.02", "0.04", "yes"]
    assert rows["gryphe/mythomax-l2-13b"] == ["4096", "0.06", "0.06", "no"]
    assert rows["mistralai/mistral-7b-instruct"][-1] == "2026-12-31"
    assert rows["openrouter/auto"] == ["2000000", "varies", "varies", "yes"]
    ids = list(rows)
    assert ids[0].endswith(":free")
    assert ids[-1] == "openrouter/auto"
    assert ids.index("meta-llama/llama-3.1-8b-instruct") < ids.index("anthropic/claude-sonnet-4.5")
    assert "google/lyria-3:free" not in ids, "it answers in sounds"


def test_what_is_asked_for(models: Models) -> None:
    assert models.ids("LLAMA") == ["meta-llama/llama-3.1-8b-instruct", "meta-llama/llama-3.3-70b-instruct"]
    free = models.data("--free")["models"]
    assert free
    assert all(each["pricing"] == {"prompt": 0, "completion": 0} and each["free"] for each in free)
    assert "nvidia/nemotron-3.5-content-safety:free" in models.ids("--free")
    assert "nvidia/nemotron-3.5-content-safety:free" not in models.ids("--free", "--tools")
    assert all(each["contextLength"] >= 1_000_000 for each in models.data("--context", "1000000")["models"])
    cheap = models.data("--max-price", "0.32")["models"]
    assert max(each["pricing"]["completion"] for each in cheap) == 0.32
    result = models.run("zzz")
    assert result.returncode == 1
    assert "None of the" in result.stderr
    assert result.stdout == ""
    assert models.run("--max-price", "-1").returncode == 2


def test_what_has_changed_since_the_last_time(models: Models, gateway: GatewayProcess) -> None:
    assert models.data()["changes"] is None
    assert "Since" not in models.run().stdout, "nothing has"
    gateway.put_model(id="openai/gpt-6", prompt="0.000001", completion="0.000002")
    gateway.put_model(id="x-ai/grok-4-fast", ended=True)
    gateway.put_model(id="openai/gpt-4o-mini", prompt="0.0000002", completion="0.0000006")
    gateway.put_model(
        id="deepseek/deepseek-v4-flash", prompt="0.00000014", completion="0.00000028", expires="2027-01-31"
    )
    text = models.run("--free").stdout
    assert "Since 20" in text
    assert "added: openai/gpt-6\n" in text
    assert "gone: x-ai/grok-4-fast\n" in text
    assert "price changed: openai/gpt-4o-mini 0.15/0.6 to 0.2/0.6\n" in text
    assert "ending: deepseek/deepseek-v4-flash on 2027-01-31\n" in text
    assert "Since" not in models.run().stdout, "it is told once"
    gateway.reset()
    changes = models.data()["changes"]
    assert changes["added"] == ["x-ai/grok-4-fast"]
    assert changes["gone"] == ["openai/gpt-6"]
    assert changes["priceChanged"] == [
        {
            "id": "openai/gpt-4o-mini",
            "from": {"prompt": 0.2, "completion": 0.6},
            "to": {"prompt": 0.15, "completion": 0.6},
        }
    ]
    assert changes["ending"] == []


def test_a_cache_that_is_of_no_use(models: Models, tmp_path: Path) -> None:
    assert models.run().returncode == 0
    (kept,) = (tmp_path / "cache" / "kubectl-assistant").iterdir()
    kept.write_text("{", encoding="utf-8")
    assert models.data()["changes"] is None
    models.environment["XDG_CACHE_HOME"] = "/dev/null"
    assert models.data()["changes"] is None


@pytest.mark.parametrize(
    ("name", "offered", "nearest"),
    [
        ("openai/gpt-5-mimi", False, "openai/gpt-5-mini"),
        ("gpt5-mini", False, "openai/gpt-5-mini"),
        ("meta-llama/llama-3.1-8b-instruct:free", False, "meta-llama/llama-3.1-8b-instruct"),
        ("openrouter/free", True, ""),
    ],
)
def test_the_nearest_to_a_name(models: Models, name: str, offered: bool, nearest: str) -> None:
    result = models.run("suggest", name, "-o", "json")
    assert result.returncode == 0, result.stderr
    data = json.loads(result.stdout)
    assert data["offered"] is offered
    assert not nearest or data["nearest"][0] == nearest
    assert all(each.endswith(":free") for each in data["free"])
    lines = models.run("suggest", name).stdout.splitlines()
    assert lines[0].split()[:2] == ["WHY", "ID"]
    assert lines[1].split()[:2] == (["offered", name] if offered else ["nearest", nearest])


def test_a_gateway_that_is_away(tmp_path: Path) -> None:
    for words in ((), ("suggest", "a/b")):
        result = Models(f"http://127.0.0.1:{free_port()}/v1", tmp_path).run(*words)
        assert result.returncode == 1
        assert "The list of models could not be read" in result.stderr


def test_help_says_which_context_it_is(models: Models) -> None:
    whole = models.run("--help").stdout + models.run("list", "--help").stdout
    text = " ".join(whole.replace("│", " ").split())
    assert "no kubeconfig's context" in text
    assert "--max-price" in text


@pytest.mark.parametrize("environment", [{}, {"NO_COLOR": "1"}])
def test_a_terminal_of_40_columns(models: Models, environment: dict[str, str]) -> None:
    process = pexpect.spawn(
        str(SCRIPT),
        ["models", "--free", "--gateway", models.gateway],
        env=models.environment | {"TERM": "xterm-256color"} | environment,  # type: ignore[arg-type]  # a mapping, as os.environ is
        dimensions=(40, 40),
        timeout=30,
        encoding="utf-8",
    )
    text = str(process.read())
    process.close()
    assert process.exitstatus == 0
    assert "google/gemma-4-31b-it:free" in text, "an id can be copied"
    assert "nvidia/nemotron-3-ultra-550b-a55b:free" in re.sub(r"\s|\x1b\[[0-9;]*m", "", text)
    assert "\x1b[3" not in text or not environment
