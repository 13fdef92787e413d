"""Which of the optional kinds the cluster knows."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from chatassistant_operator.cluster.client import Client
from chatassistant_operator.cluster.kinds import HTTP_ROUTE, Kind
from chatassistant_operator.ports import NotInstalled

_AGAIN_SECONDS: Final = 30.0
_COME_WITH: Final = {HTTP_ROUTE.group: ("the Gateway API", "https://gateway-api.sigs.k8s.io/guides")}
_PROMETHEUS: Final = ("the Prometheus Operator", "https://prometheus-operator.dev/docs")


class InstalledKinds:
    """Asks the API server when the operator starts, and then only on behalf of somebody who wants a kind that is not there.

    All who want the same kind share one question in 30 s.

    Args:
        client: The API server.
        clock: In seconds.
    """

    def __init__(self, client: Client, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._asking = asyncio.Lock()
        self._missing_at: dict[Kind, float] = {}

    async def has(self, kind: Kind) -> bool:
        """Whether the cluster knows a kind, as of now or at most 30 s ago."""
        async with self._asking:
            at = self._missing_at.get(kind)
            if at is not None and self._clock() < at + _AGAIN_SECONDS:
                return False
            if await self._client.serves(kind):
                self._missing_at.pop(kind, None)
                return True
            self._missing_at[kind] = self._clock()
            return False


def not_installed(kind: Kind) -> NotInstalled:
    """What is told of a kind that the cluster does not know."""
    name, page = _COME_WITH.get(kind.group, _PROMETHEUS)
    return NotInstalled(
        f"The cluster knows no {kind.name} ({kind.api_version}), so none was made; the rest works. Install {name} ({page}), "
        f"or remove what asks for it from the spec. `kubectl api-resources --api-group={kind.group}` shows what is "
        "installed; it is looked at again every 30 s."
    )
