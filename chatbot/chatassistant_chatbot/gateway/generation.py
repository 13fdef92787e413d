"""What `GET /generation` says of a completion, some seconds after its end."""

from decimal import Decimal, InvalidOperation

import orjson

from chatassistant_chatbot.errors import GatewayError
from chatassistant_chatbot.turn.answer import as_object


def cost_told(content: bytes) -> Decimal:
    """The cost, in USD.

    Raises:
        GatewayError: when it tells none.
    """
    try:
        cost = Decimal(str(as_object(as_object(orjson.loads(content)).get("data")).get("total_cost")))
    except (orjson.JSONDecodeError, InvalidOperation):
        raise GatewayError(502, "it answered 200 and no cost") from None
    if not cost.is_finite() or cost < 0:
        raise GatewayError(502, "it answered 200 and no cost")
    return cost
