"""The completion of one token by which `validation.mode: Completion` tries key, model and parameters."""

import re
from http import HTTPStatus
from typing import Any, Final

from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.api.v1alpha1.model import Provider
from chatassistant_operator.desired.metadata import digest

_MORE_TOKENS: Final = 16
_MOST_TOKENS: Final = re.compile(r"max_\w*tokens")


def trial(assistant: ChatAssistant) -> dict[str, Any]:
    """The request, with the spec's real parameters and in the gateway's words."""
    model = assistant.spec.model
    parameters = model.parameters.model_dump(exclude_none=True)
    if not parameters["stop"]:
        del parameters["stop"]
    request = {
        "model": model.name,
        "messages": [{"role": "user", "content": "Hi"}],
        **parameters,
        "max_tokens": 1,
    }
    return request | ({"provider": preferences(model.provider)} if model.provider else {})


def more_tokens(request: dict[str, Any], status: int, words: str) -> dict[str, Any] | None:
    """The request for a model that answers with no fewer than 16 tokens, as OpenAI's do; None where that is not why.

    They are told of as `Invalid 'max_output_tokens': integer below minimum value` (vllm-project/guidellm#370).
    """
    too_few = status == HTTPStatus.BAD_REQUEST and _MOST_TOKENS.search(words) is not None
    return request | {"max_tokens": _MORE_TOKENS} if too_few else None


def trial_digest(assistant: ChatAssistant, credential_revision: str) -> str:
    """What tells two trials apart: gateway, key, model and parameters."""
    return digest([assistant.spec.gateway.base_url, credential_revision, trial(assistant)])


def preferences(provider: Provider) -> dict[str, Any]:
    """Routing preferences as OpenRouter has them; its schema types prices as strings."""
    said = provider.model_dump(mode="json", exclude_none=True, exclude={"max_price"})
    said = {name: value for name, value in said.items() if value != []}
    if provider.max_price is not None:
        prices = provider.max_price.model_dump(exclude_none=True)
        said["max_price"] = {name: f"{price:g}" for name, price in prices.items()}
    return said
