"""What is said of tools: whether their URLs and Secrets may be used, and what pods tell of the MCP servers."""

from dataclasses import replace
from typing import Any

import pytest

from chatassistant_operator import checks
from chatassistant_operator.api import names
from chatassistant_operator.api.policy import ANY, Policy
from chatassistant_operator.api.reasons import ConditionType, Reason
from chatassistant_operator.observed import Children
from chatassistant_operator.observed.named import Absent, OtherSecret, Unreadable
from chatassistant_operator.observed.pending import PENDING, Pending
from chatassistant_operator.observed.pods import Pod, Report, ToolServer
from support.situations import GOOD, Situation, assistant, confirm

APPLIED, TOOLS = ConditionType.APPLIED, ConditionType.TOOLS_AVAILABLE
URL, PUBLIC_URL = "http://todo:8000/mcp", "https://mcp.example.com/mcp"


def servers(*urls: str, **fields: Any) -> dict[str, Any]:
    """A spec with an MCP server for each URL, called s0, s1, …"""
    return {"tools": {"mcpServers": [{"name": f"s{n}", "url": url, **fields} for n, url in enumerate(urls)]}}


def with_header(url: str = URL) -> dict[str, Any]:
    """A spec whose MCP server gets a header from a Secret."""
    ref = {"name": "todo-token", "key": "bearer"}
    return servers(url, headersFrom=[{"name": "Authorization", "secretKeyRef": ref}])


def secret(hosts: str | None = None, use: str | None = "tools", entry: str = "bearer") -> dict[str, Any]:
    """That Secret, with what its owner says of its use."""
    labels = {} if use is None else {names.USE_LABEL: use}
    annotations = {} if hosts is None else {names.HOSTS_ANNOTATION: hosts}
    return {"secrets": {"todo-token": OtherSecret(frozenset({entry}), labels, annotations)}}


def told(*reports: tuple[ToolServer, ...] | Pending | None) -> dict[str, Any]:
    """What each pod tells of the servers; None for one that does not tell."""
    pods = tuple(Pod(f"p{number}", ready=True) for number in range(len(reports)))
    said = {
        pod.name: PENDING if isinstance(each, Pending) else Report(tools=each)
        for pod, each in zip(pods, reports, strict=True)
        if each is not None
    }
    return {"children": Children(pods=pods), "reports": said}


LISTED = ToolServer("s0", ("add", "list"))
SILENT = ToolServer("s0", problem="Unauthorized")
LACKING = ToolServer("s0", ("list",), missing=("add", "delete"))
SECOND = ToolServer("s1", ("search",))

