"""A container's probes: when it has started, when it is ready, when it is to be ended."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import aiohttp

from chatassistant_operator.observed import Manifest

_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 1.0
# Kubernetes' defaults.
_PERIOD_SECONDS: Final = 10
_FAILURES: Final = 3


class Probes:
    """Asks what the kubelet would ask, more often, and judges as it would.

    Args:
        container: The container of the pod's manifest; only probes over HTTP are known.
        address: The pod's address.
        ports: The real port of a container's port, where they differ.
    """

    def __init__(self, container: Manifest, address: str, ports: Mapping[int, int]) -> None:
        self._container = container
        self._address = address
        self._ports = ports

    @property
    def has_startup(self) -> bool:
        """Whether it counts as started only when a probe has passed."""
        return "startupProbe" in self._container

    async def watch(self, tell: Callable[[bool], None]) -> None:
        """Tell whether it is ready, from its start on and with each change; ends when it is to be ended."""
        async with aiohttp.ClientSession() as session:
            if not await self._starts(session):
                return
            readiness, liveness = (
                self._container.get(f"{name}Probe", {}) for name in ("readiness", "liveness")
            )
            ready: bool | None = None
            unready, dead, lived_at = 0, 0, time.monotonic()
            while dead < liveness.get("failureThreshold", _FAILURES):
                unready = 0 if await self._passes(session, "readinessProbe") else unready + 1
                is_ready: bool = unready < (readiness.get("failureThreshold", _FAILURES) if ready else 1)
                if ready is not is_ready:
                    tell(is_ready)
                    ready = is_ready
                if time.monotonic() - lived_at > liveness.get("periodSeconds", _PERIOD_SECONDS):
                    lived_at = time.monotonic()
                    dead = 0 if await self._passes(session, "livenessProbe") else dead + 1
                period = readiness.get("periodSeconds", _PERIOD_SECONDS)
                await asyncio.sleep(min(_LONGEST_PAUSE_SECONDS, period) if ready else _PAUSE_SECONDS)

    async def _starts(self, session: aiohttp.ClientSession) -> bool:
        """Wait for the startup probe; False when it did not pass in its time."""
        probe = self._container.get("startupProbe", {})
        allowed = probe.get("periodSeconds", _PERIOD_SECONDS) * probe.get("failureThreshold", _FAILURES)
        deadline = time.monotonic() + probe.get("initialDelaySeconds", 0) + allowed
        while not await self._passes(session, "startupProbe"):
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(_PAUSE_SECONDS)
        return True

    async def _passes(self, session: aiohttp.ClientSession, name: str) -> bool:
        probe: dict[str, Any] | None = self._container.get(name)
        if probe is None:
            return True
        port = probe["httpGet"]["port"]
        if isinstance(port, str):
            port = next(
                each["containerPort"] for each in self._container["ports"] if each.get("name") == port
            )
        url = f"http://{self._address}:{self._ports.get(port, port)}{probe['httpGet'].get('path', '/')}"
        timeout = aiohttp.ClientTimeout(total=probe.get("timeoutSeconds", 1))
        try:
            async with session.get(url, timeout=timeout, allow_redirects=False) as response:
                return response.status < 400  # noqa: PLR2004 (HTTP's own)
        except (TimeoutError, aiohttp.ClientError):
            return False
