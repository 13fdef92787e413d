"""What the authors of ChatAssistants may ask for.

Who may create a ChatAssistant is not thereby allowed to send a key to any server or to run any image.
"""

import ipaddress
import re
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, field_validator

OPENROUTER: Final = "https://openrouter.ai/api/v1"
BUNDLED_IMAGE: Final = "ghcr.io/chatassistant-dev/chatbot"
ANY: Final = "*"
PUBLIC: Final = "Public"
SAME_NAMESPACE: Final = "SameNamespace"
# Names that lead into a cluster or a private network, whatever their address.
_INNER_ENDINGS: Final = (".svc", ".local", ".internal", ".localhost", ".home.arpa")
_SERVICE: Final = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
# What a node's own search domains make of a bare name: the metadata servers of GCE and EC2.
_METADATA: Final = frozenset({"metadata", "instance-data"})
_TOP_LEVEL: Final = re.compile(r"[a-z]{2,63}|xn--[-a-z0-9]{1,59}")
# The prefix for all (RFC 6052). A network's own, 64:ff9b:1::/48 (RFC 8215), counts as reserved, and so as not public.
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


class Policy(BaseModel):
    """The operator's policy; `["*"]` in a list allows everything."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    allowed_gateways: tuple[str, ...] = (OPENROUTER,)
    """The URLs that spec.gateway.baseURL may have, compared by scheme, host, port and path."""

    allowed_images: tuple[str, ...] = (BUNDLED_IMAGE,)
    """The repositories that spec.image may be of, without tag or digest."""

    allowed_endpoints: tuple[str, ...] = (PUBLIC, SAME_NAMESPACE)
    """The URLs that spec.tools.mcpServers[].url, spec.access.oidc.issuer and spec.observability.otlpEndpoint may have;
    `Public` stands for any https host that is not of a cluster or a private network, `SameNamespace` for the Services
    of the assistant's own namespace."""

    allowed_metadata: tuple[str, ...] = ()
    """The prefixes that keys of spec.pod.labels, and of annotations in spec.pod, spec.service and spec.ingress, may have."""

    allowed_service_types: tuple[str, ...] = ("ClusterIP",)
    """The values that spec.service.type may have."""

    allowed_priority_classes: tuple[str, ...] = ()
    """The values that spec.pod.priorityClassName may have."""

    allowed_service_accounts: tuple[str, ...] = ()
    """The values that spec.serviceAccountName may have."""

    allowed_egress: tuple[str, ...] = ()
    """The ranges of addresses, as CIDRs, of which spec.networkPolicy.additionalEgress may open any part."""

    allowed_hosts: tuple[str, ...] = (ANY,)
    """The values that spec.ingress.host and spec.httpRoute.hostnames may have; `*.example.com` stands for all below
    example.com. A route that names no host takes all of its Gateway's, which only `*` allows."""

    @field_validator("allowed_egress")
    @classmethod
    def _are_networks(cls, ranges: tuple[str, ...]) -> tuple[str, ...]:
        for each in ranges:
            if each != ANY:
                ipaddress.ip_network(each)
        return ranges

    def allows_gateway(self, url: str) -> bool:
        """Whether keys may be sent to this base URL."""
        wanted = _endpoint(url)
        allowed = self.allowed_gateways
        return ANY in allowed or (wanted is not None and wanted in {_endpoint(each) for each in allowed})

    def allows_image(self, image: str) -> bool:
        """Whether pods may run this image."""
        return ANY in self.allowed_images or _repository(image) in {
            _repository(each) for each in self.allowed_images
        }

    def allows_endpoint(self, url: str, namespace: str) -> bool:
        """Whether pods in a namespace may be told to call this URL."""
        wanted, allowed = _endpoint(url), self.allowed_endpoints
        if wanted is None:
            return False
        if PUBLIC in allowed and wanted[0] == "https" and _is_public(wanted[1]):
            return True
        if SAME_NAMESPACE in allowed and service_of(wanted[1], namespace) is not None:
            return True
        return self.lists_endpoint(url)

    def lists_endpoint(self, url: str) -> bool:
        """Whether just this URL is allowed, and not only its class: then pods may call it wherever it leads."""
        wanted, allowed = _endpoint(url), self.allowed_endpoints
        return wanted is not None and (ANY in allowed or wanted in {_endpoint(each) for each in allowed})

    def allows_metadata(self, key: str) -> bool:
        """Whether a label or an annotation may have this key."""
        return any(each == ANY or key.startswith(each) for each in self.allowed_metadata)

    def allows_service_type(self, service_type: str) -> bool:
        """Whether the Service may be of this type."""
        return ANY in self.allowed_service_types or service_type in self.allowed_service_types

    def allows_priority_class(self, name: str) -> bool:
        """Whether pods may have this PriorityClass."""
        return ANY in self.allowed_priority_classes or name in self.allowed_priority_classes

    def allows_service_account(self, name: str) -> bool:
        """Whether pods may run under this ServiceAccount."""
        return ANY in self.allowed_service_accounts or name in self.allowed_service_accounts

    def allows_egress(self, cidr: str) -> bool:
        """Whether pods may reach all of this range of addresses."""
        wanted = ipaddress.ip_network(cidr)
        return ANY in self.allowed_egress or any(
            _contains(ipaddress.ip_network(each), wanted) for each in self.allowed_egress
        )

    def allows_host(self, host: str) -> bool:
        """Whether the assistant may be reached by this host name; ANY stands for all of a Gateway's."""
        allowed = self.allowed_hosts
        below = (each[1:] for each in allowed if each.startswith("*."))
        return ANY in allowed or host in allowed or any(host.endswith(each) for each in below)


