"""What every request shares: made once, at the start."""

import hmac
from dataclasses import dataclass
from typing import cast

from starlette.requests import HTTPConnection

from chatassistant_chatbot.credentials import Credential
from chatassistant_chatbot.errors import CallerError
from chatassistant_chatbot.gateway.client import GatewayClient
from chatassistant_chatbot.metrics import Metrics
from chatassistant_chatbot.settings import Settings
from chatassistant_chatbot.tools.servers import ToolServers


@dataclass
class Deps:
    """The assistant's settings, key, gateway, tools and metrics, and whether it is about to end."""

    settings: Settings
    credential: Credential
    gateway: GatewayClient
    tools: ToolServers
    metrics: Metrics
    draining: bool = False


def deps(connection: HTTPConnection) -> Deps:
    """What the application was made with."""
    return cast("Deps", connection.app.state.deps)


def admit(connection: HTTPConnection) -> None:
    """Let a caller in who may ask.

    Raises:
        CallerError: 401 for anybody else; in a time that tells nothing of the token.
    """
    token = deps(connection).settings.access_token
    if token is None:
        return
    scheme, _, given = connection.headers.get("Authorization", "").partition(" ")
    right = hmac.compare_digest(given.strip().encode("latin-1"), token.get_secret_value().encode())
    if scheme.lower() != "bearer" or not right:
        raise CallerError(
            401,
            "invalid_token",
            "This assistant wants its access token as 'Authorization: Bearer …'.",
            type="authentication_error",
        )
