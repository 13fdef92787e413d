"""The manifest that `init` writes, and what is wrong with an answer for it."""

import re
from dataclasses import dataclass
from typing import Any, Final

import yaml

from chatassistant_operator.api import names
from chatassistant_operator.local.documents import parse
from chatassistant_operator.local.problems import problems

_NAMESPACE: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_LINE: Final = 1000


@dataclass(frozen=True, slots=True)
class Answers:
    """What `init` is told; each has a default that works, so that a key is all that anybody needs."""

    name: str = "assistant"
    namespace: str = "default"
    model: str = "openrouter/free"
    prompt: str = ""
    secret: str = "openrouter-secret"  # noqa: S105 (a Secret's name)


def manifest(answers: Answers) -> str:
    """The ChatAssistant as YAML."""
    spec: dict[str, Any] = {
        "model": {"name": answers.model},
        "credentials": {"apiKeySecretRef": {"name": answers.secret}},
    }
    if answers.prompt:
        spec["systemPrompt"] = answers.prompt
    body = {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "metadata": {"name": answers.name, "namespace": answers.namespace},
        "spec": spec,
    }
    return yaml.safe_dump(body, sort_keys=False, allow_unicode=True, width=_LINE)


def flaws(answers: Answers, field: str = "") -> list[str]:
    """What is wrong with the answers, as `field: what`; only with one field when it is named."""
    text = manifest(answers)
    (document,) = parse(text)[0]
    found = [f"{each.field}: {each.message}" for each in problems(document)]
    if _NAMESPACE.fullmatch(answers.namespace) is None:
        what = "must be at most 63 lower-case letters, digits and '-', as namespaces are"
        found.append(f"metadata.namespace: {what}")
    return [each for each in found if each.startswith(field)]
