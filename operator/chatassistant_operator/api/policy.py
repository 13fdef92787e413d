"""What the authors of ChatAssistants may ask for.

Who may create a ChatAssistant is not thereby allowed to send a key to any server or to run any image.
"""

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict

OPENROUTER: Final = "https://openrouter.ai/api/v1"
BUNDLED_IMAGE: Final = "ghcr.io/chatassistant-dev/chatbot"
ANY: Final = "*"
PUBLIC: Final = "Public"
SAME_NAMESPACE: Final = "SameNamespace"
# Names that lead into a cluster or a private network, whatever their address.
_INNER_ENDINGS: Final = (".svc", ".local", ".internal", ".localhost", ".home.arpa")
_SERVICE: Final = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class Policy(BaseModel):
    """The operator's policy; `["*"]` in a list allows everything."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    allowed_gateways: tuple[str, ...] = (OPENROUTER,)
    """The URLs that spec.gateway.baseURL may have, compared by scheme, host, port and path."""

    allowed_images: tuple[str, ...] = (BUNDLED_IMAGE,)
    """The repositories that spec.image may be of, without tag or digest."""

    allowed_endpoints: tuple[str, ...] = (PUBLIC, SAME_NAMESPACE)
    """The URLs that spec.tools.mcpServers[].url may have; `Public` stands for any https host that is not of a cluster
    or a private network, `SameNamespace` for the Services of the assistant's own namespace."""

    allowed_metadata: tuple[str, ...] = ()
    """The prefixes that keys of spec.pod.labels, spec.pod.annotations and spec.service.annotations may have."""

    allowed_service_types: tuple[str, ...] = ("ClusterIP",)
    """The values that spec.service.type may have."""

    allowed_priority_classes: tuple[str, ...] = ()
    """The values that spec.pod.priorityClassName may have."""

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
        if ANY in allowed or wanted is None:
            return ANY in allowed and wanted is not None
        if PUBLIC in allowed and wanted[0] == "https" and _is_public(wanted[1]):
            return True
        if SAME_NAMESPACE in allowed and _is_service(wanted[1], namespace):
            return True
        return wanted in {_endpoint(each) for each in allowed}

    def allows_metadata(self, key: str) -> bool:
        """Whether a label or an annotation may have this key."""
        return any(each == ANY or key.startswith(each) for each in self.allowed_metadata)

    def allows_service_type(self, service_type: str) -> bool:
        """Whether the Service may be of this type."""
        return ANY in self.allowed_service_types or service_type in self.allowed_service_types

    def allows_priority_class(self, name: str) -> bool:
        """Whether pods may have this PriorityClass."""
        return ANY in self.allowed_priority_classes or name in self.allowed_priority_classes


def is_openrouter(url: str) -> bool:
    """Whether a base URL leads to OpenRouter itself."""
    host = urlsplit(url).hostname or ""
    return host == "openrouter.ai" or host.endswith(".openrouter.ai")


def _is_public(host: str) -> bool:
    """Whether a host is named as one of the internet; what its name leads to is for the pods to check."""
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        # Whatever ends in a number is an address, or is taken for one: 127.1, 0x7f000001, 2130706433.
        last = host.rstrip(".").rpartition(".")[2]
        numeric = last[:1].isdigit()
        return "." in host.rstrip(".") and not numeric and not host.rstrip(".").endswith(_INNER_ENDINGS)


def _is_service(host: str, namespace: str) -> bool:
    """Whether a host names a Service of the namespace, in one of the forms that the cluster's DNS knows."""
    name, _, rest = host.rstrip(".").partition(".")
    endings = {"", namespace, f"{namespace}.svc", f"{namespace}.svc.cluster.local"}
    return _SERVICE.fullmatch(name) is not None and name != "localhost" and rest in endings


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
