"""The chatbot's configuration: immutable and named by its hash.

So each revision of the pods keeps the configuration it was made with: a restart in mid-roll or
`kubectl rollout undo` reads what belongs to it.
"""

import json
from decimal import Decimal
from typing import Any, Final, cast

from chatassistant_operator.api import names
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.api.v1alpha1.base import ApiModel
from chatassistant_operator.api.v1alpha1.limits import Budget
from chatassistant_operator.api.v1alpha1.tools import Tools
from chatassistant_operator.desired.metadata import digest, object_meta
from chatassistant_operator.desired.prices import prices
from chatassistant_operator.observed import Manifest, Observed
from chatassistant_operator.observed.named import Prompt

CONFIG_FILE: Final = "config.json"
CA_FILE: Final = "ca.pem"
_DEFAULT_PROMPT: Final = "You are a helpful assistant"


def config_map(assistant: ChatAssistant, seen: Observed) -> Manifest:
    """The ConfigMap with the file that the chatbot reads at its start."""
    content = json.dumps(_configuration(assistant, seen), indent=2, ensure_ascii=False) + "\n"
    files = {CONFIG_FILE: content}
    if seen.defaults.ca_bundle is not None:
        files[CA_FILE] = seen.defaults.ca_bundle
    # Without a bundle as before there could be one: a new release rolls no pods for what they do not use.
    name = names.config_map(assistant.metadata.name, digest(files if len(files) > 1 else content))
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": object_meta(assistant, name),
        "immutable": True,
        "data": files,
    }


def header_variable(server: int, header: int) -> str:
    """The variable of the pods' environment that holds the value of a tool server's header."""
    return f"MCP_HEADER_{server}_{header}"


def _configuration(assistant: ChatAssistant, seen: Observed) -> dict[str, Any]:
    spec = assistant.spec
    prompt = seen.prompt.text if isinstance(seen.prompt, Prompt) else spec.system_prompt
    content = {
        "name": assistant.metadata.name,
        "namespace": assistant.metadata.namespace,
        "model": _said(spec.model),
        "systemPrompt": _DEFAULT_PROMPT if prompt is None else prompt,
        "gateway": _said(spec.gateway),
        "access": _said(spec.access, without={"token_secret_ref"}),
        "observability": _said(spec.observability, without={"service_monitor", "prometheus_rule"}),
    }
    # What is not asked for is left out: a new field of the API must roll no pods that do not use it.
    if spec.credentials.delivery != "Env":
        content["credentials"] = {"delivery": spec.credentials.delivery}
    if spec.tools.mcp_servers:
        content["tools"] = _tools(spec.tools)
    return content | _asked_for(assistant, seen)


def _asked_for(assistant: ChatAssistant, seen: Observed) -> dict[str, Any]:
    """What the spec has beside the chatbot's own defaults of cache, limits, budget and store."""
    spec = assistant.spec
    parts: dict[str, Any] = {
        "cache": _changed(spec.cache),
        "faq": [_said(each) for each in spec.faq],
        "rateLimit": _changed(spec.rate_limit),
        "limits": _changed(spec.limits),
        "budget": _budget(spec.budget),
        "prices": {name: price.model_dump() for name, price in prices(assistant, seen).items() if price},
        "store": {"type": spec.store.type} if spec.store.type != "Memory" else {},
        "trustedProxies": list(seen.defaults.trusted_proxies),
    }
    if spec.store.type == "Redis":
        # Several assistants may share one: it tells their entries apart.
        parts["uid"] = assistant.metadata.uid
    return _without_empty(parts)


def _budget(budget: Budget) -> dict[str, Any]:
    """The budget, with the amount as a decimal string: the shortest one that means the spec's number."""
    said = _changed(budget)
    if budget.daily_usd is not None:
        said["dailyUSD"] = f"{Decimal(str(budget.daily_usd)).normalize():f}"
    return said


def _tools(tools: Tools) -> dict[str, Any]:
    """The MCP servers; header values stand in the environment and nowhere else."""
    servers = [
        {
            **_said(server),
            "headers": [
                {"name": header.name, "env": header_variable(index, number)}
                for number, header in enumerate(server.headers_from)
            ],
        }
        for index, server in enumerate(tools.mcp_servers)
    ]
    return {
        "maxRounds": tools.max_rounds,
        "mcpServers": [
            {field: value for field, value in server.items() if field != "headersFrom"} for server in servers
        ],
    }


def _said(part: ApiModel, without: set[str] | None = None) -> dict[str, Any]:
    """A part of the spec as the configuration has it, without what is empty."""
    return _without_empty(part.model_dump(by_alias=True, exclude_none=True, exclude=without, mode="json"))


def _changed(part: ApiModel) -> dict[str, Any]:
    """The fields of a part of the spec that are not as the API and the chatbot have them by default."""
    return part.model_dump(by_alias=True, exclude_defaults=True, mode="json")


def _without_empty(content: dict[str, Any]) -> dict[str, Any]:
    kept = {
        name: _without_empty(cast("dict[str, Any]", value)) if isinstance(value, dict) else value
        for name, value in content.items()
    }
    return {name: value for name, value in kept.items() if value not in ({}, [])}
