"""Which addresses may be connected to, when the author of a ChatAssistant chose the host: no forged requests.

Whoever writes a spec must not have the chatbot ask what only the chatbot can reach: its own machine, the node, the
cloud's metadata, the cluster. A host's name says nothing of that, only the address that it leads to at the moment of
connecting; so addresses are judged, and just those that were judged are connected to.
"""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Collection, Sequence
from enum import IntEnum
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# Scheme, host, port and path: how URLs are compared.
_Endpoint = tuple[str, str, int | None, str]

ANY: Final = "*"
_SERVICE: Final = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_CLUSTER: Final = tuple(
    map(
        ipaddress.ip_network,
        ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"),
    )
)
# What is not of the internet either, which this Python may not know yet (IANA's special-purpose registries).
_SPECIAL: Final = tuple(
    map(
        ipaddress.ip_network,
        ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2001:db8::/32", "3fff::/20"),
    )
)
# All that has been given out of IPv6's addresses so far.
_GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
# Where clouds tell a machine its credentials, besides 169.254.0.0/16: AWS, Google, Alibaba, Azure, Oracle.
_METADATA: Final = frozenset(
    map(
        ipaddress.ip_address,
        ("fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "168.63.129.16", "192.0.0.192"),
    )
)


class Reach(IntEnum):
    """How far a URL may lead; each includes those before it."""

    PUBLIC = 0
    """The internet."""

    CLUSTER = 1
    """Private networks too, in which clusters have their Services; never this machine, the node or the metadata."""

    ANYWHERE = 2
    """Any address: whoever runs the operator listed the URL."""


class OutOfReachError(OSError):
    """A URL leads to an address that may not be connected to; the text may be logged."""

    def __init__(self) -> None:
        super().__init__("it is at an address that may not be connected to")


class Endpoints:
    """Who may be asked beyond the internet: Services of the own namespace, and what `listed` names.

    `listed` are URLs, compared by scheme, host, port and path; `*` stands for all.
    """

    def __init__(self, namespace: str, listed: Collection[str]) -> None:
        self._namespace = namespace
        self._any = ANY in listed
        self._listed = {endpoint for each in listed if (endpoint := _endpoint(each))}

    def reach(self, url: str) -> Reach:
        """How far a URL may lead."""
        wanted = _endpoint(url)
        if wanted is not None and (self._any or wanted in self._listed):
            return Reach.ANYWHERE
        if wanted is not None and self._namespace and _is_service(wanted[1], self._namespace):
            return Reach.CLUSTER
        return Reach.PUBLIC


def allowed(address: Address, reach: Reach = Reach.PUBLIC) -> bool:
    """Whether an address may be connected to; one that leads to an IPv4 address is judged by that."""
    address = _embedded(address) or address
    if reach == Reach.ANYWHERE:
        return True
    if address in _METADATA:
        return False
    if reach == Reach.CLUSTER and any(address in network for network in _CLUSTER):
        return True
    if isinstance(address, ipaddress.IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    special = address.is_multicast or address.is_reserved or any(address in network for network in _SPECIAL)
    return address.is_global and not special


async def resolve(host: str, port: int, reach: Reach, family: int = socket.AF_UNSPEC) -> Sequence[Address]:
    """The addresses of a host, name or literal, that may be connected to.

    Raises:
        OutOfReachError: when none may.
        OSError: when it has none.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
    addresses = [ipaddress.ip_address(each[4][0]) for each in found]
    good = [each for each in dict.fromkeys(addresses) if allowed(each, reach)]
    if not good:
        raise OutOfReachError
    return good


class GuardedResolver(AbstractResolver):
    """aiohttp's view of `resolve`; addresses in URLs are not resolved: see `guarded_connector`."""

    def __init__(self, reach: Reach = Reach.PUBLIC) -> None:
        self._reach = reach

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses that may be connected to."""
        return [
            ResolveResult(
                hostname=host,
                host=str(each),
                port=port,
                family=socket.AF_INET if each.version == 4 else socket.AF_INET6,  # noqa: PLR2004 (IP's own)
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for each in await resolve(host, port, self._reach, family)
        ]

    async def close(self) -> None:
        """Nothing is open."""


def guarded_connector(
    reach: Reach, *, limit: int = 100, keepalive_seconds: float = 15.0
) -> aiohttp.TCPConnector:
    """A connector that opens no connection to an address out of reach, whatever a URL or the DNS says.

    It has at most `limit` connections, 0 for any number, and keeps idle ones for `keepalive_seconds`.
    """

    def guarded_socket(address: tuple[int, int, int, str, tuple[Any, ...]]) -> socket.socket:
        family, kind, protocol, _, place = address
        if not allowed(ipaddress.ip_address(place[0]), reach):
            raise OutOfReachError
        return socket.socket(family, kind, protocol)

    return aiohttp.TCPConnector(
        resolver=GuardedResolver(reach),
        socket_factory=guarded_socket,
        limit=limit,
        keepalive_timeout=keepalive_seconds,
        # Each connection is to where the name leads now.
        use_dns_cache=False,
    )


def _embedded(address: Address) -> Address | None:
    """The IPv4 address to which an IPv6 one leads: mapped, by 6to4, or by NAT64."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in _NAT64:
        return ipaddress.IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour


def _is_service(host: str, namespace: str) -> bool:
    """Whether a host names a Service of the namespace, in one of the forms that the cluster's DNS knows."""
    name, dot, rest = host.partition(".")
    if _SERVICE.fullmatch(name) is None or name == "localhost":
        return False
    whole = f"{namespace}.svc.cluster.local"
    # A name that ends in a dot is looked up as it is, so it has to be the whole one.
    return not dot or rest in {namespace, f"{namespace}.svc", whole, f"{whole}."}


def _endpoint(url: str) -> _Endpoint | None:
    """How a URL is compared; None for what is no plain one."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname or parts.username is not None or parts.query or parts.fragment:
        return None
    return parts.scheme, parts.hostname, port or _DEFAULT_PORTS.get(parts.scheme), parts.path.rstrip("/")
