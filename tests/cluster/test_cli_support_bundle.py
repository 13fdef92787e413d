"""`kubectl-assistant support-bundle`: what helps is in it, and no canary."""

import base64
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from support.assistants import Assistants
from support.command_line import CommandLine
from support.gateway import GatewayProcess
from support.node import NodeStandIn
from support.scenes import user
from support.waiting import eventually

CHAT = "chatassistants.chatassistant.dev"
KEY = "sk-or-v1-" + "ca9a41" * 10 + "beef"
CANARY = "canary"
OPERATOR = {"app.kubernetes.io/name": "chatassistant-operator"}


@pytest.fixture(scope="module")
def todo(new_scene: Callable[..., Assistants], _gateway_process: GatewayProcess) -> Assistants:
    """The assistant `todo`, ready, with canaries wherever people put what nobody else should see."""
    assistants = new_scene()
    _gateway_process.put_key(token=KEY, name="canary", limit=10)
    assistants.put_key(KEY)
    assistants.kubectl("create", "secret", "generic", "word", "--from-literal=token=canary open sesame")
    assistants.kubectl("label", "secret", "word", "chatassistant.dev/use=access")
    assistants.apply(
        access={"tokenSecretRef": {"name": "word"}},
        systemPrompt="You are a canary.",
        faq=[{"question": "Who is the canary?", "answer": "The canary is yellow."}],
        observability={"logLevel": "Debug"},
    )
    assistants.kubectl("annotate", "chat", "todo", "example.com/note=the canary's password")
    assistants.wait_for("Ready")
    _plant(assistants)
    return assistants


def _plant(assistants: Assistants) -> None:
    """An operator whose variables, arguments and logs have canaries in them, and a chatbot's log that has some, too."""
    lines = [
        f'{{"Authorization": "Bearer {KEY}"}} password=canary-in-a-log',
        "the word is canary open sesame, or " + base64.b64encode(b"canary open sesame").decode(),
        '{"level": "info", "api_key": "canary in quotes", "event": "it goes on"}',
        "postgres://canary:canary@db/canaries-are-fine-here".replace("canaries-are-fine-here", "name"),
    ]
    assistants.kubectl("create", "configmap", "lines", "--from-literal=log=" + "\n".join(lines))
    for name, labels in (("speaks", {"chatassistant.dev/name": "todo"}), ("operator", OPERATOR)):
        variables = [
            {"name": "FILE", "value": "/lines/log"},
            {"name": "HTTPS_PROXY", "value": "http://me:canary@proxy"},
            {"name": "CHATASSISTANT_POLICY__ALLOWED_GATEWAYS", "value": '["https://gateway.example.com"]'},
        ]
        container = {
            "name": "chatbot",
            "image": "example.com/reads",
            "args": ["--password", "canary"],
            "env": variables,
            "volumeMounts": [{"name": "lines", "mountPath": "/lines"}],
        }
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": name,
                "labels": labels,
                "annotations": {"note": "canary"},
            },
            "spec": {
                "containers": [container],
                "volumes": [{"name": "lines", "configMap": {"name": "lines"}}],
                "terminationGracePeriodSeconds": 1,
            },
        }
        assistants.kubectl("create", "-f", "-", stdin=json.dumps(pod))


def _unpacked(path: Path) -> dict[str, str]:
    """The files of a bundle, without its own folder's name."""
    with tarfile.open(path) as archive:
        members = [each for each in archive.getmembers() if each.isfile()]
        read = {each.name: archive.extractfile(each) for each in members}
        return {name.partition("/")[2]: each.read().decode() for name, each in read.items() if each}


def test_a_bundle_has_what_helps_and_no_canary(cli: CommandLine, todo: Assistants, node: NodeStandIn) -> None:
    for name in ("speaks", "operator"):
        eventually(
            lambda name=name: "it goes on" in node.log(todo.namespace, name), "the log has its canaries"
        )  # type: ignore[misc]
    reasons = "jsonpath={.items[*].reason}"
    eventually(lambda: "Ready" in todo.kubectl("get", "events", "-o", reasons).split(), "the event is there")
    result = cli.run("support-bundle", "todo")
    assert (result.returncode, result.stderr) == (0, "")
    path = cli.folder / result.stdout.strip()
    assert path.stat().st_mode & 0o777 == 0o600
    files = _unpacked(path)
    everything = "\n".join([*files, *files.values()])
    assert [
        line for line in everything.splitlines() if CANARY in line.lower().replace("example.com/", "")
    ] == []
    assert KEY.removeprefix("sk-or-v1-") not in everything
    assert base64.b64encode(b"canary open sesame").decode() not in everything
    here = f"{todo.namespace}/todo"
    # What was planted is there, without its canaries.
    assert "it goes on" in files[f"{here}/speaks-chatbot.log"]
    assert "it goes on" in files[f"operator/{todo.namespace}/operator-chatbot.log"]
    assistant = yaml.safe_load(files[f"{here}/chatassistant.yaml"])
    assert assistant["spec"]["systemPrompt"] == "(left out: 17 characters)"
    assert assistant["spec"]["faq"] == "(left out: 1 entries)"
    operator = yaml.safe_load(files[f"operator/{todo.namespace}/pod-operator.yaml"])
    variables = {each["name"]: each["value"] for each in operator["spec"]["containers"][0]["env"]}
    assert variables["CHATASSISTANT_POLICY__ALLOWED_GATEWAYS"] == '["https://gateway.example.com"]'
    assert variables["HTTPS_PROXY"].startswith("(left out")
    # And so is what somebody needs who helps.
    (pod,) = (each for each in todo.pods() if each.metadata.name != "speaks")
    assert "gateway" in files[f"{here}/{pod.metadata.name}-chatbot.log"]
    assert {
        f"{here}/{name}"
        for name in ("status.yaml", "events.yaml", "deployment-todo.yaml", "service-todo.yaml")
    } <= set(files)
    versions = yaml.safe_load(files["versions.yaml"])
    assert versions["kubernetes"]["gitVersion"].startswith("v1.")
    assert versions["customResourceDefinition"]["versions"] == ["v1alpha1"]
    assert "Ready" in files[f"{here}/events.yaml"]
    assert "logLevel Debug" in files["README.txt"]
    assert not any("secret" in name.lower() for name in files)


def test_what_may_not_be_read_is_named_in_it(todo: Assistants, tmp_path: Path) -> None:
    few = user(todo, tmp_path, f"get,list {CHAT}", "list pods", "get pods/log")
    result = few.run("support-bundle", "--file", "mine.tar.gz")
    assert (result.returncode, result.stdout) == (0, "mine.tar.gz\n")
    assert "not-readable.txt" in result.stderr
    files = _unpacked(few.folder / "mine.tar.gz")
    assert 'cannot list resource "deployments"' in files["not-readable.txt"]
    assert 'cannot list resource "events"' in files["not-readable.txt"]
    everything = "\n".join(files.values())
    assert KEY not in everything


def test_where_it_cannot_be_written(cli: CommandLine) -> None:
    result = cli.run("support-bundle", "--no-logs", "--file", "no/such/folder.tar.gz")
    assert result.returncode == 2
    assert "Name another with --file" in result.stderr
