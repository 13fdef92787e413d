"""One connection to the gateway: HTTP/1.1 (RFC 9112), one request after the other."""

import asyncio
import math
from collections.abc import Callable
from typing import Final, cast

import httptools

from chatassistant_chatbot.errors import GatewayError
from chatassistant_chatbot.gateway.response import Patience, Response, failed

_LARGEST_HEAD: Final = 64 * 1024
_LOOK_SECONDS: Final = 0.5
_FIRST_FINAL_STATUS: Final = 200


class Connection(asyncio.Protocol):
    """Carries one request at a time.

    Args:
        released: Called with a connection that may carry another request.
    """

    def __init__(self, released: Callable[["Connection"], None]) -> None:
        self._released = released
        self._parser = httptools.HttpResponseParser(self)
        self._response: Response | None = None
        self._head_size = 0
        self._paused = False
        self._reusable = False
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._looks_at = math.inf
        self.transport: asyncio.Transport

    async def ask(self, request: bytes, patience: Patience) -> Response:
        """The answer to a request, given as its bytes, when its head is there.

        The connection is closed when none comes, and when whoever waits is cancelled.

        Raises:
            GatewayError: when none comes; 504 when that is for lack of patience.
        """
        self._response = response = Response(self, patience)
        self._head_size, self._reusable = 0, False
        if patience.until < self._looks_at:
            self._look_at(patience.until)
        self.transport.write(request)
        try:
            await response.head()
        except BaseException:
            self.transport.abort()
            raise
        return response

    def done(self, response: Response) -> None:
        """Nobody reads the answer any more."""
        if response is not self._response:
            return
        self._response = None
        if response.complete and self._reusable and not self.transport.is_closing():
            self.go_on()
            self._released(self)
        else:
            # Not `close`: whatever is still on its way is of no use, and the gateway shall know at once.
            self.transport.abort()

    def hand_over(self) -> asyncio.Transport:
        """The transport, which carries something else from now on."""
        self._response = None
        self._forget_timer()
        return self.transport

    def go_on(self) -> None:
        """There is room for more."""
        if self._paused and not self.transport.is_closing():
            self._paused = False
            self.transport.resume_reading()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        response = self._response
        if response is None:
            # Nobody has asked: there is no telling to whom it belongs.
            self.transport.abort()
            return
        try:
            if not response.status:
                self._head_size += len(data)
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            # What went wrong in one of our own methods below is within the parser's error.
            self._break(response, cast("BaseException", error).__context__ or error)
        if not response.status and self._head_size > _LARGEST_HEAD:
            self._break(response, "its headers have no end")

    def eof_received(self) -> None:
        """See asyncio.Protocol."""

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._forget_timer()
        response = self._response
        if response is None or response.complete:
            return
        if exc is None and response.ends_with_the_connection():
            response.ended()
        else:
            response.fail(failed("it was closed" if exc is None else type(exc).__name__))

    def _look_at(self, when: float) -> None:
        # One timer for all requests of a connection, which looks again where it has come too early: one for each
        # takes longer than all else that is done with what arrives.
        self._forget_timer()
        self._looks_at, self._timer = when, self._loop.call_at(when, self._look)

    def _forget_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        self._looks_at, response, now = math.inf, self._response, self._loop.time()
        if response is None:
            return
        if response.is_waited_for and now >= response.patience.until:
            response.fail(GatewayError(504, response.patience.else_said))
        else:
            self._look_at(max(response.patience.until, now + _LOOK_SECONDS))

    def _break(self, response: Response, why: object) -> None:
        response.fail(why if isinstance(why, GatewayError) else failed(why))
        self.transport.abort()

    def on_message_begin(self) -> None:
        """See httptools."""
        if self._response is None or self._response.complete:
            raise failed("it sent more than an answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        """See httptools."""
        if self._response is not None:
            self._response.took_header(name, value)

    def on_headers_complete(self) -> None:
        """See httptools."""
        status = self._parser.get_status_code()
        if self._response is not None and status >= _FIRST_FINAL_STATUS:
            self._response.began(status)

    def on_body(self, content: bytes) -> None:
        """See httptools."""
        if self._response is not None and self._response.took(content) and not self._paused:
            self._paused = True
            self.transport.pause_reading()

    def on_message_complete(self) -> None:
        """See httptools."""
        response = self._response
        if response is None:
            return
        if not response.status:
            # 1xx: the answer itself is still to come.
            response.forget_headers()
            return
        self._reusable = self._parser.should_keep_alive()
        response.ended()
