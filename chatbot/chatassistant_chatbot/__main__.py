"""`chatassistant-chatbot`: one assistant's chatbot."""

import sys

import uvloop

from chatassistant_chatbot.logs import configure_logging
from chatassistant_chatbot.serve import serve
from chatassistant_chatbot.settings import load
from chatassistant_chatbot.termination import StartError, Termination, tell


def main() -> None:
    """Serve until SIGTERM; whatever ends it otherwise is told to Kubernetes in a word.

    Raises:
        SystemExit: with 1 and one line on what to do, when it cannot start.
    """
    try:
        settings = load()
        configure_logging(settings.configuration.observability.log_level.upper())
        uvloop.run(serve(settings))
    except StartError as error:
        tell(error.word)
        sys.exit(f"chatassistant-chatbot: {error}")
    except Exception:
        tell(Termination.INTERNAL_ERROR)
        raise


if __name__ == "__main__":
    main()
