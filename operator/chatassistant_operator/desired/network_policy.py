"""The NetworkPolicy: pods reach, and are reached by, nobody but whom they need."""

from chatassistant_operator.api import names
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.desired.egress import NAMESPACE_LABEL, egress
from chatassistant_operator.desired.metadata import object_meta
from chatassistant_operator.observed import Manifest, Observed


def network_policy(assistant: ChatAssistant, seen: Observed) -> Manifest | None:
    """The NetworkPolicy of an assistant's pods, if it is wanted: requests from anywhere, metrics for few, and see `egress`.

    A kubelet's probes always pass.
    """
    if not assistant.spec.network_policy.enabled:
        return None
    ingress: list[Manifest] = [{"ports": [{"port": names.HTTP_PORT, "protocol": "TCP"}]}]
    if seen.defaults.metrics_namespaces:
        expression = {
            "key": NAMESPACE_LABEL,
            "operator": "In",
            "values": list(seen.defaults.metrics_namespaces),
        }
        ingress.append(
            {
                "from": [{"namespaceSelector": {"matchExpressions": [expression]}}],
                "ports": [{"port": names.METRICS_PORT, "protocol": "TCP"}],
            }
        )
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": object_meta(assistant),
        "spec": {
            "podSelector": {"matchLabels": names.selector(assistant.metadata.name)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": ingress,
            "egress": egress(assistant, seen),
        },
    }
