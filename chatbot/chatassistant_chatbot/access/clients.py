"""Where a request comes from, as far as that can be believed: users of an assistant that lets everybody in.

`X-Forwarded-For` is a list to which each proxy appends whom it got the request from: what stands on the left is what
the caller sent. So it is read from the right, and only as far as each address is one of our own proxies.
"""

import ipaddress
from collections.abc import Sequence
from typing import Final

from starlette.requests import HTTPConnection

from chatassistant_chatbot.addresses import Address

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# What one subscriber gets of IPv6 (RFC 6177 says: at least that), and may change addresses within at will.
_SUBSCRIBER_BYTES: Final = 8


def origin_of(connection: HTTPConnection, trusted: Sequence[Network]) -> str:
    """The address that counts as the one from which a request came; see `origin`."""
    peer = connection.client.host if connection.client else ""
    return origin(peer, ",".join(connection.headers.getlist("X-Forwarded-For")), trusted)


def origin(peer: str, forwarded_for: str, trusted: Sequence[Network]) -> str:
    """The address that counts as the user: of IPv6 its /64; empty where a peer has none, as on a Unix socket.

    `forwarded_for` is the header, several of them joined by commas; `trusted` are the networks of our proxies. An
    entry that is no address ends the walk at the last one that is.
    """
    address = _address(peer)
    if address is None:
        return ""
    while forwarded_for and any(address in network for network in trusted):
        forwarded_for, _, entry = forwarded_for.rpartition(",")
        given = _address(entry)
        if given is None:
            break
        address = given
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return f"{address.packed[:_SUBSCRIBER_BYTES].hex()}/64"


def _address(text: str) -> Address | None:
    """An address with or without a port, which some proxies write too."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
