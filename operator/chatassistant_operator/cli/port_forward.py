"""A port of a pod at a port of this machine, as `kubectl port-forward` has it, with the rights of the command's user.

Each connection is a WebSocket of its own to the pod's `portforward`, in the protocol `v4.channel.k8s.io`: the API
server and the kubelet pass it on as it is, and the container runtime answers it (`k8s.io/cri-streaming`, before 1.36
in `k8s.io/kubelet/pkg/cri/streaming`). Each message begins with a channel's number: 0 has the data, 1 says what went
wrong; the first message on each is the port as two bytes. A connection cannot be closed by halves.
"""

import asyncio
from types import TracebackType
from typing import Final, Self

import aiohttp

from chatassistant_operator.api import names
from chatassistant_operator.cli.connection import Connection
from chatassistant_operator.cli.failure import CommandError, ExitStatus
from chatassistant_operator.cluster.errors import ClusterError
from chatassistant_operator.cluster.kinds import POD
from chatassistant_operator.observed.pods import read_pod

_PROTOCOL: Final = "v4.channel.k8s.io"
_DATA: Final = b"\x00"
_ERROR: Final = b"\x01"
_PORT_BYTES: Final = 2
_PIECE_BYTES: Final = 32 * 1024
_OPEN_SECONDS: Final = 15.0
_LAST_WORDS_SECONDS: Final = 1.0
_LONGEST_PROBLEM: Final = 1000

FORBIDDEN: Final = (
    "You may not open port-forwards in the namespace {namespace!r}: that takes `get` and `create` on pods/portforward, "
    "and `list` on pods. Ask whoever runs the cluster for them, or talk to the assistant where it is published: "
    "`kubectl assistant chat {name} -n {namespace} --url https://…`."
)
"""What to say where a right is missing."""


class PortForward:
    """A port of a ready pod of a ChatAssistant, while it is open.

    Every connection goes to a pod that is ready then, so that it outlives rollouts.

    Attributes:
        url: Where the port is on this machine.
        problem: What the pod's side, or the API server, said last of what went wrong; empty when nothing has.
    """

    def __init__(self, connection: Connection, name: str, port: int = names.HTTP_PORT) -> None:
        self.url = ""
        self.problem = ""
        self._connection = connection
        self._name = name
        self._port = port
        self._running: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Open it.

        Raises:
            CommandError: for no ready pod, a missing right, or a node that the API server cannot reach.
            ClusterError: where pods cannot be listed.
        """
        # Opened once for nothing, so that what stands in the way is told now and in words.
        await (await self._open()).close()
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection, until either side ends it."""
        self.problem = ""
        try:
            await self._carry(reader, writer)
        except (CommandError, ClusterError, aiohttp.ClientError, OSError) as error:
            self.problem = self.problem or str(error) or type(error).__name__
        finally:
            writer.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        socket = await self._open()
        sending = asyncio.ensure_future(_send(reader, socket))
        receiving = asyncio.ensure_future(self._receive(socket, writer))
        try:
            await asyncio.wait({sending, receiving}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done() and sending.exception() is not None:
                # The pod's side has ended it, and may have said why.
                await asyncio.wait({receiving}, timeout=_LAST_WORDS_SECONDS)
        finally:
            sending.cancel()
            receiving.cancel()
            ends = await asyncio.gather(sending, receiving, return_exceptions=True)
            await socket.close()
        for end in ends:
            if isinstance(end, Exception):
                raise end

    async def _receive(self, socket: aiohttp.ClientWebSocketResponse, writer: asyncio.StreamWriter) -> None:
        begun: set[bytes] = set()
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.BINARY:
                continue
            channel, content = message.data[:1], message.data[1:]
            if channel not in begun and len(content) >= _PORT_BYTES:
                begun.add(channel)
                content = content[_PORT_BYTES:]
            if channel == _DATA:
                writer.write(content)
                await writer.drain()
            elif channel == _ERROR and content:
                self.problem = content[:_LONGEST_PROBLEM].decode(errors="replace")

    async def _open(self) -> aiohttp.ClientWebSocketResponse:
        connection, pod = self._connection, await self._ready_pod()
        url = f"{connection.access.server.rstrip('/')}{POD.path(connection.namespace, pod, 'portforward')}"
        try:
            async with asyncio.timeout(_OPEN_SECONDS):
                return await connection.session.ws_connect(
                    f"{url}?ports={self._port}", protocols=(_PROTOCOL,), max_msg_size=0
                )
        except aiohttp.WSServerHandshakeError as error:
            raise self._refused(pod, error.status) from None
        except (TimeoutError, aiohttp.ClientError) as error:
            raise CommandError(
                f"The port-forward to the pod {pod} cannot be opened: {str(error) or type(error).__name__}.",
                ExitStatus.CLUSTER,
            ) from None

    async def _ready_pod(self) -> str:
        connection, selector = self._connection, f"{names.NAME_LABEL}={self._name}"
        found, _ = await connection.client.list(POD, connection.namespace, {"labelSelector": selector})
        ready = [pod.name for pod in map(read_pod, found) if pod.ready and not pod.ending]
        if not ready:
            raise CommandError(
                f"No pod of {self._name!r} in the namespace {connection.namespace!r} is ready: "
                f"`kubectl assistant doctor {self._name} -n {connection.namespace}` says why."
            )
        return ready[0]

    def _refused(self, pod: str, status: int) -> CommandError:
        namespace = self._connection.namespace
        if status in {401, 403}:
            return CommandError(FORBIDDEN.format(namespace=namespace, name=self._name), ExitStatus.CLUSTER)
        why = {
            404: "the pod has gone meanwhile; try again",
            500: "the API server cannot reach the pod's node",
            502: "the API server cannot reach the pod's node",
            503: "the API server cannot reach the pod's node",
        }.get(status, "a proxy before the API server may not let WebSockets through")
        return CommandError(
            f"The port-forward to the pod {pod} in the namespace {namespace!r} is refused with HTTP status {status}: {why}. "
            f"`kubectl port-forward -n {namespace} {pod} {self._port}` shows whether kubectl can.",
            ExitStatus.CLUSTER,
        )


async def _send(reader: asyncio.StreamReader, socket: aiohttp.ClientWebSocketResponse) -> None:
    while piece := await reader.read(_PIECE_BYTES):
        await socket.send_bytes(_DATA + piece)
