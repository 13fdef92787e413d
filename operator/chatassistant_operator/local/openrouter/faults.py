"""What the stand-in can be told to do wrong, while it runs."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field


class Fault(BaseModel):
    """One misbehaviour; what is not given stays as it should be.

    Sources: OpenRouter's error documentation and public reports; 200 with an error: langchain-ai/langchainjs#11417;
    newlines before JSON: router-for-me/CLIProxyAPI#2690; both forms of the usage chunk: speakeasy-api/gram#921.
    """

    model_config = ConfigDict(extra="forbid")

    route: str = "*"
    """The path that is concerned, such as /key; `*` for all."""

    times: int | None = None
    """For how many requests; for all that come when not given."""

    status: int | None = None
    """The HTTP status instead of an answer."""

    body: dict[str, Any] | str | None = None
    """The body that goes with it: JSON, or text that is sent as HTML."""

    headers: dict[str, str] = Field(default_factory=dict[str, str])
    """Headers that go with it, such as Retry-After."""

    delay_seconds: Annotated[float, Field(ge=0)] = 0.0
    """How long nothing happens first."""

    black_hole: bool = False
    """Never answer."""

    hang_up: bool = False
    """Close the connection instead of answering."""

    leading_newlines: bool = False
    """Newlines before the JSON, as slow answers have them."""

    token_seconds: Annotated[float, Field(ge=0)] = 0.0
    """The pause before each piece of a stream."""

    cut_after: int | None = None
    """Cut the connection after so many pieces of a stream."""

    error_after: int | None = None
    """Tell of a provider's error after so many pieces of a stream; HTTP stays 200."""

    usage_in_delta: bool = False
    """The usage comes with an empty delta instead of with no choices."""

    split_bytes: bool = False
    """A stream arrives in pieces of seven bytes, in the middle of characters too."""


class Faults:
    """The faults that are on."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Turn a fault on."""
        self._faults.append(fault)

    def clear(self) -> None:
        """Turn all faults off."""
        self._faults.clear()

    def take(self, route: str) -> Fault:
        """The fault for a request, or one that does nothing."""
        for fault in self._faults:
            if fault.route in {"*", route} and fault.times != 0:
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return Fault()
