"""May the tools' Secrets be used, and do the MCP servers answer?"""

from collections.abc import Iterator
from urllib.parse import urlsplit

from chatassistant_operator.api import names
from chatassistant_operator.api.reasons import ConditionType, Reason
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.api.v1alpha1.tools import HeaderSource, McpServer
from chatassistant_operator.finding import Finding, Truth
from chatassistant_operator.observed import Observed
from chatassistant_operator.observed.named import Absent, OtherSecret, Unreadable
from chatassistant_operator.observed.pending import Pending
from chatassistant_operator.observed.pods import Report, ToolServer

_USE = "tools"
_PORTS = {"http": 80, "https": 443}


def secrets_may_be_used(assistant: ChatAssistant, seen: Observed) -> Finding | None:
    """A Secret other than the API key's is used only if its owner says so: anybody could have it posted elsewhere."""
    return None if assistant.spec.suspend else secrets_stand_against(assistant, seen)


def secrets_stand_against(assistant: ChatAssistant, seen: Observed) -> Finding | None:
    """What stands against the first of the tools' Secrets that something stands against."""
    found = (_secret(assistant, server, header, seen) for server, header in _headers(assistant))
    return next((each for each in found if each is not None), None)


def tools_are_reported(assistant: ChatAssistant, seen: Observed) -> Finding | None:
    """Nothing is known before each pod was asked, and one has told; the operator itself calls no tool server."""
    if not assistant.spec.tools.mcp_servers:
        return None
    pending = not assistant.spec.suspend and is_asking(seen)
    if pending or assistant.spec.suspend or not servers(assistant, seen):
        message = "No pod has told yet what the MCP servers offer."
        return Finding(ConditionType.TOOLS_AVAILABLE, "Unknown", Reason.NOT_CHECKED, message, pending)
    return None


def servers_answer(assistant: ChatAssistant, seen: Observed) -> Finding | None:
    """`ToolServerUnreachable`."""
    for each in servers(assistant, seen):
        if each.problem is not None:
            message = (
                f"The MCP server {each.server!r} does not list its tools to the pods ({each.problem}). Check "
                f"spec.tools.mcpServers: url and headersFrom of {each.server!r}, and that the server runs; pods use it "
                "again within 10 s when it is back."
            )
            return _finding("False", Reason.TOOL_SERVER_UNREACHABLE, message)
    return None


def tools_are_there(assistant: ChatAssistant, seen: Observed) -> Finding | None:
    """`ToolNotFound`."""
    for each in servers(assistant, seen):
        if each.missing:
            offered = f" It offers {', '.join(each.names)}." if each.names else ""
            message = (
                f"The MCP server {each.server!r} offers no tool {', '.join(each.missing)}, which allowedTools names."
                f"{offered} Correct allowedTools of {each.server!r} in spec.tools.mcpServers, or have the server offer it."
            )
            return _finding("False", Reason.TOOL_NOT_FOUND, message)
    return None


def tools_are_listed(assistant: ChatAssistant, seen: Observed) -> Finding | None:
    """`ToolsListed`, once each server was told of: pods of an earlier revision know only those that it had."""
    if not assistant.spec.tools.mcp_servers:
        return None
    told = servers(assistant, seen)
    known = {each.server for each in told}
    silent = [each.name for each in assistant.spec.tools.mcp_servers if each.name not in known]
    if silent:
        message = f"No pod has told yet what is offered by {', '.join(silent)}."
        return _finding("Unknown", Reason.NOT_CHECKED, message)
    offered = ", ".join(f"{each.server} ({len(each.names)})" for each in told)
    return _finding("True", Reason.TOOLS_LISTED, f"The MCP servers answer and offer tools: {offered}.")


def is_asking(seen: Observed) -> bool:
    """Whether a pod has not been asked yet."""
    return any(
        isinstance(seen.reports.get(pod.name), Pending) for pod in seen.children.pods if not pod.ending
    )


