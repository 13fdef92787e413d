"""Why the process ended, in one word for the operator: Kubernetes hands it on in the container's status.

Only these words are ever written there. A free text could hold what a user wrote or a part of a key, and anybody who
may read pods reads it; what happened in detail is for people, on standard error.
"""

import contextlib
import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final

VARIABLE: Final = "TERMINATION_LOG_PATH"
_DEFAULT: Final = Path("/dev/termination-log")


class Termination(StrEnum):
    """The fixed vocabulary."""

    CONFIGURATION_MISSING = "ConfigurationMissing"
    """The configuration file is not there or cannot be read."""

    CONFIGURATION_INVALID = "ConfigurationInvalid"
    """The configuration file or a variable of the environment holds something that this chatbot does not know."""

    API_KEY_MISSING = "ApiKeyMissing"
    """There is no API key: its variable or its file is not there, or empty."""

    API_KEY_MALFORMED = "ApiKeyMalformed"
    """The API key holds characters that no key has."""

    ACCESS_TOKEN_MISSING = "AccessTokenMissing"  # noqa: S105 (a word, not a token)
    """Access is by token, and there is none."""

    STORE_URL_MISSING = "StoreUrlMissing"
    """The store is a Redis, and there is no URL of it."""

    ADDRESS_IN_USE = "AddressInUse"
    """Another process listens on one of the ports."""

    INTERNAL_ERROR = "InternalError"
    """A defect of the chatbot; the log has a traceback."""


class StartError(Exception):
    """The chatbot cannot start; the text is one line that names the file or variable, the field, and the cure.

    `word` is what the operator is told.
    """

    def __init__(self, word: Termination, message: str) -> None:
        super().__init__(message)
        self.word = word


def tell(word: Termination, environment: Mapping[str, str] = os.environ) -> None:
    """Write the word to where Kubernetes looks for it; where nobody looks, nothing happens."""
    given = environment.get(VARIABLE)
    if not given and not _DEFAULT.exists():
        return
    with contextlib.suppress(OSError):
        Path(given or _DEFAULT).write_text(word, encoding="utf-8")
