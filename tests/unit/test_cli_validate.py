"""`kubectl-assistant validate`: every bad manifest is found, with the place of what is wrong."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from chatassistant_operator.local.openrouter.situations import (
    ACCEPTED,
    EXPIRING,
    LIMIT_REACHED,
    MANAGEMENT,
    UNKNOWN,
)
from support.assistants import merged
from support.bad_manifests import BAD, KEY, Bad
from support.gateway import GatewayProcess
from support.processes import free_port
from support.samples import ASSISTANTS

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "deploy" / "samples"
COMMAND = Path(sys.executable).parent / "kubectl-assistant"
GOOD: dict[str, Any] = {
    "apiVersion": "chatassistant.dev/v1alpha1",
    "kind": "ChatAssistant",
    "metadata": {"name": "todo", "namespace": "todo-chatbot"},
    "spec": {"credentials": {"apiKeySecretRef": {"name": "openrouter-secret"}}},
}


def validate(
    *words: str | Path, stdin: str = "", cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, "validate", *map(str, words)],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=cwd,
        env={"PATH": os.environ["PATH"], **environment},
    )


def problems(*words: str | Path, stdin: str = "", **environment: str) -> list[dict[str, Any]]:
    result = validate(*words, "-o", "json", stdin=stdin, **environment)
    assert result.returncode in {0, 1}, result.stderr
    found: list[dict[str, Any]] = json.loads(result.stdout)["problems"]
    return found


def _dump(manifest: dict[str, Any]) -> str:
    return str(yaml.safe_dump(manifest, sort_keys=False))


@pytest.fixture(scope="module")
def bad_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bad")
    for number, bad in enumerate(BAD):
        (folder / f"{number}.yaml").write_text(_dump(merged(GOOD, bad.change)), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def found(bad_folder: Path) -> dict[str, list[dict[str, Any]]]:
    by_file: dict[str, list[dict[str, Any]]] = {}
    for each in problems(bad_folder):
        by_file.setdefault(Path(each["file"]).name, []).append(each)
    return by_file


def _line_of(text: str, field: str) -> int:
    """The line of a field, or of the nearest one around it that is there, by indentation alone."""
    lines = text.splitlines()
    at, depth = 0, -1
    for part in re.findall(r"[^.\[\]]+", field):
        if part.isdigit():
            items = [n for n in range(at + 1, len(lines)) if lines[n].lstrip(" ").startswith("- ")]
            at, depth = items[int(part)], lines[items[int(part)]].index("-")
            continue
        for number in range(at, len(lines)):
            content = lines[number].replace("- ", "  ", 1)
            indent = len(content) - len(content.lstrip(" "))
            if number > at and indent <= depth:
                break
            if indent > depth and content.lstrip(" ").startswith(f"{part}:"):
                at, depth = number, indent
                break
    return at + 1


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.id)
def test_every_bad_manifest_is_found_at_its_line(
    bad: Bad, bad_folder: Path, found: dict[str, list[dict[str, Any]]]
) -> None:
    number = BAD.index(bad)
    text = (bad_folder / f"{number}.yaml").read_text(encoding="utf-8")
    (problem,) = found[f"{number}.yaml"]
    said = f"{problem['field']}: {problem['message']}"
    assert bad.field in said
    assert bad.cure in said
    assert problem["severity"] == "error"
    assert problem["line"] == _line_of(text, problem["field"]), text
    name = re.findall(r"\w+", problem["field"])[-1]
    line = text.splitlines()[problem["line"] - 1]
    assert not line[problem["column"] - 1 :].startswith(" ")
    if f"{name}:" in line:
        assert line[problem["column"] - 1 :].lstrip("- ").startswith(name)


def test_no_key_is_printed(bad_folder: Path) -> None:
    for form in ("text", "sarif", "github"):
        result = validate(bad_folder, "-o", form)
        assert result.returncode == 1
        assert KEY not in result.stdout + result.stderr
    pasted = GOOD | {KEY: 1, "metadata": {"name": KEY, KEY: 1}, "spec": {KEY: {KEY: 1}, "image": KEY}}
    result = validate("-", stdin=_dump(pasted) + f"{KEY}: 2\n{KEY}: *{KEY}\n")
    assert result.returncode == 1
    assert KEY not in result.stdout + result.stderr


def test_all_of_it_is_found_at_once() -> None:
    text = """\
