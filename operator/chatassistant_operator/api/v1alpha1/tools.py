"""The MCP servers whose tools an assistant may call."""

from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from chatassistant_operator.api.v1alpha1.base import ApiModel, Rule, matches
from chatassistant_operator.api.v1alpha1.references import SecretEntryRef

URL: Final = r"https?://[-A-Za-z0-9._~\[\]]+(:[0-9]{1,5})?(/[-A-Za-z0-9._~%!$&()*+,;=:@/]*)?"
_SERVER_NAME: Final = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_HEADER_NAME: Final = r"[A-Za-z0-9][-A-Za-z0-9_]*"


class HeaderSource(ApiModel):
    """A header whose value stands in a Secret."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    """The header's name, such as Authorization."""

    secret_key_ref: SecretEntryRef
    """The entry with the header's whole value; its Secret has the label chatassistant.dev/use: tools."""

    rules: ClassVar[tuple[Rule, ...]] = (
        matches("name", _HEADER_NAME, "must be the name of an HTTP header: letters, digits, '-' and '_'"),
    )


class McpServer(ApiModel):
    """One MCP server."""

    name: Annotated[str, Field(min_length=1, max_length=30)]
    """What the server is called in tool names, status and logs."""

    url: Annotated[str, Field(min_length=1, max_length=2048)]
    """The server's endpoint; the operator's policy says which are allowed."""

    transport: Literal["StreamableHTTP"] = "StreamableHTTP"
    """How it is spoken to."""

    headers_from: Annotated[
        tuple[HeaderSource, ...],
        Field(
            max_length=8,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
        ),
    ] = ()
    """Headers that go with each request, such as Authorization."""

    allowed_tools: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=128)], ...],
        Field(max_length=64, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = ()
    """The tools that may be called; all that the server offers when empty."""

    timeout_seconds: Annotated[int, Field(ge=1, le=600)] = 30
    """How long a call of a tool may take."""

    rules: ClassVar[tuple[Rule, ...]] = (
        matches("name", _SERVER_NAME, "must be lower-case letters, digits and '-'"),
        matches("url", URL, "must be an http or https URL without user, query or fragment"),
    )


class Tools(ApiModel):
    """What the model may call."""

    max_rounds: Annotated[int, Field(ge=1, le=50)] = 8
    """How often the model may ask for tools before it has to answer."""

    mcp_servers: Annotated[
        tuple[McpServer, ...],
        Field(
            max_length=16,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
        ),
    ] = ()
    """The MCP servers whose tools the model may call."""
