"""Structured logs: one JSON object a line on standard output, with the id of the request that it is about."""

import logging
import sys
from contextvars import ContextVar
from typing import Final

from pythonjsonlogger.orjson import OrjsonFormatter

REQUEST_ID: Final = ContextVar("REQUEST_ID", default="")
"""The id of the request that is being answered; empty outside of one."""


def configure_logging(level: str) -> None:
    """Log to standard output: our own from `level` on, libraries' warnings.

    The SDK of the Model Context Protocol is silenced: it quotes what tool servers send. `tools` says what matters of it.
    """
    handler = logging.StreamHandler(sys.stdout)
    renamed = {"levelname": "level", "name": "logger"}
    handler.setFormatter(
        OrjsonFormatter("%(levelname)s %(name)s %(message)s", rename_fields=renamed, timestamp="time")
    )
    handler.addFilter(_name_request)
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("chatassistant_chatbot").setLevel(level)
    logging.getLogger("mcp").setLevel(logging.CRITICAL + 1)


def _name_request(record: logging.LogRecord) -> bool:
    request_id = REQUEST_ID.get()
    if request_id:
        record.__dict__["request_id"] = request_id
    return True
