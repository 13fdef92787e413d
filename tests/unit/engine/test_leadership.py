"""Elections in virtual time, over a Lease that is kept as an API server keeps it."""

import asyncio
import copy
import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chatassistant_operator.engine.leadership import Clocks, Leadership
from unit.engine.virtual_time import now, virtual_time

Object = dict[str, Any]


class ConflictError(Exception):
    retry_after = None


class ApiServer:
    """Holds the Lease; `down` refuses requests, `hangs` leaves them without an answer."""

    def __init__(self) -> None:
        self.lease: Object | None = None
        self.version = 0
        self.down = False
        self.hangs = False
        self.writes = 0

    @property
    def holder(self) -> str | None:
        return None if self.lease is None else self.lease["spec"]["holderIdentity"]

    def store(self, lease: Object) -> Object:
        self.version += 1
        self.writes += 1
        metadata = {**lease.get("metadata", {}), "resourceVersion": str(self.version)}
        self.lease = {**copy.deepcopy(lease), "metadata": metadata}
        return copy.deepcopy(self.lease)


class Leases:
    """One process's way to it, with a delay each way."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self.seconds = 0.01
        self.cut_off = False

    async def _travel(self) -> None:
        await asyncio.sleep(self.seconds)
        if self._server.hangs:
            await asyncio.sleep(1e6)
        if self._server.down or self.cut_off:
            raise OSError("refused")

    async def get(self) -> Object | None:
        await self._travel()
        lease = copy.deepcopy(self._server.lease)
        await asyncio.sleep(self.seconds)
        return lease

    async def create(self, spec: Object) -> Object:
        await self._travel()
        if self._server.lease is not None:
            raise ConflictError("it exists")
        stored = self._server.store(
            {"metadata": {"name": "operator", "labels": {"kept": "yes"}}, "spec": spec}
        )
        await asyncio.sleep(self.seconds)
        return stored

    async def update(self, lease: Object) -> Object:
        await self._travel()
        assert self._server.lease is not None
        if lease["metadata"]["resourceVersion"] != self._server.lease["metadata"]["resourceVersion"]:
            raise ConflictError("it was modified")
        stored = self._server.store(lease)
        await asyncio.sleep(self.seconds)
        return stored


class Candidate:
    def __init__(self, server: ApiServer, name: str, *, skew: float = 0.0) -> None:
        self.leases = Leases(server)
        self.losses: list[float] = []
        chance = random.Random(name)  # noqa: S311 (the same in each run)
        clocks = Clocks(
            utc=lambda: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=now() + skew),
            monotonic=lambda: now() + skew,
            random=chance.random,
        )
        self.leadership = Leadership(self.leases, name, lambda: self.losses.append(now()), clocks)
        self.task = asyncio.create_task(self.leadership.run())

    @property
    def leads(self) -> bool:
        return self.leadership.leading.is_set()

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])


@asynccontextmanager
async def election(*skews: float) -> AsyncGenerator[tuple[ApiServer, list[Candidate]]]:
    server = ApiServer()
    candidates = [Candidate(server, f"pod-{number}", skew=skew) for number, skew in enumerate(skews)]
    try:
        yield server, candidates
    finally:
        for candidate in candidates:
            await candidate.stop()


@virtual_time
async def test_the_first_leads_and_goes_on_leading() -> None:
    async with election(0.0) as (server, [one]):
        await asyncio.wait_for(one.leadership.leading.wait(), 1.0)
        writes = server.writes
        for _ in range(600):
            await asyncio.sleep(1.0)
            assert one.leadership.may_write()
        assert server.writes - writes <= 405
        assert server.lease is not None
        spec = server.lease["spec"]
        assert (spec["holderIdentity"], spec["leaseDurationSeconds"], spec["leaseTransitions"]) == (
            "pod-0",
            15,
            0,
        )
        assert spec["acquireTime"] == "2026-01-01T00:00:00.020000Z"
        assert spec["renewTime"] > "2026-01-01T00:09:50"
        assert server.lease["metadata"]["labels"] == {"kept": "yes"}


@virtual_time
async def test_of_several_exactly_one_leads() -> None:
    async with election(0.0, 0.0, 0.0) as (server, candidates):
        for _ in range(300):
            await asyncio.sleep(1.0)
            assert [c.leads for c in candidates].count(True) == 1
        assert server.lease is not None
        assert server.lease["spec"]["leaseTransitions"] == 0


@virtual_time
async def test_a_clean_stop_hands_over_within_2_seconds() -> None:
    async with election(0.0, 0.0) as (server, candidates):
        await asyncio.sleep(30.0)
        leader, standby = sorted(candidates, key=lambda candidate: not candidate.leads)
        await leader.stop()
        await leader.leadership.release()
        assert (server.holder, leader.leads, leader.leadership.may_write()) == ("", False, False)
        await asyncio.wait_for(standby.leadership.leading.wait(), 2.1)
        assert server.lease is not None
        assert server.lease["spec"]["leaseTransitions"] == 1
        assert leader.losses == []


@pytest.mark.parametrize("skew", [-3600.0, 0.0, 3600.0])
@virtual_time
async def test_a_dead_leader_is_followed_after_15_seconds_whatever_the_clocks_say(skew: float) -> None:
    async with election(0.0) as (server, [leader]):
        await asyncio.sleep(30.0)
        standby = Candidate(server, "standby", skew=skew)
        await asyncio.sleep(60.0)
        assert (leader.leads, standby.leads) == (True, False)
        await leader.stop()
        died = now()
        await asyncio.wait_for(standby.leadership.leading.wait(), 60.0)
        assert 13.0 <= now() - died <= 17.5
        await standby.stop()


@virtual_time
async def test_a_process_that_was_stopped_and_goes_on_does_not_write() -> None:
    async with election(0.0, 0.0) as (_, candidates):
        await asyncio.sleep(30.0)
        leader, standby = sorted(candidates, key=lambda candidate: not candidate.leads)
        await leader.stop()  # as SIGSTOP does, it lets nothing run
        await asyncio.sleep(10.1)
        assert leader.leads
        assert not leader.leadership.may_write()
        assert not standby.leads


@pytest.mark.parametrize("fault", ["down", "hangs"])
@virtual_time
async def test_without_an_api_server_it_stops_in_time_and_comes_back(fault: str) -> None:
    async with election(0.0) as (server, [one]):
        await asyncio.sleep(30.0)
        begun = now()
        setattr(server, fault, True)
        while one.leadership.may_write():  # noqa: ASYNC110 (in virtual time)
            await asyncio.sleep(0.1)
        assert 7.5 <= now() - begun <= 10.5
        await asyncio.sleep(0.5)
        assert not one.leads
        assert len(one.losses) == 1
        setattr(server, fault, False)
        await asyncio.wait_for(one.leadership.leading.wait(), 15.0)


@virtual_time
async def test_a_short_outage_loses_nothing() -> None:
    async with election(0.0) as (server, [one]):
        await asyncio.sleep(30.0)
        server.down = True
        await asyncio.sleep(6.0)
        server.down = False
        await asyncio.sleep(60.0)
        assert one.leads
        assert one.losses == []


@virtual_time
async def test_a_lease_that_somebody_took_is_lost_at_once_even_if_ours_had_time_left() -> None:
    async with election(0.0) as (server, [one]):
        await asyncio.sleep(30.0)
        assert server.lease is not None
        server.store({**server.lease, "spec": {**server.lease["spec"], "holderIdentity": "thief"}})
        await asyncio.sleep(4.1)
        assert not one.leadership.may_write()
        assert len(one.losses) == 1


@virtual_time
async def test_a_release_that_fails_is_no_trouble(caplog: pytest.LogCaptureFixture) -> None:
    async with election(0.0) as (server, [one]):
        await asyncio.sleep(5.0)
        await one.stop()
        server.hangs = True
        begun = now()
        await one.leadership.release()
        assert now() - begun <= 2.0
        assert "runs out in 15 s" in caplog.text


@virtual_time
async def test_a_standby_that_stops_leaves_the_lease_alone() -> None:
    async with election(0.0, 0.0) as (server, candidates):
        await asyncio.sleep(5.0)
        leader, standby = sorted(candidates, key=lambda candidate: not candidate.leads)
        holder = server.holder
        await standby.stop()
        await standby.leadership.release()
        assert server.holder == holder
        assert leader.leads


@pytest.mark.parametrize("seed", range(5))
@virtual_time
async def test_never_two_may_write_whatever_fails(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 (the same in each run)
    async with election(0.0, -500.0, 77.0) as (server, candidates):
        led = 0
        for _ in range(4000):
            await asyncio.sleep(chance.uniform(0.0, 1.0))
            if chance.random() < 0.02:
                server.down = not server.down
            if chance.random() < 0.05:
                victim = chance.choice(candidates)
                victim.leases.cut_off = not victim.leases.cut_off
                victim.leases.seconds = chance.choice([0.01, 0.5, 4.0])
            writers = [c.leadership.may_write() for c in candidates].count(True)
            assert writers <= 1
            led += writers
        assert led > 400
