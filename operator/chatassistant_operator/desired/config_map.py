"""The chatbot's configuration: immutable and named by its hash.

So each revision of the pods keeps the configuration it was made with: a restart in mid-roll or
`kubectl rollout undo` reads what belongs to it.
"""

import json
from typing import Any, Final

from chatassistant_operator.api import names
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.desired.metadata import digest, object_meta
from chatassistant_operator.observed import Manifest, Observed, Prompt

CONFIG_FILE: Final = "config.json"
_DEFAULT_PROMPT: Final = "You are a helpful assistant"


def config_map(assistant: ChatAssistant, seen: Observed) -> Manifest:
    """The ConfigMap with the file that the chatbot reads at its start."""
    content = json.dumps(_configuration(assistant, seen), indent=2, ensure_ascii=False) + "\n"
    name = names.config_map(assistant.metadata.name, digest(content))
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": object_meta(assistant, name),
        "immutable": True,
        "data": {CONFIG_FILE: content},
    }


def _configuration(assistant: ChatAssistant, seen: Observed) -> dict[str, Any]:
    spec = assistant.spec
    prompt = seen.prompt.text if isinstance(seen.prompt, Prompt) else spec.system_prompt
    return {
        "name": assistant.metadata.name,
        "namespace": assistant.metadata.namespace,
        "model": spec.model.model_dump(by_alias=True, exclude_none=True, mode="json"),
        "systemPrompt": _DEFAULT_PROMPT if prompt is None else prompt,
        "gateway": spec.gateway.model_dump(by_alias=True, exclude_none=True, mode="json"),
        "access": {"mode": "None"},
        "observability": {"logLevel": spec.observability.log_level},
    }
