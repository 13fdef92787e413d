"""`POST /v1/chat/completions`, from top to bottom.

Access, limits, frequently asked questions and cache, route, upstream, tools, answer, account.
"""

import logging
import time
from contextlib import aclosing
from typing import Any, Final, NamedTuple

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from chatassistant_chatbot.access import User
from chatassistant_chatbot.accounting import cost_in
from chatassistant_chatbot.answering import Answering, Outcome
from chatassistant_chatbot.cache.answers import Kept
from chatassistant_chatbot.cache.faq import completion
from chatassistant_chatbot.conversations import kept_message, without_metadata
from chatassistant_chatbot.deps import Deps, deps
from chatassistant_chatbot.errors import CallerError, GatewayError, for_caller, for_log
from chatassistant_chatbot.gateway.client import Events
from chatassistant_chatbot.hang_up import HangUpError
from chatassistant_chatbot.held import Held
from chatassistant_chatbot.logs import REQUEST_ID
from chatassistant_chatbot.requests import header, read_json_body
from chatassistant_chatbot.routes.document import Completion, errors
from chatassistant_chatbot.turn import Ask, CompletionRequest, JsonObject, Message, begin, open_turn, read
from chatassistant_chatbot.turn.forms import as_events, as_json, collected, event_of

logger = logging.getLogger(__name__)
router = APIRouter()

_REF: Final = "#/components/schemas/{model}"
# For readers of /openapi.json. The body itself is read by `turn.read`: FastAPI would take in any size of it, and
# words errors in its own way.
_BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"$ref": _REF.format(model=CompletionRequest.__name__)},
                "example": {"model": "default", "messages": [{"role": "user", "content": "Hello"}]},
            }
        },
    }
}
_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "model": Completion,
        "description": "A completion; with `stream`, its chunks as server-sent events.",
        "content": {"text/event-stream": {}},
        "headers": {"X-Cache": {"required": True, "schema": {"enum": ["hit", "miss", "bypass"]}}},
    },
    **errors(404, 413, 415, 429, 502, 503, 504),
}
_SPAN: Final = "POST /v1/chat/completions"
# Told to proxies: nothing of a stream is to be kept, or kept back.
_STREAMED: Final = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


class Asked(NamedTuple):
    """A caller's request: who asks what, in which manner, and since when (monotonic seconds)."""

    user: User
    request: CompletionRequest
    cache_control: str
    traceparent: str
    started: float


class Ready(NamedTuple):
    """What may be asked now; `key` is where the answer is kept, None where it is not."""

    ask: Ask
    answering: Answering
    outcome: Outcome
    key: str | None


def request_schemas() -> dict[str, Any]:
    """The JSON schemas of a request's body, by name."""
    schema = CompletionRequest.model_json_schema(ref_template=_REF)
    return {**schema.pop("$defs"), CompletionRequest.__name__: schema}


@router.post("/v1/chat/completions", tags=["chat"], openapi_extra=_BODY, responses=_RESPONSES)
async def create_chat_completion(request: Request) -> Response:
    """Answer a conversation, in one piece or as server-sent events."""
    shared, started = deps(request), time.monotonic()
    user = await shared.access.admit(request)
    wanted = read(await read_json_body(request))
    asked = Asked(user, wanted, header(request, b"cache-control"), header(request, b"traceparent"), started)
    return await shared.callers.unless_hung_up(request.receive, _answer(shared, asked))


async def _answer(shared: Deps, asked: Asked) -> Response:
    """The answer, or a stream of which the first event is there."""
    known = shared.faq.answer(asked.request)
    if known is not None:
        return await _answer_known(shared, asked, known)
    place = await shared.rate_limiter.take(asked.user.id)
    # What is held is let go when the answer is there, or at the end of its stream.
    async with Held(shared.accounting) as held:
        try:
            ready = await _prepare(shared, asked, held)
        except CallerError:
            # Whoever is refused has not used up anything.
            await place.give_back()
            raise
        if isinstance(ready, Kept):
            shared.metrics.hit(ready.model, ready.cost)
            await shared.budget.save(ready.cost, ready.model)
            return _known(asked, ready.content, place.headers())
        looked = "miss" if ready.key else "bypass"
        shared.metrics.cache(looked).inc()
        headers = {**place.headers(), "X-Cache": looked}
        try:
            if asked.request.stream:
                events = await ready.answering.as_stream(ready.ask, ready.outcome)
                answer: Response = _Stream(_Answered(shared, asked, ready), events, held.handed_on(), headers)
            else:
                content = await ready.answering.in_one_piece(ready.ask, ready.outcome)
                await _Answered(shared, asked, ready).end(content)
                answer = Response(content, media_type="application/json", headers=headers)
        except GatewayError as error:
            ready.outcome.failed(error)
            raise _reported(shared, error) from None
    shared.credential.standing.clear()
    shared.metrics.first_byte.observe(time.monotonic() - asked.started)
    return answer


