"""Which model is asked, which ones in its place, and who may serve them."""

from collections.abc import Sequence
from typing import Any, Final

from chatassistant_chatbot.errors import CallerError
from chatassistant_chatbot.settings import Model, Provider
from chatassistant_chatbot.turn.answer import JsonObject
from chatassistant_chatbot.turn.request import text_of

DEFAULT_MODEL: Final = "default"
_MOST_FALLBACKS: Final = 3


def offered(model: Model) -> tuple[str, ...]:
    """The names by which a request may call a model, the main one's first."""
    simple = (model.simple_queries.name,) if model.simple_queries else ()
    return tuple(dict.fromkeys((model.name, DEFAULT_MODEL, *model.fallbacks, *simple)))


def chain(
    model: Model, asked: str | None, messages: Sequence[JsonObject], *, has_tools: bool
) -> tuple[str, ...]:
    """The models that may answer, in their order.

    A caller who names another model than the main one gets just that. In a simple query's place answers what would
    answer any other: the main model, then its fallbacks.

    Raises:
        CallerError: 404 for a model that the assistant does not offer.
    """
    if asked in {None, DEFAULT_MODEL, model.name}:
        simple = model.simple_queries
        first = (
            (simple.name,) if simple and not has_tools and _is_short(messages, simple.max_characters) else ()
        )
        return tuple(dict.fromkeys((*first, model.name, *model.fallbacks)))
    if asked in offered(model):
        return (asked,)
    main, default, *more = offered(model)
    names = ", ".join([f"{main} (also called {default})", *more])
    raise CallerError(
        404, "model_not_found", f"This assistant offers {names} and no other model.", param="model"
    )


def routing(model: Model, models: tuple[str, ...]) -> dict[str, Any]:
    """How the gateway is told: `model`, `models`, `provider`."""
    told: dict[str, Any] = {"model": models[0]}
    if models[1:]:
        told["models"] = models[1 : 1 + _MOST_FALLBACKS]
    provider = _preferences(model.provider) if model.provider else {}
    return told | ({"provider": provider} if provider else {})


def _is_short(messages: Sequence[JsonObject], most_characters: int) -> bool:
    """Whether all that was said is short and plain text."""
    total = 0
    for message in messages:
        text = text_of(message)
        total += most_characters + 1 if text is None else len(text)
    return total <= most_characters


def _preferences(provider: Provider) -> dict[str, Any]:
    """OpenRouter's `provider`: a closed object, with prices as decimal strings."""
    lists = ("order", "only", "ignore")
    preferences = provider.model_dump(exclude_none=True, exclude={"max_price", *lists})
    preferences |= {name: given for name in lists if (given := getattr(provider, name))}
    prices = provider.max_price.model_dump(exclude_none=True) if provider.max_price else {}
    if prices:
        preferences["max_price"] = {name: format(price, "f") for name, price in prices.items()}
    return preferences
