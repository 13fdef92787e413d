"""Does the operator's policy allow what the spec asks for?"""

from collections.abc import Iterator

from chatassistant_operator.api.policy import Policy
from chatassistant_operator.api.reasons import ConditionType, Reason
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.finding import Finding
from chatassistant_operator.observed import Observed


def the_policy_allows(assistant: ChatAssistant, seen: Observed) -> Finding | None:
    """`PolicyDenied` for the first thing that the policy forbids."""
    denial = next(_denials(assistant, seen.policy), None)
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
    return next(_denials(assistant, policy), None) is not None


def _denials(assistant: ChatAssistant, policy: Policy) -> Iterator[tuple[str, str, str]]:
    """(field, value, setting that would allow it) for each thing that is forbidden."""
    spec = assistant.spec
    if not policy.allows_gateway(spec.gateway.base_url):
        yield "spec.gateway.baseURL", spec.gateway.base_url, "allowedGateways"
    if spec.image is not None and not policy.allows_image(spec.image):
        yield "spec.image", spec.image, "allowedImages"
    for field, url in endpoints(assistant):
        if not policy.allows_endpoint(url, assistant.metadata.namespace):
            yield field, url, "allowedEndpoints"
    if not policy.allows_service_type(spec.service.type):
        yield "spec.service.type", spec.service.type, "allowedServiceTypes"
    priority_class = spec.pod.priority_class_name
    if priority_class is not None and not policy.allows_priority_class(priority_class):
        yield "spec.pod.priorityClassName", priority_class, "allowedPriorityClasses"
    metadata = {
        "spec.pod.labels": spec.pod.labels,
        "spec.pod.annotations": spec.pod.annotations,
        "spec.service.annotations": spec.service.annotations,
    }
    for field, entries in metadata.items():
        for key in entries:
            if not policy.allows_metadata(key):
                yield field, key, "allowedMetadata"


def endpoints(assistant: ChatAssistant) -> Iterator[tuple[str, str]]:
    """(field, URL) of everything that pods are told to call beside the gateway."""
    spec = assistant.spec
    for index, server in enumerate(spec.tools.mcp_servers):
        yield f"spec.tools.mcpServers[{index}].url", server.url
    if spec.access.oidc is not None:
        yield "spec.access.oidc.issuer", spec.access.oidc.issuer
    if spec.observability.otlp_endpoint is not None:
        yield "spec.observability.otlpEndpoint", spec.observability.otlp_endpoint
