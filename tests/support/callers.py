"""Callers who write each byte of HTTP themselves."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from support.chatbots import Chatbot


@asynccontextmanager
async def connection(chatbot: Chatbot) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """To the main port."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(chatbot.url.rpartition(":")[2]))
    try:
        yield reader, writer
    finally:
        writer.close()
        await writer.wait_closed()


def request(body: bytes, length: int | None = None, more: str = "") -> bytes:
    """A request for a completion; with another length than it has, and with more lines in its head."""
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length or len(body)}\r\n"
    )
    return f"{head}Content-Type: application/json\r\n{more}\r\n".encode() + body
