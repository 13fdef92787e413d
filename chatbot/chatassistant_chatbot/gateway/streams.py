"""A streamed answer: its events as they come, each looked at, up to `[DONE]`."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from typing import Final, Self

import aiohttp

from chatassistant_chatbot.credentials import Credential
from chatassistant_chatbot.errors import GatewayError
from chatassistant_chatbot.gateway.answers import chunk_in
from chatassistant_chatbot.gateway.events import DONE, Splitter, data_of, is_comment
from chatassistant_chatbot.turn.answer import JsonObject

_LOOK_SECONDS: Final = 0.5
_END_SECONDS: Final = 0.1


async def events_of(
    content: aiohttp.StreamReader,
    silence_seconds: float,
    credential: Credential,
    took: Callable[[JsonObject], None],
) -> AsyncGenerator[bytes, None]:
    """Each event and comment; the first piece goes as far as the first event that has `choices`. Ends after `[DONE]`.

    `took` gets each chunk. Events without data are left out: the HTML standard has clients ignore them, and OpenAI's
    trip over them.

    Raises:
        GatewayError: 504 when no event comes for so long (a comment is none), 502 when the stream is cut, tells of
            an error or holds something else than chunks.
    """
    before: bytes | None = b""
    async with aclosing(_split(content, silence_seconds, credential)) as pieces:
        async for event, data in pieces:
            if data == DONE:
                if before is not None:
                    break
                yield event
                await _end(content)
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
    raise GatewayError(502, "it cut the stream" if before is None else "it sent a stream with nothing in it")


async def _split(
    content: aiohttp.StreamReader, silence_seconds: float, credential: Credential
) -> AsyncGenerator[tuple[bytes, bytes], None]:
    """Each event with its data, and each comment, which has none."""
    splitter = Splitter()
    with _Patience(content, silence_seconds) as patience:
        while chunk := await patience.read():
            for each in splitter.feed(chunk):
                event = credential.without_key(each)
                data = data_of(event)
                if data or is_comment(event):
                    yield event, data
                if data:
                    # Counted from here: a caller who reads slowly is no silence of the gateway's.
                    patience.renew()
    for event in splitter.end():
        yield event, data_of(event)


async def _end(content: aiohttp.StreamReader) -> None:
    """Wait a moment for the end of the body, which lets the connection carry another request."""
    if not content.is_eof():
        with suppress(TimeoutError, aiohttp.ClientError):
            async with asyncio.timeout(_END_SECONDS):
                await content.wait_eof()


class _Patience:
    """Ends a read for which nothing came in time.

    By one timer for the whole stream, which looks again where it has come too early: `asyncio.timeout` around each
    read takes longer than all else that is done with an event.
    """

    def __init__(self, content: aiohttp.StreamReader, seconds: float) -> None:
        self._content = content
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._reading = False

    def __enter__(self) -> Self:
        self.renew()
        self._timer = self._loop.call_at(self._deadline, self._look)
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def renew(self) -> None:
        """Begin to count anew."""
        self._deadline = self._loop.time() + self._seconds

    async def read(self) -> bytes:
        """The next bytes; none at the end."""
        self._reading = True
        try:
            return await self._content.readany()
        finally:
            self._reading = False

    def _look(self) -> None:
        now = self._loop.time()
        if self._reading and now >= self._deadline:
            self._content.set_exception(GatewayError(504, f"it was silent for {self._seconds:g} s"))
        else:
            self._timer = self._loop.call_at(max(self._deadline, now + _LOOK_SECONDS), self._look)
