"""The Service: one address for the assistant's pods."""

from chatassistant_operator.api import names
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.desired.metadata import object_meta
from chatassistant_operator.observed import Manifest


def service(assistant: ChatAssistant) -> Manifest:
    """The Service in front of an assistant's pods."""
    spec = assistant.spec.service
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": object_meta(assistant, annotations=dict(spec.annotations)),
        "spec": {
            "type": spec.type,
            "selector": names.selector(assistant.metadata.name),
            "ports": [{"name": "http", "port": spec.port, "targetPort": "http", "protocol": "TCP"}],
        },
    }
