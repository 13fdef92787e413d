"""What is read of a pod's report, over real HTTP."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import date
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from chatassistant_operator.live.reports import PodReports
from chatassistant_operator.observed.pods import DayUsage, Issuer, Report, Usage

OLDER = {"day": "2026-11-26", "requests": 3, "promptTokens": 120, "completionTokens": 45, "usd": "0.00012"}
FINISHED = OLDER | {"cachedRequests": 2, "savedUsd": "0.00008"}
USAGE = {"day": "2026-11-27", "crossed": 50, "shared": True, "finished": FINISHED}


@asynccontextmanager
async def reading(content: Any) -> AsyncGenerator[Report | None]:
    """What is read of a pod that tells this."""

    async def report(_: web.Request) -> web.Response:
        return web.json_response(content)

    app = web.Application()
    app.router.add_get("/report", report)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site.name
    port = runner.addresses[0][1]
    async with aiohttp.ClientSession() as session:
        yield await PodReports(session).read(f"http://127.0.0.1:{port}/report")
    await runner.cleanup()


async def test_usage() -> None:
    async with reading({"usage": USAGE, "later": 1}) as report:
        finished = DayUsage(date(2026, 11, 26), 3, 120, 45, Decimal("0.00012"), 2, Decimal("0.00008"))
        assert report == Report(usage=Usage(date(2026, 11, 27), 50, finished, shared=True))
    async with reading({"usage": USAGE | {"finished": OLDER}}) as report:
        finished = DayUsage(date(2026, 11, 26), 3, 120, 45, Decimal("0.00012"))
        assert report == Report(usage=Usage(date(2026, 11, 27), 50, finished, shared=True))
    async with reading({"usage": {"day": "2026-11-27", "finished": None}}) as report:
        assert report == Report(usage=Usage(date(2026, 11, 27)))


async def test_the_issuer() -> None:
    async with reading({"access": {"problem": "Unreachable", "admits": False}}) as report:
        assert report == Report(issuer=Issuer("Unreachable", admits=False))


@pytest.mark.parametrize("content", [{}, {"usage": None}, {"gateway": {"problem": None}, "tools": []}])
async def test_a_pod_that_does_not_count(content: dict[str, Any]) -> None:
    async with reading(content) as report:
        assert report == Report()


@pytest.mark.parametrize(
    "wrong",
    [
        {"crossed": 51},
        {"day": "yesterday"},
        {"finished": FINISHED | {"usd": "-1"}},
        {"finished": FINISHED | {"usd": "1e400"}},
        {"finished": FINISHED | {"requests": 2**63}},
        {"finished": FINISHED | {"usd": "NaN"}},
        {"finished": FINISHED | {"savedUsd": "-1"}},
        {"finished": FINISHED | {"cachedRequests": -1}},
    ],
    ids=str,
)
async def test_what_cannot_be_is_no_report(wrong: dict[str, Any]) -> None:
    async with reading({"usage": USAGE | wrong}) as report:
        assert report is None
