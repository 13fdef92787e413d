"""The tool servers of an assistant: asked in the background what they offer, so that nothing waits for them."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from pydantic import SecretStr

from chatassistant_chatbot.addresses import Endpoints
from chatassistant_chatbot.settings import McpServer
from chatassistant_chatbot.tools.offer import Offer
from chatassistant_chatbot.tools.server import Server

if TYPE_CHECKING:
    from chatassistant_chatbot.tools.connection import Connection

__all__ = ["Offer", "ToolServers"]
logger = logging.getLogger(__name__)

_INTERNET: Final = Endpoints("", ())
_FIRST_SECONDS: Final = 5.0


class ToolServers:
    """What all servers offer now; `keep` has to run."""

    def __init__(
        self,
        servers: Sequence[McpServer],
        header_values: Mapping[str, SecretStr],
        endpoints: Endpoints = _INTERNET,
    ) -> None:
        self._offer = Offer()
        self._servers = [
            Server(
                each,
                {header.name: header_values[header.env].get_secret_value() for header in each.headers},
                endpoints.reach(each.url),
                self._offer_anew,
            )
            for each in servers
        ]
        self._asked = asyncio.Event()
        if not servers:
            self._asked.set()

    async def keep(self) -> None:
        """Stay connected to all servers; ends only when there are none."""
        if not self._servers:
            return
        asyncio.get_running_loop().call_later(_FIRST_SECONDS, self._asked.set)
        # It takes a second, in which requests are answered.
        connection = await asyncio.to_thread(_import_connection)
        async with asyncio.TaskGroup() as group:
            for server in self._servers:
                group.create_task(server.keep(connection))

    async def asked(self) -> None:
        """Wait until each server was asked once, but only in the first seconds of the process, for turns that begin then."""
        await self._asked.wait()

    def offer(self) -> Offer:
        """What may be called in a turn that begins now: tools of servers that answer, allowed by the configuration."""
        return self._offer

    def report(self) -> list[dict[str, Any]]:
        """What is known of each server, for the operator; nothing of one that has not been asked to the end yet."""
        return [server.report() for server in self._servers if server.known]

    def _offer_anew(self) -> None:
        self._offer = Offer((server.call, server.functions) for server in self._servers)
        if all(server.known for server in self._servers):
            self._asked.set()
        left_out = sum(len(server.tools) for server in self._servers) - len(self._offer.functions)
        if left_out:
            facts = {"offered": len(self._offer.functions), "left_out": left_out}
            logger.warning("there are more tools than models take; allowedTools chooses", extra=facts)


def _import_connection() -> "type[Connection]":
    from chatassistant_chatbot.tools.connection import Connection  # noqa: PLC0415 (see there)

    return Connection
