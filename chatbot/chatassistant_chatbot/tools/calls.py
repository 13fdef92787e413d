"""What the model is told of a call that has no result: fixed words, in which nothing of the server's is quoted."""

from dataclasses import dataclass
from enum import Enum

from chatassistant_chatbot.tools.tool import ToolResult


class CallProblem(Enum):
    """Why a call has no result; `{server}` and `{seconds}` stand for the server's name and its time limit."""

    NOT_REACHED = "The tool server {server} cannot be reached just now. The tool was not run."
    OUT_OF_REACH = (
        "The tool server {server} has an address that the assistant may not connect to. The tool was not run."
    )
    REFUSED = "The tool server {server} does not let the assistant in. The tool was not run."
    NOT_ACCEPTED = "The tool server {server} did not accept the call: it does not know the tool, or the arguments do not fit."
    TIMED_OUT = "The tool server {server} did not answer within {seconds:g} s. The tool may have been run."
    BROKEN = (
        "The connection to the tool server {server} broke before it answered. The tool may have been run."
    )
    TOO_LARGE = "The answer of the tool server {server} is too large to be read. The tool may have been run."
    FAILED = "The tool server {server} failed. The tool may have been run."
    NOT_UNDERSTOOD = (
        "The tool server {server} gave an answer that cannot be understood. The tool may have been run."
    )


@dataclass(frozen=True, slots=True)
class NoResult:
    """A call that has no result; `again` when it surely did not run, and another connection may do better."""

    problem: CallProblem
    again: bool = False

    def told(self, server: str, seconds: float) -> ToolResult:
        """The words for the model."""
        return ToolResult(self.problem.value.format(server=server, seconds=seconds), failed=True)
