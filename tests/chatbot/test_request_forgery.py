"""Whoever writes a spec may not have the chatbot ask what only the chatbot can reach."""
# ruff: noqa: RUF001 (letters that look like others are what is tested)

import asyncio
import ipaddress
import json
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohappyeyeballs
import aiohttp
import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import ValidationError

from chatassistant_chatbot.addresses import Endpoints, guarded_connector
from chatassistant_chatbot.settings import McpServer
from support.tool_servers import ToolServerProcess, kept, offer_of
from support.waiting import eventually_async

OURS = Endpoints("todo-chatbot", ())
# What is there in the DNS of these tests; beside it only what the C library takes for an address.
NAMES = {
    "localhost": ["127.0.0.1", "::1"],
    "localhost.localdomain": ["127.0.0.1"],
    "anything.localhost": ["::1"],
    "loopback.example": ["127.0.0.1"],
    "127.0.0.1.example": ["127.0.0.1"],
    "six.example": ["::1"],
    "mapped.example": ["::ffff:127.0.0.1"],
    "nat64.example": ["64:ff9b::7f00:1"],
    "link-local.example": ["fe80::1"],
    "private.example": ["10.0.0.5"],
    "several.example": ["127.0.0.1", "169.254.169.254", "10.0.0.5", "::1"],
    "metadata.google.internal": ["169.254.169.254"],
    "metadata": ["169.254.169.254"],
    "instance-data": ["169.254.169.254"],
    "aws.example": ["fd00:ec2::254"],
    "todo-tools": ["127.0.0.1"],
    "todo-tools.todo-chatbot": ["169.254.169.254"],
    "todo-tools.todo-chatbot.svc": ["::1"],
    "todo-tools.todo-chatbot.svc.cluster.local": ["fe80::1"],
    "todo-tools.other.svc": ["10.0.0.5"],
    "kubernetes.default.svc": ["10.96.0.1"],
    "kubernetes.default.svc.cluster.local": ["10.96.0.1"],
    "todo-tools.todo-chatbot.svc.cluster.local.example": ["10.0.0.5"],
    "todo-tools.todo-chatbot.example": ["10.0.0.5"],
}
HOSTS = [
    # This machine, as an IPv4 address that is written in one of many ways.
    "127.0.0.1", "127.1", "127.0.1", "127.255.255.254", "2130706433", "0x7f000001", "0x7f.0.0.1", "0x7F.1",
    "0177.0.0.1", "0177.0000.0000.0001", "017700000001", "127.0.0.1.", "0", "0.0.0.0", "0.0.0.1",  # noqa: S104 (nothing is bound)
    # As an IPv6 address, and as an IPv4 address in one.
    "[::1]", "[0:0:0:0:0:0:0:1]", "[0000::0001]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:127.0.0.1]", "[::127.0.0.1]", "[::ffff:0:127.0.0.1]", "[64:ff9b::127.0.0.1]",
    "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[2001:0:4136:e378:8000:63bf:80ff:fffe]",
    "[fe80::1%25lo]", "[::1%25lo]",
    # As a name.
    "localhost", "LOCALHOST", "localhost.", "localhost.localdomain", "anything.localhost", "loopback.example",
    "LoopBack.Example.", "127.0.0.1.example", "six.example", "mapped.example", "nat64.example",
    "link-local.example", "several.example",
    # In letters and digits that are made others on the way.
    "①②⑦.⓪.⓪.①", "127。0。0。1", "１２７.0.0.1", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "ｌocalhost", "localhoſt",
    # With tricks around the name.
    "user@127.0.0.1", "example.com@127.0.0.1", "example.com:80@127.0.0.1", "127.0.0.1#@example.com",
    "127.0.0.1?@example.com", "example.com\\@127.0.0.1", "127.0.0.1\\.example.com", "127.0.0.1%2f.example.com",
    "127.0.0.1%00.example.com", "127.0.0.1\t.example.com", "127.0.0.1%23.example.com", "127%2e0%2e0%2e1",
    "[::1].example.com", "127.0.0.1,example.com",
    # The metadata of clouds.
    "169.254.169.254", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518", "[fd00:ec2::254]",
    "[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::1]", "100.100.100.200",
    "168.63.129.16", "metadata.google.internal", "aws.example",
    # Private networks, and what is no address of anybody.
    "10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "[fc00::1]", "[fec0::1]", "private.example",
    "198.18.0.1", "192.0.2.1", "[2001:db8::1]", "224.0.0.1", "[ff02::1]", "240.0.0.1", "255.255.255.255",
    # Services of the own namespace may be in private networks, but not here; those of others, and the like, may not.
    "todo-tools", "todo-tools.todo-chatbot", "todo-tools.todo-chatbot.svc",
    "todo-tools.todo-chatbot.svc.cluster.local", "metadata", "instance-data", "todo-tools.other.svc",
    "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
    "todo-tools.todo-chatbot.svc.cluster.local.example", "todo-tools.todo-chatbot.example",
]  # fmt: skip


