"""An answer of the gateway's as it comes: its head is there, its body is read piece by piece, and nothing waits for ever."""

import asyncio
import zlib
from typing import Any, Final, NamedTuple, Protocol

from starlette.datastructures import Headers

from chatassistant_chatbot.errors import GatewayError

# More than that waits in the kernel, and so with the gateway.
_MOST_WAITING: Final = 128 * 1024
_LARGEST_BODY: Final = 16 * 1024 * 1024
# zlib's, for both of what goes by these names.
_GZIP_OR_ZLIB: Final = 47
_CODINGS: Final = frozenset({"gzip", "x-gzip", "deflate"})


class Patience(NamedTuple):
    """Until when (the loop's seconds) something has to come for whoever waits for it, and what is said if nothing does."""

    until: float
    else_said: str


def failed(why: object) -> GatewayError:
    """The error of a connection that is not to be had, has ended too soon, or carries something that is no HTTP."""
    return GatewayError(502, f"the connection failed ({why})")


class Carrier(Protocol):
    """The connection that a response comes over."""

    def go_on(self) -> None:
        """There is room for more."""

    def done(self, response: "Response") -> None:
        """Nobody reads the response any more."""


class Response:
    """An answer of which the head is there.

    Attributes:
        status: The HTTP status.
        patience: How long whoever waits for more waits.
        complete: Whether all of the body has arrived; what of it was not read yet still can be.
    """

    __slots__ = (
        "_connection",
        "_decoder",
        "_error",
        "_pieces",
        "_raw",
        "_waiter",
        "_waiting",
        "complete",
        "patience",
        "status",
    )

    def __init__(self, connection: Carrier, patience: Patience) -> None:
        self._connection = connection
        self.patience = patience
        self._raw: list[tuple[bytes, bytes]] = []
        self._decoder: Any = None
        self._pieces: list[bytes] = []
        self._waiting = 0
        self._waiter: asyncio.Future[None] | None = None
        self._error: GatewayError | None = None
        self.status = 0
        self.complete = False

    @property
    def headers(self) -> Headers:
        """The headers, whose names are as good in any case of letters."""
        return Headers(raw=self._raw)

    def header(self, name: bytes) -> bytes:
        """The value of one header, named in lower case; empty where it is missing."""
        return next((value for each, value in self._raw if each == name), b"")

    async def head(self) -> None:
        """Return when the headers are there."""
        while not self.status:
            if self._error is not None:
                raise self._error
            await self._wait()

    async def read(self) -> bytes:
        """The next bytes of the body, as many as are there; none at its end.

        Raises:
            GatewayError: when no more comes, and more should; 504 when that is for lack of patience.
        """
        while not self._pieces:
            if self._error is not None:
                raise self._error
            if self.complete:
                return b""
            await self._wait()
        pieces, self._pieces = self._pieces, []
        if self._waiting > _MOST_WAITING:
            self._connection.go_on()
        self._waiting = 0
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def whole(self) -> bytes:
        """The whole body, up to a size that no answer has.

        Raises:
            GatewayError: see `read`; and for a larger one.
        """
        pieces: list[bytes] = []
        size = 0
        while piece := await self.read():
            pieces.append(piece)
            size += len(piece)
            if size > _LARGEST_BODY:
                raise GatewayError(502, "it sent an answer without end")
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def wait_for_end(self) -> None:
        """Return once all of the body has arrived, whatever it is, or no more will."""
        while not self.complete and self._error is None:
            self._pieces.clear()
            await self._wait()

    @property
    def is_waited_for(self) -> bool:
        """Whether somebody waits for what comes next."""
        return self._waiter is not None

    def fail(self, error: GatewayError) -> None:
        """Let whoever reads get an error, when all that has arrived is read; a whole answer stays one."""
        if self._error is None and not self.complete:
            self._error = error
        self._wake()

    def close(self) -> None:
        """Read no more: the connection carries the next request, or is cut where this answer has not come to its end."""
        self._connection.done(self)

    def began(self, status: int) -> None:
        """All headers have arrived."""
        self.status = status
        coding = self.header(b"content-encoding")
        if coding and coding.decode("latin-1").strip().lower() in _CODINGS:
            self._decoder = zlib.decompressobj(_GZIP_OR_ZLIB)
        self._wake()

    def took_header(self, name: bytes, value: bytes) -> None:
        """A header has arrived."""
        self._raw.append((name.lower(), value))

    def forget_headers(self) -> None:
        """They were those of a 1xx."""
        self._raw.clear()

    def took(self, content: bytes) -> bool:
        """Some of the body has arrived; gives whether that is enough for now."""
        if self._decoder is not None:
            content = self._decoder.decompress(content, _LARGEST_BODY)
            if self._decoder.unconsumed_tail:
                raise GatewayError(502, "it sent an answer without end")
        if content:
            self._pieces.append(content)
            self._waiting += len(content)
            self._wake()
        return self._waiting > _MOST_WAITING

    def ended(self) -> None:
        """All of the body has arrived."""
        if self._decoder is not None and not self._decoder.eof:
            self.fail(failed("its compressed answer was cut"))
        self.complete = True
        self._wake()

    def ends_with_the_connection(self) -> bool:
        """Whether nothing else says where the body ends (RFC 9112, 6.3)."""
        return bool(self.status) and not (self.header(b"content-length") or self.header(b"transfer-encoding"))

    async def _wait(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