SITUATIONS: tuple[Situation, ...] = tuple(Situation(*row) for row in (
    # name, spec, seen, condition, its status, its reason, a part of its message
    ("a URL that the policy forbids", servers(PUBLIC_URL, "http://mcp.example.com/mcp"), {}, APPLIED, "False", Reason.POLICY_DENIED, "does not allow spec.tools.mcpServers[1].url 'http://mcp.example.com/mcp'. Change spec.tools.mcpServers[1].url, or have whoever runs the operator allow it in its setting policy.allowedEndpoints."),
    ("no Secret for a header", with_header(), {"secrets": {"todo-token": Absent()}}, APPLIED, "False", Reason.SECRET_NOT_FOUND, '`kubectl create secret generic todo-token -n todo-chatbot --from-literal=bearer="$HEADER_VALUE" && kubectl label secret todo-token -n todo-chatbot chatassistant.dev/use=tools`.'),
    ("a Secret for a header, being read", with_header(), {"secrets": {"todo-token": PENDING}}, APPLIED, "Unknown", Reason.SECRET_NOT_FOUND, "being read"),
    ("a Secret for a header that may not be read", with_header(), {"secrets": {"todo-token": Unreadable("secrets is forbidden.")}}, APPLIED, "False", Reason.FORBIDDEN, "'todo-token': secrets is forbidden."),
    ("a Secret whose owner says nothing", with_header(), secret(use=None), APPLIED, "False", Reason.POLICY_DENIED, "`kubectl label secret todo-token -n todo-chatbot chatassistant.dev/use=tools --overwrite`"),
    ("a Secret for something else", with_header(), secret("todo:8000", use="store"), APPLIED, "False", Reason.POLICY_DENIED, "has not allowed its use for tools"),
    ("a Secret for no host", with_header(), secret(), APPLIED, "False", Reason.POLICY_DENIED, "`kubectl annotate secret todo-token -n todo-chatbot chatassistant.dev/hosts=todo:8000`"),
    ("a Secret for other hosts", with_header(PUBLIC_URL), secret("example.com, mcp.example.com:8443"), APPLIED, "False", Reason.POLICY_DENIED, "chatassistant.dev/hosts=mcp.example.com`"),
    ("a Secret for the host, but another port", with_header(), secret("todo"), APPLIED, "False", Reason.POLICY_DENIED, f"has not allowed that it is sent to {URL}"),
    ("a Secret without the entry", with_header(), secret("todo:8000", entry="token"), APPLIED, "False", Reason.SECRET_KEY_MISSING, "has no key 'bearer', which headersFrom of the MCP server 's0' names."),
    ("nothing told yet", servers(URL), told(None), TOOLS, "Unknown", Reason.NOT_CHECKED, "No pod has told yet"),
    ("told, and suspended", {**servers(URL), "suspend": True}, told((LISTED,)), TOOLS, "Unknown", Reason.NOT_CHECKED, "No pod has told yet"),
    ("told of another server", servers(URL, PUBLIC_URL), told((LISTED,)), TOOLS, "Unknown", Reason.NOT_CHECKED, "s1"),
    ("a pod that is being asked", servers(URL), told(PENDING), TOOLS, "Unknown", Reason.NOT_CHECKED, "No pod has told yet"),
    ("one of several pods that is being asked", servers(URL), told((LISTED,), PENDING), TOOLS, "Unknown", Reason.NOT_CHECKED, "No pod has told yet"),
    ("listed", servers(URL, PUBLIC_URL), told((LISTED, SECOND), None), TOOLS, "True", Reason.TOOLS_LISTED, "offer tools: s0 (2), s1 (1)."),
    ("one does not answer", servers(URL), told((SILENT,)), TOOLS, "False", Reason.TOOL_SERVER_UNREACHABLE, "The MCP server 's0' does not list its tools to the pods (Unauthorized)."),
    ("one does not answer one pod", servers(URL, PUBLIC_URL), told((LISTED, SECOND), (SILENT, SECOND), (LISTED, SECOND)), TOOLS, "False", Reason.TOOL_SERVER_UNREACHABLE, "'s0'"),
    ("one does not answer, of the other nothing is told", servers(URL, PUBLIC_URL), told((SILENT,)), TOOLS, "False", Reason.TOOL_SERVER_UNREACHABLE, "'s0'"),
    ("tools that are not offered", servers(URL), told((LACKING,)), TOOLS, "False", Reason.TOOL_NOT_FOUND, "offers no tool add, delete, which allowedTools names. It offers list."),
    ("tools that are not offered to one pod", servers(URL), told((LISTED,), (LACKING,)), TOOLS, "False", Reason.TOOL_NOT_FOUND, "'s0'"),
    ("a server that offers nothing", servers(URL), told((ToolServer("s0", missing=("add",)),)), TOOLS, "False", Reason.TOOL_NOT_FOUND, "names. Correct allowedTools of 's0'"),
))  # fmt: skip


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.name)
def test_found(situation: Situation) -> None:
    confirm(situation)


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        (URL, "todo:8000"),
        (URL, "mcp.example.com , todo:8000,"),
        (PUBLIC_URL, "mcp.example.com"),
        (PUBLIC_URL, "mcp.example.com:443"),
        ("http://todo/mcp", "todo"),
        ("http://todo/mcp", "todo:80"),
    ],
)
def test_a_secret_whose_owner_allows_the_host_is_used(url: str, hosts: str) -> None:
    assert APPLIED not in checks.run(assistant(**with_header(url)), replace(GOOD, **secret(hosts)))


@pytest.mark.parametrize(
    ("spec", "seen", "pending"),
    [
        (servers(URL), told(PENDING), True),
        (servers(URL), told((LISTED,), PENDING), True),
        (servers(URL), told((SILENT,), PENDING), True),
        (servers(URL), told(None), False),
        (servers(URL), told((LISTED,), None), False),
        ({**servers(URL), "suspend": True}, told(PENDING), False),
    ],
)
def test_only_a_pod_that_is_being_asked_is_waited_for(
    spec: dict[str, Any], seen: dict[str, Any], pending: bool
) -> None:
    assert checks.run(assistant(**spec), replace(GOOD, **seen))[TOOLS].pending == pending


@pytest.mark.parametrize("seen", [{"secrets": {"todo-token": Absent()}}, secret(use=None), secret()])
def test_a_header_is_of_no_concern_while_suspended(seen: dict[str, Any]) -> None:
    assert APPLIED not in checks.run(assistant(**with_header(), suspend=True), replace(GOOD, **seen))


def test_without_tools_there_is_nothing_to_say_of_them() -> None:
    seen = replace(GOOD, **told((SILENT,)))
    assert {APPLIED, TOOLS}.isdisjoint(checks.run(assistant(), seen))


def test_a_pod_that_ends_tells_nothing_any_more() -> None:
    seen = told((LISTED,), (SILENT,))
    good, bad = seen["children"].pods
    children = Children(pods=(good, replace(bad, ending=True)))
    finding = checks.run(assistant(**servers(URL)), replace(GOOD, **{**seen, "children": children}))[TOOLS]
    assert finding.reason is Reason.TOOLS_LISTED


