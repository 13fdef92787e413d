from collections.abc import AsyncIterator

import pytest

from chatassistant_operator.local.openrouter import StandIn
from chatassistant_operator.openrouter.client import OpenRouter


@pytest.fixture
async def stand_in() -> AsyncIterator[StandIn]:
    async with StandIn() as stand_in:
        yield stand_in


@pytest.fixture
async def openrouter() -> AsyncIterator[OpenRouter]:
    async with OpenRouter() as openrouter:
        yield openrouter