async def _prepare(shared: Deps, asked: Asked, held: Held) -> Ready | Kept:
    """What to ask, once it is its turn; or the answer that was kept.

    Raises:
        CallerError: where it may not be asked.
    """
    configuration, request = shared.settings.configuration, await _completed(shared, asked)
    earlier: list[JsonObject] = []
    if request.conversation:
        earlier = await shared.conversations.load(asked.user.id, request.conversation)
        request = _without_metadata(request)
    await shared.tools.asked()
    offer = shared.tools.offer()
    opening = shared.budget.within(open_turn(configuration, request, offer.functions, earlier))
    turn, ask = begin(opening)
    key = None
    if not request.conversation:
        key = shared.answers.key(opening, ask.body, asked.user, asked.cache_control)
    if key is not None:
        kept = await shared.answers.look_up(key, configuration.gateway.timeout_seconds / 2)
        if kept is not None:
            return kept
        held.until_the_end(shared.answers.asking(key))
    held.until_the_end(await shared.queue.enter())
    reservation = await shared.budget.reserve(len(ask.body), opening.max_tokens, opening.models)
    span = shared.tracing.begin(_SPAN, asked.traceparent, {"gen_ai.request.model": opening.models[0]})
    outcome = Outcome(turn, span, events=[] if key or request.conversation else None)
    held.settled(reservation, outcome)
    return Ready(ask, Answering(shared.gateway, offer, REQUEST_ID.get(), shared.metrics), outcome, key)


def _without_metadata(request: CompletionRequest) -> CompletionRequest:
    """The request as a model is told it: what a message of a conversation has beyond that is only kept."""
    messages = [Message.model_construct(**without_metadata(each)) for each in _said(request)]
    return request.model_copy(update={"messages": messages})


async def _completed(shared: Deps, asked: Asked) -> CompletionRequest:
    """The request with what its caller was not shown: the servers' share of answers that called their tools too."""
    request = asked.request
    if not shared.settings.configuration.tools.mcp_servers:
        return request
    messages: list[Message] = []
    for message in request.messages:
        unsaid = await shared.unsaid.recall(asked.user.id, message)
        messages += unsaid or [message]
    return request.model_copy(update={"messages": messages})


async def _answer_known(shared: Deps, asked: Asked, text: str) -> Response:
    """A frequently asked question's answer; it counts for no limit."""
    shared.metrics.cache("faq").inc()
    answer = completion(text, shared.settings.configuration.model.name, int(time.time()))
    if asked.request.conversation:
        await shared.conversations.append(
            asked.user.id,
            asked.request.conversation,
            [*_said(asked.request), kept_message(answer, time.monotonic() - asked.started)],
        )
    return _known(asked, orjson.dumps(answer.content), {})


def _known(asked: Asked, content: bytes, headers: dict[str, str]) -> Response:
    """An answer for which nobody was asked, in the form that is wished."""
    headers = {**headers, "X-Cache": "hit"}
    if asked.request.stream:
        return Response(as_events(content), media_type="text/event-stream", headers=headers | _STREAMED)
    return Response(as_json(content), media_type="application/json", headers=headers)


def _said(request: CompletionRequest) -> list[JsonObject]:
    return [message.model_dump(exclude_unset=True) for message in request.messages]


def _reported(shared: Deps, error: GatewayError) -> CallerError:
    """What the caller is told, after the log, the metrics and the report were."""
    shared.credential.standing.met(error)
    shared.metrics.gateway_errors(str(error.status)).inc()
    told = for_caller(error)
    logger.warning("gateway: %s", for_log(error), extra={"status": error.status, "told": told.status})
    return told


class _Answered(NamedTuple):
    """A request that is being answered, and what is kept of it at its end."""

    shared: Deps
    asked: Asked
    ready: Ready

    async def end(self, content: bytes) -> None:
        """Keep an answer that is whole, before its caller can come again: JSON, or all events of a stream."""
        shared, user, request = self.shared, self.asked.user, self.asked.request
        outcome = self.ready.outcome
        if outcome.finish and outcome.finish.unsaid:
            await shared.unsaid.remember(user.id, outcome.finish)
        if not (self.ready.key or request.conversation):
            return
        answer = outcome.finish.answer if outcome.finish else collected(content)
        if self.ready.key:
            kept = Kept(content, outcome.turn.models[0], cost_in(answer.usage) or 0.0)
            await shared.answers.keep(self.ready.key, answer, kept)
        if request.conversation:
            message = kept_message(answer, time.monotonic() - self.asked.started)
            said = [*_said(request), *outcome.turn.said, message]
            await shared.conversations.append(user.id, request.conversation, said)


class _Stream(Response):
    """A stream whose first event is there; what goes wrong later is told as an event, and no `[DONE]` follows."""

    def __init__(self, answered: _Answered, events: Events, held: Held, headers: dict[str, str]) -> None:
        super().__init__(media_type="text/event-stream", headers=headers | _STREAMED)
        # Starlette's, of an empty body.
        del self.headers["Content-Length"]
        self._answered = answered
        self._events = events
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 (ASGI's)
        """Send the events as they come; a caller that hangs up ends the gateway's work."""
        async with self._held, aclosing(self._events):
            with self._answered.shared.metrics.running.track_inprogress():
                try:
                    await self._answered.shared.callers.unless_hung_up(receive, self._send(send))
                except HangUpError:
                    self._answered.shared.metrics.hang_ups.inc()

    async def _send(self, send: Send) -> None:
        outcome, count, began = self._answered.ready.outcome, 0, time.monotonic()
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        try:
            async for event in self._events:
                count += 1
                if outcome.complete:
                    await self._answered.end(b"".join(outcome.events or ()))
                await send({"type": "http.response.body", "body": event, "more_body": True})
        except GatewayError as error:
            outcome.failed(error)
            told = event_of(_reported(self._answered.shared, error).body())
            await send({"type": "http.response.body", "body": told, "more_body": True})
        self._answered.shared.metrics.between_events.observe((time.monotonic() - began) / max(1, count))
        await send({"type": "http.response.body", "body": b"", "more_body": False})
