"""What every test gets: no road out of this machine."""

import ipaddress
import sys


def _guard(event: str, arguments: tuple[object, ...]) -> None:
    """Refuse a connection or a look-up that leaves this machine, in any library and any thread."""
    if event == "socket.connect":
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None
        if isinstance(host, str) and not ipaddress.ip_address(host).is_loopback:
            raise RuntimeError(f"a test tried to reach {host}: tests talk to this machine only")
    if event == "socket.getaddrinfo":
        host = arguments[0]
        if host not in {None, "", "localhost", b"localhost"} and not _is_loopback(host):
            raise RuntimeError(f"a test tried to look up {host!r}: tests talk to this machine only")


def _is_loopback(host: object) -> bool:
    try:
        return ipaddress.ip_address(host if isinstance(host, str) else str(host)).is_loopback
    except ValueError:
        return False


sys.addaudithook(_guard)
