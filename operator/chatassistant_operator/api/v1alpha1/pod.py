"""The pod's knobs: where it runs and what it may use, with Kubernetes' own field names."""

from typing import Annotated, Any, Literal

from pydantic import Field, GetJsonSchemaHandler
from pydantic_core import core_schema

from chatassistant_operator.api.v1alpha1.base import ApiModel

_LABEL_KEY = r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?"
_QUANTITY = r"^[+-]?([0-9]+|[0-9]+\.[0-9]*|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$"

ShortText = Annotated[str, Field(max_length=253)]
Texts = Annotated[
    tuple[ShortText, ...], Field(max_length=64, json_schema_extra={"x-kubernetes-list-type": "atomic"})
]


class _IntOrString:
    """Marks a quantity: the API server lets numbers and strings pass."""

    @staticmethod
    def __get_pydantic_json_schema__(_: core_schema.CoreSchema, __: GetJsonSchemaHandler) -> dict[str, Any]:
        return {
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "x-kubernetes-int-or-string": True,
            "pattern": _QUANTITY,
            "maxLength": 64,
        }


Quantity = Annotated[int | Annotated[str, Field(pattern=_QUANTITY, max_length=64)], _IntOrString]
Quantities = Annotated[dict[Annotated[str, Field(max_length=63)], Quantity], Field(max_length=16)]
Labels = Annotated[
    dict[Annotated[str, Field(max_length=316)], Annotated[str, Field(max_length=63)]], Field(max_length=64)
]
Annotations = Annotated[
    dict[Annotated[str, Field(max_length=316)], Annotated[str, Field(max_length=16384)]], Field(max_length=64)
]


class Resources(ApiModel):
    """CPU and memory of a pod's container."""

    requests: Quantities = {}
    """What is set aside for the container, for example `memory: 96Mi`."""

    limits: Quantities = {}
    """What the container may not exceed, for example `memory: 256Mi`."""


class Toleration(ApiModel):
    """Lets pods run on nodes with a matching taint."""

    key: ShortText | None = None
    """The taint's key; all keys when empty, with the operator Exists."""

    operator: Literal["Exists", "Equal"] = "Equal"
    """How the key and the value are compared."""

    value: Annotated[str, Field(max_length=63)] | None = None
    """The taint's value."""

    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """The taint's effect; all effects when empty."""

    toleration_seconds: Annotated[int, Field(ge=0, le=31_536_000)] | None = None
    """How long a NoExecute taint is tolerated, in seconds; for ever when empty."""


class LabelSelectorRequirement(ApiModel):
    """One condition on a label."""

    key: Annotated[str, Field(max_length=316)]
    """The label's key."""

    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    """How the label's value is compared with the values."""

    values: Texts = ()
    """The values; none with Exists and DoesNotExist."""


