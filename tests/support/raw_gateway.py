"""A gateway that sends byte by byte what a test wants, over real sockets."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Final

from pydantic import SecretStr

from chatassistant_chatbot.credentials import Credential
from chatassistant_chatbot.errors import GatewayError
from chatassistant_chatbot.gateway.breaker import Breaker
from chatassistant_chatbot.gateway.client import GatewayClient
from chatassistant_chatbot.settings import Gateway

KEY: Final = "sk-or-v1-" + "0123456789abcdef" * 4
BODY: Final = b'{"model": "m", "messages": []}'
ANSWER: Final = (
    b'{"id": "gen-1", "model": "m-2", "choices": [{"message": {"content": "Hello"}}], '
    b'"usage": {"prompt_tokens": 3, "completion_tokens": 2}}'
)
# Of the loop, until who was just accepted is known.
_TURNS: Final = 5
DONE: Final = b"data: [DONE]\n\n"


def event(content: str = "Hello") -> bytes:
    """One chunk of a stream."""
    return (
        f'data: {{"id": "gen-1", "model": "m-2", "choices": [{{"delta": {{"content": "{content}"}}}}]}}\n\n'
    ).encode()


EVENTS: Final = [event(str(number)) for number in range(5)]
COMMENT: Final = b": OPENROUTER PROCESSING\n\n"


def head(content_type: str = "text/event-stream", status: int = 200, **headers: str) -> bytes:
    """The beginning of an answer whose body ends with the connection, unless a header says otherwise."""
    given = {
        "Content-Type": content_type,
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    lines = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {value}" for name, value in given.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def whole(content: bytes, content_type: str = "application/json", status: int = 200, **headers: str) -> bytes:
    """A whole answer."""
    return head(content_type, status, Content_Length=str(len(content)), **headers) + content


def chunked(content: bytes) -> bytes:
    """A piece of a body whose header says `Transfer-Encoding: chunked`; nothing is its end."""
    return b"%x\r\n%b\r\n" % (len(content), content)


class Asked:
    """A request that waits for its answer."""

    def __init__(self, headers: dict[str, str], body: bytes, writer: asyncio.StreamWriter) -> None:
        self.headers = headers
        self.body = body
        self.gone = asyncio.Event()
        self._writer = writer

    @property
    def request_id(self) -> str:
        """The caller's id."""
        return self.headers["x-request-id"]

    async def send(self, content: bytes) -> None:
        """Send bytes, and let them leave before the next ones."""
        self._writer.write(content)
        with suppress(ConnectionError):
            await self._writer.drain()
        await asyncio.sleep(0)

    def cut(self) -> None:
        """Close the connection."""
        self._writer.close()


Answer = Callable[[Asked], Awaitable[None]]


class RawGateway:
    """Answers each request as `answer` says, which may be exchanged at any time."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.requests: list[Asked] = []
        self.connections = 0
        self._open: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._port = 0

    @property
    def base_url(self) -> str:
        """What the client is told."""
        return f"http://127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Listen; on the port that it had, if it had one."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port, backlog=2048)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Die: nobody listens, and all connections are reset."""
        if self._server is not None:
            self._server.close()
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        for writer in self._open:
            writer.transport.abort()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open.add(writer)
        if task := asyncio.current_task():
            self._serving.add(task)
            task.add_done_callback(self._serving.discard)
        try:
            first = await reader.read(1)
            while first:
                asked = await _read(first, reader, writer)
                self.requests.append(asked)
                following = asyncio.ensure_future(reader.read(1))
                following.add_done_callback(partial(_see, asked.gone))
                answering = asyncio.ensure_future(self.answer(asked))
                await asyncio.wait({following, answering}, return_when=asyncio.FIRST_COMPLETED)
                if not answering.done() and asked.gone.is_set():
                    answering.cancel()
                await asyncio.gather(answering, return_exceptions=True)
                first = await following
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()


def _see(gone: asyncio.Event, read: asyncio.Future[bytes]) -> None:
    if read.cancelled() or read.exception() or not read.result():
        gone.set()


async def _read(first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Asked:
    lines = (first + await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:-2]
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Asked(headers, body, writer)


def always(*pieces: bytes) -> Answer:
    """Each request gets these bytes, then the connection is closed."""

    async def answer(asked: Asked) -> None:
        for piece in pieces:
            await asked.send(piece)
        asked.cut()

    return answer


def kept(content: bytes) -> Answer:
    """Each request gets these bytes, and the connection stays open."""

    async def answer(asked: Asked) -> None:
        await asked.send(content)

    return answer


async def never(_: Asked) -> None:
    """No answer, until the caller goes."""
    await asyncio.Event().wait()


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[RawGateway]:
    """A gateway that serves."""
    gateway = RawGateway(answer)
    await gateway.start()
    try:
        yield gateway
    finally:
        await gateway.stop()


@asynccontextmanager
async def client_of(
    base_url: str, timeout: float = 20.0, breaker: Breaker | None = None, key: str = KEY
) -> AsyncIterator[GatewayClient]:
    """A client; without a breaker of the test's own, one that never opens."""
    settings = Gateway.model_validate({"baseURL": base_url, "timeoutSeconds": timeout})
    never_opens = Breaker(failures=1_000_000)
    async with GatewayClient(settings, Credential(SecretStr(key)), breaker or never_opens) as client:
        yield client


async def received(client: GatewayClient, request_id: str = "r") -> tuple[list[bytes], GatewayError | None]:
    """What came, and the error that ended it."""
    pieces: list[bytes] = []
    try:
        events = await client.stream(BODY, request_id)
        async for piece in events:
            pieces.append(piece)  # noqa: PERF401 (what came before an error counts)
    except GatewayError as error:
        return pieces, error
    return pieces, None
