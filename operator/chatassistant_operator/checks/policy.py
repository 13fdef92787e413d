"""Does the operator's policy allow what the spec asks for?"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from chatassistant_operator.api.policy import ANY, Policy
from chatassistant_operator.api.reasons import ConditionType, Reason
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.finding import Finding
from chatassistant_operator.observed import Observed


def the_policy_allows(assistant: ChatAssistant, seen: Observed) -> Finding | None:
    """`PolicyDenied` for the first thing that the policy forbids."""
    denial = next(denials(assistant, seen.policy), None)
    if denial is None:
        return None
    field, value, setting = denial
    return Finding(
        ConditionType.APPLIED,
        "False",
        Reason.POLICY_DENIED,
        f"The operator's policy does not allow {field} {value!r}. Change {field}, or have whoever runs the "
        f"operator allow it in its setting policy.{setting}. Until then nothing is sent or rolled.",
    )


def denied(assistant: ChatAssistant, policy: Policy) -> bool:
    """Whether the policy forbids anything that the spec asks for: then no request may leave."""
    return next(denials(assistant, policy), None) is not None


def denials(assistant: ChatAssistant, policy: Policy) -> Iterator[tuple[str, str, str]]:
    """(field, value, setting that would allow it) for each thing that is forbidden."""
    spec = assistant.spec
    allows_endpoint = partial(policy.allows_endpoint, namespace=assistant.metadata.namespace)
    wishes: tuple[tuple[str, Callable[[str], bool], Iterable[tuple[str, str]]], ...] = (
        ("allowedGateways", policy.allows_gateway, _single("spec.gateway.baseURL", spec.gateway.base_url)),
        ("allowedImages", policy.allows_image, _single("spec.image", spec.image)),
        ("allowedEndpoints", allows_endpoint, endpoints(assistant)),
        ("allowedServiceTypes", policy.allows_service_type, _single("spec.service.type", spec.service.type)),
        (
            "allowedPriorityClasses",
            policy.allows_priority_class,
            _single("spec.pod.priorityClassName", spec.pod.priority_class_name),
        ),
        (
            "allowedServiceAccounts",
            policy.allows_service_account,
            _single("spec.serviceAccountName", spec.service_account_name),
        ),
        ("allowedEgress", policy.allows_egress, _ranges(assistant)),
        ("allowedHosts", policy.allows_host, _hosts(assistant)),
        ("allowedMetadata", policy.allows_metadata, _metadata(assistant)),
    )
    for setting, allows, values in wishes:
        for field, value in values:
            if not allows(value):
                yield field, value, setting


def _single(field: str, value: str | None) -> Iterable[tuple[str, str]]:
    """(field, value) of what is said only once, if it is."""
    return () if value is None else ((field, value),)


def _metadata(assistant: ChatAssistant) -> Iterator[tuple[str, str]]:
    """(field, key) of every label and annotation that the spec gives to children."""
    spec = assistant.spec
    given = {
        "spec.pod.labels": spec.pod.labels,
        "spec.pod.annotations": spec.pod.annotations,
        "spec.service.annotations": spec.service.annotations,
        "spec.ingress.annotations": spec.ingress.annotations if spec.ingress else {},
    }
    return ((field, key) for field, entries in given.items() for key in entries)


def _ranges(assistant: ChatAssistant) -> Iterator[tuple[str, str]]:
    """(field, CIDR) of every range of addresses that the spec opens."""
    for index, rule in enumerate(assistant.spec.network_policy.additional_egress):
        for number, peer in enumerate(rule.to):
            field = f"spec.networkPolicy.additionalEgress[{index}].to[{number}].ipBlock.cidr"
            yield field, peer.ip_block.cidr


def _hosts(assistant: ChatAssistant) -> Iterator[tuple[str, str]]:
    """(field, host) of every name by which the assistant is to be reached from outside."""
    spec = assistant.spec
    if spec.ingress is not None:
        yield "spec.ingress.host", spec.ingress.host
    if spec.http_route is not None:
        for host in spec.http_route.hostnames or (ANY,):
            yield "spec.httpRoute.hostnames", host


def endpoints(assistant: ChatAssistant) -> Iterator[tuple[str, str]]:
    """(field, URL) of everything that pods are told to call beside the gateway."""
    spec = assistant.spec
    for index, server in enumerate(spec.tools.mcp_servers):
        yield f"spec.tools.mcpServers[{index}].url", server.url
    if spec.access.oidc is not None:
        yield "spec.access.oidc.issuer", spec.access.oidc.issuer
    if spec.observability.otlp_endpoint is not None:
        yield "spec.observability.otlpEndpoint", spec.observability.otlp_endpoint
