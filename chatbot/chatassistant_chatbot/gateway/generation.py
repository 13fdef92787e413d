"""What `GET /generation` says of a completion, some seconds after its end."""

import math

import orjson

from chatassistant_chatbot.errors import GatewayError
from chatassistant_chatbot.turn.answer import as_object


def cost_told(content: bytes) -> float:
    """The cost, in USD.

    Raises:
        GatewayError: when it tells none.
    """
    try:
        cost = float(as_object(as_object(orjson.loads(content)).get("data"))["total_cost"])
    except (KeyError, TypeError, ValueError):
        raise GatewayError(502, "it answered 200 and no cost") from None
    if not math.isfinite(cost) or cost < 0:
        raise GatewayError(502, "it answered 200 and no cost")
    return cost
