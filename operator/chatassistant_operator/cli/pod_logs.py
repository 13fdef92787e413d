"""What pods have printed, by the API server."""

from collections.abc import AsyncGenerator, Mapping
from typing import Any, Final

import aiohttp

from chatassistant_operator.cli.connection import Connection
from chatassistant_operator.cluster.errors import UnreachableError, from_response
from chatassistant_operator.cluster.kinds import POD
from chatassistant_operator.observed import Manifest

_LIMITS: Final = aiohttp.ClientTimeout(total=None, connect=4.0)


async def lines(
    connection: Connection, namespace: str, pod: str, parameters: Mapping[str, str]
) -> AsyncGenerator[str, None]:
    """The lines of a pod's log, without their ends.

    Args:
        connection: The cluster.
        namespace: The pod's.
        pod: Its name.
        parameters: Those of the API: `container`, `follow`, `sinceSeconds`, `tailLines`, `previous`, `timestamps`.

    Raises:
        ClusterError: for what the API server refuses; `InvalidError` where there is no log (yet).
    """
    path = POD.path(namespace, pod, "log")
    url = connection.access.server.rstrip("/") + path
    try:
        async with connection.session.get(url, params=parameters, timeout=_LIMITS) as response:
            if response.status != 200:  # noqa: PLR2004 (HTTP's own)
                raise from_response(f"GET {path}", response.status, await response.read(), None)
            pending = bytearray()
            async for chunk in response.content.iter_any():
                pending += chunk
                *whole, rest = pending.split(b"\n")
                pending = bytearray(rest)
                for line in whole:
                    yield line.decode(errors="replace")
            if pending:
                yield pending.decode(errors="replace")
    except (TimeoutError, aiohttp.ClientError) as error:
        problem = str(error) or type(error).__name__
        raise UnreachableError(f"GET {path}: the log was cut: {problem}") from None


def has_log(pod: Manifest) -> bool:
    """Whether its container has run."""
    container = container_status(pod)
    return bool({"running", "terminated"} & container.get("state", {}).keys() or container.get("lastState"))


def restarts(pod: Manifest) -> int:
    """How often its container was started anew."""
    return int(container_status(pod).get("restartCount", 0))


def waits_for(pod: Manifest) -> str:
    """Why there is no log yet."""
    waiting: dict[str, str] = container_status(pod).get("state", {}).get("waiting", {})
    phase: str = pod.get("status", {}).get("phase", "Pending")
    return waiting.get("reason") or phase


def container_status(pod: Manifest) -> dict[str, Any]:
    """What a pod's status says of its first container; empty before anything is said."""
    statuses: list[dict[str, Any]] = pod.get("status", {}).get("containerStatuses", [])
    return statuses[0] if statuses else {}
