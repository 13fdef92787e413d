"""Server-sent events, cut where they end and otherwise left as they are."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

import aiohttp

from chatassistant_chatbot.errors import GatewayError

_LARGEST_EVENT: Final = 4 * 1024 * 1024
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


def has_data(event: bytes) -> bool:
    """Whether it is more than a comment."""
    return event.startswith(b"data:") or b"\ndata:" in event


def data_of(event: bytes) -> bytes:
    """What the `data:` lines of an event hold."""
    return b"\n".join(line[5:].strip() for line in event.split(b"\n") if line.startswith(b"data:"))


def is_done(event: bytes) -> bool:
    """Whether it is OpenAI's mark for a stream that is complete."""
    return b"[DONE]" in event and data_of(event) == b"[DONE]"


async def split(content: aiohttp.StreamReader, silence_seconds: float) -> AsyncGenerator[bytes, None]:
    """Each event or comment with its final empty line, however the bytes arrive and lines end.

    Raises:
        GatewayError: 504 when no event comes for so long (a comment is none), 502 for an event without end.
    """
    pending = b""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + silence_seconds
    while True:
        try:
            async with asyncio.timeout_at(deadline):
                chunk = await content.readany()
        except TimeoutError:
            raise GatewayError(504, f"it was silent for {silence_seconds:g} s") from None
        if not chunk:
            break
        pending = (pending + chunk).removeprefix(_BYTE_ORDER_MARK)
        if b"\r" in pending:
            pending = pending.replace(b"\r\n", b"\n")
        *events, pending = pending.split(b"\n\n")
        for event in filter(None, events):
            yield event + b"\n\n"
        # Counted from here: a caller who reads slowly is no silence of the gateway's.
        if any(map(has_data, events)):
            deadline = loop.time() + silence_seconds
        if len(pending) > _LARGEST_EVENT:
            raise GatewayError(502, "it sent an event without end")
    # Of what has no empty line after it, only the mark for the end is known to be whole.
    if is_done(pending):
        yield pending.rstrip() + b"\n\n"
