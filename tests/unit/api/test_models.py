"""The models refuse what the API server refuses, in words for people and without values."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from chatassistant_operator.api.v1alpha1 import ChatAssistant, explain
from support.assistants import merged
from support.bad_manifests import BAD, KEY, Bad
from support.samples import ASSISTANTS

GOOD: dict[str, Any] = {
    "apiVersion": "chatassistant.dev/v1alpha1",
    "kind": "ChatAssistant",
    "metadata": {
        "name": "todo",
        "namespace": "todo-chatbot",
        "uid": "1",
        "generation": 1,
        "creationTimestamp": "2026-01-01T00:00:00Z",
    },
    "spec": {"credentials": {"apiKeySecretRef": {"name": "openrouter-secret"}}},
}


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.id)
def test_refused(bad: Bad) -> None:
    with pytest.raises(ValidationError) as refusal:
        ChatAssistant.parse(merged(GOOD, bad.change), strict=True)
    text = "\n".join(explain(refusal.value))
    assert bad.field in text
    assert bad.cure in text
    assert KEY not in text + str(refusal.value)


@pytest.mark.parametrize("sample", ASSISTANTS, ids=lambda path: path.name)
def test_samples_are_valid(sample: Path) -> None:
    for document in yaml.safe_load_all(sample.read_text(encoding="utf-8")):
        if document["kind"] == "ChatAssistant":
            ChatAssistant.parse(merged(document, {"metadata": GOOD["metadata"]}), strict=True)


def test_an_objects_unknown_fields_are_passed_over() -> None:
    newer = merged(GOOD, {"spec": {"invented": {"later": 1}}, "metadata": {"labels": {"a": "b"}}})
    assert ChatAssistant.parse(newer).metadata.name == "todo"
