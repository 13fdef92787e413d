"""Which model and which of its endpoints answer a request, as OpenRouter's page on provider selection has it.

Where OpenRouter draws lots among cheap endpoints, the stand-in takes the cheapest.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Final

from chatassistant_operator.local.openrouter import errors
from chatassistant_operator.local.openrouter.errors import Refusal
from chatassistant_operator.local.openrouter.models import EndpointSituation, ModelSituation
from chatassistant_operator.local.openrouter.requests import ChatRequest, Provider
from chatassistant_operator.local.openrouter.world import World

_MILLION: Final = 1_000_000
Test = Callable[[EndpointSituation], bool]


def route(world: World, request: ChatRequest) -> tuple[ModelSituation, EndpointSituation]:
    """The first of `model` and `models` that can be served, and who serves it.

    Raises:
        Refusal: the first one's, when none can.
    """
    names = [name for name in (request.model, *request.models) if name]
    if not names:
        raise Refusal(400, "No models provided")
    refusals: list[Refusal] = []
    for name in names:
        try:
            model = _alive(world, name)
            return model, _choose(model, request)
        except Refusal as refusal:
            refusals.append(refusal)
    raise refusals[0]


def _alive(world: World, name: str) -> ModelSituation:
    model = world.find(name)
    if model is None:
        raise errors.invalid_model(name)
    if model.serves:
        model = world.find(model.serves)
    if model is None or model.ended:
        paid, _, variant = name.partition(":")
        lives = paid in {each.id for each in world.alive()}
        raise errors.free_variant_ended(paid) if variant and lives else errors.no_endpoints(name)
    return model


def _choose(model: ModelSituation, request: ChatRequest) -> EndpointSituation:
    """Leave out who may not or cannot answer, one reason after the other; the cheapest of the rest.

    Raises:
        Refusal: the reason that left none.
    """
    wishes = request.provider or Provider()
    left = model.offers
    for passes, refusal in _tests(model, request, wishes):
        left = [each for each in left if passes(each)]
        if not left:
            raise refusal
    order = wishes.order or []

    def preference(offer: EndpointSituation) -> tuple[int, Decimal]:
        wanted = (number for number, name in enumerate(order) if offer.is_called(name))
        return next(wanted, len(order)), offer.price

    return min(left, key=preference)


def _tests(model: ModelSituation, request: ChatRequest, wishes: Provider) -> Iterable[tuple[Test, Refusal]]:
    """What an endpoint has to pass, and what is said when none does."""
    slugs = [each.tag.partition("/")[0] for each in model.offers]
    if wishes.only is not None:
        yield _called(wishes.only), errors.no_allowed_providers(slugs, wishes.only)
    if wishes.ignore:
        ignored = _called(wishes.ignore)
        yield lambda offer: not ignored(offer), errors.no_allowed_providers(slugs, [])
    if wishes.order and wishes.allow_fallbacks is False:
        yield _called(wishes.order), errors.no_endpoints(model.id)
    if wishes.zdr:
        yield lambda offer: offer.zdr, errors.data_policy()
    if wishes.data_collection == "deny":
        yield lambda offer: not offer.collects_data, errors.data_policy()
    if request.tools:
        yield lambda offer: offer.tools, errors.no_tools()
    if request.tools and request.tool_choice:
        choice = request.tool_choice if isinstance(request.tool_choice, str) else "function"
        yield lambda offer: choice in offer.tool_choice, errors.no_tool_choice()
    if wishes.require_parameters:
        asked = request.parameters
        yield lambda offer: asked <= set(offer.supported_parameters), errors.no_parameters()
    yield lambda offer: _is_affordable(offer, wishes), errors.no_endpoints(model.id)


def _called(names: list[str]) -> Test:
    return lambda offer: any(offer.is_called(name) for name in names)


def _is_affordable(offer: EndpointSituation, wishes: Provider) -> bool:
    """Whether it costs no more than asked; the bounds for tokens are in USD a million."""
    most = wishes.max_price
    if most is None:
        return True
    prices = (
        (most.prompt, offer.prompt, _MILLION),
        (most.completion, offer.completion, _MILLION),
        (most.request, offer.request, 1),
        (most.image, offer.image, 1),
    )
    return all(bound is None or Decimal(price or 0) * unit <= Decimal(bound) for bound, price, unit in prices)
