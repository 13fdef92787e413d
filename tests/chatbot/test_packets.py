"""How answers go over a connection, packet by packet."""

import asyncio
import json
import socket
import struct

import pytest

from support.callers import connection, request
from support.chatbots import HELLO, Chatbot

BODY = json.dumps(HELLO).encode()
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


async def received(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(5):
        return await reader.read(65536)


def packets(writer: asyncio.StreamWriter) -> int:
    """How many with content have come: `tcpi_data_segs_in` of linux/tcp.h."""
    information = writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 160)
    count: int = struct.unpack_from("=I", information, 152)[0]
    return count


def is_whole(answer: bytes) -> bool:
    head, _, body = answer.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return head.startswith(b"HTTP/1.1 200 ") and lengths == [b"content-length: %d" % len(body)]


@pytest.mark.parametrize("more", ["", "Connection: close\r\n"])
async def test_the_head_of_an_answer_comes_with_its_body(chatbot: Chatbot, more: str) -> None:
    async with connection(chatbot) as (reader, writer):
        writer.write(request(BODY, more=more))
        assert is_whole(await received(reader))
        assert packets(writer) == 1
        if more:
            assert await received(reader) == b""


async def test_the_head_of_a_stream_comes_with_its_first_event(chatbot: Chatbot) -> None:
    async with connection(chatbot) as (reader, writer):
        writer.write(request(json.dumps({**HELLO, "stream": True}).encode()))
        head, _, events = (await received(reader)).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ")
        assert b"data: " in events


async def test_a_head_that_no_body_follows_comes_all_the_same(chatbot: Chatbot) -> None:
    async with connection(chatbot) as (reader, writer):
        writer.write(b"HEAD /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert (await received(reader)).startswith(b"HTTP/1.1 405 ")


async def test_who_asks_first_is_told_to_go_on(chatbot: Chatbot) -> None:
    """curl does so before it sends a large body."""
    async with connection(chatbot) as (reader, writer):
        writer.write(request(b"", len(BODY), "Expect: 100-continue\r\n"))
        assert await received(reader) == CONTINUE
        writer.write(BODY)
        assert is_whole(await received(reader))


async def test_requests_that_come_at_once_are_answered_in_their_order(chatbot: Chatbot) -> None:
    models = b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    async with connection(chatbot) as (reader, writer):
        writer.write(request(BODY) + models)
        async with asyncio.timeout(5):
            first, _, second = (
                (await reader.read()).partition(b"HTTP/1.1 200 OK\r\n")[2].partition(b"HTTP/1.1 ")
            )
        assert b"chat.completion" in first
        assert second.startswith(b"200 ")
        assert b'"list"' in second