@dataclass
class Network:
    """What names lead to, and what was connected to; `routes` lead an address to a port of this machine."""

    names: dict[str, Callable[[], Sequence[str]]] = field(default_factory=dict)
    routes: dict[str, int] = field(default_factory=dict)
    looked_up: list[str] = field(default_factory=list)
    connected: list[str] = field(default_factory=list)

    def lead(self, name: str, *answers: Sequence[str]) -> None:
        """Have a name lead to those addresses, at each look-up the next ones, then the last ones."""
        left = list(answers)
        self.names[name] = lambda: left.pop(0) if len(left) > 1 else left[0]

    def look_up(self, host: str, port: int, family: int = 0, *_: Any, **__: Any) -> list[Any]:
        self.looked_up.append(host)
        addresses = [ipaddress.ip_address(each) for each in self._addresses(host)]
        return [
            (
                socket.AF_INET6 if each.version == 6 else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                "",
                (str(each), port),
            )
            for each in addresses
        ]

    def _addresses(self, host: str) -> Sequence[str]:
        name = host.rstrip(".").lower()
        if name in self.names:
            return self.names[name]()
        if name.endswith(".example.com"):
            return ["127.0.0.1"]
        try:
            return [socket.inet_ntoa(socket.inet_aton(name))]
        except OSError:
            try:
                return [str(ipaddress.IPv6Address(name))]
            except ValueError:
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known") from None


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    """The network as these tests want it, in the place of the system's DNS and of routes to the world."""
    network = Network()
    for name, addresses in NAMES.items():
        network.lead(name, addresses)

    async def routed(addr_infos: Sequence[Any], *, socket_factory: Any, **_: Any) -> socket.socket:
        """Connect to the first address that is let through, by the route that leads there."""
        for address in addr_infos:
            socket_factory(address).close()
            host, port = address[4][:2]
            network.connected.append(host)
            connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            connection.setblocking(False)
            place = ("127.0.0.1", network.routes.get(host, port))
            try:
                await asyncio.get_running_loop().sock_connect(connection, place)
            except OSError:
                connection.close()
                raise
            return connection
        raise OSError

    monkeypatch.setattr(socket, "getaddrinfo", network.look_up)
    monkeypatch.setattr(aiohappyeyeballs, "start_connection", routed)
    return network


@pytest_asyncio.fixture
async def trap() -> AsyncIterator[tuple[int, list[Any]]]:
    """A port of this machine on which nothing should arrive, and what did."""
    caught: list[Any] = []

    async def catch(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        caught.append(writer.get_extra_info("peername"))
        writer.close()

    listener = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    server = await asyncio.start_server(catch, sock=listener)
    yield listener.getsockname()[1], caught
    server.close()
    await server.wait_closed()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ToolServerProcess]:
    process = ToolServerProcess(tmp_path / "tools")
    yield process
    process.stop()


