"""The kinds of objects that the operator deals with, and where the API server has them."""

from dataclasses import dataclass
from typing import Final

from chatassistant_operator.api import names


@dataclass(frozen=True, slots=True)
class Kind:
    """A namespaced kind."""

    name: str
    plural: str
    group: str
    version: str

    @property
    def api_version(self) -> str:
        """As manifests have it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(
        self, namespace: str | None = None, name: str | None = None, subresource: str | None = None
    ) -> str:
        """The URL's path of a collection, an object or a subresource of it."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        place = f"/namespaces/{namespace}" if namespace else ""
        parts = [part for part in (name, subresource) if part]
        return "/".join([f"{root}{place}/{self.plural}", *parts])


SERVICE_ACCOUNT: Final = Kind("ServiceAccount", "serviceaccounts", "", "v1")
CONFIG_MAP: Final = Kind("ConfigMap", "configmaps", "", "v1")
SECRET: Final = Kind("Secret", "secrets", "", "v1")
SERVICE: Final = Kind("Service", "services", "", "v1")
DEPLOYMENT: Final = Kind("Deployment", "deployments", "apps", "v1")
REPLICA_SET: Final = Kind("ReplicaSet", "replicasets", "apps", "v1")
POD: Final = Kind("Pod", "pods", "", "v1")
EVENT: Final = Kind("Event", "events", "events.k8s.io", "v1")
LEASE: Final = Kind("Lease", "leases", "coordination.k8s.io", "v1")
CHAT_ASSISTANT: Final = Kind(names.KIND, names.PLURAL, names.GROUP, names.VERSION)

NETWORK_POLICY: Final = Kind("NetworkPolicy", "networkpolicies", "networking.k8s.io", "v1")
INGRESS: Final = Kind("Ingress", "ingresses", "networking.k8s.io", "v1")
AUTOSCALER: Final = Kind("HorizontalPodAutoscaler", "horizontalpodautoscalers", "autoscaling", "v2")
DISRUPTION_BUDGET: Final = Kind("PodDisruptionBudget", "poddisruptionbudgets", "policy", "v1")
HTTP_ROUTE: Final = Kind("HTTPRoute", "httproutes", "gateway.networking.k8s.io", "v1")
SERVICE_MONITOR: Final = Kind("ServiceMonitor", "servicemonitors", "monitoring.coreos.com", "v1")
PROMETHEUS_RULE: Final = Kind("PrometheusRule", "prometheusrules", "monitoring.coreos.com", "v1")

OPTIONAL: Final = (HTTP_ROUTE, SERVICE_MONITOR, PROMETHEUS_RULE)
"""The kinds that a cluster has only where somebody has installed them."""

OCCASIONAL: Final = (NETWORK_POLICY, INGRESS, AUTOSCALER, DISRUPTION_BUDGET, *OPTIONAL)
"""The kinds of which a ChatAssistant has an object only while its spec asks for it."""

CHILDREN: Final = (
    SERVICE_ACCOUNT,
    SERVICE,
    CONFIG_MAP,
    DEPLOYMENT,
    NETWORK_POLICY,
    INGRESS,
    AUTOSCALER,
    DISRUPTION_BUDGET,
)
"""The kinds that a ChatAssistant owns directly, of those that every cluster has."""

BY_NAME: Final = {kind.name: kind for kind in (*CHILDREN, *OPTIONAL)}
