"""Server-sent events, cut where they end and otherwise left as they are."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

import aiohttp

from chatassistant_chatbot.errors import GatewayError

_LARGEST_EVENT: Final = 4 * 1024 * 1024
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


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
            raise GatewayError(504, f"silent for {silence_seconds:g} s") from None
        if not chunk:
            return
        pending = (pending + chunk).removeprefix(_BYTE_ORDER_MARK)
        if b"\r" in pending:
            pending = pending.replace(b"\r\n", b"\n")
        *events, pending = pending.split(b"\n\n")
        for event in events:
            if event:
                if not event.startswith(b":"):
                    deadline = loop.time() + silence_seconds
                yield event + b"\n\n"
        if len(pending) > _LARGEST_EVENT:
            raise GatewayError(502, "an event without end")
