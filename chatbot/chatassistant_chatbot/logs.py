"""Structured logs: one JSON object a line on standard output, with the id of the request that it is about."""

import asyncio
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Final, TextIO

import orjson
from pythonjsonlogger.orjson import OrjsonFormatter

_TOGETHER_SECONDS: Final = 0.05

REQUEST_ID: Final = ContextVar("REQUEST_ID", default="")
"""The id of the request that is being answered; empty outside of one."""


class Lines(logging.StreamHandler[TextIO]):
    """Writes lines to standard output; those of requests by a way of their own, as `logging` takes ten times as long.

    Lines of requests that end in the same moment are written together. Another line takes them along.
    """

    def __init__(self) -> None:
        super().__init__(sys.stdout)
        self._waiting: list[bytes] = []
        self.tells_of_requests = False

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Say that a request was answered."""
        if not self.tells_of_requests:
            return
        line = {
            "level": "INFO",
            "logger": "chatassistant_chatbot.requests",
            "message": "request",
            "method": method,
            "route": route,
            "status": status,
            "milliseconds": int(seconds * 10_000) / 10,
            "request_id": REQUEST_ID.get(),
            "time": datetime.now(UTC),
        }
        if not self._waiting:
            asyncio.get_running_loop().call_later(_TOGETHER_SECONDS, self.flush)
        self._waiting.append(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record's line, after those that wait."""
        self.flush()
        super().emit(record)

    def flush(self) -> None:
        """Write what waits."""
        if self._waiting:
            waiting, self._waiting = b"".join(self._waiting), []
            self.stream.write(waiting.decode())
        super().flush()


LINES: Final = Lines()
"""The process's log."""


def configure_logging(level: str) -> None:
    """Log to standard output: our own from `level` on, libraries' warnings.

    The SDK of the Model Context Protocol is silenced: it quotes what tool servers send. `tools` says what matters of it.
    """
    renamed = {"levelname": "level", "name": "logger"}
    LINES.setFormatter(
        OrjsonFormatter("%(levelname)s %(name)s %(message)s", rename_fields=renamed, timestamp="time")
    )
    LINES.addFilter(_name_request)
    logging.basicConfig(level=logging.WARNING, handlers=[LINES])
    own = logging.getLogger("chatassistant_chatbot")
    own.setLevel(level)
    LINES.tells_of_requests = own.isEnabledFor(logging.INFO)
    logging.getLogger("mcp").setLevel(logging.CRITICAL + 1)


def _name_request(record: logging.LogRecord) -> bool:
    request_id = REQUEST_ID.get()
    if request_id:
        record.__dict__["request_id"] = request_id
    return True