@pytest.mark.parametrize(
    "url",
    [
        PUBLIC_URL,
        "https://mcp.example.com:8443",
        "https://MCP.Example.COM/mcp",
        "https://8.8.8.8/mcp",
        "https://4chan.org/mcp",
        "http://todo:8000/mcp",
        "http://todo.todo-chatbot/mcp",
        "http://todo.todo-chatbot.svc:8000/mcp",
        "http://todo.todo-chatbot.svc.cluster.local",
        "https://todo.todo-chatbot.svc.cluster.local./mcp",
        "http://metadata.todo-chatbot.svc:8000/mcp",
        "https://xn--e1afmkfd.xn--p1ai/mcp",
        # IPv6 that leads to a public IPv4: mapped, NAT64, 6to4.
        "https://[2606:4700:4700::1111]/mcp",
        "https://[::ffff:8.8.8.8]/mcp",
        "https://[64:ff9b::808:808]/mcp",
        "https://[2002:808:808::1]/mcp",
    ],
)
def test_public_servers_and_the_namespaces_own_may_be_called(url: str) -> None:
    assert Policy().allows_endpoint(url, "todo-chatbot")


@pytest.mark.parametrize(
    "url",
    [
        # What anybody on the way could read and change.
        "http://mcp.example.com/mcp",
        "http://8.8.8.8/mcp",
        # Services of other namespaces.
        "http://todo.other/mcp",
        "http://todo.other.svc/mcp",
        "https://todo.other.svc/mcp",
        "https://todo.other.svc.cluster.local/mcp",
        "https://todo.other.svc.cluster.local./mcp",
        "http://todo.todo-chatbot.other/mcp",
        "https://todo.other-namespace/mcp",
        "https://todo-0.todo.team-1/mcp",
        "https://todo.other-namespace:8443/mcp",
        # With a dot at its end a short name is looked up in the whole world.
        "http://todo./mcp",
        "http://todo.todo-chatbot./mcp",
        "http://todo.todo-chatbot.svc./mcp",
        # This machine, in all the ways that resolvers know.
        "https://localhost/mcp",
        "http://localhost:8000/mcp",
        "https://localhost./mcp",
        "https://tools.localhost/mcp",
        "http://localhost.todo-chatbot.svc/mcp",
        "https://127.0.0.1/mcp",
        "http://127.0.0.1:8000/mcp",
        "https://127.1/mcp",
        "https://127.0.0.1./mcp",
        "https://0x7f000001/mcp",
        "https://0x7f.0.0.1/mcp",
        "https://127.0.0.0x1/mcp",
        "https://2130706433/mcp",
        "https://017700000001/mcp",
        "https://[::1]/mcp",
        "https://[::ffff:127.0.0.1]/mcp",
        "https://0.0.0.0/mcp",
        # The cloud's metadata, and private networks.
        "https://169.254.169.254/latest/meta-data",
        "http://169.254.169.254/latest/meta-data",
        "http://metadata/computeMetadata",
        "https://metadata/computeMetadata",
        "http://metadata./computeMetadata",
        "http://instance-data/latest/meta-data",
        "https://metadata.google.internal/computeMetadata",
        "http://metadata.google.internal/computeMetadata",
        "https://10.0.0.1/mcp",
        "https://192.168.1.1/mcp",
        "https://100.64.0.1/mcp",
        "https://[fd00::1]/mcp",
        "https://printer.local/mcp",
        "https://nas.home.arpa/mcp",
        "https://[fe80::1]/mcp",
        "https://[fec0::1]/mcp",
        "https://[ff02::1]/mcp",
        "https://224.0.0.1/mcp",
        "https://240.0.0.1/mcp",
        # IPv6 that leads to a private IPv4: mapped, compatible, NAT64 of all and of a network, 6to4, Teredo.
        "https://[::ffff:10.0.0.1]/mcp",
        "https://[::ffff:a9fe:a9fe]/mcp",
        "https://[::127.0.0.1]/mcp",
        "https://[64:ff9b::10.0.0.1]/mcp",
        "https://[64:ff9b::a9fe:a9fe]/latest/meta-data",
        "https://[64:ff9b:1::10.0.0.1]/mcp",
        "https://[64:ff9b:1:a00:0:100::]/mcp",
        "https://[2002:a00:1::1]/mcp",
        "https://[2002:7f00:1::1]/mcp",
        "https://[2001:0:808:808::f5ff:fffe]/mcp",
        "https://[2001:0:a00:1::f7f7:f7f7]/mcp",
        # What is no plain URL.
        "https://user@mcp.example.com/mcp",
        "https://mcp.example.com/mcp?token=x",
        "https://mcp.example.com/mcp#x",
        "https://mcp.example.com:99999/mcp",
        "https://",
    ],
)
def test_nothing_else_may_be_called(url: str) -> None:
    assert not Policy().allows_endpoint(url, "todo-chatbot")


def test_the_operators_settings_may_allow_more_or_less() -> None:
    other, metadata = "http://todo.other.svc:8000/mcp", "http://169.254.169.254"
    policy = Policy(allowed_endpoints=(other,))
    assert policy.allows_endpoint(f"{other}/", "todo-chatbot")
    assert not policy.allows_endpoint("http://todo.other.svc/mcp", "todo-chatbot")
    assert not policy.allows_endpoint(PUBLIC_URL, "todo-chatbot")
    assert not policy.allows_endpoint(URL, "todo-chatbot")
    assert Policy(allowed_endpoints=(ANY,)).allows_endpoint(metadata, "todo-chatbot")
    assert not Policy(allowed_endpoints=()).allows_endpoint(PUBLIC_URL, "todo-chatbot")
