"""Models and their changes, for people and for programs; prices are in USD for a million tokens."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Final

from chatassistant_operator.cli.models.changes import Changes, Remembered
from chatassistant_operator.observed.gateway import Model

HEADINGS: Final = ("ID", "CONTEXT", "$/M IN", "$/M OUT", "TOOLS", "ENDS")
_MILLION: Final = Decimal(1_000_000)
_NAMED: Final = 10


def row(model: Model) -> Sequence[str]:
    """A line of the table, a cell for each of `HEADINGS`."""
    return (
        model.id,
        str(model.context_length or ""),
        _price(model.prompt_price),
        _price(model.completion_price),
        "yes" if model.supports_tools else "no",
        str(model.expiration_date or ""),
    )


def data(models: Iterable[Model], different: Changes | None) -> dict[str, Any]:
    """The same for programs; `changes` is null where nothing was kept to compare with."""
    return {
        "models": [
            {
                "id": each.id,
                "name": each.name,
                "contextLength": each.context_length,
                "free": each.free,
                "pricing": _pricing(each.prompt_price, each.completion_price),
                "supportsTools": each.supports_tools,
                "expirationDate": each.expiration_date and str(each.expiration_date),
            }
            for each in models
        ],
        "changes": different
        and {
            "since": different.since.isoformat(timespec="seconds"),
            "added": list(different.added),
            "gone": list(different.gone),
            "priceChanged": [
                {"id": id_, "from": _remembered(old), "to": _remembered(new)}
                for id_, (old, new) in different.repriced.items()
            ],
            "ending": [{"id": id_, "expirationDate": str(day)} for id_, day in different.ending.items()],
        },
    }


def told(different: Changes) -> str:
    """What has changed, in lines for people."""
    prices = {id_: f"{id_} {_both(old)} to {_both(new)}" for id_, (old, new) in different.repriced.items()}
    ending = {id_: f"{id_} on {day}" for id_, day in different.ending.items()}
    lines = {
        "added": different.added,
        "gone": different.gone,
        "price changed": prices.values(),
        "ending": ending.values(),
    }
    since = f"\nSince {different.since.astimezone():%Y-%m-%d %H:%M}:"
    return "\n".join([since, *(f"  {word}: {_some(list(each))}" for word, each in lines.items() if each)])


def _some(words: list[str]) -> str:
    more = len(words) - _NAMED
    return ", ".join(words[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _both(prices: Remembered) -> str:
    return f"{_price(prices.prompt)}/{_price(prices.completion)}"


def _price(price: Decimal | None) -> str:
    return "varies" if price is None else f"{(price * _MILLION).normalize():f}"


def _remembered(prices: Remembered) -> dict[str, float | None]:
    return _pricing(prices.prompt, prices.completion)


def _pricing(prompt: Decimal | None, completion: Decimal | None) -> dict[str, float | None]:
    return {
        name: None if price is None else float(price * _MILLION)
        for name, price in (("prompt", prompt), ("completion", completion))
    }
