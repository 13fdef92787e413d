"""The Ingress: one way in from outside."""

from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.desired.metadata import object_meta
from chatassistant_operator.observed import Manifest


def ingress(assistant: ChatAssistant) -> Manifest | None:
    """The Ingress, if the spec asks for one: a host's every path leads to the Service."""
    wanted = assistant.spec.ingress
    if wanted is None:
        return None
    backend = {"service": {"name": assistant.metadata.name, "port": {"name": "http"}}}
    spec: Manifest = {
        "rules": [
            {
                "host": wanted.host,
                "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]},
            }
        ]
    }
    if wanted.class_name is not None:
        spec["ingressClassName"] = wanted.class_name
    if wanted.tls_secret_name is not None:
        spec["tls"] = [{"hosts": [wanted.host], "secretName": wanted.tls_secret_name}]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": object_meta(assistant, annotations=dict(wanted.annotations)),
        "spec": spec,
    }
