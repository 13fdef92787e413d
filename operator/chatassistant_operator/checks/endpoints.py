"""Which of a model's endpoints fit the spec's provider preferences."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Final

from chatassistant_operator.api.v1alpha1.model import MaxPrice, Provider
from chatassistant_operator.observed.gateway import Answer, Endpoint, Endpoints, Model
from chatassistant_operator.observed.pending import Pending

_MILLION: Final = Decimal(1_000_000)


def needs_endpoints(preferences: Provider | None) -> bool:
    """Whether any preference can be held against the list of a model's endpoints."""
    if preferences is None:
        return False
    prices = preferences.max_price is not None
    return bool(preferences.only or preferences.ignore or prices or preferences.zdr or _ordered(preferences))


def excluded(
    preferences: Provider,
    model: Model,
    offers: Endpoints,
    zero_retention: Pending | Answer | None,
    *,
    tools: bool,
) -> str | None:
    """Why no endpoint fits, as the end of a sentence; None where one does or nobody can tell.

    The preferences are applied one after the other: the one that leaves nothing is named.
    """
    left = offers.endpoints
    for fits, why in _sieves(preferences, model, zero_retention, tools=tools):
        before, left = left, tuple(each for each in left if fits(each))
        if before and not left:
            return why.replace(
                "{names}", ", ".join(dict.fromkeys(each.tag or each.provider for each in before))
            )
    return None


def _sieves(
    preferences: Provider, model: Model, zero_retention: Pending | Answer | None, *, tools: bool
) -> Iterator[tuple[Callable[[Endpoint], bool], str]]:
    """What an endpoint has to fulfil, and what to say when none of those that are left does."""
    allowed = (*preferences.only, *(preferences.order if _ordered(preferences) else ()))
    if allowed:
        wanted = ", ".join(allowed)
        yield lambda each: any(map(each.is_of, allowed)), f"none of {wanted} serves it, only {{names}}."
    if preferences.ignore:
        yield lambda each: not any(map(each.is_of, preferences.ignore)), "ignore has all of {names}."
    most = preferences.max_price
    if most is not None:
        yield lambda each: _affordable(each, most), "all of {names} cost more than maxPrice allows."
    if preferences.zdr and isinstance(zero_retention, Endpoints):
        words = "none of {names} has zero data retention, which zdr asks for."
        yield lambda each: _retains_nothing(each, model, zero_retention), words
    if tools:
        yield lambda each: each.supports_tools, "none of {names} supports tools, which the spec has."


def _ordered(preferences: Provider) -> bool:
    """Whether nobody outside `order` may serve."""
    return bool(preferences.order) and preferences.allow_fallbacks is False


def _affordable(endpoint: Endpoint, most: MaxPrice) -> bool:
    """An unknown price is not held against an endpoint."""
    pairs = (
        (endpoint.prompt_price, most.prompt, _MILLION),
        (endpoint.completion_price, most.completion, _MILLION),
        (endpoint.request_price, most.request, Decimal(1)),
        (endpoint.image_price, most.image, Decimal(1)),
    )
    return all(
        price is None or limit is None or price * unit <= Decimal(str(limit)) for price, limit, unit in pairs
    )


def _retains_nothing(endpoint: Endpoint, model: Model, zero_retention: Endpoints) -> bool:
    """Whether the endpoint stands in the list of those without retention, which names models by their dated slug."""
    ids = {model.id, model.id.partition(":")[0], model.canonical_slug}
    return any(
        each.model in ids and (each.is_of(endpoint.tag) or each.provider == endpoint.provider)
        for each in zero_retention.endpoints
    )
