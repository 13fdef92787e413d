"""What the stand-in can be told to do wrong, while it runs."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from chatassistant_operator.local.openrouter.errors import NAMED

Seconds = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=0)]


class Fault(BaseModel):
    """One misbehaviour; what is not given stays as it should be."""

    model_config = ConfigDict(extra="forbid")

    route: str = "*"
    """The route that is concerned, such as `/key` or `/model/{author}/{slug}`; `*` for all."""

    key: str | None = None
    """The key that is concerned, by its name or its token; everybody when not given, those without a key too."""

    times: Count | None = None
    """For how many requests; for all that come when not given."""

    error: str | None = None
    """One of `errors.NAMED`, with the body and the headers that OpenRouter gives it."""

    status: int | None = None
    """The HTTP status; alone, it comes with the body of the first of `errors.NAMED` that has it.

    With `error` and 200: an error that HTTP says nothing of (langchain-ai/langchainjs#11417).
    """

    body: dict[str, Any] | str | None = None
    """The body instead: JSON, or text that is sent as HTML, as when the base URL is wrong (openclaw#69646)."""

    headers: dict[str, str] = Field(default_factory=dict[str, str])
    """Headers that go with the answer, such as Retry-After (with 429 and 503: OpenRouter's errors page)."""

    delay_seconds: Seconds = 0.0
    """How long nothing happens first."""

    black_hole: bool = False
    """Never answer: a connection whose other end is gone."""

    hang_up: bool = False
    """Close the connection instead of answering."""

    leading_newlines: bool = False
    """Newlines before the JSON, as slow answers have them (router-for-me/CLIProxyAPI#2690)."""

    token_seconds: Seconds = 0.0
    """The pause before each piece of a stream, with a comment before it (OpenRouter's streaming page)."""

    cut_after: Count | None = None
    """Cut the connection after so many pieces of a stream."""

    error_after: Count | None = None
    """Tell of a provider's error after so many pieces; HTTP stays 200 (OpenRouter's streaming page)."""

    error_code: int | str = 502
    """The code of that error: a number in captures, a string such as `server_error` on the streaming page."""

    done_after_error: bool = False
    """Whether `[DONE]` follows that error; no public source tells."""

    says: str | None = None
    """What the model answers instead of a quotation; as many words as it may."""

    usage_in_delta: bool = False
    """The usage comes with an empty delta (speakeasy-api/gram#921) instead of with no choices."""

    split_bytes: bool = False
    """A stream arrives byte by byte, so that characters are split too, as any network may do."""

    def concerns(self, route: str, key: Sequence[str]) -> bool:
        """Whether it is one for a request to a route, with a key of that name and token."""
        return self.route in {"*", route} and (self.key is None or self.key in key)

    @field_validator("error")
    @classmethod
    def _is_named(cls, value: str | None) -> str | None:
        if value is not None and value not in NAMED:
            raise ValueError(f"must be one of {', '.join(NAMED)}")
        return value


class Faults:
    """The faults that are on: those for a number of requests in their order, then the newest of the others."""

    def __init__(self) -> None:
        self._counted: list[Fault] = []
        self._lasting: dict[tuple[str, str | None], Fault] = {}

    def add(self, fault: Fault) -> None:
        """Turn a fault on; a lasting one takes the place of the one that its route and key had."""
        if fault.times is None:
            self._lasting.pop((fault.route, fault.key), None)
            self._lasting[fault.route, fault.key] = fault
        else:
            self._counted += [fault] * fault.times

    def clear(self) -> None:
        """Turn all faults off."""
        self._counted.clear()
        self._lasting.clear()

    def take(self, route: str, *key: str) -> Fault:
        """The fault for a request, or one that does nothing.

        Args:
            route: What is asked.
            key: The name and the token of the key that asks, if any does.
        """
        for number, fault in enumerate(self._counted):
            if fault.concerns(route, key):
                return self._counted.pop(number)
        newest_first = reversed(self._lasting.values())
        return next((fault for fault in newest_first if fault.concerns(route, key)), Fault())