def servers(assistant: ChatAssistant, seen: Observed) -> tuple[ToolServer, ...]:
    """What the pods say of each server that the spec names; of pods that differ, the one for which it is worst."""
    said: dict[str, ToolServer] = {}
    for pod in seen.children.pods:
        report = seen.reports.get(pod.name)
        for each in report.tools if isinstance(report, Report) and not pod.ending else ():
            known = said.get(each.server)
            if known is None or (each.problem is not None, each.missing) > (
                known.problem is not None,
                known.missing,
            ):
                said[each.server] = each
    return tuple(said[each.name] for each in assistant.spec.tools.mcp_servers if each.name in said)


def _headers(assistant: ChatAssistant) -> Iterator[tuple[McpServer, HeaderSource]]:
    for server in assistant.spec.tools.mcp_servers:
        for header in server.headers_from:
            yield server, header


def _secret(
    assistant: ChatAssistant, server: McpServer, header: HeaderSource, seen: Observed
) -> Finding | None:
    """What stands against a header's Secret."""
    ref, namespace = header.secret_key_ref, assistant.metadata.namespace
    match seen.secrets.get(ref.name):
        case None | Pending():
            message = f"The Secret {ref.name!r} is being read."
            return Finding(ConditionType.APPLIED, "Unknown", Reason.SECRET_NOT_FOUND, message, pending=True)
        case Absent():
            message = (
                f"There is no Secret {ref.name!r} in namespace {namespace!r}, which headersFrom of the MCP server {server.name!r} names. "
                f"Create it with `kubectl create secret generic {ref.name} -n {namespace} --from-literal={ref.key}=VALUE`, "
                f"then `kubectl label secret {ref.name} -n {namespace} {names.USE_LABEL}={_USE}`."
            )
            return _not_applied(Reason.SECRET_NOT_FOUND, message)
        case Unreadable(problem):
            return _not_applied(
                Reason.FORBIDDEN,
                f"The operator could not read the Secret {ref.name!r}: {problem.rstrip('.')}.",
            )
        case OtherSecret() as secret:
            return _permission(assistant, server, header, secret)


def _permission(
    assistant: ChatAssistant, server: McpServer, header: HeaderSource, secret: OtherSecret
) -> Finding | None:
    """What the Secret's owner does not allow, or has not put there."""
    ref, namespace = header.secret_key_ref, assistant.metadata.namespace
    host = host_of(server.url)
    if secret.labels.get(names.USE_LABEL) != _USE:
        message = (
            f"The owner of the Secret {ref.name!r} has not allowed its use for tools. Allow it with "
            f"`kubectl label secret {ref.name} -n {namespace} {names.USE_LABEL}={_USE}`."
        )
        return _not_applied(Reason.POLICY_DENIED, message)
    allowed = {each.strip() for each in secret.annotations.get(names.HOSTS_ANNOTATION, "").split(",")}
    if not allowed & host:
        message = (
            f"The owner of the Secret {ref.name!r} has not allowed that it is sent to {server.url}. Allow it with "
            f"`kubectl annotate secret {ref.name} -n {namespace} {names.HOSTS_ANNOTATION}={min(host, key=len)}`."
        )
        return _not_applied(Reason.POLICY_DENIED, message)
    if ref.key not in secret.entries:
        message = (
            f"The Secret {ref.name!r} in namespace {namespace!r} has no key {ref.key!r}, which headersFrom of the MCP "
            f"server {server.name!r} names. Add it there."
        )
        return _not_applied(Reason.SECRET_KEY_MISSING, message)
    return None


def host_of(url: str) -> set[str]:
    """How the annotation on a Secret may name a URL's host: with its port, and without where it is the usual one."""
    parts = urlsplit(url)
    usual = _PORTS.get(parts.scheme)
    host, port = parts.hostname or "", parts.port or usual
    return {f"{host}:{port}"} | ({host} if port == usual else set())


def _not_applied(reason: Reason, message: str) -> Finding:
    return Finding(ConditionType.APPLIED, "False", reason, message)


def _finding(truth: Truth, reason: Reason, message: str) -> Finding:
    return Finding(ConditionType.TOOLS_AVAILABLE, truth, reason, message)
