"""`chatassistant-chatbot`: one assistant's chatbot."""

import logging
import sys

import uvloop
from pythonjsonlogger.json import JsonFormatter

from chatassistant_chatbot.serve import serve
from chatassistant_chatbot.settings import StartError, load


def main() -> None:
    """Serve until SIGTERM.

    Raises:
        SystemExit: with 1 and one line on what to do, when it cannot start.
    """
    try:
        settings = load()
        _configure_logging(settings.configuration.observability.log_level.upper())
        uvloop.run(serve(settings))
    except StartError as error:
        sys.exit(f"chatassistant-chatbot: {error}")


def _configure_logging(level: str) -> None:
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        JsonFormatter(
            "%(asctime)s %(levelname)s %(name)s %(message)s",
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("chatassistant_chatbot").setLevel(level)


if __name__ == "__main__":
    main()
