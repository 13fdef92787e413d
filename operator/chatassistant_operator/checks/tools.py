"""Do the MCP servers answer, and offer what the spec names?"""

from chatassistant_operator.api.reasons import ConditionType, Reason
from chatassistant_operator.api.v1alpha1 import ChatAssistant
from chatassistant_operator.finding import Finding, Truth
from chatassistant_operator.observed import Observed
from chatassistant_operator.observed.pending import Pending
from chatassistant_operator.observed.pods import Report, ToolServer


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


def _finding(truth: Truth, reason: Reason, message: str) -> Finding:
    return Finding(ConditionType.TOOLS_AVAILABLE, truth, reason, message)
