"""A command's connection to the API server, with its user's rights."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import aiohttp

from chatassistant_operator.cli.failure import CommandError
from chatassistant_operator.cluster.client import Client
from chatassistant_operator.cluster.errors import NotFoundError
from chatassistant_operator.cluster.kinds import CHAT_ASSISTANT
from chatassistant_operator.cluster.login import Access, login
from chatassistant_operator.observed import Manifest

FIELD_MANAGER: Final = "kubectl-assistant"
"""The field manager of what these commands write."""


@dataclass(frozen=True, slots=True)
class Connection:
    """The API server, and the namespace that was asked for.

    `client` covers what the operator needs too; `session` and `access` are there for what it does not (logs,
    port-forwards).
    """

    client: Client
    session: aiohttp.ClientSession
    access: Access
    namespace: str

    async def assistant(self, name: str) -> Manifest:
        """A ChatAssistant of the namespace; raises `CommandError` when there is none."""
        try:
            return await self.client.get(CHAT_ASSISTANT, self.namespace, name)
        except NotFoundError:
            raise CommandError(await self._no_such(name)) from None

    async def assistants(self, name: str | None, *, all_namespaces: bool = False) -> list[Manifest]:
        """The one of this name, or all; in order of namespace and name."""
        if name is not None and not all_namespaces:
            return [await self.assistant(name)]
        found, _ = await self.client.list(CHAT_ASSISTANT, None if all_namespaces else self.namespace, {})
        return [each for each in found if name in {None, each["metadata"]["name"]}]

    async def _no_such(self, name: str) -> str:
        if not await self.client.serves(CHAT_ASSISTANT):
            return "The cluster knows no ChatAssistants: its administrator installs the CRD and the operator."
        return (
            f"There is no ChatAssistant {name!r} in the namespace {self.namespace!r}: "
            "`kubectl get chat -A` lists what there is."
        )


@asynccontextmanager
async def connected(context: str | None, namespace: str | None) -> AsyncGenerator[Connection, None]:
    """A connection as the kubeconfig says; raises `LoginError` where it cannot be used."""
    access = login(context)
    async with access.session() as session:
        yield Connection(Client(session, access.server), session, access, namespace or access.namespace)