# A comment.
apiVersion: chatassistant.dev/v1alpha1
kind: ChatAssistant
metadata:
  name: To.Do
  lables: {a: b}
spec:
  modle: {name: openrouter/free}
  systemPrompt: Be brief.
  systemPromptFrom: {configMapKeyRef: {name: a, key: b}}
  replicas: many
  model: {name: gpt, parameters: {max_tokens: 5}}
  credentials: {apiKeySecretRef: {name: openrouter-secret}}
---
kind: ConfigMap
metadata: {name: other}
---
apiVersion: chatassistant.dev/v1alpha1
kind: ChatAssistant
metadata: {name: second}
spec: {credentials: {apiKeySecretRef: {name: ok}}, suspend: maybe}
"""
    places = [(each["line"], each["column"], each["field"]) for each in problems("-", stdin=text)]
    assert places == [
        (5, 3, "metadata.name"),
        (6, 3, "metadata.lables"),
        (8, 3, "spec.modle"),
        (10, 3, "spec.systemPromptFrom"),
        (11, 3, "spec.replicas"),
        (12, 11, "spec.model.name"),
        (12, 35, "spec.model.parameters.max_tokens"),
        (21, 52, "spec.suspend"),
    ]


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [("modle", "model"), ("colour", ""), ("system_prompt", "systemPrompt"), ("ratelimit", "rateLimit")],
)
def test_an_unknown_field_tells_what_was_meant(wrong: str, meant: str) -> None:
    (problem,) = problems("-", stdin=_dump(merged(GOOD, {"spec": {wrong: 1}})))
    assert problem["rule"] == "unknown-field"
    assert problem["message"] == "unknown field" + (f"; did you mean {meant}?" if meant else "")


def test_what_was_taken_out_brings_no_new_complaint() -> None:
    (problem,) = problems(
        "-", stdin=_dump(merged(GOOD, {"spec": {"access": {"mode": "oidc", "oidc": {"issuer": "https://a.example", "audience": "a"}}}}))
    )  # fmt: skip
    assert problem["field"] == "spec.access.mode"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: [", 1, "is no YAML"),
        ("a: b\n\tc: d", 2, "is no YAML"),
        ("a: b", 1, "no Kubernetes object"),
        ("a: &a [*a]\nkind: b", 1, "cannot be JSON"),
        ("kind: ConfigMap\nkind: ConfigMap", 2, "is there twice"),
        ("kind: ChatAssistant\nmetadata: none", 2, "should be an object"),
        ("kind: ChatAssistant", 1, "Field required"),
        ("kind: ChatAssitant\napiVersion: chatassistant.dev/v1alpha1", 1, "should be 'ChatAssistant'"),
        ("[" * 3000, 1, "nested too deeply"),
    ],
)
def test_yaml_that_is_no_manifest(text: str, line: int, words: str) -> None:
    result = problems("-", stdin=text)
    assert line in [each["line"] for each in result if words in each["message"]]


def test_lists_and_anchors_keep_their_places() -> None:
    text = """\
kind: List
items:
- &base
  apiVersion: chatassistant.dev/v1alpha1
  kind: ChatAssistant
  metadata: {name: one}
  spec:
    replicas: -1
    credentials: {apiKeySecretRef: {name: openrouter-secret}}
- <<: *base
  metadata: {name: two}
