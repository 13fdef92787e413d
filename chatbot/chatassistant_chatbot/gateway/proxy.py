"""By which proxy the gateway is asked.

Who vouches for a proxy and for the gateway, OpenSSL takes from SSL_CERT_FILE.
"""

from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass


def proxy_of(url: str) -> str | None:
    """The URL of the proxy that HTTPS_PROXY or HTTP_PROXY names for a URL, none for hosts of NO_PROXY."""
    parts = urlsplit(url)
    return None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme) or None
