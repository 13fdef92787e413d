"""The ServiceMonitor: the Prometheus Operator reads the pods' metrics."""

from chatassistant_operator.api import names
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.desired.metadata import object_meta
from chatassistant_operator.observed import Manifest, Observed


def service_monitor(assistant: ChatAssistant, seen: Observed) -> Manifest | None:
    """The ServiceMonitor, if the spec asks for one.

    A series has the labels `namespace`, `job` (the assistant's name) and `instance` (the pod's name), and no more: what
    the Prometheus Operator adds to these says the same again or changes with each pod's address.
    """
    if not assistant.spec.observability.service_monitor:
        return None
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "ServiceMonitor",
        "metadata": object_meta(assistant, labels=seen.defaults.monitoring_labels),
        "spec": {
            "selector": {"matchLabels": names.selector(assistant.metadata.name)},
            "endpoints": [
                {
                    # A port of the pods that the Service does not have.
                    "targetPort": "metrics",
                    "path": "/metrics",
                    "relabelings": [
                        {"sourceLabels": ["__meta_kubernetes_pod_name"], "targetLabel": "instance"},
                        {"action": "labeldrop", "regex": "pod|container|endpoint|service"},
                    ],
                }
            ],
        },
    }
