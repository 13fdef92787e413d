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
from chatassistant_operator.local.openrouter.requests import parse
from chatassistant_operator.local.openrouter.situations import (
    KEYS,
    MODELS,
    KeySituation,
    ModelSituation,
    find,
)

Handler = Callable[[web.Request, Fault], Awaitable[web.StreamResponse]]
GENERATIONS: Final = web.AppKey("generations", dict[str, dict[str, Any]])
"""What the last completions cost, by id."""
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
    key = KEYS.get(value)
    if key is None or not key.known:
        raise errors.unknown_key()
    return key


async def _key(request: web.Request, fault: Fault) -> web.StreamResponse:
    return sending.whole({"data": _authenticate(request).as_key()}, fault)


async def _models(request: web.Request, fault: Fault) -> web.StreamResponse:
    """Everybody gets the catalogue, with a bogus key too (NangoHQ/nango#7532)."""
    parameter = request.query.get("supported_parameters")
    output = request.query.get("output_modalities", "text")
    rows = [
        model.as_model()
        for model in MODELS.values()
        if not model.ended and model.output == output and (parameter != "tools" or model.tools)
    ]
    return sending.whole({"data": rows, "total_count": len(rows), "links": {"next": None}}, fault)


def _living_model(request: web.Request) -> ModelSituation:
    model = find(f"{request.match_info['author']}/{request.match_info['slug']}")
    if model is None or model.ended:
        raise Refusal(404, "Model not found")
    return model


async def _model(request: web.Request, fault: Fault) -> web.StreamResponse:
    return sending.whole({"data": _living_model(request).as_model()}, fault)


async def _endpoints(request: web.Request, fault: Fault) -> web.StreamResponse:
    """One endpoint a model; no field tells of zero data retention or of data collection."""
    model = _living_model(request)
    row = model.as_model()
    endpoint = {
        "name": f"Stand-in | {model.id}",
        "provider_name": "Stand-in",
        "tag": "stand-in",
        "status": 0,
        "supports_tool_choice": model.tools,
        **{field: row[field] for field in ("context_length", "pricing", "supported_parameters")},
    }
    data = {field: row[field] for field in ("id", "name", "created", "description", "architecture")}
    return sending.whole({"data": {**data, "endpoints": [endpoint]}}, fault)


async def _zero_data_retention(_: web.Request, fault: Fault) -> web.StreamResponse:
    """Paid models have it here, free ones do not."""
    rows = [
        {"model_id": model.id, "model_name": model.as_model()["name"], "provider_name": "Stand-in"}
        for model in MODELS.values()
        if not model.ended and float(model.prompt) > 0
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
    completion = complete(key, asked)
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
