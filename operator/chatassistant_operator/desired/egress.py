"""Whom an assistant's pods may reach: rules of a NetworkPolicy, which knows addresses and pods, and no host names.

- DNS, wherever it is: ports 53, and 5353 of pods, as OpenShift has it.
- Port 443 of the internet, and there the ports of public hosts that the spec names.
- A Service of the same namespace: its pods, at the port to which it leads.
- A host `NAME.NAMESPACE.svc`: the pods of that namespace.
- A literal address, at the URL's port.
- A Redis, whose URL nobody but the pods reads: the hosts that its Secret's annotation `chatassistant.dev/hosts` names, or
  else pods of the same namespace at port 6379.
- What the operator's settings and `spec.networkPolicy.additionalEgress` name. A private host that is none of the above
  can be reached by this only.
"""

import ipaddress
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from chatassistant_operator.api import names
from chatassistant_operator.api.policy import service_of
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.checks.policy import endpoints
from chatassistant_operator.observed import Manifest, Observed
from chatassistant_operator.observed.named import OtherSecret, Service
from chatassistant_operator.observed.pending import Pending

NAMESPACE_LABEL: Final = "kubernetes.io/metadata.name"
_DNS: Final[tuple[Manifest, ...]] = (
    {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]},
    {
        "to": [{"namespaceSelector": {}}],
        "ports": [{"port": 5353, "protocol": "UDP"}, {"port": 5353, "protocol": "TCP"}],
    },
)
_HTTPS: Final = 443
_REDIS: Final = 6379
_PORTS: Final = {"http": 80, "https": _HTTPS, "redis": _REDIS}
# What is not of the internet (IANA's special-purpose registries), and where clouds tell machines their credentials:
# 169.254.169.254, 100.100.100.200, 192.0.0.192, 168.63.129.16, fd00:ec2::254 are in these ranges.
_INNER_V4: Final = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "168.63.129.16/32",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/4",
    "240.0.0.0/4",
)
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_INNER_V6: Final = (
    "::/96",
    "64:ff9b:1::/48",
    "100::/64",
    "2002::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
)
_OTHER_NAMESPACE: Final = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?\.([-a-z0-9]+)\.svc(\.cluster\.local\.?)?")


class Destination(NamedTuple):
    """A host, name or address, and a port of it."""

    host: str
    port: int


def egress(assistant: ChatAssistant, seen: Observed) -> list[Manifest]:
    """The rules."""
    namespace = assistant.metadata.namespace
    public: set[int] = {_HTTPS}
    rules: list[Manifest] = []
    for each in destinations(assistant, seen):
        address, elsewhere = _address(each.host), _OTHER_NAMESPACE.fullmatch(each.host)
        service = service_of(each.host, namespace)
        if address is not None:
            rules.append({"to": [_block(str(ipaddress.ip_network(address)))], "ports": [_port(each.port)]})
        elif service is not None:
            rules += _to_service(seen, service, each.port)
        elif elsewhere is not None:
            rules.append({"to": [{"namespaceSelector": {"matchLabels": {NAMESPACE_LABEL: elsewhere[2]}}}]})
        else:
            public.add(each.port)
    if _redis_is_anywhere(assistant, seen):
        rules.append({"to": [{"podSelector": {}}], "ports": [_port(_REDIS)]})
    if seen.defaults.egress:
        rules.append({"to": [_block(cidr) for cidr in seen.defaults.egress]})
    for more in assistant.spec.network_policy.additional_egress:
        said = more.model_dump(by_alias=True, mode="json")
        rules.append({field: value for field, value in said.items() if value})
    internet = {"to": _INTERNET, "ports": [_port(port) for port in sorted(public)]}
    return _once([*_DNS, internet, *rules])


def services(assistant: ChatAssistant, seen: Observed) -> tuple[str, ...]:
    """The names of the Services of the same namespace that pods are told to call."""
    namespace = assistant.metadata.namespace
    found = (service_of(each.host, namespace) for each in destinations(assistant, seen))
    return tuple(dict.fromkeys(each for each in found if each is not None))


def is_known(assistant: ChatAssistant, seen: Observed) -> bool:
    """Whether all has been read that says whom pods are told to call."""
    store = assistant.spec.store.url_secret_ref
    if store is not None and isinstance(seen.secrets.get(store.name), Pending):
        return False
    return not any(isinstance(seen.services.get(each), Pending) for each in services(assistant, seen))


def destinations(assistant: ChatAssistant, seen: Observed) -> tuple[Destination, ...]:
    """Everything that pods are told to call, each once."""
    urls = [assistant.spec.gateway.base_url, *(url for _, url in endpoints(assistant))]
    urls += [url for name, url in seen.defaults.environment.items() if name != "NO_PROXY"]
    return tuple(dict.fromkeys([*_of_urls(urls), *_of_redis(assistant, seen)]))


def _of_urls(urls: Iterable[str]) -> Iterator[Destination]:
    for url in urls:
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port or _PORTS.get(parts.scheme)
        except ValueError:
            continue
        if host and port:
            yield Destination(host, port)


def _of_redis(assistant: ChatAssistant, seen: Observed) -> Iterator[Destination]:
    """Where the owner of the Secret with the store's URL says that this leads."""
    ref = assistant.spec.store.url_secret_ref
    secret = seen.secrets.get(ref.name) if ref else None
    if isinstance(secret, OtherSecret):
        hosts = filter(None, map(str.strip, secret.annotations.get(names.HOSTS_ANNOTATION, "").split(",")))
        yield from _of_urls(f"redis://{host}" for host in hosts)


def _redis_is_anywhere(assistant: ChatAssistant, seen: Observed) -> bool:
    return assistant.spec.store.type == "Redis" and not any(_of_redis(assistant, seen))


def _to_service(seen: Observed, name: str, port: int) -> Iterator[Manifest]:
    """To the pods of a Service at the port to which one of its own leads; nothing where it leads to no pods."""
    service = seen.services.get(name)
    if isinstance(service, Service) and service.selector and port in service.target_ports:
        pods = {"podSelector": {"matchLabels": dict(service.selector)}}
        yield {"to": [pods], "ports": [_port(service.target_ports[port])]}


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _port(port: int | str) -> dict[str, Any]:
    return {"port": port, "protocol": "TCP"}


def _block(cidr: str, *but: str) -> Manifest:
    return {"ipBlock": {"cidr": cidr, "except": list(but)} if but else {"cidr": cidr}}


def _by_nat64(cidr: str) -> str:
    """The IPv6 addresses by which NAT64 leads to a range of IPv4 addresses (RFC 6052)."""
    inner = ipaddress.IPv4Network(cidr)
    first = int(_NAT64.network_address) | int(inner.network_address)
    return str(ipaddress.IPv6Network((first, 96 + inner.prefixlen)))


def _once(rules: Iterable[Manifest]) -> list[Manifest]:
    """Equal rules only once."""
    kept: list[Manifest] = []
    for each in rules:
        if each not in kept:
            kept.append(each)
    return kept


_INTERNET: Final = [
    _block("0.0.0.0/0", *_INNER_V4),
    _block("::/0", *_INNER_V6, *map(_by_nat64, _INNER_V4)),
]
