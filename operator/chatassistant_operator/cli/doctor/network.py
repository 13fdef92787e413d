"""The way from the pods to the gateway: NetworkPolicies of the namespace, and names that are found."""

import ipaddress
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from chatassistant_operator.api import names
from chatassistant_operator.api.policy import is_openrouter
from chatassistant_operator.api.reasons import ConditionType, Reason
from chatassistant_operator.cli.doctor.finding import Finding, broken, ok, unknown, warning
from chatassistant_operator.cli.doctor.snapshot import Snapshot
from chatassistant_operator.observed import Manifest
from chatassistant_operator.observed.named import Unreadable

_DNS_PORT: Final = 53
_PORTS: Final = {"http": 80, "https": 443}
_INNER: Final = (".svc", ".cluster.local", ".local", ".internal")
# What resolvers say: glibc, musl, macOS, and libraries that word it themselves.
_NO_SUCH_NAME: Final = re.compile(
    r"name or service not known|name resolution|name does not resolve|nodename nor servname|no address associated|"
    r"getaddrinfo|cannot resolve|no such host",
    re.IGNORECASE,
)
_UNREACHABLE: Final = frozenset({Reason.GATEWAY_UNREACHABLE, Reason.CATALOG_UNAVAILABLE})


def network_policy(seen: Snapshot) -> Finding:
    """No NetworkPolicy keeps the pods from the names' server or from the gateway."""
    if isinstance(seen.network_policies, Unreadable):
        return unknown(f"NetworkPolicies cannot be read: {seen.network_policies.message}")
    labels = _pod_labels(seen)
    holding = [each for each in seen.network_policies if _is_egress(each) and _selects(each, labels)]
    if not holding:
        return ok("No NetworkPolicy limits where the pods may connect to.")
    url = urlsplit(seen.chat.spec.gateway.base_url)
    host, port = url.hostname or "", url.port or _PORTS.get(url.scheme, 443)
    rules: list[Manifest] = [rule for each in holding for rule in _rules(each)]
    named = ", ".join(each["metadata"]["name"] for each in holding)
    cure = _opening(seen, port)
    if _address(host) is None and not any(_allows(rule, "UDP", _DNS_PORT, None) for rule in rules):
        return broken(
            f"The NetworkPolicy {named} lets the pods look up no names: port 53 is closed to them.", cure
        )
    if not any(_allows(rule, "TCP", port, host) for rule in rules):
        return broken(
            f"The NetworkPolicy {named} keeps the pods from {host}, port {port}: questions end in timeouts.",
            cure,
        )
    return ok(f"The NetworkPolicy {named} lets the pods through to {host}, port {port}.")


def name_resolution(seen: Snapshot) -> Finding:
    """The gateway's name is found, and it answers: as far as the operator has met it."""
    for type_ in (ConditionType.CREDENTIALS_VALID, ConditionType.MODEL_AVAILABLE):
        said = seen.condition(type_)
        if said is None or said["reason"] not in _UNREACHABLE:
            continue
        host = urlsplit(seen.chat.spec.gateway.base_url).hostname
        if _NO_SUCH_NAME.search(said["message"]):
            return broken(
                f"The cluster does not find the name {host}: {said['message']} Check spec.gateway.baseURL and the cluster's "
                "DNS.",
                "kubectl get pods -n kube-system -l k8s-app=kube-dns",
            )
        return warning(f"The operator gets no good answer of {host}: {said['message']}")
    return ok("Nothing says that the gateway's name is not found.")


def _pod_labels(seen: Snapshot) -> dict[str, str]:
    if isinstance(seen.deployment, dict):
        labels: dict[str, str] = seen.deployment["spec"]["template"]["metadata"].get("labels", {})
        return labels
    return names.labels(seen.name)


def _is_egress(policy: Manifest) -> bool:
    spec = policy["spec"]
    return "Egress" in spec.get("policyTypes", ["Egress"] if "egress" in spec else [])


def _rules(policy: Manifest) -> list[Manifest]:
    rules: list[Manifest] | None = policy["spec"].get("egress")
    return rules or []


def _selects(policy: Manifest, labels: dict[str, str]) -> bool:
    selector: dict[str, Any] = policy["spec"].get("podSelector") or {}
    exact: dict[str, str] = selector.get("matchLabels") or {}
    expressions: list[Manifest] = selector.get("matchExpressions") or []
    return exact.items() <= labels.items() and all(_matches(each, labels) for each in expressions)


def _matches(expression: Manifest, labels: dict[str, str]) -> bool:
    key: str = expression["key"]
    values: list[str] = expression.get("values", [])
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels


def _allows(rule: Manifest, protocol: str, port: int, host: str | None) -> bool:
    """Whether a rule lets through to a port of a host, None for a server that may be anywhere in the cluster."""
    ports: list[Manifest] = rule.get("ports") or []
    if ports and not any(_is_port(each, protocol, port) for each in ports):
        return False
    peers: list[Manifest] = rule.get("to") or []
    return not peers or any(_leads_to(each, host) for each in peers)


def _is_port(entry: Manifest, protocol: str, port: int) -> bool:
    if entry.get("protocol", "TCP") != protocol:
        return False
    first: int | str | None = entry.get("port")
    if isinstance(first, int):
        last: int = entry.get("endPort", first)
        return first <= port <= last
    # A name stands for a port of a pod, which may be any number; no port for all.
    return True


def _leads_to(peer: Manifest, host: str | None) -> bool:
    block: Manifest | None = peer.get("ipBlock")
    if block is None:
        # Pods and namespaces are in the cluster.
        return host is None or _is_inside(host)
    address = _address(host or "")
    if address is None:
        return True
    excluded = _networks(block.get("except") or [])
    return any(address in each for each in _networks([block["cidr"]])) and not any(
        address in each for each in excluded
    )


def _networks(blocks: Iterable[str]) -> Iterator[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    return (ipaddress.ip_network(each, strict=False) for each in blocks)


def _is_inside(host: str) -> bool:
    """Whether a host may be in the cluster: one of two parts may be a Service and its namespace."""
    if is_openrouter(f"//{host}"):
        return False
    address = _address(host)
    return host.count(".") <= 1 or host.endswith(_INNER) if address is None else address.is_private


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _opening(seen: Snapshot, port: int) -> str:
    """A command that makes a NetworkPolicy which opens the way: policies add up."""
    return f"""kubectl apply -n {seen.namespace} -f - <<'END'
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: {seen.name}-to-gateway}}
spec:
  podSelector: {{matchLabels: {{{names.NAME_LABEL}: {seen.name}}}}}
  policyTypes: [Egress]
  egress:
    - ports: [{{port: 53, protocol: UDP}}, {{port: 53, protocol: TCP}}]
    - ports: [{{port: {port}, protocol: TCP}}]
END"""