def port_of(server: ToolServerProcess) -> int:
    return int(server.address.rpartition(":")[2])


async def problem_of(tools: Any) -> str:
    async def told() -> list[dict[str, Any]]:
        report: list[dict[str, Any]] = tools.report()
        return report

    [entry] = await eventually_async(told, "the server is reported", timeout=20)
    problem: str = entry["problem"]
    return problem


async def test_no_url_leads_where_it_should_not(network: Network, trap: tuple[int, list[Any]]) -> None:
    port, caught = trap
    assert len(HOSTS) >= 60
    servers: dict[str, McpServer] = {}
    for number, host in enumerate(HOSTS):
        # Some are no URLs to begin with.
        try:
            servers[host] = McpServer(name=f"s{number}", url=f"http://{host}:{port}/mcp")
        except ValidationError:
            continue
    assert len(servers) >= 95
    async with kept(*servers.values(), endpoints=OURS) as tools:

        async def all_told() -> bool:
            return len(tools.report()) == len(servers)

        await eventually_async(all_told, "all are reported", timeout=60)
        problems = {host: entry["problem"] for host, entry in zip(servers, tools.report(), strict=True)}
        assert tools.offer().functions == []
    assert caught == []
    assert network.connected == []
    # The others are names that do not exist, or no URLs at all.
    guarded = {host for host, problem in problems.items() if problem == "AddressNotAllowed"}
    assert len(guarded) >= 80
    assert {problems[host] for host in problems.keys() - guarded} <= {"Unreachable", "NotMcp"}


async def test_nor_does_one_of_an_issuer(network: Network, trap: tuple[int, list[Any]]) -> None:
    port, caught = trap
    through: list[str] = []
    for host in HOSTS:
        url = f"http://{host}:{port}/.well-known/openid-configuration"
        async with aiohttp.ClientSession(connector=guarded_connector(OURS.reach(url))) as session:
            try:
                async with session.get(url, allow_redirects=False):
                    through.append(host)
            except (aiohttp.ClientError, ValueError):
                continue
    assert (through, caught) == ([], [])


async def test_the_trap_catches(network: Network, trap: tuple[int, list[Any]]) -> None:
    port, caught = trap
    listed = f"http://loopback.example:{port}/mcp"
    for url in (listed, f"http://127.0.0.1:{port}/mcp"):
        async with kept(McpServer(name="todo", url=url), endpoints=Endpoints("", ["*"])) as tools:
            assert await problem_of(tools) == "Unreachable"
    assert len(caught) > 1
    async with kept(McpServer(name="todo", url=listed), endpoints=Endpoints("", [listed])) as tools:
        assert await problem_of(tools) == "Unreachable", "it may be asked, and is no tool server"


