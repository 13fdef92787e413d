"""`POST /v1/chat/completions`, from top to bottom: admit, read, decide what to send, ask, answer."""

import logging
import time
from typing import Any, Final

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from chatassistant_chatbot.deps import Deps, admit, deps
from chatassistant_chatbot.errors import CallerError, ErrorBody, GatewayError, for_caller
from chatassistant_chatbot.gateway.client import Events
from chatassistant_chatbot.hang_up import HangUpError, unless_hung_up
from chatassistant_chatbot.logs import REQUEST_ID
from chatassistant_chatbot.requests import read_json_body
from chatassistant_chatbot.turn import CompletionRequest, payload, read

logger = logging.getLogger(__name__)
router = APIRouter()

_REF: Final = "#/components/schemas/{model}"
# For readers of /openapi.json. The body itself is read by `turn.read`: FastAPI would take in any size of it, and
# words errors in its own way.
_BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": _REF.format(model=CompletionRequest.__name__)}}},
    }
}
_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "A completion; with `stream`, its chunks as server-sent events.",
        "content": {"application/json": {}, "text/event-stream": {}},
    },
    "4XX": {"model": ErrorBody, "description": "The caller can do something about it."},
    "5XX": {"model": ErrorBody, "description": "The assistant or its gateway failed."},
}


def request_schemas() -> dict[str, Any]:
    """The JSON schemas of a request's body, by name."""
    schema = CompletionRequest.model_json_schema(ref_template=_REF)
    return {**schema.pop("$defs"), CompletionRequest.__name__: schema}


@router.post("/v1/chat/completions", tags=["chat"], openapi_extra=_BODY, responses=_RESPONSES)
async def create_chat_completion(request: Request) -> Response:
    """Answer a conversation, in one piece or as server-sent events."""
    shared = deps(request)
    started = time.monotonic()
    admit(request)
    asked = read(await read_json_body(request))
    body = payload(shared.settings.configuration, asked)
    request_id = REQUEST_ID.get()
    with shared.metrics.running.track_inprogress():
        try:
            if asked.stream:
                events = await unless_hung_up(request.receive, shared.gateway.stream(body, request_id))
                answer: Response = _Stream(events, shared)
            else:
                content = await unless_hung_up(request.receive, shared.gateway.complete(body, request_id))
                answer = Response(content, media_type="application/json")
        except GatewayError as error:
            raise _reported(shared, error) from None
    shared.credential.standing.clear()
    shared.metrics.first_byte.observe(time.monotonic() - started)
    return answer


def _reported(shared: Deps, error: GatewayError) -> CallerError:
    """What the caller is told, after the log, the metrics and the report were."""
    shared.credential.standing.met(error)
    shared.metrics.gateway_errors.labels(str(error.status)).inc()
    told = for_caller(error)
    logger.warning("gateway: %s", error, extra={"status": error.status, "told": told.status})
    return told


class _Stream(Response):
    """A stream whose first event is there; what goes wrong later is told as an event, and no `[DONE]` follows."""

    def __init__(self, events: Events, shared: Deps) -> None:
        # Told to proxies: nothing of it is to be kept, or kept back.
        super().__init__(
            media_type="text/event-stream", headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        )
        # Starlette's, of an empty body.
        del self.headers["Content-Length"]
        self._events = events
        self._shared = shared

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 (ASGI's)
        """Send the events as they come; a caller that hangs up ends the gateway's work."""
        with self._shared.metrics.running.track_inprogress():
            try:
                await unless_hung_up(receive, self._send(send))
            except HangUpError:
                self._shared.metrics.hang_ups.inc()
            finally:
                await self._events.aclose()

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        try:
            async for event in self._events:
                await send({"type": "http.response.body", "body": event, "more_body": True})
        except GatewayError as error:
            told = b"data: " + orjson.dumps(_reported(self._shared, error).body()) + b"\n\n"
            await send({"type": "http.response.body", "body": told, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
