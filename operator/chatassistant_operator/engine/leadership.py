"""Which of several processes may write: election by a Lease (coordination.k8s.io/v1)."""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NoReturn, Protocol

from chatassistant_operator.engine.failures import FailureLog
from chatassistant_operator.engine.source import Object

_logger: Final = logging.getLogger(__name__)

# The proportions of client-go's leader election: lease > renewal deadline > a few tries.
_LEASE_SECONDS: Final = 15
_RENEWAL_DEADLINE_SECONDS: Final = 10.0
_RETRY_SECONDS: Final = 2.0
# A Lease that was given up is taken within this time.
_STANDBY_SECONDS: Final = 1.0
# Wakes when the deadline is surely past, not an instant before it.
_JUST_AFTER_SECONDS: Final = 0.1


class Leases(Protocol):
    """One Lease on the API server."""

    async def get(self) -> Object | None:
        """The Lease, or None when there is none."""
        ...

    async def create(self, spec: dict[str, Any]) -> Object:
        """Create the Lease; raises anything when somebody else was faster."""
        ...

    async def update(self, lease: Object) -> Object:
        """Replace the Lease; raises anything when its resourceVersion is no longer the newest (409)."""
        ...


@dataclass(frozen=True, slots=True)
class Clocks:
    """The time of day for the Lease's readers, seconds for our own decisions, and chance."""

    utc: Callable[[], datetime] = lambda: datetime.now(UTC)
    monotonic: Callable[[], float] = time.monotonic
    random: Callable[[], float] = random.random


_CLOCKS: Final = Clocks()


class Leadership:
    """Takes part in the election, and knows whether this process leads.

    `leading` is set while it does; `lost` is called when it no longer does, but not after `release`. `identity` must
    be of this process alone.

    A Lease does not fence off a process that was stopped and goes on, so ask `may_write` before each write that is
    sent. How old a Lease of others is, we judge by our own clock, from when we saw it change: clocks may differ.
    """

    def __init__(
        self, leases: Leases, identity: str, lost: Callable[[], None], clocks: Clocks = _CLOCKS
    ) -> None:
        self.leading: Final = asyncio.Event()
        self._leases = leases
        self._identity = identity
        self._lost = lost
        self._clocks = clocks
        self._failure_log = FailureLog(_logger)
        self._deadline = 0.0
        self._mine: Object | None = None  # the Lease as we last wrote it, None when it may have changed since
        self._seen_spec: dict[str, Any] = {}
        self._seen_at = 0.0

    def may_write(self) -> bool:
        """Whether what is sent now is surely sent by the leader."""
        return self.leading.is_set() and self._clocks.monotonic() < self._deadline

    async def run(self) -> NoReturn:
        """Win the Lease, keep it, or wait for it, until cancelled."""
        while True:
            try:
                async with asyncio.timeout(self._seconds_left() or _RENEWAL_DEADLINE_SECONDS):
                    holds = await self._hold()
            except Exception as error:  # noqa: BLE001 (whatever the API server does, the election goes on)
                self._mine = None
                holds = self.may_write()
                self._failure_log.report("the Lease", error, _RETRY_SECONDS)
            else:
                self._failure_log.clear("the Lease")
            self._become(leading=holds)
            await asyncio.sleep(self._until_next_try())

    async def release(self) -> None:
        """Give the Lease up, so that another need not wait for its end. Call it when nothing more is written."""
        was_leading = self.leading.is_set()
        self.leading.clear()
        if not was_leading:
            return
        try:
            async with asyncio.timeout(_RETRY_SECONDS):
                lease = await self._leases.get()
                if lease is not None and lease["spec"].get("holderIdentity") == self._identity:
                    spec = {**lease["spec"], "holderIdentity": "", "renewTime": self._time()}
                    await self._leases.update({**lease, "spec": spec})
        except Exception as error:  # noqa: BLE001 (then it runs out by itself)
            _logger.warning("The Lease could not be given up and runs out in %d s: %r", _LEASE_SECONDS, error)

    async def _hold(self) -> bool:
        """Renew the Lease, or take it if nobody holds it; whether it is ours now."""
        asked_at = self._clocks.monotonic()
        lease = self._mine or await self._leases.get()
        if lease is None:
            spec = {"holderIdentity": self._identity, "leaseTransitions": 0, "acquireTime": self._time()}
            self._mine = await self._leases.create(spec | self._renewal())
        elif lease["spec"].get("holderIdentity") == self._identity:
            self._mine = await self._leases.update({**lease, "spec": lease["spec"] | self._renewal()})
        elif self._is_free(lease["spec"]):
            spec = lease["spec"] | {
                "holderIdentity": self._identity,
                "leaseTransitions": (lease["spec"].get("leaseTransitions") or 0) + 1,
                "acquireTime": self._time(),
            }
            self._mine = await self._leases.update({**lease, "spec": spec | self._renewal()})
        else:
            return False
        # From before the request: others count from when it arrived, which is later.
        self._deadline = asked_at + _RENEWAL_DEADLINE_SECONDS
        return True

    def _is_free(self, spec: dict[str, Any]) -> bool:
        """Whether nobody holds the Lease, or its holder has not renewed it for as long as we watched."""
        if not spec.get("holderIdentity"):
            return True
        now = self._clocks.monotonic()
        if spec != self._seen_spec:
            self._seen_spec, self._seen_at = spec, now
        return now - self._seen_at >= (spec.get("leaseDurationSeconds") or _LEASE_SECONDS)

    def _renewal(self) -> dict[str, Any]:
        return {"leaseDurationSeconds": _LEASE_SECONDS, "renewTime": self._time()}

    def _become(self, *, leading: bool) -> None:
        if leading == self.leading.is_set():
            return
        if leading:
            _logger.info("%s leads", self._identity)
            self.leading.set()
        else:
            _logger.warning("%s no longer leads", self._identity)
            self.leading.clear()
            self._mine = None
            self._lost()

    def _seconds_left(self) -> float:
        """For how long we surely lead, 0.0 when we do not."""
        return max(0.0, self._deadline - self._clocks.monotonic()) if self.leading.is_set() else 0.0

    def _until_next_try(self) -> float:
        longest = _RETRY_SECONDS if self.leading.is_set() else _STANDBY_SECONDS
        delay = longest * (0.75 + 0.25 * self._clocks.random())
        left = self._seconds_left()
        return min(delay, left + _JUST_AFTER_SECONDS) if left else delay

    def _time(self) -> str:
        """Now, as Kubernetes' MicroTime has it."""
        return self._clocks.utc().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