async def test_a_name_that_leads_elsewhere_the_next_time(
    network: Network, server: ToolServerProcess, trap: tuple[int, list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from chatassistant_chatbot.tools import transport  # noqa: PLC0415 (takes a second)

    # Each request has a connection of its own.
    monkeypatch.setattr(transport, "_IDLE_SECONDS", 0.0)
    await asyncio.to_thread(server.start)
    network.routes["8.8.8.8"] = port_of(server)
    network.lead("rebinding.example", ["8.8.8.8"], ["127.0.0.1"])
    port, caught = trap
    url = f"http://rebinding.example:{port}/mcp"
    async with kept(McpServer(name="todo", url=url), endpoints=OURS) as tools:
        assert await problem_of(tools) == "AddressNotAllowed"
    assert network.connected == ["8.8.8.8"], "what was judged is connected to, and nothing else"
    assert caught == []


async def test_of_several_addresses_those_that_may_be_are_connected_to(
    network: Network, server: ToolServerProcess
) -> None:
    await asyncio.to_thread(server.start)
    network.routes["8.8.8.8"] = port_of(server)
    network.lead("mixed.example", ["127.0.0.1", "::1", "10.0.0.5", "8.8.8.8"])
    async with kept(McpServer(name="todo", url="http://mixed.example/mcp"), endpoints=OURS) as tools:
        await offer_of(tools)
    assert set(network.connected) == {"8.8.8.8"}


async def test_no_redirect_is_followed(
    network: Network, server: ToolServerProcess, trap: tuple[int, list[Any]]
) -> None:
    port, caught = trap
    away = [f"http://127.0.0.1:{port}/", f"//127.0.0.1:{port}/", "http://169.254.169.254/latest/", "/mcp"]
    answers = {
        f"/{status}/{number}": {"status": status, "text": "", "content_type": "text/html", "location": place}
        for status in (301, 302, 303, 307, 308)
        for number, place in enumerate(away)
    }
    await asyncio.to_thread(server.start, other_answers=answers)
    urls = [server.address + path for path in answers]
    servers = [McpServer(name=f"s{number}", url=url) for number, url in enumerate(urls)]
    async with kept(*servers, endpoints=Endpoints("", urls)) as tools:

        async def all_told() -> bool:
            assert [entry["problem"] for entry in tools.report()] == ["NotMcp"] * len(urls)
            return True

        await eventually_async(all_told, "all are reported", timeout=30)
    assert caught == []
    assert set(network.connected) == {"127.0.0.1"}
    assert "169.254.169.254" not in network.looked_up
    assert server.asked["listings"] == 0, "not even on the same server"


async def test_services_of_the_own_namespace_are_in_private_networks(
    network: Network, server: ToolServerProcess
) -> None:
    await asyncio.to_thread(server.start, tools=["headers"])
    for host in (
        "todo-tools",
        "todo-tools.todo-chatbot",
        "todo-tools.todo-chatbot.svc",
        "todo-tools.todo-chatbot.svc.cluster.local",
        "todo-tools.todo-chatbot.svc.cluster.local.",
    ):
        for address in ("10.96.7.7", "fd00:10:96::7"):
            network.routes[address] = port_of(server)
            network.lead(host.rstrip("."), [address])
            async with kept(McpServer(name="todo", url=f"http://{host}/mcp"), endpoints=OURS) as tools:
                offer = await offer_of(tools)
                headers = json.loads((await offer.call("todo__headers", "", "request-1")).content)
                assert headers["host"] == host.rstrip(".")
    assert set(network.connected) == {"10.96.7.7", "fd00:10:96::7"}


async def test_tls_is_with_the_name_and_not_with_the_address(
    network: Network, server: ToolServerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chatassistant_chatbot.tools import transport  # noqa: PLC0415 (takes a second)

    certificate = tmp_path / "certificate.pem"
    certificate.write_bytes(_certificate("tools.example"))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    transport._tls.cache_clear()
    await asyncio.to_thread(server.start, tools=["headers"], certificate=str(certificate))
    network.routes["8.8.8.8"] = port_of(server)
    for name in ("tools.example", "other.example"):
        network.lead(name, ["8.8.8.8"])
    try:
        async with kept(McpServer(name="todo", url="https://tools.example/mcp"), endpoints=OURS) as tools:
            offer = await offer_of(tools)
            headers = json.loads((await offer.call("todo__headers", "", "request-1")).content)
            assert headers["host"] == "tools.example"
        async with kept(McpServer(name="todo", url="https://other.example/mcp"), endpoints=OURS) as tools:
            assert await problem_of(tools) == "Unreachable"
        async with kept(McpServer(name="todo", url="https://8.8.8.8/mcp"), endpoints=OURS) as tools:
            assert await problem_of(tools) == "Unreachable"
    finally:
        transport._tls.cache_clear()


def _certificate(name: str) -> bytes:
    """A certificate that vouches for itself and for a name, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM) + private