class LabelSelector(ApiModel):
    """Chooses objects by their labels; all conditions hold."""

    match_labels: Labels = {}
    """Labels with exactly these values."""

    match_expressions: Annotated[
        tuple[LabelSelectorRequirement, ...],
        Field(max_length=32, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = ()
    """Further conditions on labels."""


class NodeSelectorRequirement(ApiModel):
    """One condition on a node's label or field."""

    key: Annotated[str, Field(max_length=316)]
    """The label's key."""

    operator: Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]
    """How the node's value is compared with the values."""

    values: Texts = ()
    """The values."""


_Requirements = Annotated[
    tuple[NodeSelectorRequirement, ...],
    Field(max_length=32, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
]


class NodeSelectorTerm(ApiModel):
    """Conditions on a node that hold together."""

    match_expressions: _Requirements = ()
    """Conditions on the node's labels."""

    match_fields: _Requirements = ()
    """Conditions on the node's fields, such as metadata.name."""


class NodeSelector(ApiModel):
    """Chooses nodes: one of the terms holds."""

    node_selector_terms: Annotated[
        tuple[NodeSelectorTerm, ...],
        Field(min_length=1, max_length=32, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ]
    """The terms, of which one must hold."""


class PreferredSchedulingTerm(ApiModel):
    """A preference among nodes."""

    weight: Annotated[int, Field(ge=1, le=100)]
    """How much it counts."""

    preference: NodeSelectorTerm
    """The nodes that are preferred."""


class NodeAffinity(ApiModel):
    """Where pods run, by the nodes' labels."""

    required_during_scheduling_ignored_during_execution: NodeSelector | None = None
    """Nodes that must match."""

    preferred_during_scheduling_ignored_during_execution: Annotated[
        tuple[PreferredSchedulingTerm, ...],
        Field(max_length=32, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = ()
    """Nodes that are preferred."""


class PodAffinityTerm(ApiModel):
    """Other pods, near to or far from which these run."""

    topology_key: Annotated[str, Field(min_length=1, max_length=316)]
    """The node label that says what near is, for example topology.kubernetes.io/zone."""

    label_selector: LabelSelector | None = None
    """The other pods."""

    namespace_selector: LabelSelector | None = None
    """The namespaces of the other pods; this one when empty."""

    namespaces: Texts = ()
    """More namespaces of the other pods."""


class WeightedPodAffinityTerm(ApiModel):
    """A preference about other pods."""

    weight: Annotated[int, Field(ge=1, le=100)]
    """How much it counts."""

    pod_affinity_term: PodAffinityTerm
    """The other pods."""


class PodAffinity(ApiModel):
    """Where pods run, by the pods that run there."""

    required_during_scheduling_ignored_during_execution: Annotated[
        tuple[PodAffinityTerm, ...],
        Field(max_length=32, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = ()
    """What must hold."""

    preferred_during_scheduling_ignored_during_execution: Annotated[
        tuple[WeightedPodAffinityTerm, ...],
        Field(max_length=32, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = ()
    """What is preferred."""


class Affinity(ApiModel):
    """Rules about the nodes on which pods run."""

    node_affinity: NodeAffinity | None = None
    """By the nodes' labels."""

    pod_affinity: PodAffinity | None = None
    """Near to other pods."""

    pod_anti_affinity: PodAffinity | None = None
    """Far from other pods."""


class TopologySpreadConstraint(ApiModel):
    """How pods spread over zones or nodes."""

    max_skew: Annotated[int, Field(ge=1, le=1000)]
    """By how many the numbers of pods may differ."""

    topology_key: Annotated[str, Field(min_length=1, max_length=316)]
    """The node label that tells the places apart."""

    when_unsatisfiable: Literal["DoNotSchedule", "ScheduleAnyway"]
    """What happens when it cannot be kept."""

    label_selector: LabelSelector | None = None
    """The pods that are counted."""

    min_domains: Annotated[int, Field(ge=1, le=1000)] | None = None
    """How many places there must be at least."""


class Pod(ApiModel):
    """What a pod gets beside the chatbot; labels and annotations as far as the operator's policy allows."""

    labels: Labels = {}
    """More labels; the operator's policy says which keys are allowed."""

    annotations: Annotations = {}
    """More annotations; the operator's policy says which keys are allowed."""

    node_selector: Labels = {}
    """Labels that a node must have."""

    tolerations: Annotated[
        tuple[Toleration, ...], Field(max_length=32, json_schema_extra={"x-kubernetes-list-type": "atomic"})
    ] = ()
    """The taints that pods tolerate."""

    affinity: Affinity | None = None
    """Rules about the nodes on which pods run."""

    topology_spread_constraints: Annotated[
        tuple[TopologySpreadConstraint, ...],
        Field(max_length=16, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = ()
    """How pods spread over zones or nodes."""

    priority_class_name: Annotated[str, Field(min_length=1, max_length=253)] | None = None
    """The PriorityClass; the operator's policy says which are allowed."""
