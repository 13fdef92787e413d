"""A ChatAssistant and a world in which all is well, to be changed by tests of the pure core."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from chatassistant_operator import checks
from chatassistant_operator.api import names
from chatassistant_operator.api.api_key import ApiKey
from chatassistant_operator.api.policy import Policy
from chatassistant_operator.api.reasons import ConditionType, Reason
from chatassistant_operator.api.v1alpha1 import ChatAssistant, Status
from chatassistant_operator.finding import Truth
from chatassistant_operator.observed import Children, Defaults, Manifest, Observed
from chatassistant_operator.observed.gateway import Catalogue, KeyAccepted, Model
from chatassistant_operator.observed.named import Credential
from support.assistants import merged


def model(id_: str, price: str = "0", **changes: Any) -> Model:
    """A row of a catalogue; price in USD a token, in and out."""
    facts: dict[str, Any] = {
        "context_length": 400_000,
        "max_completion_tokens": 32_768,
        "supports_tools": True,
        "prompt_price": Decimal(price),
        "completion_price": Decimal(price),
        "canonical_slug": f"{id_.partition(':')[0]}-20260601",
    }
    return Model(id=id_, name=id_, **(facts | changes))


KEY = ApiKey("sk-or-v1-" + "0123456789abcdef" * 4)
OTHER_KEY = ApiKey("sk-or-v1-" + "fedcba9876543210" * 4)
CATALOGUE = Catalogue(
    {
        row.id: row
        for row in (
            model("openai/gpt-5-mini", "0.00000025"),
            model("openai/gpt-5-mini:batch", "0.00000012"),
            model("openai/gpt-5-image", "0.00001", answers_in_text=False),
            model("openai/gpt-4o-mini", "0.00000015"),
            model("openai/gpt-3.5-turbo-instruct", "0.0000015", supports_tools=False),
            model("~openai/gpt-mini-latest", "0.00000025"),
            model("meta-llama/llama-3.3-70b-instruct", "0.0000001"),
            model("meta-llama/llama-3.1-8b-instruct", "0.00000002", max_completion_tokens=None, context_length=16_384),
            model("qwen/qwen-plus-2025-07-28", "0.0000004"),
            model("qwen/qwen-plus-2025-07-28:thinking", "0.0000004"),
            model("google/gemma-4-31b-it", "0.0000001"),
            model("google/gemma-4-31b-it:free"),
            model("nvidia/nemotron-3-ultra-550b-a55b:free"),
            model("nvidia/nemotron-3.5-content-safety:free", supports_tools=False),
            model("gryphe/mythomax-l2-13b", "0.00000006", supports_tools=False, context_length=4096),
            model("mistralai/mistral-7b-instruct", "0.00000003", expiration_date=date(2026, 12, 31)),
            model("openrouter/free"),
        )
    }
)  # fmt: skip
NOW = datetime(2026, 11, 24, tzinfo=UTC)
GOOD = Observed(
    now=NOW,
    policy=Policy(allowed_gateways=("*",)),
    defaults=Defaults(image="ghcr.io/chatassistant-dev/chatbot:1.0.0"),
    credential=Credential(KEY, KEY.fingerprint or ""),
    prompt=None,
    key=KeyAccepted("sk-or-v1-012...def"),
    catalogue=CATALOGUE,
    children=Children(),
)


class Situation(NamedTuple):
    """What is asked for, what is seen beside `GOOD`, and what a condition says of it then."""

    name: str
    spec: dict[str, Any]
    seen: dict[str, Any]
    condition: ConditionType
    truth: Truth
    reason: Reason
    words: str
    """A part of the message."""


def confirm(situation: Situation) -> None:
    """What the checks find in a situation is what it says."""
    found = checks.run(assistant(**situation.spec), replace(GOOD, **situation.seen))[situation.condition]
    assert (found.truth, found.reason) == (situation.truth, situation.reason), found
    assert situation.words in found.message, found.message
    assert found.message.endswith((".", "`")), "a message is a sentence"


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


def written(status: Status | None, generation: int = 1, **spec: Any) -> ChatAssistant:
    """The ChatAssistant once a status is written: as an operator that knows nothing else finds it."""
    assert status is not None
    manifest = body(**spec)
    manifest["metadata"]["generation"] = generation
    manifest["status"] = status.model_dump(by_alias=True, exclude_none=True, mode="json")
    return ChatAssistant.parse(manifest)


def running(
    revision: str = "r1", *, replicas: int = 1, accepted: str | None = None, **status: Any
) -> Manifest:
    """A Deployment as far as checks look at it."""
    annotations = {names.REVISION_ANNOTATION: revision}
    if accepted is not None:
        annotations[names.ACCEPTED_CREDENTIALS_ANNOTATION] = accepted
    container = {"name": "chatbot", "image": "ghcr.io/x/y:1", "resources": {"limits": {"memory": "256Mi"}}}
    return {
        "metadata": {"name": "todo", "annotations": annotations},
        "spec": {"replicas": replicas, "template": {"spec": {"containers": [container]}}},
        "status": status,
    }
