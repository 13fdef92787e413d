"""The CRD on a real API server: what it says, and what it refuses."""

import json
from pathlib import Path
from typing import Any

import pytest

from support.assistants import merged
from support.bad_manifests import BAD, KEY, Bad
from support.control_plane import CRDS, ControlPlane
from support.samples import ASSISTANTS


def _good(namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": "chatassistant.dev/v1alpha1",
        "kind": "ChatAssistant",
        "metadata": {"name": "todo", "namespace": namespace},
        "spec": {"credentials": {"apiKeySecretRef": {"name": "openrouter-secret"}}},
    }


def test_installs_with_no_warning(kubernetes: ControlPlane) -> None:
    result = kubernetes.kubectl("replace", "-f", str(CRDS))
    assert result.stderr == ""


def test_a_new_object_waits_to_be_looked_at(kubernetes: ControlPlane, namespace: str) -> None:
    kubernetes.kubectl("apply", "-f", "-", stdin=json.dumps(_good(namespace)))
    table = kubernetes.kubectl("get", "chat", "-n", namespace).stdout.splitlines()
    assert table[0].split() == ["NAME", "READY", "REASON", "MODEL", "REPLICAS", "AGE"]
    assert table[1].split()[:4] == ["todo", "Unknown", "Pending", "openrouter/free"]
    wide = kubernetes.kubectl("get", "chat", "-n", namespace, "-o", "wide").stdout
    assert wide.split("\n")[0].split()[-3:] == ["URL", "MESSAGE", "KEY"]
    waited = kubernetes.kubectl(
        "wait", "chat/todo", "-n", namespace, "--for=condition=Ready", "--timeout=0s", check=False
    )
    assert waited.returncode != 0


def test_explains_itself(kubernetes: ControlPlane) -> None:
    explained = kubernetes.kubectl("explain", "chat.spec.credentials.apiKeySecretRef").stdout
    assert "The Secret with the OpenRouter API key." in explained
    assert "The Secret's name, not the key itself." in explained
    everything = kubernetes.kubectl("explain", "chat.spec", "--recursive").stdout
    assert "topologySpreadConstraints" in everything


def test_every_field_is_described() -> None:
    import yaml  # noqa: PLC0415 (only here)

    (crd,) = yaml.safe_load_all(next(CRDS.glob("*.yaml")).read_text(encoding="utf-8"))
    root = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]

    def undescribed(path: str, schema: dict[str, Any]) -> list[str]:
        found = [] if schema.get("description") else [path]
        for name, each in schema.get("properties", {}).items():
            found += undescribed(f"{path}.{name}", each)
        if "properties" in schema.get("items", {}):
            found += undescribed(f"{path}[]", schema["items"])
        return found

    assert undescribed("spec", root["properties"]["spec"]) == []
    assert undescribed("status", root["properties"]["status"]) == []


def test_scales(kubernetes: ControlPlane, namespace: str) -> None:
    kubernetes.kubectl("apply", "-f", "-", stdin=json.dumps(_good(namespace)))
    kubernetes.kubectl("scale", "chat/todo", "-n", namespace, "--replicas=2")
    got = kubernetes.kubectl("get", "chat/todo", "-n", namespace, "-o", "jsonpath={.spec.replicas}")
    assert got.stdout == "2"


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.id)
def test_refused(kubernetes: ControlPlane, namespace: str, bad: Bad) -> None:
    manifest = merged(_good(namespace), bad.change)
    result = kubernetes.kubectl("apply", "-f", "-", stdin=json.dumps(manifest), check=False)
    output = result.stdout + result.stderr
    assert result.returncode != 0, output
    assert bad.field in output
    assert bad.cure in output
    assert KEY not in output


@pytest.mark.parametrize("sample", ASSISTANTS, ids=lambda path: path.name)
def test_samples_are_accepted(kubernetes: ControlPlane, namespace: str, sample: Path) -> None:
    text = sample.read_text(encoding="utf-8").replace("namespace: todo-chatbot", f"namespace: {namespace}")
    result = kubernetes.kubectl("apply", "-n", namespace, "-f", "-", stdin=text)
    assert result.stderr == ""
