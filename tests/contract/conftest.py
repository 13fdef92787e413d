from collections.abc import AsyncIterator

import httpx
import pytest

from chatassistant_operator.local.openrouter import StandIn
from chatassistant_operator.local.openrouter.situations import ACCEPTED


@pytest.fixture
async def stand_in() -> AsyncIterator[StandIn]:
    async with StandIn() as stand_in:
        yield stand_in


@pytest.fixture
async def http(stand_in: StandIn) -> AsyncIterator[httpx.AsyncClient]:
    """A client with a key that is accepted; a request may bring another one."""
    headers = {"Authorization": f"Bearer {ACCEPTED.token}"}
    async with httpx.AsyncClient(base_url=stand_in.base_url, headers=headers, timeout=10) as http:
        yield http
