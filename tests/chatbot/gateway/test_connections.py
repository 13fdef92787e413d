"""Connections to the gateway over real sockets: kept, given up, gone through a proxy, and never mistaken for another's."""

import asyncio
import gc
import gzip
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from chatassistant_chatbot.errors import GatewayError
from chatassistant_chatbot.gateway import connections as module
from chatassistant_chatbot.gateway.connection import Connection
from chatassistant_chatbot.gateway.connections import Connections
from chatassistant_chatbot.gateway.retries import patience_for
from support.forward_proxy import HOST, ForwardProxy
from support.raw_gateway import (
    ANSWER,
    BODY,
    Asked,
    RawGateway,
    always,
    client_of,
    head,
    kept,
    never,
    serving,
    whole,
)
from support.waiting import eventually_async

EARLY = b"HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\n"


@asynccontextmanager
async def connected(gateway: RawGateway, proxy: str | None = None) -> AsyncGenerator[Connections]:
    connections = Connections(gateway.base_url, proxy)
    try:
        yield connections
    finally:
        connections.close()


async def asked(connections: Connections, seconds: float = 10.0) -> bytes:
    """The whole answer to one request."""
    answer = await connections.ask("POST", "/x", {"X-Request-Id": "r"}, BODY, patience=patience_for(seconds))
    try:
        return await answer.whole()
    finally:
        answer.close()


async def test_a_connection_carries_one_request_after_the_other_and_as_many_are_open_as_are_needed() -> None:
    both_there = asyncio.Barrier(2)

    async def answer(request: Asked) -> None:
        async with asyncio.timeout(5):
            await both_there.wait()
        await request.send(whole(ANSWER))

    async with serving(answer) as gateway, connected(gateway) as connections:
        for _ in range(3):
            assert await asyncio.gather(asked(connections), asked(connections)) == [ANSWER, ANSWER]
        assert gateway.connections == 2


@pytest.mark.parametrize(
    "sent",
    [
        whole(ANSWER, Connection="close"),
        whole(ANSWER) + b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nanother",
        whole(ANSWER) + b"\x00",
        head() + ANSWER,
        whole(ANSWER).replace(b"HTTP/1.1", b"HTTP/1.0"),
    ],
    ids=["asked to close", "two answers", "more than an answer", "no length", "HTTP/1.0"],
)
async def test_what_does_not_end_as_it_should_carries_nothing_else(sent: bytes) -> None:
    async with serving(kept(sent)) as gateway, connected(gateway) as connections:
        for number in (1, 2):
            answer = await connections.ask(
                "POST", "/x", {"X-Request-Id": "r"}, BODY, patience=patience_for(5)
            )
            assert await answer.read() == ANSWER
            answer.close()
            assert gateway.connections == number


async def test_an_answer_that_nobody_has_asked_for_is_nobodys() -> None:
    async with serving(kept(whole(ANSWER))) as gateway, connected(gateway) as connections:
        await asked(connections)
        (first,) = gateway.requests
        await first.send(whole(b'{"choices": ["of another request"]}'))
        await asyncio.wait_for(first.gone.wait(), 2)
        assert await asked(connections) == ANSWER
        assert gateway.connections == 2


async def test_a_connection_that_the_gateway_has_closed_is_not_used_again() -> None:
    async with serving(kept(whole(ANSWER))) as gateway, connected(gateway) as connections:
        await asked(connections)
        gateway.requests[0].cut()
        await asyncio.wait_for(gateway.requests[0].gone.wait(), 2)
        assert await asked(connections) == ANSWER
        assert gateway.connections == 2


async def test_a_connection_that_nobody_uses_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_KEPT_SECONDS", 0.2)
    async with serving(kept(whole(ANSWER))) as gateway, connected(gateway) as connections:
        await asked(connections)
        await asyncio.wait_for(gateway.requests[0].gone.wait(), 2)


@pytest.mark.parametrize("pieces", [(EARLY, EARLY, whole(ANSWER)), (EARLY * 2 + whole(ANSWER),)])
async def test_what_comes_before_the_answer_is_none(pieces: tuple[bytes, ...]) -> None:
    async with serving(always(*pieces)) as gateway, connected(gateway) as connections:
        answer = await connections.ask("POST", "/x", {"X-Request-Id": "r"}, BODY, patience=patience_for(5))
        assert (answer.status, await answer.whole()) == (200, ANSWER)
        assert "X-Early" not in answer.headers
        answer.close()


async def test_an_upgrade_that_nobody_asked_for_is_no_answer() -> None:
    sent = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n"
    async with serving(kept(sent)) as gateway, connected(gateway) as connections:
        with pytest.raises(GatewayError, match="the connection failed"):
            await asked(connections)


async def test_patience_is_for_each_request_on_a_connection_that_is_kept() -> None:
    async with serving(kept(whole(ANSWER))) as gateway, connected(gateway) as connections:
        await asked(connections, 60)
        gateway.answer = never
        with pytest.raises(GatewayError) as error:
            await asyncio.wait_for(asked(connections, 0.2), 2)
        assert (error.value.status, str(error.value)) == (504, "it gave no answer within 0.2 s")
        assert gateway.connections == 1
        await asyncio.wait_for(gateway.requests[-1].gone.wait(), 0.5)


async def test_who_drips_an_answer_does_not_win_time() -> None:
    async def drip(request: Asked) -> None:
        await request.send(head("application/json", Content_Length="1000"))
        while not request.gone.is_set():
            await request.send(b" ")
            await asyncio.sleep(0.01)

    async with serving(drip) as gateway, connected(gateway) as connections:
        with pytest.raises(GatewayError) as error:
            await asyncio.wait_for(asked(connections, 0.3), 2)
        assert error.value.status == 504


