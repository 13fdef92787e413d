"""A streamed answer: its events as they come, each looked at, up to `[DONE]`."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from typing import Final

from chatassistant_chatbot.credentials import Credential
from chatassistant_chatbot.errors import GatewayError
from chatassistant_chatbot.events import DONE, Splitter, data_of, is_comment
from chatassistant_chatbot.gateway.answers import chunk_in
from chatassistant_chatbot.gateway.response import Patience, Response
from chatassistant_chatbot.turn.answer import JsonObject

_END_SECONDS: Final = 0.1


async def events_of(
    answer: Response, silence_seconds: float, credential: Credential, took: Callable[[JsonObject], None]
) -> AsyncGenerator[bytes, None]:
    """Each event and comment; the first piece goes as far as the first event that has `choices`. Ends after `[DONE]`.

    `took` gets each chunk. Events without data are left out: the HTML standard has clients ignore them, and OpenAI's
    trip over them.

    Raises:
        GatewayError: 504 when no event comes for so long (a comment is none), or not the first in the time that the
            answer has; 502 when the stream is cut, tells of an error or holds something else than chunks.
    """
    before: bytes | None = b""
    clock, silent = asyncio.get_running_loop().time, f"it was silent for {silence_seconds:g} s"
    async with aclosing(_split(answer, credential)) as pieces:
        async for event, data in pieces:
            if data == DONE:
                if before is not None:
                    break
                yield event
                await _end(answer)
                return
            piece, chunk = event, None
            if data:
                chunk = chunk_in(data, credential.masked)
                took(chunk)
            if before is not None:
                before += piece
                if chunk is None or "choices" not in chunk:
                    continue
                piece, before = before, None
            yield piece
            if data:
                # Counted from here: a caller who reads slowly is no silence of the gateway's.
                answer.patience = Patience(clock() + silence_seconds, silent)
    raise GatewayError(502, "it cut the stream" if before is None else "it sent a stream with nothing in it")


async def _split(answer: Response, credential: Credential) -> AsyncGenerator[tuple[bytes, bytes], None]:
    """Each event with its data, and each comment, which has none."""
    splitter = Splitter()
    while chunk := await answer.read():
        for each in splitter.feed(chunk):
            event = credential.without_key(each)
            data = data_of(event)
            if data or is_comment(event):
                yield event, data
    for event in splitter.end():
        yield event, data_of(event)


async def _end(answer: Response) -> None:
    """Wait a moment for the end of the body, which lets the connection carry another request."""
    if not answer.complete:
        with suppress(TimeoutError):
            async with asyncio.timeout(_END_SECONDS):
                await answer.wait_for_end()
