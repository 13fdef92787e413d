"""How an assistant is reached, and whom its pods may reach."""

import ipaddress
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from chatassistant_operator.api.v1alpha1.base import ApiModel, Rule, matches
from chatassistant_operator.api.v1alpha1.pod import Annotations
from chatassistant_operator.api.v1alpha1.references import OBJECT_NAME, no_key

_NAMESPACE: Final = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"

Name = Annotated[str, Field(min_length=1, max_length=253, pattern=f"^{OBJECT_NAME}$")]
Port = Annotated[int, Field(ge=1, le=65_535)]


class Service(ApiModel):
    """How the assistant is reached inside the cluster."""

    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    """The Service's type; the operator's policy says which are allowed."""

    port: Port = 80
    """The Service's port."""

    annotations: Annotations = {}
    """The Service's annotations; the operator's policy says which keys are allowed."""


class Ingress(ApiModel):
    """How the assistant is reached from outside, by an Ingress."""

    class_name: Annotated[str, Field(min_length=1, max_length=253)] | None = None
    """The IngressClass; the cluster's default when empty."""

    host: Annotated[str, Field(min_length=1, max_length=253)]
    """The host name, such as todo.example.com; the operator's policy says which are allowed."""

    tls_secret_name: Annotated[str, Field(min_length=1, max_length=253)] | None = None
    """The Secret with the host's certificate, of type kubernetes.io/tls; no TLS when empty."""

    annotations: Annotations = {}
    """The Ingress's annotations; the operator's policy says which keys are allowed."""

    rules: ClassVar[tuple[Rule, ...]] = (
        matches(
            "host", OBJECT_NAME, "must be a host name, such as todo.example.com: no wildcard, port or path"
        ),
        matches("class_name", OBJECT_NAME, "must be the name of an IngressClass", optional=True),
        no_key("tls_secret_name", "the name of a Secret", optional=True),
        matches(
            "tls_secret_name",
            OBJECT_NAME,
            "must be the name of a Secret: lower-case letters, digits, '-' and '.'",
            optional=True,
        ),
    )


class ParentReference(ApiModel):
    """A Gateway that the route hangs on."""

    name: Name
    """The Gateway's name."""

    namespace: Annotated[str, Field(min_length=1, max_length=63, pattern=f"^{_NAMESPACE}$")] | None = None
    """The Gateway's namespace; this one when empty."""

    section_name: Name | None = None
    """The Gateway's listener; all that fit when empty."""

    port: Port | None = None
    """The port of the Gateway's listeners; all when empty."""


class HttpRoute(ApiModel):
    """How the assistant is reached from outside, by the Gateway API."""

    parent_refs: Annotated[
        tuple[ParentReference, ...],
        Field(min_length=1, max_length=32, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ]
    """The Gateways that the route hangs on."""

    hostnames: Annotated[
        tuple[Name, ...], Field(max_length=16, json_schema_extra={"x-kubernetes-list-type": "atomic"})
    ] = ()
    """The host names; all of the Gateway's when empty. The operator's policy says which are allowed."""


class IPBlock(ApiModel):
    """A range of addresses."""

    cidr: Annotated[str, Field(min_length=1, max_length=64)]
    """The range, such as 10.1.2.0/24 or 2001:db8::/64; the operator's policy says which are allowed."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "isCIDR(self.cidr) && cidr(self.cidr) == cidr(self.cidr).masked()",
            "must be a range of addresses with no bits set beyond its prefix, such as 10.1.2.0/24 or 2001:db8::/64",
            lambda block: _is_network(block.cidr),
            ".cidr",
        ),
    )


class EgressPeer(ApiModel):
    """Whom pods may reach."""

    ip_block: IPBlock
    """A range of addresses."""


class EgressPort(ApiModel):
    """At which port they may be reached."""

    port: Port
    """The port."""

    protocol: Literal["TCP", "UDP"] = "TCP"
    """The protocol."""


class EgressRule(ApiModel):
    """Whom pods may reach, and at which ports, in the words of a NetworkPolicy."""

    to: Annotated[
        tuple[EgressPeer, ...],
        Field(min_length=1, max_length=32, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ]
    """Whom; the operator's policy says which ranges are allowed."""

    ports: Annotated[
        tuple[EgressPort, ...], Field(max_length=32, json_schema_extra={"x-kubernetes-list-type": "atomic"})
    ] = ()
    """At which ports; at all when empty."""


class NetworkPolicy(ApiModel):
    """Whom pods may reach, and who may reach them."""

    enabled: bool = True
    """Whether pods may reach only DNS, the gateway, what the spec names and port 443 of the internet, and be reached only at
    the port for requests, and by the operator at that for metrics."""

    additional_egress: Annotated[
        tuple[EgressRule, ...], Field(max_length=32, json_schema_extra={"x-kubernetes-list-type": "atomic"})
    ] = ()
    """Whom else they may reach, such as a gateway at a private address."""


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return "/" in text