async def test_who_is_cancelled_leaves_no_connection() -> None:
    async with serving(never) as gateway, connected(gateway) as connections:
        asking = asyncio.create_task(asked(connections))

        async def there() -> bool:
            return bool(gateway.requests)

        await eventually_async(there, "the request has come")
        asking.cancel()
        await asyncio.wait_for(gateway.requests[0].gone.wait(), 0.5)


async def test_what_nobody_reads_stays_with_the_gateway() -> None:
    size, sent = 64 * 1024 * 1024, 0

    async def flood(request: Asked) -> None:
        nonlocal sent
        await request.send(head(Content_Length=str(size)))
        for _ in range(64):
            await request.send(bytes(1024 * 1024))
            sent += 1

    async with serving(flood) as gateway, connected(gateway) as connections:
        answer = await connections.ask("POST", "/x", {"X-Request-Id": "r"}, BODY, patience=patience_for(30))
        before = -1
        while before != sent:
            before = sent
            await asyncio.sleep(0.3)
        assert sent < 32
        read = 0
        while piece := await answer.read():
            assert len(piece) < 1024 * 1024
            read += len(piece)
        answer.close()
        assert read == size


async def test_a_small_answer_does_not_unpack_to_a_huge_one() -> None:
    bomb = gzip.compress(bytes(64 * 1024 * 1024))
    assert len(bomb) < 100_000
    async with (
        serving(kept(whole(bomb, Content_Encoding="gzip"))) as gateway,
        connected(gateway) as connections,
    ):
        with pytest.raises(GatewayError, match="an answer without end"):
            await asked(connections)
    packed = whole(gzip.compress(ANSWER), Content_Encoding="GZip")
    async with serving(kept(packed)) as gateway, connected(gateway) as connections:
        assert await asked(connections) == ANSWER


async def test_a_compressed_answer_arrives_byte_by_byte() -> None:
    packed = whole(gzip.compress(ANSWER), Content_Encoding="gzip")
    pieces = [packed[at : at + 1] for at in range(len(packed))]
    async with serving(always(*pieces)) as gateway, connected(gateway) as connections:
        assert await asked(connections) == ANSWER


@pytest.mark.parametrize("value", ["a\r\nX-Other: b", "a\nb", "a\rb", "a\0b"])
async def test_no_header_becomes_two(value: str) -> None:
    async with serving(kept(whole(ANSWER))) as gateway, connected(gateway) as connections:
        with pytest.raises(ValueError, match="line break"):
            await connections.ask("GET", "/x", {"X-Title": value}, patience=patience_for(5))
        assert gateway.connections == 0


async def test_headers_may_have_any_letters() -> None:
    async with serving(kept(whole(ANSWER))) as gateway, connected(gateway) as connections:
        headers = {"X-Title": "Grüße, 你好", "X-Request-Id": "r"}
        (await connections.ask("GET", "/x", headers, patience=patience_for(5))).close()
        assert gateway.requests[0].headers["x-title"] == "Grüße, 你好"
        assert gateway.requests[0].headers["host"] == gateway.base_url.removeprefix("http://")


async def test_a_proxy_is_told_the_whole_url_of_what_is_not_encrypted() -> None:
    lines: list[str] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines.extend((await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n"))
        writer.write(whole(ANSWER))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(proxy, "127.0.0.1", 0)
    at = f"user:pass%20word@127.0.0.1:{server.sockets[0].getsockname()[1]}"
    connections = Connections("http://gateway.example.com/api", f"http://{at}")
    try:
        assert await asked(connections) == ANSWER
    finally:
        connections.close()
        server.close()
    assert lines[:2] == ["POST http://gateway.example.com/x HTTP/1.1", "Host: gateway.example.com"]
    assert "Proxy-Authorization: Basic dXNlcjpwYXNzIHdvcmQ=" in lines


async def test_through_a_tunnel_and_no_further_than_it_leads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(kept(whole(ANSWER))) as gateway:
        proxy = ForwardProxy(tmp_path, gateway.base_url)
        monkeypatch.setenv("SSL_CERT_FILE", str(proxy.ca_file))
        there, elsewhere = (
            Connections(f"https://{HOST}", proxy.url),
            Connections("https://else.example.com", proxy.url),
        )
        try:
            assert [await asked(there), await asked(there)] == [ANSWER, ANSWER]
            assert (proxy.asked, gateway.requests[0].headers["host"]) == ([f"{HOST}:443"], HOST)
            gc.collect()
            # The one to the proxy has become the other's: nothing of it looks at a clock any more.
            assert sum(isinstance(each, Connection) for each in gc.get_objects()) == 1
            with pytest.raises(GatewayError, match="the proxy answered 403"):
                await asked(elsewhere)
        finally:
            there.close()
            elsewhere.close()
            proxy.stop()


async def test_who_shows_no_certificate_that_is_known_is_told_nothing(tmp_path: Path) -> None:
    async with serving(kept(whole(ANSWER))) as gateway:
        proxy = ForwardProxy(tmp_path, gateway.base_url)
        connections = Connections(f"https://{HOST}", proxy.url)
        try:
            with pytest.raises(GatewayError, match=ssl.SSLCertVerificationError.__name__):
                await asked(connections)
            assert gateway.requests == []
        finally:
            connections.close()
            proxy.stop()


async def test_a_gateway_is_found_by_its_name() -> None:
    async with (
        serving(kept(whole(ANSWER))) as gateway,
        client_of(gateway.base_url.replace("127.0.0.1", "localhost")) as client,
    ):
        assert (await client.complete(BODY, "r")).content == ANSWER