"""
    assert [(each["object"], each["line"]) for each in problems("-", stdin=text)] == [("one", 8), ("two", 8)]


def test_folders_hold_other_files_too(tmp_path: Path) -> None:
    inner = tmp_path / "deep" / "er"
    inner.mkdir(parents=True)
    (tmp_path / "values.yaml").write_text("replicas: 2\n", encoding="utf-8")
    (tmp_path / "template.yaml").write_text("a: {{ .Values.b }}\n", encoding="utf-8")
    (tmp_path / "notes.txt").write_text("a: [", encoding="utf-8")
    (inner / "todo.yml").write_text(_dump(GOOD), encoding="utf-8")
    (inner / "todo.json").write_text(json.dumps(merged(GOOD, {"spec": {"replicas": 1}})), encoding="utf-8")
    result = validate(tmp_path)
    assert result.returncode == 0, result.stdout
    assert "2 ChatAssistants in 4 files: valid" in result.stderr
    assert "kubectl apply -f " in result.stderr
    assert "Traceback" not in result.stderr
    assert validate(tmp_path / "template.yaml").returncode == 1, "it was named itself"


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text("kind: ConfigMap\n", encoding="utf-8")
    assert validate(tmp_path / "nowhere.yaml").returncode == 2
    result = validate(tmp_path / "other.yaml")
    assert result.returncode == 2
    assert "None of the files holds a ChatAssistant" in result.stderr
    assert validate(tmp_path / "other.yaml", "--ignore-others").returncode == 0
    result = validate(tmp_path / "other.yaml", CHATASSISTANT_POLICY__ALLOWED_GATEWAYS='"x"')
    assert result.returncode == 2
    assert "Traceback" not in result.stderr


def test_text_is_a_line_for_each_problem(tmp_path: Path) -> None:
    path = tmp_path / "todo.yaml"
    path.write_text(_dump(merged(GOOD, {"spec": {"replicas": -1, "modle": 1}})), encoding="utf-8")
    result = validate(path)
    assert result.returncode == 1
    assert [line.partition(" error: ")[0] for line in result.stdout.splitlines()] == [
        f"{path}:10:3:",
        f"{path}:11:3:",
    ]
    assert result.stderr == "1 ChatAssistant in 1 file: 2 errors, 0 warnings.\n"


def test_yaml_says_what_json_says() -> None:
    text = _dump(merged(GOOD, {"spec": {"replicas": -1}}))
    as_yaml = yaml.safe_load(validate("-", "-o", "yaml", stdin=text).stdout)
    assert as_yaml == json.loads(validate("-", "-o", "json", stdin=text).stdout)
    assert as_yaml["valid"] is False
    assert as_yaml["assistants"] == as_yaml["files"] == 1


def test_github_annotations_are_escaped(tmp_path: Path) -> None:
    path = tmp_path / "a,b:c%.yaml"
    path.write_text(_dump(merged(GOOD, {"spec": {"modle": 1}})), encoding="utf-8")
    result = validate(path.name, "-o", "github", cwd=tmp_path)
    assert result.stdout == (
        "::error file=a%2Cb%3Ac%25.yaml,line=10,col=3,title=kubectl-assistant%3A unknown-field"
        "::spec.modle: unknown field; did you mean model?\n"
    )


# What SARIF 2.1.0 (OASIS, sections 3.13 to 3.49) demands of the properties that are written here, and what GitHub's code
# scanning demands beyond it.
_TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
_POSITIVE = {"type": "integer", "minimum": 1}
_URI = {"type": "string", "pattern": r"^(file:///)?[A-Za-z0-9%._~/-]+$"}
_REGION = {
    "type": "object",
    "required": ["startLine", "startColumn"],
    "properties": {"startLine": _POSITIVE, "startColumn": _POSITIVE},
    "additionalProperties": False,
}
_PLACE = {
    "type": "object",
    "required": ["artifactLocation", "region"],
    "properties": {
        "artifactLocation": {"type": "object", "required": ["uri"], "properties": {"uri": _URI}},
        "region": _REGION,
    },
    "additionalProperties": False,
}
_LOGICAL = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["fullyQualifiedName"],
        "additionalProperties": {"type": "string"},
    },
}
_LOCATION = {
    "type": "object",
    "required": ["physicalLocation"],
    "properties": {"physicalLocation": _PLACE, "logicalLocations": _LOGICAL},
    "additionalProperties": False,
}
_RESULT = {
    "type": "object",
    "required": ["ruleId", "message", "locations"],
    "properties": {
        "ruleId": {"type": "string"},
        "ruleIndex": {"type": "integer", "minimum": 0},
        "level": {"enum": ["none", "note", "warning", "error"]},
        "message": _TEXT,
        "locations": {"type": "array", "minItems": 1, "items": _LOCATION},
    },
    "additionalProperties": False,
}
_RULE = {
    "type": "object",
    "required": ["id"],
    "properties": {"id": {"type": "string"}, "shortDescription": _TEXT},
    "additionalProperties": False,
}
_DRIVER = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string"},
        "version": {"type": "string"},
        "rules": {"type": "array", "uniqueItems": True, "items": _RULE},
    },
    "additionalProperties": False,
}
_RUN = {
    "type": "object",
    "required": ["tool", "results"],
    "properties": {
        "tool": {"type": "object", "required": ["driver"], "properties": {"driver": _DRIVER}},
        "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
        "results": {"type": "array", "items": _RESULT},
    },
    "additionalProperties": False,
}
_SARIF: dict[str, Any] = {
    "type": "object",
    "required": ["version", "runs"],
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {"type": "array", "items": _RUN},
    },
    "additionalProperties": False,
}


def test_sarif_is_sarif(bad_folder: Path) -> None:
    result = validate(bad_folder, "-o", "sarif")
    log = json.loads(result.stdout)
    jsonschema.validate(log, _SARIF)
    (run,) = log["runs"]
    assert len(run["results"]) == len(BAD)
    rules = [each["id"] for each in run["tool"]["driver"]["rules"]]
    assert all(rules[each["ruleIndex"]] == each["ruleId"] for each in run["results"])
    empty = json.loads(validate(SAMPLES / "quickstart.yaml", "-o", "sarif").stdout)
    jsonschema.validate(empty, _SARIF)
    assert empty["runs"][0]["results"] == []


@pytest.mark.parametrize("sample", ASSISTANTS, ids=lambda path: path.name)
def test_samples_are_valid(sample: Path) -> None:
    result = validate(sample)
    assert result.returncode == 0, result.stdout


def test_the_policy_is_the_operators() -> None:
    text = _dump(merged(GOOD, {"spec": {"pod": {"labels": {"team": "a"}}}}))
    (warning,) = problems("-", stdin=text)
    assert (warning["severity"], warning["rule"], warning["line"]) == ("warning", "policy", 12)
    assert "policy.allowedMetadata" in warning["message"]
    assert validate("-", "--strict", stdin=text).returncode == 1
    assert problems("-", stdin=text, CHATASSISTANT_POLICY__ALLOWED_METADATA='["team"]') == []
    (error,) = problems("-", stdin=text, CHATASSISTANT_POLICY__ALLOWED_METADATA='["other"]')
    assert error["severity"] == "error"


def test_it_is_a_hook_for_other_repositories(tmp_path: Path) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert {"id", "name", "entry", "language"} <= hook.keys()
    program, *words = hook["entry"].split()
    assert program == COMMAND.name
    (tmp_path / "values.yaml").write_text("a: b", encoding="utf-8")
    (tmp_path / "todo.yaml").write_text(_dump(GOOD), encoding="utf-8")
    files = [tmp_path / "values.yaml", tmp_path / "todo.yaml"]
    assert validate(*words[1:], *files).returncode == 0
    (tmp_path / "todo.yaml").write_text(_dump(merged(GOOD, {"spec": {"replicas": -1}})), encoding="utf-8")
    assert validate(*words[1:], *files).returncode == 1


def _live(
    gateway: GatewayProcess, change: dict[str, Any], key: str = ACCEPTED.token, more: str = ""
) -> list[dict[str, Any]]:
    text = _dump(merged(GOOD, change)) + more
    url = gateway.base_url
    return problems("-", "--live", "--gateway", url, stdin=text, OPENROUTER_API_KEY=key)


def test_live_with_a_good_key_and_model(gateway: GatewayProcess) -> None:
    assert _live(gateway, {}) == []
    assert gateway.requests["GET /key"] == 1
    assert gateway.requests["GET /models"] == 1
    assert "POST /chat/completions" not in gateway.requests, "no answer is paid for"


@pytest.mark.parametrize(
    ("key", "words", "severity"),
    [
        (UNKNOWN.token, "refuses the key of OPENROUTER_API_KEY (401: User not found.)", "error"),
        (MANAGEMENT.token, "management key", "error"),
        (LIMIT_REACHED.token, "may spend no more", "error"),
        ("", "set OPENROUTER_API_KEY", "error"),
        ("two words", "holds spaces", "error"),
    ],
)
def test_live_with_a_bad_key(gateway: GatewayProcess, key: str, words: str, severity: str) -> None:
    (problem,) = _live(gateway, {}, key)
    assert words in problem["message"]
    assert (problem["rule"], problem["severity"], problem["line"]) == ("key", severity, 9)
    assert not key or key not in json.dumps(problem)


def test_live_with_a_key_that_ends_soon(gateway: GatewayProcess) -> None:
    from datetime import UTC, datetime, timedelta  # noqa: PLC0415 (only here)

    soon = (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    gateway.put_key(name="soon", token=EXPIRING.token, expires_at=soon)
    (problem,) = _live(gateway, {}, EXPIRING.token)
    assert problem["severity"] == "warning"
    assert soon in problem["message"]


@pytest.mark.parametrize(
    ("model", "field", "words", "line"),
    [
        ({"name": "openai/gpt-5-mimi"}, "spec.model.name", "openai/gpt-5-mini", 11),
        ({"name": "mistralai/devstral-2512:free"}, "spec.model.name", "no longer offers", 11),
        ({"fallbacks": ["openrouter/free", "a/b"]}, "spec.model.fallbacks[1]", "no model 'a/b'", 13),
        ({"name": "mistralai/mistral-7b-instruct"}, "spec.model.name", "2026-12-31", 11),
        (
            {"name": "deepseek/deepseek-v4-flash", "provider": {"only": ["azure"]}},
            "spec.model.name",
            "none of azure serves it",
            11,
        ),
    ],
)
def test_live_with_a_bad_model(
    gateway: GatewayProcess, model: dict[str, Any], field: str, words: str, line: int
) -> None:
    (problem,) = _live(gateway, {"spec": {"model": model}})
    assert (problem["rule"], problem["field"], problem["line"]) == ("model", field, line)
    assert words in problem["message"]


def test_live_takes_the_key_of_the_secret_in_the_files(gateway: GatewayProcess) -> None:
    more = (
        f"---\nkind: Secret\nmetadata: {{name: openrouter-secret, namespace: todo-chatbot}}\n"
        f"stringData: {{api-key: {UNKNOWN.token}}}\n"
    )
    (problem,) = _live(gateway, {}, more=more)
    assert "refuses the key of the Secret 'openrouter-secret' in the files" in problem["message"]


def test_live_sends_no_key_where_the_policy_forbids_it(gateway: GatewayProcess) -> None:
    text = _dump(merged(GOOD, {"spec": {"gateway": {"baseURL": gateway.base_url}}}))
    found = problems("-", "--live", stdin=text, OPENROUTER_API_KEY=ACCEPTED.token)
    assert [each["rule"] for each in found] == ["policy", "key"]
    assert "was not asked" in found[1]["message"]
    assert gateway.requests == {}


def test_live_with_a_gateway_that_is_away() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    found = problems("-", "--live", "--gateway", url, stdin=_dump(GOOD), OPENROUTER_API_KEY=ACCEPTED.token)
    assert {each["rule"] for each in found} == {"key", "model"}
    assert all("says nothing against" in each["message"] for each in found)
