"""The stand-in's HTTP side: routes, faults, and what it tells of who asked what."""

import asyncio
import json
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Final, Self

from aiohttp import web

from chatassistant_operator.local.openrouter import errors
from chatassistant_operator.local.openrouter.completions import Completion, complete
from chatassistant_operator.local.openrouter.errors import Refusal
from chatassistant_operator.local.openrouter.faults import Fault, Faults
from chatassistant_operator.local.openrouter.situations import KEYS, MODELS, KeySituation, find

_PREFIX: Final = "/api/v1"
_REMEMBERED: Final = 1000
_PIECE: Final = 7
Handler = Callable[[web.Request, Fault], Awaitable[web.StreamResponse]]


class StandIn:
    """A stand-in for OpenRouter on this machine: `async with StandIn() as stand_in: stand_in.base_url`.

    `requests` counts requests by route (`GET /key`), `hang_ups` callers that went away before the end, and `log` has
    the last requests with their bodies, keys masked. `GET`, `POST` and `DELETE` at `/control` give the same to
    other processes, take a `Fault`, and reset everything.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self._host, self._port = host, port
        self.faults = Faults()
        self.requests: Counter[str] = Counter()
        self.keys: Counter[str] = Counter()
        self.hang_ups = 0
        self.log: deque[dict[str, Any]] = deque(maxlen=_REMEMBERED)
        application = web.Application(client_max_size=16 * 1024 * 1024)
        application.router.add_get("/control", self._tell)
        application.router.add_post("/control", self._misbehave)
        application.router.add_delete("/control", self._reset)
        for method, path, handler in (
            ("GET", "/key", self._key),
            ("GET", "/auth/key", self._key),
            ("GET", "/models", self._models),
            ("GET", "/model/{author}/{slug}", self._model),
            ("GET", "/models/{author}/{slug}/endpoints", self._endpoints),
            ("GET", "/endpoints/zdr", self._zdr),
            ("GET", "/credits", self._credits),
            ("GET", "/generation", self._generation),
            ("POST", "/chat/completions", self._completions),
        ):
            application.router.add_route(method, _PREFIX + path, self._counted(path, handler))
        # A handler whose caller has gone is cancelled, as it is at OpenRouter for most providers.
        self._runner = web.AppRunner(
            application, handler_cancellation=True, access_log=None, shutdown_timeout=0.5
        )

    @property
    def base_url(self) -> str:
        """What belongs into `gateway.baseURL`."""
        return f"http://{self._host}:{self._port}{_PREFIX}"

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    def _counted(self, path: str, handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            route = f"{request.method} {path}"
            self.requests[route] += 1
            await self._remember(request, route)
            fault = self.faults.take(path)
            try:
                response = await _misbehaviour(request, fault) or await handler(request, fault)
            except Refusal as refusal:
                return refusal.response()
            except (asyncio.CancelledError, ConnectionResetError):
                self.hang_ups += 1
                raise
            return response

        return handle

    async def _remember(self, request: web.Request, route: str) -> None:
        headers = {name: value for name, value in request.headers.items() if name.lower() != "authorization"}
        key = KEYS.get(_token(request))
        self.keys[key.name if key else "none" if not _token(request) else "foreign"] += 1
        body = await request.text()
        self.log.append(
            {"route": route, "headers": headers, "key": key.name if key else None, "body": _json(body)}
        )

    async def _tell(self, _: web.Request) -> web.Response:
        return web.json_response(
            {"requests": self.requests, "keys": self.keys, "hang_ups": self.hang_ups, "log": list(self.log)}
        )

    async def _misbehave(self, request: web.Request) -> web.Response:
        self.faults.add(Fault.model_validate(await request.json()))
        return web.json_response({})

    async def _reset(self, _: web.Request) -> web.Response:
        self.faults.clear()
        self.requests.clear()
        self.keys.clear()
        self.log.clear()
        self.hang_ups = 0
        return web.json_response({})

    async def _key(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        return _answer({"data": _authenticate(request).as_key()}, fault)

    async def _models(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        """Everybody gets the catalogue, with a bogus key too (NangoHQ/nango#7532)."""
        rows = [model.as_model() for model in MODELS.values() if not model.ended]
        wanted = request.query.get("supported_parameters")
        if wanted:
            rows = [row for row in rows if wanted in row["supported_parameters"]]
        return _answer({"data": rows, "total_count": len(rows), "links": {"next": None}}, fault)

    async def _model(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        model = find(_id(request))
        if model is None or model.ended:
            raise Refusal(404, "Model not found")
        return _answer({"data": model.as_model()}, fault)

    async def _endpoints(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        model = find(_id(request))
        if model is None or model.ended:
            raise Refusal(404, "Model not found")
        row = model.as_model()
        endpoint = {
            "name": f"Stand-in | {model.id}",
            "provider_name": "Stand-in",
            "tag": "stand-in",
            **{field: row[field] for field in ("context_length", "pricing", "supported_parameters")},
        }
        data = {field: row[field] for field in ("id", "name", "created", "description", "architecture")}
        return _answer({"data": {**data, "endpoints": [endpoint]}}, fault)

    async def _zdr(self, _: web.Request, fault: Fault) -> web.StreamResponse:
        names = [name for name, model in MODELS.items() if not model.ended and not model.free]
        return _answer({"data": [{"model_id": name, "provider_name": "Stand-in"} for name in names]}, fault)

    async def _credits(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        if not _authenticate(request).management:
            raise errors.management_only()
        return _answer({"data": {"total_credits": 10, "total_usage": 0}}, fault)

    async def _generation(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        _authenticate(request)
        return _answer(
            {"data": {"id": request.query.get("id", ""), "total_cost": 0, "tokens_prompt": 1}}, fault
        )

    async def _completions(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        key = _authenticate(request)
        body = _json(await request.text())
        if not isinstance(body, dict):
            raise Refusal(400, "Invalid JSON in request body")
        completion = complete(key, body)
        if body.get("stream") is True:
            return await _stream(request, completion, fault)
        response = _answer(completion.as_json(), fault)
        response.headers["X-Generation-Id"] = completion.id
        return response


async def _misbehaviour(request: web.Request, fault: Fault) -> web.StreamResponse | None:
    """The answer that a fault puts in the place of the right one, if it does."""
    await asyncio.sleep(fault.delay_seconds)
    if fault.black_hole:
        await asyncio.Event().wait()
    if fault.hang_up and request.transport is not None:
        request.transport.abort()
        raise ConnectionResetError
    if fault.status is None and fault.body is None:
        return None
    status = fault.status or 200
    if isinstance(fault.body, str):
        return web.Response(text=fault.body, status=status, headers=fault.headers, content_type="text/html")
    body = fault.body or {"error": {"message": f"Told to answer {status}", "code": status}}
    return web.json_response(body, status=status, headers=fault.headers)


async def _stream(request: web.Request, completion: Completion, fault: Fault) -> web.StreamResponse:
    """Server-sent events: comments while it works, pieces, the usage, the end."""
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/event-stream",
            "X-Generation-Id": completion.id,
            "Cache-Control": "no-cache",
        }
    )
    await response.prepare(request)
    await response.write(b": OPENROUTER PROCESSING\n\n")
    for number, chunk in enumerate(completion.as_chunks(usage_in_delta=fault.usage_in_delta)):
        await asyncio.sleep(fault.token_seconds)
        if number == fault.cut_after:
            if request.transport is not None:
                request.transport.abort()
            return response
        if number == fault.error_after:
            await response.write(_event(completion.error_chunk()))
            return response
        event = _event(chunk)
        for start in range(0, len(event), _PIECE if fault.split_bytes else len(event)):
            await response.write(event[start : start + (_PIECE if fault.split_bytes else len(event))])
    await response.write(b"data: [DONE]\n\n")
    return response


def _event(content: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(content, ensure_ascii=False).encode() + b"\n\n"


def _answer(content: dict[str, Any], fault: Fault) -> web.Response:
    text = "\n\n\n" * fault.leading_newlines + json.dumps(content)
    return web.Response(text=text, headers=fault.headers, content_type="application/json")


def _authenticate(request: web.Request) -> KeySituation:
    token = _token(request)
    if not token:
        raise errors.no_key()
    if not token.startswith("sk-or-"):
        raise errors.foreign_key()
    key = KEYS.get(token)
    if key is None or not key.known:
        raise errors.unknown_key()
    return key


def _token(request: web.Request) -> str:
    return request.headers.get("Authorization", "").removeprefix("Bearer").strip()


def _id(request: web.Request) -> str:
    return f"{request.match_info['author']}/{request.match_info['slug']}"


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text or None
