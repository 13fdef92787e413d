"""The I/O around a turn: the gateway is asked and tools are called, as the steps say."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final

import orjson

from chatassistant_chatbot.errors import GatewayError
from chatassistant_chatbot.events import has_data, is_done
from chatassistant_chatbot.gateway.client import Completion, Events, GatewayClient
from chatassistant_chatbot.metrics import Metrics
from chatassistant_chatbot.tools.servers import Offer
from chatassistant_chatbot.tracing import NO_SPAN, Span
from chatassistant_chatbot.turn import (
    Answer,
    Ask,
    Call,
    Finish,
    JsonObject,
    Step,
    ToolCall,
    Turn,
    answered,
    called,
    model_gone,
)
from chatassistant_chatbot.turn.answer import as_object, nothing
from chatassistant_chatbot.turn.forms import LAST_EVENT, chunk_of, event_of
from chatassistant_chatbot.turn.relay import Relay

_KEEP_ALIVE: Final = b": a tool is running\n\n"
_KEEP_ALIVE_SECONDS: Final = 10.0
_PROVIDER: Final = {"gen_ai.provider.name": "openrouter"}


@dataclass(slots=True)
class Outcome:
    """What came of a turn, as far as it got.

    Attributes:
        turn: Where it stands.
        span: What is traced of it.
        usage: What it took, as far as the gateway said.
        usage_is_whole: Whether that is all of it.
        begun: The first event of the completion that is being streamed.
        complete: Whether it came to its end.
        finish: Its end, when somebody had to read the answer.
        events: The stream's events, kept when somebody wants to know the whole answer.
    """

    turn: Turn
    span: Span
    usage: JsonObject = field(default_factory=nothing)
    usage_is_whole: bool = False
    begun: bytes = b""
    complete: bool = False
    finish: Finish | None = None
    events: list[bytes] | None = None

    @property
    def generation(self) -> str | None:
        """The gateway's id of the completion that is being streamed, by which it tells the cost later."""
        generation = chunk_of(self.begun).get("id")
        return generation if isinstance(generation, str) else None

    def failed(self, error: GatewayError) -> None:
        """The gateway gave an error instead; whether it was at work is not known of one that fell silent."""
        self.usage_is_whole = not self.begun and not error.is_silence

    def end(self, finish: Finish | None = None) -> None:
        """Nothing more comes."""
        self.complete = self.usage_is_whole = True
        self.finish = finish


