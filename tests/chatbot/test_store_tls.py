"""A Redis by TLS: `rediss://`, with certificates that the URL names. TLS ends before the Redis, as at many providers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx
import pytest

from support.certificates import self_signed
from support.chatbots import HELLO, Chatbot, configuration
from support.gateway import GatewayProcess
from support.redis import PASSWORD, RedisServer

StartChatbot = Callable[..., Chatbot]
UID = "by-tls"


@pytest.fixture
async def tls_port(redis: RedisServer, tmp_path: Path) -> AsyncIterator[int]:
    """Where the Redis is behind TLS, with the certificate in `cert.pem`."""
    plain_port = urlsplit(redis.url).port

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while content := await reader.read(65_536):
                writer.write(content)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", plain_port)
        await asyncio.gather(carry(reader, inner_writer), carry(inner_reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=self_signed(tmp_path))
    yield server.sockets[0].getsockname()[1]
    server.close()


async def answered(chatbot: Chatbot) -> None:
    """It answers, whatever becomes of the store."""
    async with httpx.AsyncClient(base_url=chatbot.url, timeout=20) as client:
        assert (await client.post("/v1/chat/completions", json=HELLO)).status_code == 200


async def started(
    start_chatbot: StartChatbot, gateway: GatewayProcess, port: int, options: str, host: str = "127.0.0.1"
) -> Chatbot:
    content = configuration(gateway.base_url, store={"type": "Redis"}, uid=UID)
    url = f"rediss://:{PASSWORD}@{host}:{port}/0{options}"
    return await asyncio.to_thread(start_chatbot, content, STORE_URL=url)


@pytest.mark.parametrize("option", ["ssl_ca_data", "ssl_ca_certs", "ssl_cert_reqs"])
async def test_a_store_by_tls(
    option: str,
    redis: RedisServer,
    tls_port: int,
    start_chatbot: StartChatbot,
    gateway: GatewayProcess,
    tmp_path: Path,
) -> None:
    """A pod has no file but its Secret's entries, so the authority's certificate can stand in the URL itself."""
    certificate = tmp_path / "cert.pem"
    values = {
        "ssl_ca_data": quote(certificate.read_text(encoding="utf-8")),
        "ssl_ca_certs": str(certificate),
        "ssl_cert_reqs": "none",
    }
    chatbot = await started(start_chatbot, gateway, tls_port, f"?{option}={values[option]}")
    await answered(chatbot)
    keys = await asyncio.to_thread(redis.times_to_live)
    assert any(f"chatassistant:{UID}:window:" in key for key in keys), keys
    assert "the store cannot be used" not in chatbot.log


@pytest.mark.parametrize(("named", "host"), [(False, "127.0.0.1"), (True, "localhost")])
async def test_a_server_that_is_not_the_one_that_is_meant_is_told_nothing(
    named: bool,
    host: str,
    redis: RedisServer,
    tls_port: int,
    start_chatbot: StartChatbot,
    gateway: GatewayProcess,
    tmp_path: Path,
) -> None:
    options = f"?ssl_ca_certs={tmp_path / 'cert.pem'}" if named else ""
    chatbot = await started(start_chatbot, gateway, tls_port, options, host)
    await answered(chatbot)
    assert not await asyncio.to_thread(redis.times_to_live)
    assert "the store cannot be used (SSLCertVerificationError)" in chatbot.log
    assert PASSWORD not in chatbot.log
