"""Everything that one reconcile knows of the world: read once, frozen, plain data.

- `named.py`: what is read by its name, Secrets and ConfigMaps.
- `gateway.py`: what the gateway says of keys, models, providers and completions.
- `pods.py`: what is read of ReplicaSets and pods, and what pods say of themselves.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from chatassistant_operator.api.policy import Policy
from chatassistant_operator.observed.gateway import (
    CatalogueVerdict,
    CompletionVerdict,
    EndpointsVerdict,
    KeyVerdict,
)
from chatassistant_operator.observed.named import (
    CredentialReading,
    OtherSecretReading,
    PromptReading,
    ServiceReading,
)
from chatassistant_operator.observed.pods import Pod, ReplicaSet, ReportReading

Manifest: TypeAlias = dict[str, Any]
"""A Kubernetes object as JSON has it."""

Child: TypeAlias = tuple[str, str]
"""A child of a ChatAssistant, by kind and name."""


def annotation(manifest: Manifest | None, name: str) -> str | None:
    """What an object says under an annotation; None where it says nothing, or there is no object."""
    annotations: dict[str, str] = manifest["metadata"].get("annotations", {}) if manifest else {}
    return annotations.get(name)


def is_running(deployment: Manifest | None) -> bool:
    """Whether a Deployment asks for any pod."""
    return bool(deployment and deployment["spec"].get("replicas"))


def is_rolling(deployment: Manifest) -> bool:
    """Whether a Deployment's pods are being begun or replaced, and it still gets on with that.

    The Deployment controller says `NewReplicaSetAvailable` when it is done, and what goes wrong later changes nothing
    about that; what has not got on for its progress deadline has `Progressing=False`.
    """
    status = deployment.get("status", {})
    if status.get("observedGeneration", 0) < deployment["metadata"].get("generation", 0):
        return True
    conditions: list[dict[str, str]] = status.get("conditions", [])
    return any(
        each["type"] == "Progressing"
        and each["status"] == "True"
        and each.get("reason") != "NewReplicaSetAvailable"
        for each in conditions
    )


@dataclass(frozen=True, slots=True)
class Children:
    """What a ChatAssistant owns, as last seen.

    `others` are what it may own or not, by kind and name; `scaled_by_others` is whether somebody else said last how
    many pods the Deployment asks for.
    """

    deployment: Manifest | None = None
    replica_sets: tuple[ReplicaSet, ...] = ()
    config_maps: tuple[str, ...] = ()
    pods: tuple[Pod, ...] = ()
    others: frozenset[Child] = frozenset()
    scaled_by_others: bool = False


@dataclass(frozen=True, slots=True)
class Defaults:
    """What the operator's settings give to assistants that do not say otherwise.

    `trusted_proxies` are the networks, as CIDRs, whose `X-Forwarded-For` chatbots believe; `environment` what leads them
    to a proxy, `ca_bundle` the certificates, as PEM, of those who sign for the gateway; `metrics_namespaces` the
    namespaces from which metrics may be read, `egress` the networks, as CIDRs, that pods may reach besides;
    `monitoring_labels` are on what is for the Prometheus Operator.
    """

    image: str
    trusted_proxies: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    ca_bundle: str | None = None
    metrics_namespaces: tuple[str, ...] = ()
    egress: tuple[str, ...] = ()
    monitoring_labels: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Observed:
    """The world as one reconcile sees it; None stands for what was not to be asked.

    `secrets` are those other than the API key's, by name; `access_token` is the Secret that the operator makes where
    the spec names none; `endpoints` who serves each model, by id, as far as the
    spec's provider preferences ask for it; `zero_retention` the endpoints that retain nothing; `reports` what each
    pod says of itself, by its name; `services` are those of its namespace that pods are told to call, by name;
    `has_looked` whether all of Secrets and gateway was asked since somebody wished for it; `has_turn` whether pods may
    roll now that no author asked for.
    """

    now: datetime
    policy: Policy
    defaults: Defaults
    credential: CredentialReading
    prompt: PromptReading | None
    key: KeyVerdict | None
    catalogue: CatalogueVerdict | None
    children: Children
    secrets: Mapping[str, OtherSecretReading] = field(default_factory=dict[str, OtherSecretReading])
    access_token: OtherSecretReading | None = None
    endpoints: Mapping[str, EndpointsVerdict] = field(default_factory=dict[str, EndpointsVerdict])
    zero_retention: EndpointsVerdict | None = None
    completion: CompletionVerdict | None = None
    reports: Mapping[str, ReportReading] = field(default_factory=dict[str, ReportReading])
    services: Mapping[str, ServiceReading] = field(default_factory=dict[str, ServiceReading])
    has_looked: bool = True
    has_turn: bool = True