def is_openrouter(url: str) -> bool:
    """Whether a base URL leads to OpenRouter itself."""
    host = urlsplit(url).hostname or ""
    return host == "openrouter.ai" or host.endswith(".openrouter.ai")


def _is_public(host: str) -> bool:
    """Whether a host is named as one of the internet.

    What a name leads to is for the pods to check, by the class of each address before they connect: they also see
    what cannot be told here, that a namespace has a name that could be a top-level domain (`https://grafana.monitoring`).
    """
    try:
        return _is_global(ipaddress.ip_address(host))
    except ValueError:
        name = host.rstrip(".")
        # Whatever ends in a number is an address, or is taken for one: 127.1, 0x7f000001, 2130706433. What has no
        # dot, or ends in what is no top-level domain, is a Service of some namespace.
        top = name.rpartition(".")[2]
        return "." in name and _TOP_LEVEL.fullmatch(top) is not None and not name.endswith(_INNER_ENDINGS)


def _is_global(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether an address is one of the internet; one that stands for an IPv4 address is judged by that."""
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not address.is_multicast
    embedded = _embedded(address)
    if embedded:
        return all(map(_is_global, embedded))
    unusual = address.is_multicast or address.is_reserved or address.is_site_local
    return address.is_global and not unusual


def _embedded(address: ipaddress.IPv6Address) -> tuple[ipaddress.IPv4Address, ...]:
    """The IPv4 addresses that an IPv6 address leads to: mapped, 6to4, Teredo (server and client), NAT64 (RFC 6052)."""
    if address in _NAT64:
        return (ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF),)
    return (
        *(each for each in (address.ipv4_mapped, address.sixtofour) if each is not None),
        *(address.teredo or ()),
    )


def service_of(host: str, namespace: str) -> str | None:
    """The Service of the namespace that a host names, in one of the forms that the cluster's DNS knows."""
    name, dot, rest = host.partition(".")
    if _SERVICE.fullmatch(name) is None or name == "localhost":
        return None
    whole = f"{namespace}.svc.cluster.local"
    # A name that ends in a dot is looked up as it is, so it has to be the whole one.
    ours = rest in {namespace, f"{namespace}.svc", whole, f"{whole}."} if dot else name not in _METADATA
    return name if ours else None


def _endpoint(url: str) -> tuple[str, str, int | None, str] | None:
    """Scheme, host, port and path as they are compared; None for what is no plain URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname or parts.username is not None or parts.query or parts.fragment:
        return None
    return parts.scheme, parts.hostname, port or _DEFAULT_PORTS.get(parts.scheme), parts.path.rstrip("/")


def _repository(image: str) -> str:
    """An image's repository, as container runtimes complete it: without tag or digest, with its registry."""
    name = image.partition("@")[0]
    head, slash, tail = name.rpartition("/")
    name = head + slash + tail.partition(":")[0]
    registry, slash, rest = name.partition("/")
    if not slash:
        return f"docker.io/library/{name}"
    if "." in registry or ":" in registry or registry == "localhost":
        return f"{registry}/{rest}"
    return f"docker.io/{name}"


def _contains(whole: Network, part: Network) -> bool:
    """Whether all addresses of a range are in another one."""
    if isinstance(whole, ipaddress.IPv4Network):
        return isinstance(part, ipaddress.IPv4Network) and part.subnet_of(whole)
    return isinstance(part, ipaddress.IPv6Network) and part.subnet_of(whole)
