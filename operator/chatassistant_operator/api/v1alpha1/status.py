"""What the operator says of a ChatAssistant."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field

from chatassistant_operator.api.v1alpha1.base import ApiModel


class Condition(ApiModel):
    """One aspect of the assistant's state."""

    type: Annotated[str, Field(max_length=316)]
    """Which aspect."""

    status: Literal["True", "False", "Unknown"]
    """Whether it holds."""

    reason: Annotated[str, Field(max_length=1024)]
    """Why, in one CamelCase word for machines."""

    message: Annotated[str, Field(max_length=32_768)]
    """Why, and what to do, in words for people."""

    last_transition_time: datetime
    """When the status changed last."""

    observed_generation: Annotated[int, Field(ge=0)] | None = None
    """The generation of the object that this was said of."""


class Pricing(ApiModel):
    """What the model costs, in USD a token."""

    prompt: Annotated[str, Field(max_length=64)]
    """USD for a token of the prompt."""

    completion: Annotated[str, Field(max_length=64)]
    """USD for a token of the answer."""


class ModelStatus(ApiModel):
    """What the gateway's catalogue says of the model."""

    name: Annotated[str, Field(max_length=200)]
    """The model's id."""

    context_length: int | None = None
    """How many tokens prompt and answer may have together."""

    supports_tools: bool | None = None
    """Whether it can call tools."""

    free: bool | None = None
    """Whether it costs nothing."""

    pricing: Pricing | None = None
    """What it costs; empty where that varies."""


class CredentialsStatus(ApiModel):
    """What the gateway says of the key."""

    key_label: Annotated[str, Field(max_length=256)] | None = None
    """The gateway's own label of the key."""

    fingerprint: Annotated[str, Field(max_length=64)] | None = None
    """The first 12 hexadecimal digits of the key's SHA-256; only of a well-formed OpenRouter key."""

    revision: Annotated[str, Field(max_length=64)] | None = None
    """What another version of the Secret changes, and is made of nothing in it; only where there is no fingerprint."""

    free_tier: bool | None = None
    """Whether the account has bought no credits."""

    expires_at: datetime | None = None
    """When the key ends."""

    last_accepted_time: datetime | None = None
    """When the gateway last accepted the key, as known when CredentialsValid last changed."""

    @property
    def subject(self) -> str | None:
        """What tells of which key this is said."""
        return self.fingerprint or self.revision


class ToolServerStatus(ApiModel):
    """What the pods say of an MCP server."""

    server: Annotated[str, Field(max_length=63)]
    """The server's name in the spec."""

    names: Annotated[
        tuple[Annotated[str, Field(max_length=128)], ...],
        Field(max_length=256, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = ()
    """The tools that the model may call."""


class UsageStatus(ApiModel):
    """What was used, as the pods that run tell: the figures are of one day (UTC) that is over."""

    day: date | None = None
    """The last finished day on which anything was asked."""

    requests: Annotated[int, Field(ge=0)] | None = None
    """How many completions the gateway gave on that day."""

    prompt_tokens: Annotated[int, Field(ge=0)] | None = None
    """How many tokens their prompts had."""

    completion_tokens: Annotated[int, Field(ge=0)] | None = None
    """How many tokens their answers had."""

    usd: Annotated[str, Field(max_length=64)] | None = None
    """What the gateway charged for them, in USD, as a decimal number."""

    cached_requests: Annotated[int, Field(ge=0)] | None = None
    """How many completions the cache gave on that day; they are none of the requests."""

    saved_usd: Annotated[str, Field(max_length=64)] | None = None
    """What the gateway had charged for those when they were fresh, in USD, as a decimal number."""

    budget_percent: Annotated[int, Field(ge=0, le=100)] | None = None
    """How much of today's budget.dailyUSD is spent, once that is 50, 80 or 100 percent; with the store Memory of that pod
    of which it is the most."""


class Rollout(ApiModel):
    """One roll-out of the pods: what was asked for, when, and what came of it."""

    revision: Annotated[str, Field(max_length=63)]
    """The revision of the pods, as in the Deployment's annotation chatassistant.dev/revision."""

    configuration: Annotated[str, Field(max_length=63)]
    """The hash in the name of the ConfigMap that the pods read."""

    model: Annotated[str, Field(max_length=200)]
    """The model that it answers with."""

    time: datetime
    """When it began."""

    outcome: Literal["Progressing", "Succeeded", "Failed", "Superseded"]
    """What came of it."""

    reason: Annotated[str, Field(max_length=128)] | None = None
    """Why it failed."""


class Status(ApiModel):
    """What the operator says of a ChatAssistant."""

    observed_generation: Annotated[int, Field(ge=0)] | None = None
    """The generation of the object that this status speaks of."""

    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            max_length=32,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
        ),
    ] = ()
    """The aspects of the assistant's state; Ready sums them up."""

    reconciling_since: datetime | None = None
    """Since when work on this generation is under way; what may still arrive is given up ten minutes after."""

    last_handled_validate_at: Annotated[str, Field(max_length=256)] | None = None
    """The value of the annotation chatassistant.dev/validate-at for which Secret, key and model were looked at."""

    url: Annotated[str, Field(max_length=2048)] | None = None
    """Where the assistant answers: at the Ingress's or the route's host if there is one, else inside the cluster."""

    replicas: Annotated[int, Field(ge=0)] | None = None
    """How many pods there are."""

    ready_replicas: Annotated[int, Field(ge=0)] | None = None
    """How many pods are ready."""

    selector: Annotated[str, Field(max_length=1024)] | None = None
    """The label selector of the pods, for autoscalers."""

    model: ModelStatus | None = None
    """What the gateway's catalogue says of the model."""

    credentials: CredentialsStatus | None = None
    """What the gateway says of the key."""

    tools: Annotated[
        tuple[ToolServerStatus, ...],
        Field(
            max_length=16,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["server"]},
        ),
    ] = ()
    """What the MCP servers offer, as the pods say."""

    usage: UsageStatus | None = None
    """What was used."""

    history: Annotated[
        tuple[Rollout, ...], Field(max_length=5, json_schema_extra={"x-kubernetes-list-type": "atomic"})
    ] = ()
    """The last roll-outs, the newest first."""
