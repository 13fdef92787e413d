"""How many pods run."""

from typing import Annotated, ClassVar

from pydantic import Field

from chatassistant_operator.api.v1alpha1.base import ApiModel, Rule


class Autoscaling(ApiModel):
    """How many pods run, by how busy they are."""

    min_replicas: Annotated[int, Field(ge=1, le=1000)] = 1
    """How many pods run at least, and after a suspension at first."""

    max_replicas: Annotated[int, Field(ge=1, le=1000)]
    """How many pods run at most."""

    target_cpu_utilization_percentage: Annotated[
        int, Field(ge=1, le=1000, alias="targetCPUUtilizationPercentage")
    ] = 80
    """How much of the CPU that resources.requests sets aside pods use on average, in percent."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "self.minReplicas <= self.maxReplicas",
            "must not be less than minReplicas: raise maxReplicas, or lower minReplicas",
            lambda scaling: scaling.min_replicas <= scaling.max_replicas,
            ".maxReplicas",
        ),
    )
