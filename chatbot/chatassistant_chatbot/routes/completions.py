"""`POST /v1/chat/completions`, from top to bottom: admit, read, decide what to send, ask, answer."""

import logging
import time
from collections.abc import AsyncGenerator
from typing import Any, Final

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from chatassistant_chatbot.deps import Deps, admit, deps
from chatassistant_chatbot.errors import CallerError, GatewayError, for_caller
from chatassistant_chatbot.hang_up import HangUpError, unless_hung_up
from chatassistant_chatbot.requests import read_json_body, request_id_of
from chatassistant_chatbot.turn import CompletionRequest, payload, read

logger = logging.getLogger(__name__)
router = APIRouter()

# nginx's number for a caller that went away; nobody sees it but the log and the metrics.
_CLIENT_CLOSED_REQUEST: Final = 499
# Described for readers of /openapi.json; the request is read by `turn.read`, which words errors as OpenAI does.
_DESCRIPTION: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": CompletionRequest.model_json_schema(ref_template="#/{model}")}
        },
    }
}


@router.post("/v1/chat/completions", tags=["chat"])
async def create_chat_completion(request: Request) -> Response:
    """Answer a conversation, in one piece or as server-sent events."""
    shared = deps(request)
    started = time.monotonic()
    admit(request)
    asked = read(await read_json_body(request))
    body = payload(shared.settings.configuration, asked)
    request_id = request_id_of(request)
    with shared.metrics.running.track_inprogress():
        try:
            if asked.stream:
                stream = await unless_hung_up(request.receive, shared.gateway.stream(body, request_id))
                answer: Response = _Stream(stream, shared)
            else:
                content = await unless_hung_up(request.receive, shared.gateway.complete(body, request_id))
                answer = Response(content, media_type="application/json")
        except GatewayError as error:
            raise _reported(shared, error) from None
        except HangUpError:
            shared.metrics.hang_ups.inc()
            return Response(status_code=_CLIENT_CLOSED_REQUEST)
    shared.metrics.first_byte.observe(time.monotonic() - started)
    return answer


def _reported(shared: Deps, error: GatewayError) -> CallerError:
    """What the caller is told, after the log and the metrics were."""
    shared.metrics.gateway_errors.labels(str(error.status)).inc()
    told = for_caller(error)
    logger.warning("gateway: %s: %s", error.status, told.code)
    return told


class _Stream(Response):
    """A stream whose first event is there; what goes wrong later is told as an event, and no `[DONE]` follows."""

    def __init__(self, events: AsyncGenerator[bytes, None], shared: Deps) -> None:
        super().__init__(media_type="text/event-stream")
        # The length is not known.
        del self.headers["content-length"]
        self.headers["cache-control"] = "no-cache"
        self.headers["x-accel-buffering"] = "no"
        self._events = events
        self._shared = shared

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events as they come; a caller that hangs up ends the gateway's work."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        with self._shared.metrics.running.track_inprogress():
            try:
                await unless_hung_up(receive, self._send(send))
            except HangUpError:
                self._shared.metrics.hang_ups.inc()
            finally:
                await self._events.aclose()

    async def _send(self, send: Send) -> None:
        try:
            async for event in self._events:
                await send({"type": "http.response.body", "body": event, "more_body": True})
        except GatewayError as error:
            told = _reported(self._shared, error)
            event = b"data: " + orjson.dumps(told.body()) + b"\n\n"
            await send({"type": "http.response.body", "body": event, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
