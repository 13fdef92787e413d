"""Whom pods may reach: what each part of a spec opens, and that nothing private is open without it."""

import ipaddress
from dataclasses import replace
from typing import Any

import pytest

from chatassistant_operator.api import names
from chatassistant_operator.desired.egress import egress, is_known, services
from chatassistant_operator.observed import Defaults, Observed
from chatassistant_operator.observed.named import Absent, OtherSecret, Service
from chatassistant_operator.observed.pending import PENDING
from support.situations import GOOD, assistant

TOOLS = Service({"app": "tools"}, {80: "http", 8443: 9443})
ANYBODY = {"podSelector": {}}
STORE = {"store": {"type": "Redis", "urlSecretRef": {"name": "redis", "key": "url"}}}


def _server(url: str) -> dict[str, Any]:
    return {"tools": {"mcpServers": [{"name": "todo", "url": url}]}}


def _redis(hosts: str = "") -> dict[str, Any]:
    return {
        "secrets": {"redis": OtherSecret(frozenset({"url"}), annotations={names.HOSTS_ANNOTATION: hosts})}
    }


def _to(peer: dict[str, Any], *ports: int | str) -> dict[str, Any]:
    return {"to": [peer]} | (
        {"ports": [{"port": each, "protocol": "TCP"} for each in ports]} if ports else {}
    )


def _pods(**labels: str) -> dict[str, Any]:
    return {"podSelector": {"matchLabels": labels}}


def _block(cidr: str) -> dict[str, Any]:
    return {"ipBlock": {"cidr": cidr}}


def _namespace(name: str) -> dict[str, Any]:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}


def _opened(spec: dict[str, Any], **seen: Any) -> list[dict[str, Any]]:
    """What is open beside DNS and the internet."""
    return egress(assistant(**spec), replace(GOOD, **seen))[3:]


@pytest.mark.parametrize(
    ("spec", "seen", "opened"),
    [
        ({}, {}, []),
        (_server("https://wiki.example.com/mcp"), {}, []),
        (_server("http://tools/mcp"), {"services": {"tools": TOOLS}}, [_to(_pods(app="tools"), "http")]),
        (
            _server("https://tools.todo-chatbot.svc.cluster.local:8443/mcp"),
            {"services": {"tools": TOOLS}},
            [_to(_pods(app="tools"), 9443)],
        ),
        (_server("http://tools:81/mcp"), {"services": {"tools": TOOLS}}, []),
        (_server("http://tools/mcp"), {"services": {"tools": Absent()}}, []),
        (_server("http://tools/mcp"), {"services": {"tools": PENDING}}, []),
        (_server("http://tools/mcp"), {"services": {"tools": Service({}, {80: 80})}}, []),
        (_server("http://tools.shared.svc:8000/mcp"), {}, [_to(_namespace("shared"))]),
        (_server("http://10.1.2.3:8000/mcp"), {}, [_to(_block("10.1.2.3/32"), 8000)]),
        (STORE, _redis("[fd00::1]:6380"), [_to(_block("fd00::1/128"), 6380)]),
        (
            {"observability": {"otlpEndpoint": "http://collector:4318"}},
            {"services": {"collector": Service({"app": "otel"}, {4318: 4318})}},
            [_to(_pods(app="otel"), 4318)],
        ),
        (
            {"gateway": {"baseURL": "http://llm.models.svc/v1"}},
            {},
            [_to(_namespace("models"))],
        ),
        (STORE, _redis(), [_to(ANYBODY, 6379)]),
        (STORE, _redis("10.9.9.9:6380"), [_to(_block("10.9.9.9/32"), 6380)]),
        (
            STORE,
            _redis("redis, 10.9.9.9") | {"services": {"redis": Service({"app": "redis"}, {6379: 6379})}},
            [_to(_pods(app="redis"), 6379), _to(_block("10.9.9.9/32"), 6379)],
        ),
        ({}, {"defaults": Defaults("chatbot:1", egress=("10.0.0.0/24",))}, [_to(_block("10.0.0.0/24"))]),
        (
            {},
            {
                "defaults": Defaults(
                    "chatbot:1", environment={"HTTPS_PROXY": "http://10.0.0.9:3128", "NO_PROXY": "10.0.0.1"}
                )
            },
            [_to(_block("10.0.0.9/32"), 3128)],
        ),
        (
            {
                "networkPolicy": {
                    "additionalEgress": [{"to": [_block("10.2.0.0/16")], "ports": [{"port": 53}]}]
                }
            },
            {},
            [_to(_block("10.2.0.0/16"), 53)],
        ),
        (
            {"networkPolicy": {"additionalEgress": [{"to": [_block("2001:db8::/32")]}]}},
            {},
            [_to(_block("2001:db8::/32"))],
        ),
    ],
)
def test_what_is_opened(spec: dict[str, Any], seen: dict[str, Any], opened: list[dict[str, Any]]) -> None:
    assert _opened(spec, **seen) == opened


