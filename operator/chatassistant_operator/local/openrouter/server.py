"""The stand-in as a server: it counts what it is asked, does what it is told to do wrong, and answers."""

import asyncio
import json
import re
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Final, Self, cast

from aiohttp import web
from pydantic import ValidationError

from chatassistant_operator.local.openrouter import sending
from chatassistant_operator.local.openrouter.errors import Refusal
from chatassistant_operator.local.openrouter.faults import Fault, Faults
from chatassistant_operator.local.openrouter.routes import GENERATIONS, ROUTES, Handler, token
from chatassistant_operator.local.openrouter.situations import KEYS

_PREFIX: Final = "/api/v1"
_REMEMBERED: Final = 1000
_LARGEST_BODY: Final = 16 * 1024 * 1024
_KEY: Final = re.compile(r"sk-or-[\w-]+")


class StandIn:
    """A stand-in for OpenRouter on this machine: `async with StandIn() as stand_in: stand_in.base_url`.

    Attributes:
        faults: What it is told to do wrong.
        requests: How often each route was asked, such as `GET /key`; `GET *` for a path that is none.
        keys: How often each key of `situations` came, by name; `none` for no key, `foreign` for any other.
        models: How often each model was asked for.
        hang_ups: How many callers went away before the end of their answer.
        log: The last requests with headers and body, keys masked.

    Other processes get the same at `/control`: `GET` tells, `POST` takes a `Fault`, `DELETE` resets everything, and
    `DELETE /control/faults` only what is told to go wrong.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self._host, self._port = host, port
        self.faults = Faults()
        self.requests: Counter[str] = Counter()
        self.keys: Counter[str] = Counter()
        self.models: Counter[str] = Counter()
        self.hang_ups = 0
        self.log: deque[dict[str, Any]] = deque(maxlen=_REMEMBERED)
        self._stopping = False
        application = web.Application(client_max_size=_LARGEST_BODY)
        application[GENERATIONS] = {}
        application.router.add_get("/control", self._tell)
        application.router.add_post("/control", self._misbehave)
        application.router.add_delete("/control", self._reset)
        application.router.add_delete("/control/faults", self._behave)
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
        """Forget all faults and counts."""
        self.faults.clear()
        for memory in (self.requests, self.keys, self.models, self.log):
            memory.clear()
        self.hang_ups = 0

    def _counted(self, path: str, handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                await self._remember(request, f"{request.method} {path}")
                fault = self.faults.take(path)
                return await sending.instead(request, fault) or await handler(request, fault)
            except Refusal as refusal:
                return refusal.response()
            except (asyncio.CancelledError, ConnectionResetError):
                if not self._stopping:
                    self.hang_ups += 1
                raise

        return handle

    async def _remember(self, request: web.Request, route: str) -> None:
        self.requests[route] += 1
        sent = token(request)
        key = KEYS[sent].name if sent in KEYS else "foreign" if sent else "none"
        self.keys[key] += 1
        headers = {
            name: "Bearer ***" if name.lower() == "authorization" else _KEY.sub("sk-or-***", value)
            for name, value in request.headers.items()
        }
        body = _body(_KEY.sub("sk-or-***", (await request.read()).decode(errors="replace")))
        if isinstance(body, dict) and isinstance(body.get("model"), str):
            self.models[body["model"]] += 1
        self.log.append({"route": route, "headers": headers, "key": key, "body": body})

    async def _tell(self, _: web.Request) -> web.Response:
        names = ("requests", "keys", "models", "hang_ups")
        return web.json_response({**{name: getattr(self, name) for name in names}, "log": list(self.log)})

    async def _misbehave(self, request: web.Request) -> web.Response:
        try:
            self.faults.add(Fault.model_validate_json(await request.read()))
        except ValidationError as error:
            return web.json_response({"errors": json.loads(error.json(include_url=False))}, status=400)
        return web.json_response({})

    async def _behave(self, _: web.Request) -> web.Response:
        self.faults.clear()
        return web.json_response({})

    async def _reset(self, _: web.Request) -> web.Response:
        self.reset()
        return web.json_response({})


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
