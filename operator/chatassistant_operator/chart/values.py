"""Everything that can be set of the chart; its `values.yaml`, schema and table are made of this."""

from typing import Annotated, Any, Final, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo

from chatassistant_operator.settings import Settings

CHARTS_OWN: Final = frozenset(
    {
        "ca_file",
        "chatbot_image",
        "health_host",
        "health_port",
        "lease_namespace",
        "metrics_host",
        "metrics_port",
    }
)
"""Settings that are no values, as the chart itself says what they are."""

Labels = dict[str, str]
KubernetesObject = dict[str, Any]


class Part(BaseModel):
    """Some of the values: camelCase, and nothing unknown."""

    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", frozen=True, use_attribute_docstrings=True
    )


class Image(Part):
    """An image."""

    repository: str
    """Where it is."""

    tag: str = ""
    """Its tag; the chart's appVersion when empty."""

    digest: Annotated[str, Field(pattern=r"^(sha256:[0-9a-f]{64})?$")] = ""
    """Its digest, which counts instead of the tag."""


class OperatorImage(Image):
    """The operator's image."""

    repository: str = "ghcr.io/chatassistant-dev/operator"
    """Where it is."""

    pull_policy: Literal["IfNotPresent", "Always", "Never"] = "IfNotPresent"
    """When the kubelet pulls it."""


class ChatbotImage(Image):
    """The image of ChatAssistants that name none."""

    repository: str = "ghcr.io/chatassistant-dev/chatbot"
    """Where it is; `policy.allowedImages` has to allow it."""


class ServiceAccount(Part):
    """The account under which the operator runs."""

    create: bool = True
    """Whether the chart makes it."""

    name: str = ""
    """Its name; the release's when empty."""

    annotations: Labels = {}
    """Annotations on it."""


class Rbac(Part):
    """What the operator and people may do."""

    create: bool = True
    """Whether the chart makes Roles and their bindings: one Role a namespace where `namespaces` lists some, which needs no
    ClusterRole, else a ClusterRole."""

    aggregate: bool = True
    """Whether the namespaces' own roles view, edit and admin see and change ChatAssistants too."""


class AdmissionPolicy(Part):
    """A ValidatingAdmissionPolicy that holds the operator's account to what the operator does."""

    enabled: bool = True
    """Whether the chart makes it; that needs the right to, which authors of a namespaced install may lack."""


class PodDisruptionBudget(Part):
    """How many operators a drain of nodes leaves."""

    enabled: bool = True
    """Whether the chart makes it, where there are two replicas or more."""

    min_available: int = 1
    """How many have to run."""


class NetworkPolicy(Part):
    """Whom the operator talks to: DNS, the API server, gateways by https, and pods' reports."""

    enabled: bool = True
    """Whether the chart makes it."""

    egress_ports: tuple[int, ...] = (443, 6443)
    """TCP ports that may be connected to anywhere: the API server's, and 443 for gateways, as a policy knows no names."""

    metrics_from: KubernetesObject = {}
    """A NetworkPolicyPeer from which metrics are read; from everywhere when empty."""

    additional_egress: tuple[KubernetesObject, ...] = ()
    """More rules of egress, such as for a proxy."""


class CaBundle(Part):
    """Certificates of those who sign for gateways, tool servers and issuers, besides the images' own."""

    config_map: str = ""
    """The name of a ConfigMap in the operator's namespace with them, as PEM; none when empty."""

    key: str = "ca.crt"
    """Its entry."""


class ServiceMonitor(Part):
    """For the Prometheus Operator."""

    enabled: bool = False
    """Whether the chart makes it."""

    interval: str = "30s"
    """How often metrics are read."""

    labels: Labels = {}
    """Labels by which a Prometheus selects it."""


class PrometheusRule(Part):
    """Alerts, for the Prometheus Operator."""

    enabled: bool = False
    """Whether the chart makes it."""

    labels: Labels = {}
    """Labels by which a Prometheus selects it."""


class Dashboard(Part):
    """A dashboard, as a ConfigMap for Grafana's sidecar."""

    enabled: bool = False
    """Whether the chart makes it."""

    labels: Labels = {"grafana_dashboard": "1"}
    """Labels by which the sidecar selects it."""


class _Installation(Part):
    """How the operator is installed."""

    image: OperatorImage = OperatorImage()
    """The operator's image."""

    image_pull_secrets: tuple[str, ...] = ()
    """Names of the Secrets by which it is pulled."""

    chatbot_image: ChatbotImage = ChatbotImage()
    """The image of ChatAssistants that name none."""

    replicas: Annotated[int, Field(ge=0, le=10)] = 2
    """How many operators run: one works, the others wait with warm caches."""

    name_override: str = ""
    """What the objects are called, instead of the release's name."""

    labels: Labels = {}
    """More labels on every object."""

    pod_labels: Labels = {}
    """More labels on the operator's pods."""

    pod_annotations: Labels = {}
    """Annotations on the operator's pods."""

    resources: KubernetesObject = {
        "requests": {"cpu": "100m", "memory": "128Mi"},
        "limits": {"memory": "512Mi"},
    }
    """What an operator may use; 134 MiB were measured with 5,000 ChatAssistants."""

    priority_class_name: str = ""
    """The pods' PriorityClass."""

    node_selector: Labels = {}
    """Nodes for the pods."""

    tolerations: tuple[KubernetesObject, ...] = ()
    """Taints that the pods tolerate."""

    affinity: KubernetesObject = {}
    """Where the pods had rather be."""

    topology_spread_constraints: tuple[KubernetesObject, ...] = ()
    """How the pods are spread; over zones and nodes as far as possible when empty."""

    service_account: ServiceAccount = ServiceAccount()
    """The account under which the operator runs."""

    rbac: Rbac = Rbac()
    """What the operator and people may do."""

    admission_policy: AdmissionPolicy = AdmissionPolicy()
    """A ValidatingAdmissionPolicy that holds the operator's account to what the operator does: access tokens as Secrets,
    and Deployments of the allowed images."""

    pod_disruption_budget: PodDisruptionBudget = PodDisruptionBudget()
    """How many operators a drain of nodes leaves."""

    network_policy: NetworkPolicy = NetworkPolicy()
    """Whom the operator talks to."""

    ca_bundle: CaBundle = CaBundle()
    """Certificates of those who sign for gateways, tool servers and issuers: for the operator and for all chatbots."""

    service_monitor: ServiceMonitor = ServiceMonitor()
    """For the Prometheus Operator."""

    prometheus_rule: PrometheusRule = PrometheusRule()
    """Alerts, for the Prometheus Operator."""

    dashboard: Dashboard = Dashboard()
    """A dashboard for Grafana."""


def _as_values(model: type[BaseModel]) -> dict[str, tuple[Any, FieldInfo]]:
    """The fields of settings as fields of values, with their texts."""
    fields: dict[str, tuple[Any, FieldInfo]] = {}
    for name, field in model.model_fields.items():
        if name in CHARTS_OWN:
            continue
        kind: Any = field.annotation
        default = field.get_default()
        if isinstance(default, BaseModel):
            kind = _values_of(type(default), Part)
            default = kind()
        elif field.metadata:
            kind = Annotated[(kind, *field.metadata)]
        fields[name] = kind, cast("FieldInfo", Field(default, description=field.description))
    return fields


def _values_of(settings: type[BaseModel], base: type[Part]) -> type[Part]:
    fields: dict[str, Any] = _as_values(settings)
    return create_model(settings.__name__, __base__=base, __doc__=settings.__doc__, **fields)


Values: Final = _values_of(Settings, _Installation)
"""All values: how it is installed, and each of the operator's settings."""