def test_public_hosts_at_other_ports_are_reached_there() -> None:
    spec = _server("https://wiki.example.com:8443/mcp") | {
        "gateway": {"baseURL": "http://llm.example.com/v1"}
    }
    internet = egress(assistant(**spec), GOOD)[2]
    assert [each["port"] for each in internet["ports"]] == [80, 443, 8443]


@pytest.mark.parametrize(
    ("address", "open_to"),
    [
        ("104.18.2.115", True),
        ("2606:4700::6812:273", True),
        ("64:ff9b::104.18.2.115", True),
        *((each, False) for each in ("10.96.0.1", "172.31.0.1", "192.168.1.1", "100.64.0.1", "127.0.0.1")),
        *((each, False) for each in ("169.254.169.254", "100.100.100.200", "168.63.129.16", "192.0.0.192")),
        *(
            (each, False)
            for each in ("::1", "fd00:ec2::254", "fd20:ce::254", "fe80::1", "fec0::1", "ff02::1")
        ),
        *((each, False) for each in ("64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254", "2002:a00:1::1")),
    ],
)
def test_the_internet_is_all_that_is_not_private(address: str, open_to: bool) -> None:
    wanted = ipaddress.ip_address(address)

    def covers(block: dict[str, Any]) -> bool:
        inside = wanted in ipaddress.ip_network(block["cidr"])
        return inside and not any(wanted in ipaddress.ip_network(each) for each in block["except"])

    internet = egress(assistant(), GOOD)[2]
    assert any(covers(peer["ipBlock"]) for peer in internet["to"]) is open_to


def test_ranges_are_as_kubernetes_takes_them() -> None:
    for peer in egress(assistant(), GOOD)[2]["to"]:
        whole = ipaddress.ip_network(peer["ipBlock"]["cidr"])
        inner = [ipaddress.ip_network(each) for each in peer["ipBlock"]["except"]]
        assert all(each.version == whole.version and each != whole for each in inner)
        assert list(map(str, inner)) == peer["ipBlock"]["except"]
        # Some CNIs take these for IPv4's.
        assert not any(each.version == 6 and each.network_address.ipv4_mapped for each in inner)


def test_services_of_the_namespace_are_looked_up() -> None:
    spec = {
        **STORE,
        "tools": {
            "mcpServers": [
                {"name": "a", "url": "http://tools/mcp"},
                {"name": "b", "url": "http://tools.todo-chatbot/mcp"},
                {"name": "c", "url": "http://tools.other.svc/mcp"},
                {"name": "d", "url": "https://mcp.example.com/mcp"},
            ]
        },
    }
    seen: Observed = replace(GOOD, **_redis("cache:6379"))
    assert services(assistant(**spec), seen) == ("tools", "cache")
    assert not is_known(assistant(**spec), replace(seen, services={"tools": PENDING, "cache": Absent()}))
    assert is_known(assistant(**spec), replace(seen, services={"tools": TOOLS, "cache": Absent()}))
    assert not is_known(assistant(**STORE), replace(GOOD, secrets={"redis": PENDING}))
