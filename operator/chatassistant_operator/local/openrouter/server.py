"""The stand-in as a server: it counts what it is asked, does what it is told to do wrong, and answers."""

import asyncio
import json
import re
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Final, Self, cast

from aiohttp import web
from pydantic import TypeAdapter, ValidationError

from chatassistant_operator.local.openrouter import sending
from chatassistant_operator.local.openrouter.errors import Refusal
from chatassistant_operator.local.openrouter.faults import Fault, Faults
from chatassistant_operator.local.openrouter.routes import GENERATIONS, ROUTES, WORLD, Handler, token
from chatassistant_operator.local.openrouter.world import World

_PREFIX: Final = "/api/v1"
_REMEMBERED: Final = 1000
_REMEMBERED_TIMES: Final = 10_000
_LARGEST_BODY: Final = 16 * 1024 * 1024
_KEY: Final = re.compile(r"sk-or-[\w-]+")
_FIELDS: Final = TypeAdapter(dict[str, Any])


class StandIn:
    """A stand-in for OpenRouter on this machine: `async with StandIn() as stand_in: stand_in.base_url`.

    Attributes:
        world: Its keys and models.
        faults: What it is told to do wrong.
        requests: How often each route was asked, such as `GET /key`; `GET *` for a path that is none.
        times: When, in seconds since the stand-in was made, and what, for the last 10,000 requests.
        keys: How often each key that it knows came, by name; `none` for no key, `foreign` for any other.
        models: How often each model was asked for.
        hang_ups: How many callers went away before the end of their answer.
        log: The last requests with headers and body, keys masked.

    Other processes get the same at `/control`: `GET` tells, `POST` takes a `Fault`, `PUT /control/keys` fields of a
    `KeySituation` and `PUT /control/models` of a `ModelSituation`, `DELETE` resets everything, and
    `DELETE /control/faults` only what is told to go wrong.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self._host, self._port = host, port
        self.world = World()
        self.faults = Faults()
        self.requests: Counter[str] = Counter()
        self.times: deque[tuple[float, str]] = deque(maxlen=_REMEMBERED_TIMES)
        self.keys: Counter[str] = Counter()
        self.models: Counter[str] = Counter()
        self.hang_ups = 0
        self.log: deque[dict[str, Any]] = deque(maxlen=_REMEMBERED)
        self._started = time.monotonic()
        self._stopping = False
        application = web.Application(client_max_size=_LARGEST_BODY)
        application[GENERATIONS] = {}
        application[WORLD] = self.world
        self._add_control(application.router)
        for method, path, handler in ROUTES:
            application.router.add_route(method, _PREFIX + path, self._counted(path, handler))
        application.router.add_route("*", "/{path:.*}", self._counted("*", _website))
        # A caller who hangs up ends the work on the answer, as at OpenRouter with most providers.
        self._runner = web.AppRunner(
            application, handler_cancellation=True, access_log=None, shutdown_timeout=0.5
        )

    @property
    def base_url(self) -> str:
        """What belongs into `gateway.baseURL`."""
        return f"http://{self._host}:{self._port}{_PREFIX}"

    @property
    def control_url(self) -> str:
        """Where other processes switch faults and read the counts."""
        return f"http://{self._host}:{self._port}/control"

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stopping = True
        await self._runner.cleanup()

    def reset(self) -> None:
        """Forget all changes, faults and counts."""
        self.world.reset()
        self.faults.clear()
        for memory in (self.requests, self.times, self.keys, self.models, self.log):
            memory.clear()
        self.hang_ups = 0

    def _counted(self, path: str, handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                sent = token(request)
                key = self.world.keys.get(sent)
                name = key.name if key else "foreign" if sent else "none"
                await self._remember(request, f"{request.method} {path}", name)
                fault = self.faults.take(path, *([name, sent] if key else []))
                return await sending.instead(request, fault) or await handler(request, fault)
            except Refusal as refusal:
                return refusal.response()
            except (asyncio.CancelledError, ConnectionResetError):
                if not self._stopping:
                    self.hang_ups += 1
                raise

        return handle

    async def _remember(self, request: web.Request, route: str, key: str) -> None:
        self.requests[route] += 1
        self.times.append((round(time.monotonic() - self._started, 3), route))
        self.keys[key] += 1
        headers = {
            name: "Bearer ***" if name.lower() == "authorization" else _KEY.sub("sk-or-***", value)
            for name, value in request.headers.items()
        }
        body = _body(_KEY.sub("sk-or-***", (await request.read()).decode(errors="replace")))
        if isinstance(body, dict) and isinstance(body.get("model"), str):
            self.models[body["model"]] += 1
        self.log.append({"route": route, "headers": headers, "key": key, "body": body})

    def _add_control(self, router: web.UrlDispatcher) -> None:
        router.add_get("/control", self._tell)
        router.add_post("/control", _taking(lambda body: self.faults.add(Fault.model_validate_json(body))))
        router.add_delete("/control", _doing(self.reset))
        router.add_delete("/control/faults", _doing(self.faults.clear))
        router.add_put("/control/keys", _taking(lambda body: self.world.put_key(_FIELDS.validate_json(body))))
        router.add_put(
            "/control/models", _taking(lambda body: self.world.put_model(_FIELDS.validate_json(body)))
        )

    async def _tell(self, _: web.Request) -> web.Response:
        told = {name: getattr(self, name) for name in ("requests", "keys", "models", "hang_ups")}
        return web.json_response({**told, "times": list(self.times), "log": list(self.log)})


def _doing(action: Callable[[], None]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(_: web.Request) -> web.Response:
        action()
        return web.json_response({})

    return handle


def _taking(change: Callable[[bytes], None]) -> Callable[[web.Request], Awaitable[web.Response]]:
    """A route that takes a change; one that it cannot take is refused, with the fields that are wrong."""

    async def handle(request: web.Request) -> web.Response:
        try:
            change(await request.read())
        except ValidationError as error:
            problems = json.loads(error.json(include_url=False, include_input=False, include_context=False))
            return web.json_response({"errors": problems}, status=400)
        return web.json_response({})

    return handle


def _body(text: str) -> dict[str, Any] | str:
    """A JSON object as such, anything else as text."""
    try:
        body = json.loads(text)
    except ValueError:
        return text
    return cast("dict[str, Any]", body) if isinstance(body, dict) else text


async def _website(_: web.Request, __: Fault) -> web.StreamResponse:
    """Every other path is the website, which answers HTML, as when `/api` is missing (openclaw/openclaw#69646)."""
    page = "<!doctype html><title>Not found</title><p>The API is at /api/v1."
    return web.Response(text=page, status=404, content_type="text/html")
