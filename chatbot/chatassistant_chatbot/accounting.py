"""What a turn took: settled with the budget, counted for Prometheus, and asked for when nobody waited for its end."""

import asyncio
import logging
import math
from collections.abc import Coroutine, Mapping
from typing import Any, Final

from chatassistant_chatbot.answering import Outcome
from chatassistant_chatbot.errors import GatewayError
from chatassistant_chatbot.gateway.client import GatewayClient
from chatassistant_chatbot.limits.budget import Reservation
from chatassistant_chatbot.metrics import Metrics

logger = logging.getLogger(__name__)

# The gateway knows the cost of an answer some seconds after its end.
_ASKED_AFTER_SECONDS: Final = (5.0, 30.0, 120.0)


class Accounting:
    """Settles what turns took."""

    def __init__(self, gateway: GatewayClient, metrics: Metrics) -> None:
        self._gateway = gateway
        self._metrics = metrics
        self._asking: set[asyncio.Task[None]] = set()

    async def settle(self, reservation: Reservation, outcome: Outcome) -> None:
        """Settle a turn that is over, however it ended; never keeps anybody waiting for the gateway."""
        model = outcome.turn.models[0]
        prompt, completion = _count(outcome, "prompt_tokens"), _count(outcome, "completion_tokens")
        cost = cost_in(outcome.usage)
        self._metrics.took(model, prompt, completion, cost)
        outcome.span.end(
            {"gen_ai.usage.input_tokens": prompt, "gen_ai.usage.output_tokens": completion},
            None if outcome.complete else "incomplete",
        )
        reservation.used(prompt, completion)
        if outcome.usage_is_whole:
            await reservation.settle(cost, model)
        elif outcome.generation is None:
            await reservation.settle(None, model)
        else:
            self._begin(self._ask(reservation, outcome.generation, model, cost or 0.0))

    async def close(self) -> None:
        """Ask no more; what is open costs its reservation."""
        for task in self._asking:
            task.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _ask(self, reservation: Reservation, generation: str, model: str, known: float) -> None:
        """An answer that was given up has its price all the same."""
        cost: float | None = None
        try:
            for seconds in _ASKED_AFTER_SECONDS:
                await asyncio.sleep(seconds)
                try:
                    cost = known + await self._gateway.cost_of(generation)
                    break
                except GatewayError as error:
                    logger.info("the cost of an abandoned answer is not known yet: %s", error)
        finally:
            await reservation.settle(cost, model)


def _count(outcome: Outcome, name: str) -> int:
    value = outcome.usage.get(name)
    return value if isinstance(value, int) and value > 0 else 0


def cost_in(usage: Mapping[str, Any]) -> float | None:
    """What the gateway charged, in USD; None when it does not say."""
    try:
        cost = float(usage["cost"])
    except (KeyError, TypeError, ValueError):
        return None
    return cost if math.isfinite(cost) and cost >= 0 else None
