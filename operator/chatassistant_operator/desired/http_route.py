"""The HTTPRoute: the Gateway API's way in from outside."""

from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.desired.metadata import object_meta
from chatassistant_operator.observed import Manifest


def http_route(assistant: ChatAssistant) -> Manifest | None:
    """The HTTPRoute, if the spec asks for one: every path leads to the Service."""
    wanted = assistant.spec.http_route
    if wanted is None:
        return None
    rule = {
        "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
        "backendRefs": [{"name": assistant.metadata.name, "port": assistant.spec.service.port}],
    }
    spec = wanted.model_dump(by_alias=True, exclude_none=True, exclude_defaults=True, mode="json")
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": object_meta(assistant),
        "spec": spec | {"rules": [rule]},
    }