@dataclass(frozen=True, slots=True)
class Answering:
    """Answers one request."""

    gateway: GatewayClient
    offer: Offer
    request_id: str
    metrics: Metrics

    async def in_one_piece(self, ask: Ask, outcome: Outcome) -> bytes:
        """The answer to the first step as JSON; raises `GatewayError`."""
        turn = outcome.turn
        step: Step = ask
        while True:
            outcome.turn = turn
            match step:
                case Ask():
                    turn, (content, answer) = await self._complete(turn, step, outcome.span)
                    turn, step = answered(turn, Answer(answer))
                    outcome.usage = turn.usage
                    if isinstance(step, Finish) and turn.rounds == 0:
                        outcome.end(step)
                        return content
                case Call():
                    turn, step = called(turn, await self._call_all(step.calls, outcome.span))
                case Finish():
                    outcome.end(step)
                    return orjson.dumps(step.answer.content)

    async def as_stream(self, ask: Ask, outcome: Outcome) -> Events:
        """A stream of which the first event has arrived; this and the stream raise `GatewayError`."""
        turn, events = await self._stream(outcome.turn, ask, outcome.span)
        outcome.turn = turn
        if turn.opening.functions:
            return self._relayed(turn, events, outcome)
        return _handed_on(events, outcome)

    async def _relayed(self, turn: Turn, events: Events, outcome: Outcome) -> AsyncGenerator[bytes, None]:
        """One stream, whatever number of completions it takes."""
        relay = Relay()
        while True:
            outcome.begun = b""
            async with aclosing(events):
                async for event in events:
                    outcome.begun = outcome.begun or event
                    if not has_data(event):
                        yield event
                    elif not is_done(event) and (chunk := relay.take(chunk_of(event))):
                        yield event_of(chunk)
            turn, step = answered(turn, relay.end_round())
            outcome.turn, outcome.usage = turn, turn.usage
            if isinstance(step, Call):
                results: list[str] = []
                async with aclosing(self._call_and_tell(step.calls, relay, results, outcome.span)) as news:
                    async for event in news:
                        yield event
                turn, step = called(turn, results)
                outcome.turn = turn
            if isinstance(step, Ask):
                turn, events = await self._stream(turn, step, outcome.span)
            elif isinstance(step, Finish):
                outcome.usage_is_whole = True
                for chunk in relay.end(step):
                    yield event_of(chunk)
                outcome.end(step)
                yield LAST_EVENT
                return

    async def _complete(self, turn: Turn, ask: Ask, above: Span) -> tuple[Turn, Completion]:
        while True:
            span = _asking(turn, above)
            try:
                completion = await self.gateway.complete(ask.body[:-1] + b',"stream":false}', self.request_id)
            except GatewayError as error:
                span.end({}, f"gateway_{error.status}")
                turn, ask = _next_model(turn, error)
            else:
                span.end({})
                return turn, completion

    async def _stream(self, turn: Turn, ask: Ask, above: Span) -> tuple[Turn, Events]:
        while True:
            span = _asking(turn, above)
            try:
                events = await self.gateway.stream(ask.body[:-1] + b',"stream":true}', self.request_id)
            except GatewayError as error:
                span.end({}, f"gateway_{error.status}")
                turn, ask = _next_model(turn, error)
            else:
                return turn, events if span is NO_SPAN else _traced(events, span)

    async def _call_all(self, calls: tuple[ToolCall, ...], above: Span) -> list[str]:
        """The results of all, in order; when the caller has gone, all are given up."""
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(self._call(each, above)) for each in calls]
        return [task.result()[0] for task in running]

    async def _call(self, call: ToolCall, above: Span) -> tuple[str, bool]:
        """What a tool gave, and whether that is a failure."""
        if call.problem:
            return call.problem, True
        server, _ = self.offer.server_and_tool(call.name)
        attributes = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": call.name}
        span = above.child(f"execute_tool {call.name}", attributes | {"gen_ai.tool.call.id": call.id})
        with self.metrics.tool_seconds.labels(server).time():
            result = await self.offer.call(call.name, call.arguments, self.request_id)
        span.end({}, "tool_failed" if result.failed else None)
        self.metrics.tool_calls(server, "failed" if result.failed else "ok").inc()
        return result.content, result.failed

    async def _call_and_tell(
        self, calls: tuple[ToolCall, ...], relay: Relay, results: list[str], above: Span
    ) -> AsyncGenerator[bytes, None]:
        """Events that say which tools run and which are done; at the end, `results` has what they gave, in order."""
        running = {asyncio.ensure_future(self._call(each, above)): each for each in calls}
        try:
            for call in calls:
                if call.name in self.offer:
                    yield self._told(relay, call, "running", arguments=call.arguments)
            left = set(running)
            while left:
                done, left = await asyncio.wait(
                    left, timeout=_KEEP_ALIVE_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
                if not done:
                    yield _KEEP_ALIVE
                for task in done:
                    if running[task].name in self.offer:
                        result, failed = task.result()
                        yield self._told(relay, running[task], "failed" if failed else "done", result=result)
            results += [task.result()[0] for task in running]
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    def _told(self, relay: Relay, call: ToolCall, state: str, **more: str) -> bytes:
        server, tool = self.offer.server_and_tool(call.name)
        return event_of(relay.news(tool, server, state, id=call.id, **more))


async def _handed_on(events: Events, outcome: Outcome) -> AsyncGenerator[bytes, None]:
    """The gateway's events as they come; only what tells the usage is read."""
    async with aclosing(events):
        async for event in events:
            if not outcome.begun and has_data(event):
                outcome.begun = event
            if outcome.events is not None:
                outcome.events.append(event)
            if b'"usage"' in event:
                usage = as_object(chunk_of(event).get("usage"))
                if usage:
                    outcome.usage, outcome.usage_is_whole = usage, True
            if is_done(event):
                outcome.end()
            yield event


def _asking(turn: Turn, above: Span) -> Span:
    if above is NO_SPAN:
        return NO_SPAN
    model = turn.models[0]
    attributes = {"gen_ai.operation.name": "chat", "gen_ai.request.model": model}
    return above.child(f"chat {model}", attributes | _PROVIDER)


async def _traced(events: Events, span: Span) -> AsyncGenerator[bytes, None]:
    """A stream whose span ends with it."""
    error: str | None = "cancelled"
    try:
        async with aclosing(events):
            async for event in events:
                yield event
        error = None
    except GatewayError as problem:
        error = f"gateway_{problem.status}"
        raise
    finally:
        span.end({}, error)


def _next_model(turn: Turn, error: GatewayError) -> tuple[Turn, Ask]:
    following = model_gone(turn) if error.model_is_gone else None
    if following is None:
        raise error
    return following
