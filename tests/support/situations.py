"""A ChatAssistant and a world in which all is well, to be changed by tests of the pure core."""

from decimal import Decimal
from typing import Any

from chatassistant_operator.api.api_key import ApiKey
from chatassistant_operator.api.policy import Policy
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.observed import (
    Catalogue,
    Children,
    Credential,
    Defaults,
    KeyAccepted,
    Model,
    Observed,
)
from support.assistants import merged

KEY = ApiKey("sk-or-v1-" + "0123456789abcdef" * 4)
CATALOGUE = Catalogue(
    {
        name: Model(name, name, 400_000, 32_768, supports_tools=True, prompt_price=Decimal(price), completion_price=Decimal(price))
        for name, price in (
            ("openai/gpt-5-mini", "0.00000025"),
            ("openai/gpt-4o-mini", "0.00000015"),
            ("meta-llama/llama-3.3-70b-instruct", "0.0000001"),
            ("openrouter/free", "0"),
        )
    }
)  # fmt: skip
GOOD = Observed(
    policy=Policy(allowed_gateways=("*",)),
    defaults=Defaults(image="ghcr.io/chatassistant-dev/chatbot:1.0.0"),
    credential=Credential(KEY, "1"),
    prompt=None,
    key=KeyAccepted("sk-or-v1-012...def"),
    catalogue=CATALOGUE,
    children=Children(),
)


def body(**spec: Any) -> dict[str, Any]:
    """A ChatAssistant as JSON has it, with changes to its spec."""
    base = {
        "credentials": {"apiKeySecretRef": {"name": "openrouter-secret"}},
        "model": {"name": "openai/gpt-5-mini"},
    }
    return {
        "apiVersion": "chatassistant.dev/v1alpha1",
        "kind": "ChatAssistant",
        "metadata": {
            "name": "todo",
            "namespace": "todo-chatbot",
            "uid": "11111111-2222-3333-4444-555555555555",
            "generation": 1,
            "resourceVersion": "1",
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": merged(base, spec),
    }


def assistant(**spec: Any) -> ChatAssistant:
    """The same, typed."""
    return ChatAssistant.parse(body(**spec))
