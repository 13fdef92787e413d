"""`chatassistant-operator`: the operator with its own defaults."""

import importlib
import logging
import sys

import kopf
from kopf._core.engines.activities import ActivityError
from pydantic import ValidationError
from pythonjsonlogger.json import JsonFormatter

from chatassistant_operator.settings import PREFIX, Settings, parse_arguments


def main() -> None:
    """Run until SIGTERM.

    Raises:
        SystemExit: with 1 and one line on what to do, when it cannot start.
    """
    parse_arguments()
    try:
        settings = Settings()
    except ValidationError as error:
        problems = "; ".join(
            f"{PREFIX}{'__'.join(map(str, each['loc'])).upper()}: {each['msg']}" for each in error.errors()
        )
        sys.exit(f"chatassistant-operator: {problems}. See chatassistant-operator --help.")
    _configure_logging(settings)
    # --help and bad settings need no Kopf.
    importlib.import_module("chatassistant_operator.wiring")

    health = f"http://{settings.health_host}:{settings.health_port}/healthz" if settings.health_port else None
    try:
        kopf.run(
            clusterwide=not settings.namespaces,
            namespaces=settings.namespaces,
            standalone=True,
            liveness_endpoint=health,
        )
    except ActivityError as error:
        problems = "; ".join(
            str(outcome.exception) for outcome in error.outcomes.values() if outcome.exception
        )
        sys.exit(f"chatassistant-operator: {problems}")


def _configure_logging(settings: Settings) -> None:
    handler = logging.StreamHandler(sys.stdout)
    if settings.log_format == "json":
        handler.setFormatter(
            JsonFormatter(
                "%(asctime)s %(levelname)s %(name)s %(message)s",
                rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
            )
        )
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s"))
    logging.basicConfig(level=settings.log_level, handlers=[handler])
    # A line for each event of each object.
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)
    logging.getLogger("httpx").setLevel(logging.WARNING)


if __name__ == "__main__":
    main()
