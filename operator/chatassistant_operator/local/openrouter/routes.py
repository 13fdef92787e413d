"""What the stand-in answers at each route, when nothing is told to go wrong.

Source of routes and shapes: the schema in PyPI's `openrouter` 1.3.84 (October 2026), `GET /credits` apart, whose 403
is in OpenRouter's guide on management keys.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web

from chatassistant_operator.local.openrouter import errors, sending
from chatassistant_operator.local.openrouter.completions import complete
from chatassistant_operator.local.openrouter.errors import Refusal
from chatassistant_operator.local.openrouter.faults import Fault
from chatassistant_operator.local.openrouter.keys import KeySituation
from chatassistant_operator.local.openrouter.models import ModelSituation
from chatassistant_operator.local.openrouter.requests import parse
from chatassistant_operator.local.openrouter.world import World

Handler = Callable[[web.Request, Fault], Awaitable[web.StreamResponse]]
GENERATIONS: Final = web.AppKey("generations", dict[str, dict[str, Any]])
"""What the last completions cost, by id."""
WORLD: Final = web.AppKey("world", World)
"""What the stand-in knows."""
_REMEMBERED: Final = 1000


def token(request: web.Request) -> str:
    """What the request has for a key; empty when it has none."""
    return request.headers.get("Authorization", "").removeprefix("Bearer").strip()


def _authenticate(request: web.Request) -> KeySituation:
    value = token(request)
    if not value:
        raise errors.no_key()
    if not value.startswith("sk-or-"):
        raise errors.foreign_key()
    key = request.app[WORLD].accepted(value)
    if key is None:
        raise errors.unknown_key()
    return key


async def _key(request: web.Request, fault: Fault) -> web.StreamResponse:
    return sending.whole({"data": _authenticate(request).as_key()}, fault)


async def _models(request: web.Request, fault: Fault) -> web.StreamResponse:
    """Everybody gets the catalogue, with a bogus key too (NangoHQ/nango#7532)."""
    parameter = request.query.get("supported_parameters")
    output = request.query.get("output_modalities", "text")
    zdr = request.query.get("zdr") == "true"
    rows = [
        model.as_model()
        for model in request.app[WORLD].alive()
        if model.output == output and not (zdr and not any(offer.zdr for offer in model.offers))
    ]
    if parameter:
        rows = [row for row in rows if parameter in row["supported_parameters"]]
    return sending.whole({"data": rows, "total_count": len(rows), "links": {"next": None}}, fault)


def _living_model(request: web.Request) -> ModelSituation:
    model = request.app[WORLD].find(f"{request.match_info['author']}/{request.match_info['slug']}")
    if model is None or model.ended:
        raise Refusal(404, "Model not found")
    return model


async def _model(request: web.Request, fault: Fault) -> web.StreamResponse:
    return sending.whole({"data": _living_model(request).as_model()}, fault)


async def _endpoints(request: web.Request, fault: Fault) -> web.StreamResponse:
    """An alias has those of what it stands for; no field tells of zero data retention or data collection."""
    model = _living_model(request)
    if model.id.startswith("~") and model.serves:
        model = request.app[WORLD].find(model.serves) or model
    row = model.as_model()
    data = {field: row[field] for field in ("id", "name", "created", "description", "architecture")}
    endpoints = [model.as_endpoint(offer) for offer in model.offers]
    return sending.whole({"data": {**data, "endpoints": endpoints}}, fault)


async def _zero_data_retention(request: web.Request, fault: Fault) -> web.StreamResponse:
    """The same objects, of all models: only they tell who retains no data."""
    rows = [
        model.as_endpoint(offer)
        for model in request.app[WORLD].alive()
        for offer in model.offers
        if offer.zdr and not model.serves
    ]
    return sending.whole({"data": rows}, fault)


async def _credits(request: web.Request, fault: Fault) -> web.StreamResponse:
    if not _authenticate(request).management:
        raise errors.management_only()
    return sending.whole({"data": {"total_credits": 10, "total_usage": 0}}, fault)


async def _generation(request: web.Request, fault: Fault) -> web.StreamResponse:
    _authenticate(request)
    generation = request.app[GENERATIONS].get(request.query.get("id", ""))
    if generation is None:
        raise Refusal(404, "Generation not found")
    return sending.whole({"data": generation}, fault)


async def _completions(request: web.Request, fault: Fault) -> web.StreamResponse:
    key = _authenticate(request)
    try:
        body = json.loads(await request.read())
    except ValueError:
        raise Refusal(400, "The request's body is not JSON") from None
    asked = parse(body)
    completion = complete(request.app[WORLD], key, asked, fault.says)
    generations = request.app[GENERATIONS]
    if len(generations) == _REMEMBERED:
        del generations[next(iter(generations))]
    generations[completion.id] = {
        "id": completion.id,
        "model": completion.model,
        "total_cost": completion.usage["cost"],
        "tokens_prompt": completion.usage["prompt_tokens"],
        "tokens_completion": completion.usage["completion_tokens"],
    }
    if asked.stream:
        return await sending.stream(request, completion, fault)
    response = sending.whole(completion.as_json(), fault)
    response.headers["X-Generation-Id"] = completion.id
    return response


ROUTES: Final[tuple[tuple[str, str, Handler], ...]] = (
    ("GET", "/key", _key),
    # The old name of the same, still in use in January 2026 (accomplish-ai/coworker#208).
    ("GET", "/auth/key", _key),
    ("GET", "/models", _models),
    # Resolves aliases; singular, unlike the next.
    ("GET", "/model/{author}/{slug}", _model),
    ("GET", "/models/{author}/{slug}/endpoints", _endpoints),
    ("GET", "/endpoints/zdr", _zero_data_retention),
    ("GET", "/credits", _credits),
    ("GET", "/generation", _generation),
    ("POST", "/chat/completions", _completions),
)
